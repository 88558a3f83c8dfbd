"""fmg-rt config."""

import json
import textwrap
from collections.abc import Iterator
from typing import Any

import click

from .run import NOT_IN_FILES, run

_WIDTH = 100


@click.command()
def config() -> None:
    """Print a settings file with every option, what it does and its default, all of them commented out.

    \b
    Examples:
      fmg-rt config > fmg.yaml
      fmg-rt --config fmg.yaml
    """
    context = click.Context(run)
    click.echo("# fmg-rt --config FILE. Remove the '#' before an option to set it; options on the command line win.")
    for param in run.params:
        if isinstance(param, click.Option) and param.name not in NOT_IN_FILES and not param.hidden:
            click.echo("\n" + "\n".join(_lines(param, context)))


def _lines(option: click.Option, context: click.Context) -> Iterator[str]:
    record = option.get_help_record(context)
    for line in textwrap.wrap(record[1] if record else "", _WIDTH):
        yield f"# {line}"
    name = next(opt for opt in option.opts if opt.startswith("--")).removeprefix("--")
    yield f"#{name}: {json.dumps(_example(option, context), ensure_ascii=False)}"  # JSON is YAML too


def _example(option: click.Option, context: click.Context) -> Any:
    """The default; without one, what the option's own help calls its value."""
    default = option.to_info_dict()["default"]
    if isinstance(default, str | int | float | bool):
        return default
    word = option.make_metavar(context)
    return [word] if option.multiple else word
