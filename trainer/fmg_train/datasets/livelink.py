"""Takes of the Live Link Face app: a table of coefficients (``.csv``) and the sound (``.wav`` or ``.mov``) beside it."""

import csv
import functools
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from fmg_rt import arkit, spec

from . import form, timecode
from .assemble import Skipped, Take, read_sound, uniform
from .form import DatasetError

RATE = 60.0
"""Frames per second of the curves that are written."""
SOUNDS = (".wav", ".flac", ".WAV", ".mov", ".MOV")
LONGEST_LAG = 0.5
"""Seconds that the check looks for a better alignment in, either way."""
_COLUMNS = {name.lower(): i for i, name in enumerate(arkit.ARKIT_NAMES)}
_GRID = 100.0
_VARIANTS = ("", "_cal", "_raw")
"""What the app appends to a take's name: calibrated values are taken before raw ones, ``_neutral`` is one pose."""


def takes(directory: Path, language: str, offset: float, say: Callable[[str], None]) -> tuple[Iterator[Take], list[Skipped]]:
    """The takes at and below a folder. The folder directly below `directory` that holds a take's folder is its speaker;
    takes in `directory` or one folder below are all of one speaker, named like `directory`.

    offset : seconds by which the faces come later than their timecodes say. say : takes the lag that was found.

    Raises
    ------
    DatasetError
        No take here.
    """
    tables = _tables(directory)
    if not tables:
        raise DatasetError(f"{directory}: no Live Link Face table (a .csv with Timecode and BlendshapeCount) here or below")
    speakers = {table: _speaker(table, directory) for table in tables}
    by_speaker = len(set(speakers.values())) >= 3

    def each() -> Iterator[Take]:
        for table in tables:
            name = "-".join(table.relative_to(directory).parent.parts + (table.stem,))
            load = functools.partial(_load, table, offset, say)
            unit = speakers[table] if by_speaker else name
            yield Take(name, unit, speakers[table], load, language, "livelink", "own recording")

    return each(), []


def read_table(path: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(times (n,) s since midnight, coefficients (n, 52) in [0, 1], known (52,) bool). Head and eye angles are passed over.

    Raises
    ------
    DatasetError
        Unreadable, a timecode that does not increase, a row that does not fit the header, or a value that is no number.
    """
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            header, *rows = [row for row in csv.reader(file) if row]
    except (OSError, UnicodeDecodeError, csv.Error, ValueError) as error:
        raise DatasetError(f"{path}: cannot read the table ({error})") from error
    names = [name.strip().lower() for name in header]
    places = {_COLUMNS[name]: column for column, name in enumerate(names) if name in _COLUMNS}
    clock, count = names.index("timecode"), names.index("blendshapecount")
    # The app writes a count of 0 and no values while it sees no face.
    seen = [(number, row) for number, row in enumerate(rows, 2) if len(row) <= count or row[count].strip() != "0"]
    if not places or len(seen) < 2:
        raise DatasetError(f"{path}: no ARKit columns, or fewer than two frames with a face")
    for number, row in seen:
        if len(row) != len(header):
            raise DatasetError(f"{path}: row {number} has {len(row)} fields, the header {len(header)}")
    try:
        values = np.array([[float(row[column]) for column in places.values()] for _, row in seen])
    except ValueError as error:
        raise DatasetError(f"{path}: a value is no number ({error})") from None
    coefficients = np.zeros((len(seen), arkit.N_COEFFICIENTS))
    coefficients[:, list(places)] = np.clip(values, 0, 1)
    known = np.zeros(arkit.N_COEFFICIENTS, bool)
    known[list(places)] = True
    return timecode.seconds([row[clock] for _, row in seen], path), coefficients, known


def lag(audio: np.ndarray, face: form.Face) -> tuple[float, float]:
    """(seconds by which the face should come later for jawOpen to fit the loudness best, the correlation there)."""
    hop = int(spec.SAMPLE_RATE / _GRID)
    n = len(audio) // hop
    loudness = (audio[: n * hop].reshape(n, hop).astype(np.float64) ** 2).mean(1)
    loudness = np.convolve(loudness, np.full(4, 0.25), "same") ** 0.3
    times = face.start + np.arange(len(face.coefficients)) / face.rate
    jaw = face.coefficients[:, arkit.INDEX["jawOpen"]]
    best = (0.0, -1.0)
    for shift in sorted(np.arange(-round(LONGEST_LAG * _GRID), round(LONGEST_LAG * _GRID) + 1) / _GRID, key=abs):
        grid = np.arange(n) / _GRID - shift
        inside = (grid >= times[0]) & (grid <= times[-1])
        a, b = np.interp(grid[inside], times, jaw), loudness[inside]
        if len(a) > _GRID and a.std() > 1e-6 and b.std() > 1e-9:
            r = float(np.corrcoef(a, b)[0, 1])
            best = max(best, (float(shift), r), key=lambda pair: pair[1])
    return best


def _load(table: Path, offset: float, say: Callable[[str], None]) -> tuple[np.ndarray, form.Face]:
    times, values, known = read_table(table)
    coefficients = uniform(times, values, RATE, table)
    sound = _sound(table)
    audio = read_sound(sound)
    begins = timecode.start_of(sound)
    start = offset + (0.0 if begins is None else times[0] - begins)
    face = form.Face(coefficients, RATE, start, known)
    shift, r = lag(audio, face)
    how = "by timecode" if begins is not None else "no timecode in the sound: both begin together"
    found = f"{1000 * shift:+.0f} ms later (r {r:.2f})" if r > 0 else "nowhere"
    say(f"{table.stem}: jawOpen fits the loudness best {found}; {how}")
    return audio, face


def _tables(directory: Path) -> list[Path]:
    """One table a take: of the variants of one, the first of `_VARIANTS`."""
    found: dict[Path, tuple[int, Path]] = {}
    for path in sorted(directory.rglob("*.csv")):
        stem, variant = path.stem, 0
        for rank, suffix in enumerate(_VARIANTS[1:], 1):
            if stem.endswith(suffix):
                stem, variant = stem.removesuffix(suffix), rank
        key = path.parent / stem
        if _is_table(path) and not stem.endswith("_neutral") and (key not in found or variant < found[key][0]):
            found[key] = variant, path
    return sorted(path for _, path in found.values())


def _is_table(path: Path) -> bool:
    try:
        with open(path, encoding="utf-8-sig", errors="replace") as file:
            names = [name.strip().lower() for name in file.readline().split(",")]
    except OSError:
        return False
    return "timecode" in names and "blendshapecount" in names


def _sound(table: Path) -> Path:
    stems = [table.stem, *(table.stem.removesuffix(suffix) for suffix in _VARIANTS[1:] if table.stem.endswith(suffix))]
    candidates = [table.with_name(stem + suffix) for suffix in SOUNDS for stem in stems]
    return next((path for path in candidates if path.is_file()), candidates[0])


def _speaker(table: Path, directory: Path) -> str:
    above = table.relative_to(directory).parent.parts
    return above[0] if len(above) >= 2 else directory.resolve().name
