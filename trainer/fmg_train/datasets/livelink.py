"""Takes of the Live Link Face app: a table of coefficients (``.csv``) and the sound (``.wav`` or ``.mov``) beside it."""

import codecs
import csv
import functools
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from fmg_rt import arkit, spec

from . import form, timecode
from .assemble import Skipped, Take, read_sound, uniform
from .form import DatasetError
from .lag import GRID, best_shift

RATE = 60.0
"""Frames per second of the curves that are written."""
SOUNDS = (".wav", ".WAV", ".flac", ".FLAC", ".mov", ".MOV")
LONGEST_LAG = 0.5
"""Seconds that the check looks for a better alignment in, either way."""
_COLUMNS = {name.lower(): i for i, name in enumerate(arkit.ARKIT_NAMES)}
_VARIANTS = ("", "_cal", "_raw")
"""What the app appends to a take's name: calibrated values are taken before raw ones, ``_neutral`` is one pose."""


LOST = 0.15
"""Seconds without a face that are bridged; a longer loss parts a take in two."""
SHORTEST = 0.6
"""Pieces of a parted take that are shorter are left out, s."""
_MOST = 1.5
"""Largest value that may be an overshoot of a coefficient; larger ones are percent or something else."""


def takes(
    directory: Path, language: str, offset: float, fps: float | None, say: Callable[[str], None]
) -> tuple[Iterator[Take], list[Skipped]]:
    """The takes at and below a folder. The folder directly below `directory` that holds a take's folder is its speaker;
    takes in `directory` or one folder below are all of one speaker, named like `directory`.

    offset : seconds by which the faces come later than their timecodes say. fps : the camera's, where the frame numbers do not
    tell it. say : takes the lag that was found.

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
            load = functools.partial(_load, table, offset, fps, say)
            unit = speakers[table] if by_speaker else name
            yield Take(name, unit, speakers[table], load, language, "livelink", "own recording")

    return each(), []


def _rows(path: Path) -> list[list[str]]:
    """The fields of a table that are not empty lines: UTF-8, UTF-16 or one byte a letter; commas, semicolons or tabs.

    Where another mark parts the fields, a comma in a number is its point.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DatasetError(f"{path}: cannot read the table ({error.strerror or error})") from error
    try:
        encoding = "utf-16" if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "utf-8-sig"
        text = data.decode(encoding)
    except UnicodeDecodeError:
        text = data.decode("latin-1")
    first = text.partition("\n")[0]
    mark = max(",;\t", key=first.count)
    try:
        rows = [row for row in csv.reader(text.splitlines(), delimiter=mark) if row]
    except csv.Error as error:
        raise DatasetError(f"{path}: cannot read the table ({error})") from error
    if mark != ",":
        rows = [rows[0], *([row[0], *(field.replace(",", ".") for field in row[1:])] for row in rows[1:])]
    return rows


def read_table(path: Path, fps: float | None = None) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
    """(times (n,) s since midnight, coefficients (n, 52) in [0, 1], known (52,) bool, time of the first row, face or not).

    Rows without a face are left out; of two with one timecode the first counts; a last row that was not written to its end
    is dropped. Head and eye angles are passed over. fps : as `timecode.seconds` takes it.

    Raises
    ------
    DatasetError
        Unreadable, a row that does not fit the header, a value that is no number or far beyond 1, a damaged timecode.
    """
    header, *rows = _rows(path) or [[]]
    names = [name.strip().lower() for name in header]
    places = {_COLUMNS[name]: column for column, name in enumerate(names) if name in _COLUMNS}
    if not places or "timecode" not in names or "blendshapecount" not in names:
        raise DatasetError(f"{path}: no ARKit columns")
    clock, count = names.index("timecode"), names.index("blendshapecount")
    if rows and 1 < len(rows[-1]) < len(header) and not _faceless(rows[-1], count):
        rows.pop()
    # The app writes a count of 0 and no values while it sees no face.
    seen = [(number, row) for number, row in enumerate(rows, 2) if not _faceless(row, count)]
    if len(seen) < 2:
        raise DatasetError(f"{path}: fewer than two frames with a face")
    for number, row in seen:
        if len(row) != len(header):
            raise DatasetError(f"{path}: row {number} has {len(row)} fields, the header {len(header)}")
    try:
        values = np.array([[float(row[column]) for column in places.values()] for _, row in seen])
    except ValueError as error:
        raise DatasetError(f"{path}: a value is no number ({error})") from None
    if np.nanmax(values) > _MOST:
        raise DatasetError(
            f"{path}: a value of {np.nanmax(values):g}; coefficients lie in [0, 1]: are these percent? Divide them by 100 first"
        )
    times = timecode.seconds([row[clock] for row in rows], path, fps)
    begins = float(times[0])
    times = times[[number - 2 for number, _ in seen]]
    fresh = np.concatenate(([True], np.diff(times) != 0))
    coefficients = np.zeros((len(seen), arkit.N_COEFFICIENTS))
    coefficients[:, list(places)] = np.clip(values, 0, 1)
    known = np.zeros(arkit.N_COEFFICIENTS, bool)
    known[list(places)] = True
    return times[fresh], coefficients[fresh], known, begins


def _faceless(row: list[str], count: int) -> bool:
    return len(row) > count and row[count].strip() == "0"


def lag(audio: np.ndarray, face: form.Face) -> tuple[float, float]:
    """(seconds by which the face should come later for jawOpen to fit the loudness best, the correlation there)."""
    hop = int(spec.SAMPLE_RATE / GRID)
    n = len(audio) // hop
    loudness = (audio[: n * hop].reshape(n, hop).astype(np.float64) ** 2).mean(1)
    loudness = np.convolve(loudness, np.full(4, 0.25), "same") ** 0.3
    times = face.start + np.arange(len(face.coefficients)) / face.rate
    return best_shift(times, face.coefficients[:, arkit.INDEX["jawOpen"]], loudness, LONGEST_LAG)


def _load(table: Path, offset: float, fps: float | None, say: Callable[[str], None]) -> tuple[np.ndarray, list[form.Face]]:
    times, values, known, first = read_table(table, fps)
    sound = _sound(table)
    audio = read_sound(sound)
    begins = timecode.start_of(sound)
    zero = first if begins is None else begins
    breaks = np.flatnonzero(np.diff(times) > LOST) + 1
    parts = np.split(np.arange(len(times)), breaks)
    parts = [part for part in parts if len(parts) == 1 or times[part[-1]] - times[part[0]] >= SHORTEST]
    if not parts:
        raise DatasetError(f"{table}: the face is never seen for {SHORTEST} s without a break")
    faces = [
        form.Face(uniform(times[part], values[part], RATE, table), RATE, offset + times[part[0]] - zero, known)
        for part in parts
    ]
    shift, r = lag(audio, max(faces, key=lambda face: len(face.coefficients)))
    how = "by timecode" if begins is not None else "no timecode in the sound: both begin together"
    found = f"{1000 * shift:+.0f} ms later (r {r:.2f})" if r > 0 else "nowhere"
    say(f"{table.stem}: jawOpen fits the loudness best {found}; {how}")
    if len(faces) > 1:
        say(f"{table.stem}: the face was lost {len(breaks)} times; what lies between is left out")
    seen, heard = times[-1] - first, len(audio) / spec.SAMPLE_RATE
    if begins is None and heard > 10 and abs(seen - heard) > 5e-4 * heard + 0.3:
        say(
            f"{table.stem}: {seen:.1f} s of face, {heard:.1f} s of sound: if the camera ran at 23.976, 29.97 or 59.94 frames a "
            "second, say so by --fps"
        )
    return audio, faces


def _tables(directory: Path) -> list[Path]:
    """One table a take: of the variants of one, the first of `_VARIANTS`."""
    found: dict[Path, tuple[int, Path]] = {}
    for path in sorted(path for path in directory.rglob("*") if path.suffix.lower() == ".csv"):
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
        names = [name.strip().lower() for name in next(iter(_rows(path)), [])]
    except DatasetError:
        return False
    return "timecode" in names and "blendshapecount" in names


def _sound(table: Path) -> Path:
    stems = [table.stem, *(table.stem.removesuffix(suffix) for suffix in _VARIANTS[1:] if table.stem.endswith(suffix))]
    candidates = [table.with_name(stem + suffix) for suffix in SOUNDS for stem in stems]
    return next((path for path in candidates if path.is_file()), candidates[0])


def _speaker(table: Path, directory: Path) -> str:
    above = table.relative_to(directory).parent.parts
    return above[0] if len(above) >= 2 else directory.resolve().name
