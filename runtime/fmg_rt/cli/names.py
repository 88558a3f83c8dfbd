"""fmg-rt names."""

import click

from ..arkit import ARKIT_NAMES, REGIONS


@click.command()
def names() -> None:
    """Print the names of the 52 coefficients, by region: what --mask, --limit and a calibration take.

    The number before a name is its place in a frame and in OSC messages.

    \b
    Example:
      fmg-rt names
    """
    for region, members in REGIONS.items():
        click.echo(f"{region}:")
        for name in members:
            click.echo(f"  {ARKIT_NAMES.index(name):2d} {name}")
