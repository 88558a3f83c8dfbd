"""What fmg-train fit does."""

import os
from contextlib import nullcontext
from pathlib import Path

import click
import torch

from fmg_rt import spec
from fmg_rt import weights as weight_files
from fmg_rt.networks import choose_lookahead

from .. import config as configuration
from ..datasets.form import DatasetError
from ..fit import checkpoint as checkpoints
from ..fit.training import Fit, with_data
from ..models import of_the_body


def run(
    config_path: Path | None,
    train: tuple[str, ...],
    val: tuple[str, ...],
    folder: Path,
    resume: bool,
    init: Path | None,
    device: str,
    epochs: int | None,
) -> None:
    """Train a network. The arguments are the options of the command."""
    try:
        initial = weight_files.read(init) if init else None
        model = {} if initial is None else _model_of(initial)
        config = configuration.read(config_path, model) if config_path else configuration.from_dict({"model": model})
        values = configuration.to_dict(with_data(config, train, val))
        if epochs:
            values["optim"]["epochs"] = epochs
        config = configuration.from_dict(values)
        if not resume and (folder / checkpoints.LAST).exists():
            raise click.ClickException(f"{folder} already holds a run: add --resume, or choose another --out")
        first = os.environ.get("RANK", "0") == "0"
        with checkpoints.alone(folder) if first else nullcontext():
            run = Fit(config, folder, _device(device), initial)
            if resume:
                run.resume()
            run.run()
    except (configuration.ConfigError, DatasetError, checkpoints.CheckpointError, weight_files.WeightsError) as error:
        raise click.ClickException(str(error)) from None
    except OSError as error:
        raise click.ClickException(f"cannot write to {folder}: {error.strerror or error}") from None
    except KeyboardInterrupt:
        click.echo(f"\nStopped. Continue with: fmg-train fit … --out {folder} --resume", err=True)
        raise SystemExit(130) from None
    if run.workers.is_first:
        click.echo(f"best validation loss {run.best:.6f}; next: fmg-train export {folder} -o NAME.npz")


def _model_of(initial: weight_files.Weights) -> dict:
    """The `model` section that matches a weight file."""
    *milliseconds, default = (n * 1000 // spec.SAMPLE_RATE for n in (*initial.lookaheads, choose_lookahead(initial)))
    return (
        {"architecture": initial.architecture, "lookaheads_ms": milliseconds, "default_lookahead_ms": default}
        | of_the_body(initial.config)
        | _speech(initial)
    )


def _speech(initial: weight_files.Weights) -> dict:
    return {"speech": initial.config.get("speech", 0)} if initial.architecture == "gru" else {}


def _device(name: str) -> torch.device:
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(name)
    except RuntimeError:
        raise click.BadParameter(f"unknown device '{name}': auto, cpu or cuda", param_hint="--device") from None
    if device.type == "cuda" and not torch.cuda.is_available():
        raise click.ClickException("no CUDA device was found; use --device cpu")
    return device
