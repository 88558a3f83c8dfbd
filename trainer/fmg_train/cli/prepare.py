"""fmg-train prepare."""

from collections.abc import Iterator
from pathlib import Path

import click

from ..datasets import assemble
from ..datasets.form import DatasetError, Recording

_out = click.option(
    "--out", "directory", required=True, type=click.Path(path_type=Path, file_okay=False), help="Folder of the new data set."
)
_language = click.option(
    "--language", default="und", show_default=True, help="Language spoken, such as en or ja; it only labels the recordings."
)
_source = click.argument("source", type=click.Path(path_type=Path, exists=True, file_okay=False))


@click.group()
def prepare() -> None:
    """Turn recordings into data sets that cache, fit and evaluate read.

    What cannot be used is named with its reason, here and in skipped.jsonl; the rest goes on, and the exit code is then 1.
    """


@prepare.command()
@_source
@_out
@_language
def claire(source: Path, directory: Path, language: str) -> None:
    """NVIDIA's layout: mesh caches are solved to the 52 coefficients of their rig.

    \b
    Examples:
      fmg-train prepare claire Audio2Face-3D-Dataset-v1.0.0-claire --out data/claire
    """
    from ..datasets import claire as reader

    _prepare(directory, lambda: reader.takes(source, language))


@prepare.command()
@_source
@_out
@_language
@click.option(
    "--offset-ms",
    type=float,
    default=0.0,
    show_default=True,
    help="Let the faces come this much later than their timecodes say.",
)
@click.option("--fps", type=click.FloatRange(1, 1000), help="The camera's frames per second, where they are not whole: 29.97 …")
def livelink(source: Path, directory: Path, language: str, offset_ms: float, fps: float | None) -> None:
    """Takes of the Live Link Face app: .csv and .wav (of a .mov without .wav, you are told how to get one).

    For every take the lag between jawOpen and loudness is printed: if all show the same large one, give it as --offset-ms.

    \b
    Examples:
      fmg-train prepare livelink takes --out data/me --language en
      fmg-train prepare livelink takes --out data/me --offset-ms 80
      fmg-train prepare livelink takes --out data/me --fps 29.97
    """
    from ..datasets import livelink as reader

    _prepare(directory, lambda: reader.takes(source, language, offset_ms / 1000, fps, click.echo))


@prepare.command()
@_source
@_out
@_language
def predecessor(source: Path, directory: Path, language: str) -> None:
    """Recordings of facial-motion-generator: audio.wav and blendshapes.jsonl in folders, and split_manifest.json.

    \b
    Examples:
      fmg-train prepare predecessor recordings --out data/old
    """
    from ..datasets import predecessor as reader

    _prepare(directory, lambda: reader.takes(source, language))


@prepare.command()
@_source
@_out
@_language
@click.option(
    "--model",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Another face_landmarker.task than the one that the extra brings.",
)
def video(source: Path, directory: Path, language: str, model: Path | None) -> None:
    """Films of a talking face, such as a webcam records; every folder in the folder is a speaker. Needs the extra [video].

    Look at OUT/sheets before training. A film that was measured before is not measured again.

    \b
    Examples:
      fmg-train prepare video films --out data/me --language en
    """
    from fmg_rt import weights

    from ..datasets import lag
    from ..datasets import video as reader
    from ..evaluate import evaluation, scores

    def expected(audio):
        return scores.aperture(evaluation.network(weights.read(weights.packaged()), rate=lag.GRID)(audio))

    _prepare(directory, lambda: reader.takes(source, directory, language, model, expected, click.echo))


def _prepare(directory: Path, read) -> None:
    written: list[Recording] = []
    skipped = 0
    try:
        takes, problems = read()
        for result in _shown(assemble.assemble(takes, directory, problems)):
            if isinstance(result, Recording):
                written.append(result)
            else:
                skipped += 1
                click.echo(f"skipped {result.recording}: {result.reason}", err=True)
    except DatasetError as error:
        raise click.ClickException(str(error)) from None
    except OSError as error:
        raise click.ClickException(f"cannot write to {directory}: {error.strerror or error}") from None
    minutes = sum(recording.seconds for recording in written) / 60
    click.echo(
        f"{directory}: {len(written)} recordings, {minutes:.1f} minutes; {skipped} problems"
        + (f", see {directory / assemble.SKIPPED}" if skipped else "")
    )
    if skipped:
        raise SystemExit(1)


def _shown(results: Iterator) -> Iterator:
    from tqdm import tqdm

    with tqdm(results, unit="recording", mininterval=1, disable=None) as bar:
        yield from bar
