"""What fmg-train corpus does."""

from pathlib import Path

import click
from tqdm import tqdm

from ..corpus import recipe, shards
from ..corpus.speech import EngineMissing
from ..datasets import form
from ..teacher import UnknownPhone


def run(directory: Path, hours: float, seed: int, jobs: int, recordings: Path | None, real_copies: int, languages: str) -> None:
    """Make synthetic speech with its face curves, in shards that can be trained on while the rest is made.

    The arguments are the options of the command.
    """
    wanted = recipe.TRAINING_LANGUAGES if languages == "all" else tuple(languages.split(","))
    unknown = [name for name in wanted if name not in recipe.TRAINING_LANGUAGES]
    if unknown:
        raise click.UsageError(f"no texts in '{unknown[0]}' (there are {', '.join(recipe.TRAINING_LANGUAGES)})")
    settings = {
        "hours": hours,
        "seed": seed,
        "languages": list(wanted),
        "real": recordings is not None,
        "real_copies": real_copies,
    }
    try:
        shards.settle(directory, settings)
        missing = shards.missing_engines()
        for name, reason in missing.items():
            click.echo(f"without {name}: {reason}", err=True)
        plan = shards.plan(hours, seed, wanted, recordings, real_copies)
        done = 0.0
        with tqdm(total=len(plan), unit="set", mininterval=5) as bar:
            bar.update(len(plan) - len(shards.unfinished(directory, plan)))
            for job, seconds in shards.generate(directory, plan, jobs):
                if seconds is None:
                    bar.write(f"{job.name}: left out, its engine is not installed")
                else:
                    done += seconds
                    bar.set_postfix_str(f"{job.name}, {done / 3600:.2f} h made")
                bar.update()
    except (form.DatasetError, EngineMissing, UnknownPhone) as error:
        raise click.ClickException(str(error)) from error
    except OSError as error:
        raise click.ClickException(f"{directory}: cannot write the corpus ({error})") from error
    click.echo(f"{done / 3600:.2f} h made; {directory} is complete")
