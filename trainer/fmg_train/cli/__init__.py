"""fmg-train: from voices and faces to one weight file."""

import importlib

import click

from fmg_rt.distribution import __version__, install

COMMANDS = {
    "corpus": "Make synthetic speech with its face curves.",
    "teacher": "Check the teacher's lips against measured ones.",
    "prepare": "Turn recordings (claire, livelink, predecessor) into data sets.",
    "cache": "Compute the features of data sets.",
    "fit": "Train a network.",
    "export": "Turn a checkpoint into a weight file.",
    "evaluate": "Score weight files on data sets.",
    "import-predecessor": "Turn a checkpoint of the predecessor into a weight file.",
}


class _LazyGroup(click.Group):
    """Imports a command's module when it is asked for: most of them need packages that a bare install lacks."""

    def list_commands(self, context: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        module = name.replace("-", "_")
        try:
            return getattr(importlib.import_module(f"{__name__}.{module}"), module)
        except ModuleNotFoundError as error:
            raise _missing(name, error) from error

    def invoke(self, context: click.Context) -> object:
        try:
            return super().invoke(context)
        except ModuleNotFoundError as error:  # a command imports what it needs when it runs
            raise _missing(str(context.invoked_subcommand), error) from error

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


def _missing(command: str, error: ModuleNotFoundError) -> Exception:
    """One line for a package that the installation lacks; a module of our own that is not there is our mistake."""
    missing = error.name or ""
    if missing.startswith("fmg_"):
        return error
    return click.ClickException(f"'{command}' needs the package '{missing}', which is not installed. "
                                f"Install the training extra: {install('train')}")  # fmt: skip


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
def main() -> None:
    """Train fmg: from voices and faces to one weight file that fmg-rt runs.

    \b
    Examples:
      fmg-train corpus --out data/corpus --hours 10
      fmg-train cache data/corpus
      fmg-train fit --config trainer/fmg_train/default.yaml --out runs/first
      fmg-train export runs/first -o best.npz
      fmg-train evaluate best.npz data/corpus
    """
