"""The corpus on disk: shards, the validation set and the test sets, each a data set; incomplete ones are generated again.

Every set is made in its own process from (seed, its own number), so neither the number of jobs nor what an engine
remembers of an earlier set shows in the result.
"""

import json
import multiprocessing
import multiprocessing.connection
import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import numpy as np

from fmg_rt import arkit
from fmg_train.datasets import form

from . import faces, holdouts, japanese, real, recipe, validation, vtl
from .items import FACE_RATE, Item
from .speech import EngineMissing

SHARD_SECONDS = 1800.0
VALIDATION = 0.02
"""Hours of validation for an hour of training, at most `SHARD_SECONDS` altogether."""
SETTINGS = "corpus.json"
OPTIONAL = ("test-", "val-", "vtl")
"""Data sets that are omitted if their engine is missing."""
_VALIDATION_NUMBER = 1 << 20


@dataclass(frozen=True)
class Job:
    """One data set to make: `make(*arguments)` gives its items with their splits."""

    name: str
    make: Callable[..., Iterator[tuple[str, Item]]]
    arguments: tuple


def training(seed: int, number: int, languages: tuple[str, ...], part: str, seconds: float) -> Iterator[tuple[str, Item]]:
    """The items of one shard, or of the validation set."""
    for item in recipe.items(part, languages, seconds, np.random.default_rng([seed, number])):
        yield part, item


def write(directory: Path, items: Iterator[tuple[str, Item]]) -> float:
    """Write a data set; its manifest is written last, so that an incomplete one is detected and made again. Returns seconds."""
    shutil.rmtree(directory, ignore_errors=True)
    recordings = []
    for number, (split, item) in enumerate(items):
        known = np.ones(arkit.N_COEFFICIENTS, bool) if item.known is None else item.known
        face = form.Face(item.face, FACE_RATE, 0.0, known, tuple(item.phones), item.aperture)
        recordings.append(
            form.write_recording(
                directory,
                f"{number:05d}",
                item.audio,
                face,
                split=split,
                speaker=item.speaker,
                language=item.language,
                source=item.source,
                licence=item.licence,
                emotion=item.emotion,
                augmented=item.augmented,
            )
        )
    form.write_manifest(directory, recordings)
    return sum(recording.seconds for recording in recordings)


def run(directory: Path, job: Job) -> float | None:
    """Make one data set in this process. Returns its seconds, None for one left out, since its engine is missing."""
    try:
        return write(directory / job.name, job.make(*job.arguments))
    except EngineMissing:
        if not job.name.startswith(OPTIONAL):
            raise
        shutil.rmtree(directory / job.name, ignore_errors=True)
        return None


def _work(connection: Connection, function: Callable, arguments: tuple) -> None:
    # Ctrl-C is the parent's to answer; its SIGTERM unwinds, so that engines give back their processes and files.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    try:
        connection.send(function(*arguments))
    except Exception as error:
        connection.send(error)


def _start(function: Callable, *arguments: object) -> tuple[Connection, BaseProcess]:
    """Call a function in a separate process; its result, or what it raised, comes through the connection."""
    # Forked where that exists, so that the Japanese lexicon is read once.
    method = "fork" if "fork" in multiprocessing.get_all_start_methods() else "spawn"
    context: Any = multiprocessing.get_context(method)  # whose type does not tell that it starts processes
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_work, args=(sender, function, arguments), daemon=True)
    process.start()
    sender.close()
    return receiver, process


def _receive(connection: Connection, process: BaseProcess, name: str) -> Any:
    try:
        result = connection.recv()
    except EOFError:
        process.join()
        raise form.DatasetError(f"{name}: its process died (exit code {process.exitcode})") from None
    process.join()
    if isinstance(result, Exception):
        raise result
    return result


def missing_engines() -> dict[str, str]:
    """Engine → why it cannot run here; checked in a separate process, since some of them leave global state."""
    return _receive(*_start(recipe.missing), "engines")


def unfinished(directory: Path, jobs: list[Job]) -> list[Job]:
    """Those of `jobs` whose data set is not complete."""
    return [job for job in jobs if not (directory / job.name / form.MANIFEST).is_file()]


def plan(hours: float, seed: int, languages: tuple[str, ...], recordings: Path | None, copies: int) -> list[Job]:
    """All data sets, those first that every later step waits for."""
    jobs = [Job(name, make, arguments) for name, make, arguments in (*validation.jobs(recordings), *holdouts.jobs())]
    jobs = [Job("vtl", vtl.training, (seed, copies, hours)), *jobs]
    if recordings is not None:
        jobs = [
            Job(f"real-{name}", real.items, (recordings, source, seed, copies)) for name, source in real.SOURCES.items()
        ] + jobs
        if (recordings / faces.MANIFEST).is_file():
            jobs = [
                Job(f"real-{name}", faces.items, (recordings, source, seed, copies)) for name, source in faces.SOURCES.items()
            ] + jobs
    seconds = min(SHARD_SECONDS, 3600 * hours * VALIDATION)
    jobs.append(Job("val", training, (seed, _VALIDATION_NUMBER, languages, "val", seconds)))
    n_shards = max(1, round(3600 * hours / SHARD_SECONDS))
    return jobs + [
        Job(f"shard-{number:05d}", training, (seed, number, languages, "train", 3600 * hours / n_shards))
        for number in range(n_shards)
    ]


def settle(directory: Path, settings: dict) -> None:
    """Remember what the corpus is made of.

    Raises
    ------
    form.DatasetError
        The folder holds a corpus made with other settings.
    """
    path = directory / SETTINGS
    if path.is_file():
        there = json.loads(path.read_text(encoding="utf-8"))
        different = sorted(key for key in settings if there.get(key) != settings[key])
        if different:
            raise form.DatasetError(
                f"{directory} holds a corpus with another {', '.join(different)}: "
                "choose another folder, or give the same options to go on"
            )
    else:
        form.write_beside(path, json.dumps(settings, indent=1).encode())


def generate(directory: Path, jobs: list[Job], processes: int) -> Iterator[tuple[Job, float | None]]:
    """Make the data sets that are not there yet, in this order; gives each with what `run` returned as it is done.

    Raises
    ------
    form.DatasetError
        A process died; what it raised itself is raised again. The other processes are ended.
    """
    waiting = unfinished(directory, jobs)[::-1]
    japanese.lexicon()
    running: dict[Connection, tuple[Job, BaseProcess]] = {}
    try:
        while waiting or running:
            while waiting and len(running) < processes:
                job = waiting.pop()
                connection, process = _start(run, directory, job)
                running[connection] = job, process
            ready = multiprocessing.connection.wait(list(running))
            for connection in [c for c in running if c in ready]:
                job, process = running.pop(connection)
                yield job, _receive(connection, process, job.name)
    finally:
        for _, process in running.values():
            process.terminate()
            process.join()
