"""fmg-train corpus."""

from pathlib import Path

import click

from ..datasets import form
from ..teacher import UnknownPhone


@click.command()
@click.option("--out", "directory", required=True, type=click.Path(path_type=Path, file_okay=False),
              help="Folder for the data sets: shard-00000 …, val, val-…, test-…, real-….")
@click.option("--hours", type=click.FloatRange(min=0, min_open=True), default=40.0, show_default=True,
              help="Augmented speech for training, hours (about 95 MB each).")
@click.option("--seed", type=int, default=1, show_default=True, help="The same seed gives the same corpus.")
@click.option("--jobs", type=click.IntRange(min=1), default=1, show_default=True, help="Processes.")
@click.option("--real", "recordings", type=click.Path(path_type=Path, exists=True, file_okay=False),
              help="Folder of real recordings with phone times (manifest.jsonl).")
@click.option("--real-copies", type=click.IntRange(min=0), default=4, show_default=True,
              help="Augmented copies of every real recording for training; twice as many where its lips were measured.")
@click.option("--languages", show_default="all", help="Which, with commas.")
def corpus(directory: Path, hours: float, seed: int, jobs: int, recordings: Path | None, real_copies: int,
           languages: str | None) -> None:  # fmt: skip
    """Make synthetic speech with its face curves, in shards that can be trained on while the rest is made.

    Stopped and started again with the same options it goes on. Engines that are not installed are passed over;
    test sets that need one are left out.

    \b
    Examples:
      fmg-train corpus --out data/corpus --hours 10 --jobs 2
      fmg-train corpus --out data/corpus --hours 48 --real data/real
      fmg-train corpus --out data/japanese --hours 5 --languages ja
    """
    # Imported here: the help needs no training extra.
    from tqdm import tqdm

    from ..corpus import recipe, shards
    from ..corpus.speech import EngineMissing

    wanted = tuple(languages.split(",")) if languages else recipe.TRAINING_LANGUAGES
    unknown = [name for name in wanted if name not in recipe.TRAINING_LANGUAGES]
    if unknown:
        raise click.UsageError(f"no texts in '{unknown[0]}' (there are {', '.join(recipe.TRAINING_LANGUAGES)})")
    settings = {"hours": hours, "seed": seed, "languages": list(wanted), "real": recordings is not None,
                "real_copies": real_copies}  # fmt: skip
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
