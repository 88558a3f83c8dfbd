"""fmg-train import-predecessor."""

from pathlib import Path

import click
import numpy as np

from fmg_rt.weights import WeightsError

VERIFY_FRAMES = 1_000
"""Log-mel frames that runtime and torch are compared on."""


@click.command("import-predecessor")
@click.argument("checkpoint", type=click.Path(path_type=Path))
@click.option("--stats", type=click.Path(path_type=Path), required=True, help="The pickled feature statistics.")
@click.option("--output", "-o", type=click.Path(path_type=Path, dir_okay=False), required=True,
              help="The .npz to write.")  # fmt: skip
def import_predecessor(checkpoint: Path, stats: Path, output: Path) -> None:
    """Turn a checkpoint of the predecessor into a weight file.

    Both files are read without running any code that they might contain, and the result is compared with PyTorch in
    the runtime before it is kept.

    \b
    Examples:
      fmg-train import-predecessor best_model.pth --stats feature_stats.pkl -o predecessor.npz
    """
    # Imported here: the help needs no training extra.
    from .. import predecessor_checkpoint
    from ..fit.export import ExportError, export, weights_of
    from ..predecessor_checkpoint import PredecessorError

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
