"""Films of a talking face: what is seen in every frame is measured once and kept, and becomes recordings from there.

::

    OUT/measured/ID.npz   key () text: film and model; times (n,) s; points (n, k, 3) of `lips.KEPT`, pixels, shapes (n, 52)
                          of the blendshape model, blinks and gaze among them, and turn (n, 3) of the head, NaN without a
                          face; faces (n,) how many there were
    OUT/sheets/ID.png     the contact sheet
"""

import io
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fmg_rt import arkit

from . import contact_sheet, film, form, lag, lips, usable
from .assemble import Skipped, Take, uniform
from .detector import Detector, SeenFace, model_file
from .form import DatasetError

SOURCE = "video"
LONGEST_LAG = 0.25
"""Seconds that sound and picture may lie apart."""
CLEAR = 0.35
"""Correlation of the lips with what the sound lets expect, from which on a lag is believed."""
ENOUGH = 8.0
"""Seconds of speech that a lag is estimated from: with less, chance correlates."""
_VERSION = 1
"""Of what is kept in ``measured``; another one is measured again."""
_FILMS = 5
"""From so many films on a whole film stays in one split; of fewer, a recording between two pauses does."""
_CROWD = 0.05
"""Share of frames with several faces that is worth a word."""

Say = Callable[[str], None]
Reference = Callable[[np.ndarray], np.ndarray]
"""(samples,) float32 at 16 kHz → (m,) aperture that the sound alone lets expect, value k at k / `lag.GRID` s."""


@dataclass(frozen=True)
class Seen:
    """What was measured in a film; the arrays as in ``measured/ID.npz``."""

    times: np.ndarray
    points: np.ndarray
    shapes: np.ndarray
    turn: np.ndarray
    faces: np.ndarray


def takes(
    directory: Path, out: Path, language: str, model: Path | None, reference: Reference, say: Say
) -> tuple[Iterator[Take], list[Skipped]]:
    """The recordings in the films at and below a folder. The folder directly below `directory` in which a film lies is its
    speaker; films in `directory` itself are of one speaker, named like `directory`.

    out : the data set to be; a set that was made of films before is made anew, from what was measured then.

    Raises
    ------
    DatasetError
        No film here, MediaPipe or its model is missing, or `out` is a data set of another source.
    """
    paths = film.find(directory)
    if not paths:
        raise DatasetError(f"{directory}: no film ({' '.join(film.SUFFIXES)}) here or below")
    model = model_file(model)
    Detector(model).close()  # whether it works, before the first film
    manifest = out / form.MANIFEST
    if manifest.exists() and {recording.source for recording in form.read_manifest(out)} == {SOURCE}:
        manifest.unlink()
    names = ["-".join(path.relative_to(directory).with_suffix("").parts) for path in paths]
    names = [
        f"{name}-{path.suffix[1:].lower()}" if names.count(name) > 1 else name for name, path in zip(names, paths, strict=True)
    ]
    speakers = [(path.relative_to(directory).parts[:-1] or (directory.resolve().name,))[0] for path in paths]

    def each() -> Iterator[Take]:
        for name, path, speaker in zip(names, paths, speakers, strict=True):

            def take(number: int, load: Callable, name: str = name, speaker: str = speaker) -> Take:
                recording = f"{name}-{number:03}"
                unit = speaker if len(set(speakers)) >= 3 else name if len(paths) >= _FILMS else recording
                return Take(recording, unit, speaker, load, language, SOURCE, "own recording")

            try:
                audio, faces = _film(path, name, out, model, reference, say)
            except DatasetError as error:
                problem = error

                def refuse(problem: DatasetError = problem) -> tuple[np.ndarray, list[form.Face]]:
                    raise problem

                yield take(1, refuse)
                continue
            for number, face in enumerate(faces, 1):
                yield take(number, lambda audio=audio, face=face: (audio, [face]))

    return each(), []


def _film(path: Path, name: str, out: Path, model: Path, reference: Reference, say: Say) -> tuple[np.ndarray, list[form.Face]]:
    """The sound of a film and the faces of its recordings; writes the contact sheet and says what was found."""
    audio, start = film.sound(path)
    seen = _measured(path, out / "measured" / f"{name}.npz", model)
    times = seen.times - start
    measures = lips.measure(seen.points)
    faults = usable.faults(times, measures, seen.turn)
    good = ~np.any(list(faults.values()), axis=0)
    if not good.any():
        reason = max(faults, key=lambda reason: int(faults[reason].sum()))
        raise DatasetError(f"{path}: of {len(times)} frames not one can be used; most: {reason}")

    heard = reference(audio)
    shift, r = lag.best_shift(times, np.where(good, measures.opening, np.nan), heard, LONGEST_LAG)
    rate = 1 / float(np.median(np.diff(times)))
    spoken = (good & ~usable.silent(audio, times)).sum() / rate
    clear = r >= CLEAR and abs(shift) < LONGEST_LAG - 1 / lag.GRID and spoken >= ENOUGH
    times = times + (shift if clear else 0.0)

    quiet = usable.silent(audio, times)
    values = np.full((len(times), arkit.N_COEFFICIENTS), np.nan, np.float32)
    opening = np.full(len(times), np.nan, np.float32)
    chosen = lips.Measures(*(array[good] for array in (measures.opening, measures.width, measures.size, measures.centre)))
    values[good], opening[good] = lips.coefficients(chosen, seen.shapes[good], quiet[good])
    known = np.isin(arkit.ARKIT_NAMES, lips.KNOWN)
    faces = []
    for piece in usable.pieces(times, good, quiet):
        curves = uniform(times[piece], np.column_stack([values[piece], opening[piece]]), rate, path)
        faces.append(form.Face(np.clip(curves[:, :-1], 0, 1), rate, times[piece[0]], known, aperture=curves[:, -1]))
    if not faces:
        raise DatasetError(f"{path}: the face is never seen for {usable.SHORTEST} s without a break")
    contact_sheet.draw(out / "sheets" / f"{name}.png", path, seen.points, times, values, opening, faults, quiet, heard)

    if not clear:
        moved = "no clear lag of the lips, none corrected"
    elif shift == 0:
        moved = "lips and sound agree"
    else:
        moved = f"lips come {abs(1000 * shift):.0f} ms {'before' if shift > 0 else 'after'} the sound, corrected"
    say(f"{name}: {len(times)} frames at {rate:.2f} Hz, {good.mean():.0%} used in {len(faces)} recordings; {moved} (r {r:.2f})")
    lost = {reason: int(frames.sum()) for reason, frames in faults.items() if frames.any()}
    if lost:
        say(f"{name}: left out: " + ", ".join(f"{reason} {count}" for reason, count in lost.items()))
    if (seen.faces > 1).mean() > _CROWD:
        say(f"{name}: up to {seen.faces.max()} faces; the largest and most central one is followed")
    if not quiet[good].any():
        say(f"{name}: there is no second of silence, so rest is guessed: begin a film with a closed mouth and say nothing")
    length = film.seconds(path)
    if length - (seen.times[-1] - seen.times[0]) > 1 + 0.05 * length:
        say(f"{name}: pictures end after {seen.times[-1]:.1f} of {length:.1f} s: the film is cut off or damaged")
    return audio, faces


def _measured(path: Path, kept: Path, model: Path) -> Seen:
    """What is in the film: from `kept` where it was measured before, else measured and kept."""
    status = path.stat()
    key = f"{_VERSION} {status.st_size} {status.st_mtime_ns} {model.stat().st_size}"
    names = ("times", "points", "shapes", "turn", "faces")
    try:
        with np.load(kept, allow_pickle=False) as archive:
            if str(archive["key"]) == key:
                return Seen(*(archive[name] for name in names))
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        pass
    seen = _measure(path, model)
    data = io.BytesIO()
    np.savez_compressed(data, key=np.array(key), **{name: getattr(seen, name) for name in names})
    form.write_beside(kept, data.getvalue())
    return seen


def _measure(path: Path, model: Path) -> Seen:
    from tqdm import tqdm

    rows: list[tuple[float, np.ndarray, np.ndarray, np.ndarray, int]] = []
    last: SeenFace | None = None
    length = round(film.seconds(path)) or None
    with (
        Detector(model) as detector,
        tqdm(total=length, desc=path.name, unit="s", mininterval=1, leave=False, disable=None) as bar,
    ):
        for time, image in film.pictures(path):
            found = detector.faces(image, time)
            last = follow(found, last, image.shape[1], image.shape[0])
            if last is None:
                nothing = np.full(arkit.N_COEFFICIENTS, np.nan, np.float32)
                rows.append((time, np.full((len(lips.KEPT), 3), np.nan, np.float32), nothing, nothing[:3], 0))
            else:
                rows.append((time, last.points[list(lips.KEPT)], last.shapes, last.turn, len(found)))
            bar.update(round(time) - bar.n)
    if len(rows) < 2:
        raise DatasetError(f"{path}: fewer than two pictures can be read")
    if not any(row[4] for row in rows):
        raise DatasetError(f"{path}: no face in {len(rows)} frames")
    return Seen(*(np.array(column) for column in zip(*rows, strict=True)))


def follow(found: list[SeenFace], last: SeenFace | None, width: int, height: int) -> SeenFace | None:
    """The face that is the one of the picture before, else the largest and most central one."""

    def place(face: SeenFace) -> np.ndarray:
        return face.points[lips.POINTS["bridge"], :2]

    def size(face: SeenFace) -> float:
        return float(np.linalg.norm(face.points[lips.POINTS["right eye"]] - face.points[lips.POINTS["left eye"]]))

    if not found:
        return None
    if last is not None:
        nearest = min(found, key=lambda face: float(np.linalg.norm(place(face) - place(last))))
        if np.linalg.norm(place(nearest) - place(last)) < size(last) and 0.5 < size(nearest) / size(last) < 2:
            return nearest
    middle = np.array([width, height]) / 2
    return max(found, key=lambda face: size(face) * (1 - 0.5 * float(np.linalg.norm(place(face) / middle - 1)) / np.sqrt(2)))
