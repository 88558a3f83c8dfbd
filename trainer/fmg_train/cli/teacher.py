"""fmg-train teacher."""

from pathlib import Path

import click


@click.command()
@click.option(
    "--real",
    "directory",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    required=True,
    help="Folder of real recordings with measured lips.",
)
@click.option(
    "--vtl", is_flag=True, help="Against VocalTractLab's lips too (minutes; needs vocaltractlab-cython and espeak-ng)."
)
def teacher(directory: Path, vtl: bool) -> None:
    """Check the teacher's lips against measured ones.

    Prints the correlation of the teacher's aperture with GRID's measured lips, how surely the lips close and touch the
    teeth, and the sizes of the movements. No network is involved.

    \b
    Examples:
      fmg-train teacher --real data/real
      fmg-train teacher --real data/real --vtl
    """
    from ..commands.teacher import run

    run(directory, vtl)
