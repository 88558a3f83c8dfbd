"""fmg-train evaluate."""

from pathlib import Path

import click


@click.command()
@click.argument("weights", type=click.Path(path_type=Path))
@click.argument("data", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--against", type=click.Path(path_type=Path), help="A second weight file, compared on the same recordings.")
@click.option("--split", type=click.Choice(["train", "val", "test", "all"]), default="test", show_default=True)
@click.option("--lookahead", type=int, help="Look-ahead in ms; default: the file's own.")
@click.option("--as-shipped", is_flag=True, help="Score what fmg-rt sends, not the network alone.")
@click.option(
    "--rate",
    type=click.FloatRange(10, 120),
    default=100.0,
    show_default=True,
    help="Frames per second; at 30 a closure may fall between two frames.",
)
@click.option("--conditions", is_flag=True, help="Repeat in rooms, noises, voices and paths: see docs/corpus.md.")
@click.option("--json", "json_path", type=click.Path(path_type=Path, dir_okay=False), help="Write the table as JSON.")
@click.option(
    "--html",
    "html_path",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write a report as a single file: tables, curves, faces.",
)
def evaluate(
    weights: Path,
    data: tuple[Path, ...],
    against: Path | None,
    split: str,
    lookahead: int | None,
    as_shipped: bool,
    rate: float,
    conditions: bool,
    json_path: Path | None,
    html_path: Path | None,
) -> None:
    """Score weight files on data sets.

    Every score has its 95 % interval. Every table includes the loudness envelope, as the simplest rival, and a face that
    never moves. If a network predicts speech presence, its AUC is printed below.

    \b
    Examples:
      fmg-train evaluate weights/best.npz data/corpus/test-rms data/corpus/real-grid
      fmg-train evaluate mine.npz data/me --against weights/best.npz --html report.html
    """
    from ..commands.evaluate import run

    run(weights, data, against, split, lookahead, as_shipped, rate, conditions, json_path, html_path)
