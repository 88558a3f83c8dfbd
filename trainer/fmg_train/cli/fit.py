"""fmg-train fit."""

from pathlib import Path

import click


@click.command()
@click.option("--config", "config_path", type=click.Path(path_type=Path), help="YAML file; see default.yaml.")
@click.option("--train", multiple=True, help="Data set, or folder of data sets; replaces data.train. Repeatable.")
@click.option("--val", multiple=True, help="Data set for validation; replaces data.val. Repeatable.")
@click.option("--out", "folder", type=click.Path(path_type=Path), required=True, help="Folder of this run.")
@click.option("--resume", is_flag=True, help="Continue from the last checkpoint in --out.")
@click.option(
    "--init",
    type=click.Path(path_type=Path),
    help="Weight file to start from (fine-tuning); determines the model if --config does not.",
)
@click.option("--device", default="auto", show_default=True, help="auto, cpu or cuda.")
@click.option("--epochs", type=click.IntRange(min=1), help="Replaces optim.epochs.")
def fit(
    config_path: Path | None,
    train: tuple[str, ...],
    val: tuple[str, ...],
    folder: Path,
    resume: bool,
    init: Path | None,
    device: str,
    epochs: int | None,
) -> None:
    """Train a network.

    Every epoch writes a checkpoint. --resume continues after a stop; on the CPU with the same bits as an uninterrupted run.
    On several processes: torchrun --nproc-per-node N -m fmg_train fit …

    \b
    Examples:
      fmg-train fit --config trainer/fmg_train/default.yaml --out runs/first
      fmg-train fit --config my.yaml --out runs/first --resume
      fmg-train fit --train data/me --val data/me-val --init weights/best.npz --out runs/me
    """
    from ..commands.fit import run

    run(config_path, train, val, folder, resume, init, device, epochs)
