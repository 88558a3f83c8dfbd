"""`fmg-rt bake`: sound files to files of frames, the same frames as live, as fast as all cores go."""

import logging
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent import futures
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click
import numpy as np

from .. import spec
from ..distribution import install
from ..sinks import Recorder, RecordError
from ..sinks.formats import FORMATS
from ..sources import SourceError
from ..sources.file import describe, open_file
from ..sources.mono import CHANNELS
from .expression_options import ExpressionOptions
from .options import grouped, option
from .stream_options import StreamOptions, session_builder

if TYPE_CHECKING:  # compiled code is imported only when needed
    from multiprocessing.sharedctypes import Synchronized
    from multiprocessing.synchronize import Event

    from ..frame import Frame
    from ..session import Session

_LOOK_UP_EVERY = spec.SAMPLE_RATE // spec.HOP_LENGTH
"""Hops, one second of audio, between two checks whether to continue."""

Recipe = tuple[StreamOptions, ExpressionOptions, Path | None]
"""What `session_builder` takes."""


class Job(NamedTuple):
    """One file to bake."""

    sound: Path
    target: Path
    channel: str | int = "mix"


class _Stopped(Exception):
    """The program was asked to stop: this file stays unfinished."""


class _Worker:
    """The session of one process, which bakes one file after the other."""

    session: "Session"
    stop: "Event"
    heard: "Synchronized"


def _start(recipe: Recipe, stop: "Event", heard: "Synchronized") -> None:
    # Ctrl-C reaches every process of a console; only the first process handles it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    logging.getLogger(__package__.partition(".")[0]).setLevel(logging.ERROR)  # the first process has already logged it
    _Worker.session, _Worker.stop, _Worker.heard = session_builder(*recipe)(True), stop, heard
    logging.getLogger(__package__.partition(".")[0]).setLevel(logging.NOTSET)


def _bake(job: Job, format: str) -> None:
    """Bake one file in a process of this machine, which counts the seconds and checks whether to continue."""

    def look_up() -> None:
        if _Worker.stop.is_set():
            raise _Stopped
        with _Worker.heard.get_lock():
            _Worker.heard.value += 1

    _bake_with(_Worker.session, job, format, look_up)


class _There(threading.local):
    """One thread's session on a machine of a cluster, and the options that it was made from."""

    session: "Session"
    recipe: Recipe | None = None


_there = _There()


def _bake_there(job: Job, format: str, recipe: Recipe) -> None:
    """Bake one file on a machine of a cluster, whose folders must be the same."""
    if _there.recipe != recipe:
        _there.session, _there.recipe = session_builder(*recipe)(True), recipe
    _bake_with(_there.session, job, format, lambda: None)


def _bake_with(session: "Session", job: Job, format: str, each_second: Callable[[], None]) -> None:
    """Bake one file; what fails leaves none behind."""
    second = np.empty((_LOOK_UP_EVERY, spec.HOP_LENGTH), np.float32)  # (100, 160)
    session.reset()
    source = open_file(job.sound, channel=job.channel)
    try:
        recorder = Recorder(job.target, format, session.rate, overwrite=True, all_or_nothing=True)
        try:
            n_hops = 0
            while source.read(second[n_hops], 1.0):
                n_hops += 1
                if n_hops == len(second):
                    _record(session.push(second.reshape(-1)), recorder)
                    n_hops = 0
                    each_second()
            _record(session.push(second[:n_hops].reshape(-1)) + session.flush(), recorder)
            recorder.close()
        finally:
            recorder.discard()  # no effect after `close`
    finally:
        source.close()


def _record(frames: "list[Frame]", recorder: Recorder) -> None:
    for frame in frames:
        recorder.send(frame)


def plan(sounds: tuple[Path, ...], out: Path, format: str, channel: str = "mix") -> list[Job]:
    """What to bake where.

    channel : ``mix``, ``left``, ``right``; ``each``: one result for each channel of a file that has several.

    Raises
    ------
    click.UsageError
        Two files would be baked to the same one.
    """
    jobs: dict[str, Job] = {}
    for job in (
        Job(sound, out / (sound.stem + part + FORMATS[format].suffix), taken)
        for sound in sounds
        for part, taken in _channels(sound, channel)
    ):
        sound, target, _ = job
        other = jobs.setdefault(os.path.normcase(target), job)
        if other is not job:
            raise click.UsageError(f"{other.sound} and {sound} would both become {target}; bake them into separate folders")
    return list(jobs.values())


def _channels(sound: Path, channel: str) -> list[tuple[str, str | int]]:
    """The text before the suffix of each result, and its channel."""
    if channel != "each":
        return [("", channel)]
    try:
        n = describe(sound)[1]
    except SourceError:  # reported when the file is baked
        n = 1
    if n == 1:
        return [("", "mix")]
    return [(".left", 0), (".right", 1)] if n == 2 else [(f".{k + 1}", k) for k in range(n)]


def _is_finished(job: Job) -> bool:
    try:
        return job.target.stat().st_mtime >= job.sound.stat().st_mtime
    except OSError:
        return False


def _seconds(sound: Path) -> float:
    """Length of a sound file, s; 0 for an unreadable file, which is reported when it is baked."""
    try:
        return describe(sound)[0]
    except SourceError:
        return 0.0


def _run_there(jobs: list[Job], format: str, recipe: Recipe, scheduler: str) -> Iterator[str]:
    """Bake every job on a cluster; yields a line for each that failed."""
    try:
        from distributed import Client
    except ModuleNotFoundError:
        raise click.ClickException(f"--scheduler needs Dask: {install('dask')}") from None
    try:
        client = Client(scheduler, timeout="10s")
    except (OSError, ValueError) as error:
        raise click.ClickException(f"no Dask scheduler answers at {scheduler} ({error})") from None
    jobs = [job._replace(sound=job.sound.absolute(), target=job.target.absolute()) for job in jobs]
    with client, client.get_executor() as executor, click.progressbar(length=len(jobs), label="baking", show_pos=True) as bar:
        running = {executor.submit(_bake_there, job, format, recipe, pure=False): job for job in jobs}
        for future in futures.as_completed(running):
            try:
                future.result()
            except (SourceError, RecordError) as error:
                yield str(error)
            except Exception as error:  # report any error of another machine and continue with the other files
                yield f"{running[future].sound}: {type(error).__name__} on the cluster ({error})"
            bar.update(1)


def _run(jobs: list[Job], format: str, recipe: Recipe, session: "Session") -> Iterator[str]:
    """Bake every job, a single one with `session`; yields a line for each that failed."""
    n_workers = min(len(jobs), os.cpu_count() or 1)
    spawn = multiprocessing.get_context("spawn")
    stop, heard = spawn.Event(), spawn.Value("d", 0.0)  # s of audio
    executor: futures.Executor
    if n_workers == 1:  # starting another process would take longer than baking most files
        _Worker.session, _Worker.stop, _Worker.heard = session, stop, heard
        executor = futures.ThreadPoolExecutor(1)
    else:
        executor = futures.ProcessPoolExecutor(n_workers, spawn, initializer=_start, initargs=(recipe, stop, heard))
    length = max(1, int(sum(_seconds(job.sound) for job in jobs)))
    try:
        running = {executor.submit(_bake, job, format): job for job in jobs}
        # No estimate: click includes the workers' start, and would show an hour instead of a minute.
        with click.progressbar(
            length=length,
            label="baking",
            show_pos=True,
            show_percent=True,
            show_eta=False,
            item_show_func=lambda text: text or "s of audio",
        ) as bar:
            while running:
                done, _ = futures.wait(running, timeout=0.2, return_when=futures.FIRST_COMPLETED)
                bar.update(min(int(heard.value), length) - bar.pos, f"s of audio, {len(running)} files to go")
                for future in done:
                    job = running.pop(future)
                    try:
                        future.result()
                    except (SourceError, RecordError) as error:
                        yield str(error)
                    except futures.BrokenExecutor:
                        yield f"{job.sound}: a worker process died, perhaps out of memory"
            bar.update(length - bar.pos)
    finally:
        stop.set()
        executor.shutdown(cancel_futures=True)


@dataclass(frozen=True)
class BakeOptions:
    """The output of a bake."""

    out: Path = option(
        "--out",
        required=True,
        type=click.Path(file_okay=False, path_type=Path),
        metavar="DIR",
        help="Folder of the results; created if missing.",
    )
    record_format: str = option(
        "--record-format", type=click.Choice(list(FORMATS)), default="csv", show_default=True, help="Format of the results."
    )
    channel: str = option(
        "--channel",
        type=click.Choice((*CHANNELS, "each")),
        default="mix",
        show_default=True,
        help="Channel to use; each: one face per channel, as in a dialogue.",
    )
    emotions: Path | None = option(
        "--emotions",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="JSON of emotions over time that the faces show, in fmg's form or NVIDIA's; see docs/expression.md.",
    )
    scheduler: str | None = option(
        "--scheduler",
        metavar="ADDRESS",
        help="Dask scheduler that takes the work instead, such as tcp://host:8786; its machines see the same folders.",
    )


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILE…")
@click.pass_context
@grouped
def bake(
    context: click.Context, files: tuple[Path, ...], options: BakeOptions, stream: StreamOptions, expression: ExpressionOptions
) -> None:
    """Turn sound files into files of frames, one each, on all cores.

    The frames are those of 'fmg-rt --input FILE --fast --record …' with the same options. A result that is already
    there and newer than its sound is left alone, so a bake that was stopped goes on where it was; delete results to
    bake them again.

    \b
    Examples:
      fmg-rt bake talk.wav --out faces
      fmg-rt bake voices/*.flac --out faces --record-format livelink --rate 60
      fmg-rt bake dialogue.wav --out faces --channel each
      fmg-rt bake voices/*.flac --out faces --scheduler tcp://10.0.0.1:8786
    """
    if expression.merge is not None:
        raise click.UsageError("--merge is for a live tracker; bake cannot use one")
    format = options.record_format
    jobs = plan(files, options.out, format, options.channel)
    waiting = [job for job in jobs if not _is_finished(job)]
    if len(waiting) < len(jobs):
        click.echo(f"{len(jobs) - len(waiting)} of {len(jobs)} files are already done", err=True)
    if not waiting:
        return
    recipe = stream, expression, options.emotions
    try:
        session = session_builder(*recipe)(True)  # bad weights or options are reported once, and the kernels are compiled once
        options.out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise click.ClickException(f"cannot make {options.out}: {error.strerror}") from None
    context.obj.begun = True
    if options.scheduler is None:
        failed = list(_run(waiting, format, recipe, session))
    else:
        failed = list(_run_there(waiting, format, recipe, options.scheduler))
    for line in failed:
        click.echo(f"Error: {line}", err=True)
    if failed:
        raise SystemExit(1)
