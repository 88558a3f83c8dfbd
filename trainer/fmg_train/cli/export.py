"""fmg-train export."""

from pathlib import Path

import click


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--output", "-o", type=click.Path(path_type=Path, dir_okay=False), required=True, help="The .npz to write.")
@click.option(
    "--emotion",
    type=click.Path(path_type=Path),
    help="Data set with emotions: trains the read-out that moves the face with the mood of the voice; without it "
    "a fine-tuned network keeps its initial one.",
)
@click.option(
    "--calm",
    type=click.Path(path_type=Path),
    multiple=True,
    help="Data set of calm speech: with --emotion, its training recordings count as neutral; several times for several.",
)
@click.option(
    "--mean-with",
    "origin",
    type=click.Path(path_type=Path),
    help="Weight file that the run began from (fit --init), or of another run from the same start: write the mean of both.",
)
def export(run: Path, output: Path, emotion: Path | None, calm: tuple[Path, ...], origin: Path | None) -> None:
    """Turn a checkpoint (or a run's best one) into a weight file.

    The file is read back by the runtime and compared with PyTorch on the training data's features before it is kept.

    \b
    Examples:
      fmg-train export runs/first -o best.npz
      fmg-train export runs/first -o best.npz --emotion data/corpus/real-emodb --calm data/corpus/real-grid
      fmg-train export runs/first/last.pt -o last.npz
      fmg-train export runs/me -o me.npz --mean-with weights/best.npz
    """
    from ..commands.export import run as work

    work(run, output, emotion, calm, origin)
