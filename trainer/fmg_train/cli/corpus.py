"""fmg-train corpus."""

from pathlib import Path

import click


@click.command()
@click.option(
    "--out",
    "directory",
    required=True,
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder for the data sets: shard-00000 …, val, val-…, test-…, real-….",
)
@click.option(
    "--hours",
    type=click.FloatRange(min=0, min_open=True),
    default=40.0,
    show_default=True,
    help="Augmented speech for training, hours (about 95 MB each).",
)
@click.option("--seed", type=int, default=1, show_default=True, help="The same seed gives the same corpus.")
@click.option("--jobs", type=click.IntRange(min=1), default=1, show_default=True, help="Processes.")
@click.option(
    "--real",
    "recordings",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Folder of real recordings with phone times (manifest.jsonl).",
)
@click.option(
    "--real-copies",
    type=click.IntRange(min=0),
    default=4,
    show_default=True,
    help="Augmented copies of every real recording for training; twice as many where its lips were measured.",
)
@click.option("--languages", default="all", show_default=True, help="Which, with commas.")
def corpus(
    directory: Path, hours: float, seed: int, jobs: int, recordings: Path | None, real_copies: int, languages: str
) -> None:
    """Make synthetic speech with its face curves, in shards that can be trained on while the rest is made.

    When restarted with the same options it continues. Engines that are not installed are skipped, and so are
    test sets that need one.

    \b
    Examples:
      fmg-train corpus --out data/corpus --hours 10 --jobs 2
      fmg-train corpus --out data/corpus --hours 48 --real data/real
      fmg-train corpus --out data/japanese --hours 5 --languages ja
    """
    from ..commands.corpus import run

    run(directory, hours, seed, jobs, recordings, real_copies, languages)
