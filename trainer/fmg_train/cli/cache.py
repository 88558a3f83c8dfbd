"""fmg-train cache."""

from pathlib import Path

import click


@click.command()
@click.argument("data", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--egemaps/--no-egemaps",
    default=True,
    show_default=True,
    help="Compute the 88 functionals too; only the predecessor's network and the emotion read-out need them.",
)
@click.option("--jobs", type=click.IntRange(min=1), default=1, show_default=True, help="Local processes.")
@click.option("--scheduler", help="Address of a Dask scheduler that takes the work instead, such as tcp://host:8786.")
def cache(data: tuple[Path, ...], egemaps: bool, jobs: int, scheduler: str | None) -> None:
    """Compute the features of data sets (or folders of them), once.

    Finished data sets are skipped, so it can be stopped and started again.

    \b
    Examples:
      fmg-train cache data/corpus --jobs 2
      fmg-train cache data/corpus data/me --scheduler tcp://10.0.0.1:8786
    """
    from ..commands.cache import run

    run(data, egemaps, jobs, scheduler)
