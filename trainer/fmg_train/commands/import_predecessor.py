"""What fmg-train import-predecessor does."""

from pathlib import Path

import click
import numpy as np

from fmg_rt.weights import WeightsError

from .. import predecessor_checkpoint
from ..fit.export import ExportError, export, weights_of
from ..predecessor_checkpoint import PredecessorError

VERIFY_FRAMES = 1_000
"""Log-mel frames that runtime and torch are compared on."""


def run(checkpoint: Path, stats: Path, output: Path) -> None:
    """Turn a checkpoint of the predecessor into a weight file. The arguments are the options of the command."""
    try:
        saved, provenance = predecessor_checkpoint.read(checkpoint, stats)
        # No data comes with a checkpoint: frames as its statistics describe them stand in for speech.
        noise = np.random.default_rng(0).standard_normal((VERIFY_FRAMES, len(saved.statistics.mel_mean)), np.float32)
        mel = saved.statistics.mel_mean + saved.statistics.mel_std * noise
        sha256, worst = export(output, saved, weights_of(saved, provenance), mel)
    except (PredecessorError, ExportError, WeightsError) as error:
        raise click.ClickException(str(error)) from None
    except OSError as error:
        raise click.ClickException(f"cannot write {output}: {error.strerror or error}") from None
    size = output.stat().st_size / 1e6
    click.echo(f"{output}: {size:.2f} MB, largest difference to PyTorch {worst:.1e}, SHA-256 {sha256}")
