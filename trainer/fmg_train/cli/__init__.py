"""The command fmg-train: from voices and faces to one weight file."""

import importlib

import click

from fmg_rt.distribution import __version__, install

COMMANDS = {
    "corpus": "Make synthetic speech with its face curves.",
    "teacher": "Check the teacher's lips against measured ones.",
    "prepare": "Turn recordings (claire, livelink, predecessor, video) into data sets.",
    "cache": "Compute the features of data sets.",
    "fit": "Train a network.",
    "export": "Turn a checkpoint into a weight file.",
    "evaluate": "Score weight files on data sets.",
    "import-predecessor": "Turn a checkpoint of the predecessor into a weight file.",
}


class _LazyGroup(click.Group):
    """Imports a command on demand, and its implementation (`commands`) when it runs: that needs packages which a bare
    install lacks, while the help always works."""

    def list_commands(self, context: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        module = name.replace("-", "_")
        return getattr(importlib.import_module(f"{__name__}.{module}"), module)

    def invoke(self, context: click.Context):
        try:
            return super().invoke(context)
        except ModuleNotFoundError as error:
            missing = error.name or ""
            if missing.startswith("fmg_"):
                raise
            raise click.ClickException(
                f"'{context.invoked_subcommand}' needs the package '{missing}', which is not installed. "
                f"Install the training extra: {install('train')}"
            ) from error

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


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
