"""Recordings in the predecessor's form: ``NAME/audio.wav``, ``NAME/blendshapes.jsonl`` and one ``split_manifest.json``.

``fmg-rt --record blendshapes.jsonl`` writes that form, too, with a first line that names the columns.
"""

import functools
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from fmg_rt import arkit

from . import form
from .assemble import Skipped, Take, read_sound, uniform
from .form import DatasetError

MANIFEST = "split_manifest.json"


def takes(directory: Path, language: str) -> tuple[Iterator[Take], list[Skipped]]:
    """The recordings that the split manifest lists; those that no list names are reported.

    Raises
    ------
    DatasetError
        No manifest, or not one with train, val and test.
    """
    path = directory / MANIFEST
    try:
        lists = json.loads(path.read_text(encoding="utf-8"))
        named = [(split, str(name)) for split in form.SPLITS for name in lists.get(split, [])]
    except (OSError, ValueError, AttributeError, TypeError) as error:
        raise DatasetError(f"{path}: cannot read the lists of train, val and test ({error})") from error
    problems, seen, planned = [], set(), []
    for split, name in named:
        if name in seen:
            problems.append(Skipped(name, f"{path}: '{name}' is listed twice; only its first place counts"))
        else:
            planned.append((split, name))
            seen.add(name)
    there = {p.parent.relative_to(directory).as_posix() for p in sorted(directory.rglob("blendshapes.jsonl"))}
    problems += [Skipped(name, f"{directory / name}: in no list of {path.name}") for name in sorted(there - seen)]

    def each() -> Iterator[Take]:
        for split, name in planned:
            load = functools.partial(_load, directory / name)
            yield Take(
                name.replace("/", "-"),
                name,
                directory.resolve().name,
                load,
                language,
                "predecessor",
                "own recording",
                split=split,
            )

    return each(), problems


def _load(folder: Path) -> tuple[np.ndarray, list[form.Face]]:
    path = folder / "blendshapes.jsonl"
    try:
        lines = [line for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise DatasetError(f"{path}: cannot read the frames ({error})") from error
    times, values = [], []
    for number, line in enumerate(lines, 1):
        try:
            frame = json.loads(line)
            if number == 1 and "names" in frame:
                if frame["names"] != list(arkit.ARKIT_NAMES):
                    raise ValueError("its names are not ARKit's in alphabetical order")
                continue
            times.append(float(frame["timestamp"]))
            values.append(np.array(frame["blendshapes"], float))
        except (ValueError, KeyError, TypeError) as error:
            raise DatasetError(f"{path}:{number}: damaged frame ({error})") from error
        if values[-1].shape != (arkit.N_COEFFICIENTS,):
            raise DatasetError(f"{path}:{number}: {values[-1].size} coefficients, not {arkit.N_COEFFICIENTS}")
    if len(times) < 2:
        raise DatasetError(f"{path}: fewer than two frames")
    step = float(np.median(np.diff(times)))
    if not step > 0:
        raise DatasetError(f"{path}: the timestamps do not increase")
    coefficients = np.clip(uniform(np.array(times), np.stack(values), 1 / step, path), 0, 1)
    return read_sound(folder / "audio.wav"), [form.Face(coefficients, 1 / step, times[0])]
