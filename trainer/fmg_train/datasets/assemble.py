"""From takes of any source to a data set on disk: what can be used is written, what cannot is named with its reason.

Splits go by whole units (a shot with all its voices, a take, a speaker), never by frame: neighbouring frames are nearly
equal, and a test that shares a recording with the training measures nothing.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from fmg_rt import spec

from . import form
from .form import DatasetError

SHARE_OF_VAL, SHARE_OF_TEST = 2 / 41, 7 / 41
"""The predecessor's split, 32 / 2 / 7."""
SHORTEST_S = 0.5
"""A sound and a face must overlap at least this long, seconds."""
SKIPPED = "skipped.jsonl"


@dataclass(frozen=True)
class Take:
    """One recording to be.

    Attributes
    ----------
    id : unique in its data set, a file name.
    unit : what must stay in one split.
    load : gives the (samples,) float32 audio at 16 kHz and the face, in as many pieces as it was seen without a break, or
        raises DatasetError.
    split : where the source decides it; otherwise None.
    """

    id: str
    unit: str
    speaker: str
    load: Callable[[], tuple[np.ndarray, list[form.Face]]]
    language: str
    source: str
    licence: str
    emotion: str | None = None
    split: str | None = None


@dataclass(frozen=True)
class Skipped:
    """What is not in the data set, and why."""

    recording: str
    reason: str


def assemble(takes: Iterable[Take], directory: Path, problems: Sequence[Skipped] = ()) -> Iterator[form.Recording | Skipped]:
    """Write a data set; gives every recording as it is written, or why it was left out.

    problems : what the source could not even make a take of.

    Raises
    ------
    DatasetError
        There is a data set already, or nothing could be used.
    OSError
        The folder cannot be written. No manifest is there then, so nothing half-written counts.
    """
    directory = Path(directory)
    if (directory / form.MANIFEST).exists():
        raise DatasetError(f"{directory}: there is a data set already; delete it or choose another --out")
    skipped = list(problems)
    yield from skipped
    written: dict[str, tuple[Take, form.Recording]] = {}
    for take in takes:
        try:
            audio, faces = take.load()
            for number, face in enumerate(faces, 1):
                name = take.id if len(faces) == 1 else f"{take.id}-{number}"
                if name in written:
                    raise DatasetError(f"{name}: a second recording of this name")
                recording = form.write_recording(
                    directory,
                    name,
                    *_overlap(audio, face, name),
                    split=take.split or "train",
                    speaker=take.speaker,
                    language=take.language,
                    source=take.source,
                    licence=take.licence,
                    emotion=take.emotion,
                )
                written[name] = take, recording
                yield recording
        except DatasetError as error:
            skipped.append(Skipped(take.id, str(error)))
            yield skipped[-1]
    if not written:
        raise DatasetError(f"{directory}: not one recording could be used")
    chosen = splits([take.unit for take, _ in written.values() if take.split is None])
    recordings = [replace(recording, split=take.split or chosen[take.unit]) for take, recording in written.values()]
    for split in form.SPLITS:
        if not any(recording.split == split for recording in recordings):
            skipped.append(
                Skipped(
                    f"split {split}",
                    f"{directory}: the split '{split}' is empty; it takes at least three recordings to fill all splits",
                )
            )
            yield skipped[-1]
    lines = "".join(json.dumps(vars(s), ensure_ascii=False) + "\n" for s in skipped)
    form.write_beside(directory / SKIPPED, lines.encode())
    form.write_manifest(directory, recordings)


def splits(units: Iterable[str]) -> dict[str, str]:
    """Unit → split, 32 / 2 / 7 where there are enough; the same units always fall the same way."""
    order = sorted(set(units), key=lambda unit: hashlib.sha256(unit.encode()).digest())
    n = len(order)
    n_val = max(1, round(n * SHARE_OF_VAL)) if n >= 2 else 0
    n_test = max(1, round(n * SHARE_OF_TEST)) if n >= 3 else 0
    names = ["val"] * n_val + ["test"] * n_test + ["train"] * (n - n_val - n_test)
    return dict(zip(order, names, strict=True))


def read_sound(path: Path) -> np.ndarray:
    """(samples,) float32 at 16 kHz, all channels mixed.

    Raises
    ------
    DatasetError
        Missing or unreadable, below 16 kHz, empty, or a sample that is not finite.
    """
    import soundfile
    import soxr

    if not path.is_file():
        raise DatasetError(f"{path}: the audio is missing")
    try:
        audio, sample_rate = soundfile.read(path, dtype="float32", always_2d=True)
    except (OSError, soundfile.SoundFileError) as error:
        if path.suffix.lower() in (".mov", ".mp4", ".m4a"):
            raise DatasetError(f'{path}: convert its sound first: ffmpeg -i "{path.name}" "{path.stem}.wav"') from None
        raise DatasetError(f"{path}: cannot read the audio ({error})") from error
    if sample_rate < spec.SAMPLE_RATE:
        raise DatasetError(f"{path}: {sample_rate} Hz; at least {spec.SAMPLE_RATE} Hz are needed")
    mono = audio.mean(1)
    if not len(mono) or not np.isfinite(mono).all():
        raise DatasetError(f"{path}: the audio is empty or not finite")
    return np.clip(soxr.resample(mono, sample_rate, spec.SAMPLE_RATE), -1, 1).astype(np.float32)


def uniform(times: np.ndarray, values: np.ndarray, rate: float, path: Path) -> np.ndarray:
    """Curves (n, k) at increasing `times` (s) on a grid of `rate` frames a second from times[0], (frames, k) float32.

    Raises
    ------
    DatasetError
        Times do not increase, or a value is not finite.
    """
    if not np.isfinite(values).all():
        raise DatasetError(f"{path}: frame {int(np.flatnonzero(~np.isfinite(values).all(1))[0])} holds no number")
    if not (np.diff(times) > 0).all():
        bad = int(np.flatnonzero(~(np.diff(times) > 0))[0]) + 1
        raise DatasetError(f"{path}: the time of frame {bad} is not after that of the frame before")
    grid = times[0] + np.arange(int(np.floor((times[-1] - times[0]) * rate + 1e-3)) + 1) / rate
    return np.stack([np.interp(grid, times, curve) for curve in values.T], axis=1).astype(np.float32)


def _overlap(audio: np.ndarray, face: form.Face, name: str) -> tuple[np.ndarray, form.Face]:
    """The part of the audio that the face covers: a face that is held beyond its ends teaches nonsense."""
    first = max(0, round(face.start * spec.SAMPLE_RATE))
    last = min(len(audio), round((face.start + len(face.coefficients) / face.rate) * spec.SAMPLE_RATE))
    if last - first < SHORTEST_S * spec.SAMPLE_RATE:
        heard, seen = len(audio) / spec.SAMPLE_RATE, len(face.coefficients) / face.rate
        raise DatasetError(
            f"{name}: {heard:.2f} s of audio and {seen:.2f} s of face, which begin {face.start:+.2f} s apart, "
            f"overlap by less than {SHORTEST_S} s"
        )
    return audio[first:last], replace(face, start=face.start - first / spec.SAMPLE_RATE)
