"""The one on-disk form of a data set: what every `prepare` writes, and `cache`, `fit` and `evaluate` read.

::

    DIR/manifest.jsonl      one JSON object a line, one line a recording; written last, so its presence means complete
    DIR/audio/<id>.flac     16 kHz, mono, 16 bit
    DIR/face/<id>.npz       coefficients (frames, 52) float16 in alphabetical ARKit order, in [0, 1]
                            rate () float64, frames per second; start () float64, seconds from the first audio sample
                            to the first frame
                            known (52,) bool: coefficients that the source measured; the rest is not learnt
                            optional: phone (m,) IPA text, phone_start, phone_end (m,) float32, seconds
                            optional: aperture (frames,) float16, measured lip opening, arbitrary unit, NaN where unknown

A manifest line: ``id``, ``split`` (train, val, test), ``speaker``, ``language``, ``source``, ``licence``, ``seconds``,
``audio_sha256``, ``face_sha256``, and optionally ``emotion`` (of `architectures.EMOTIONS`) and ``augmented`` (true:
a changed copy of another recording).
"""

import glob
import hashlib
import io
import json
import os
import zipfile
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from fmg_rt import arkit, spec
from fmg_rt.files import written_whole

SPLITS = ("train", "val", "test")
MANIFEST = "manifest.jsonl"
_OPTIONAL = "emotion", "augmented"


class DatasetError(ValueError):
    """A data set or a recording in it cannot be used; the message names the file and the reason."""


@dataclass(frozen=True)
class Recording:
    """One line of a manifest."""

    id: str
    split: str
    speaker: str
    language: str
    source: str
    licence: str
    seconds: float
    audio_sha256: str
    face_sha256: str
    emotion: str | None = None
    augmented: bool = False


@dataclass(frozen=True)
class Face:
    """The curves of one recording.

    Attributes
    ----------
    coefficients : (frames, 52) float32 in [0, 1].
    rate : frames per second. start : seconds from the first audio sample to frame 0.
    known : (52,) bool, which coefficients the source measured.
    phones : [(IPA, start s, end s)], empty where unknown.
    aperture : (frames,) float32 measured lip opening, NaN where unknown; None when the source has none.
    """

    coefficients: np.ndarray
    rate: float
    start: float = 0.0
    known: np.ndarray = field(default_factory=lambda: np.ones(arkit.N_COEFFICIENTS, bool))
    phones: tuple[tuple[str, float, float], ...] = ()
    aperture: np.ndarray | None = None


def audio_path(directory: Path, recording_id: str) -> Path:
    return Path(directory) / "audio" / f"{recording_id}.flac"


def face_path(directory: Path, recording_id: str) -> Path:
    return Path(directory) / "face" / f"{recording_id}.npz"


def write_beside(path: Path, data: bytes) -> str:
    """Write `data` to `path` whole, with the folders that it needs; returns the SHA-256."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with written_whole(path) as file:
        file.write(data)
    return hashlib.sha256(data).hexdigest()


def write_recording(
    directory: Path,
    recording_id: str,
    audio: np.ndarray,
    face: Face,
    *,
    split: str,
    speaker: str,
    language: str,
    source: str,
    licence: str,
    emotion: str | None = None,
    augmented: bool = False,
) -> Recording:
    """Write the audio and face files of one recording; the caller collects the results for `write_manifest`.

    audio : (samples,) float32 in [-1, 1] at 16 kHz.

    Raises
    ------
    DatasetError
        Unknown split; empty audio; coefficients not (frames, 52), not finite or outside [0, 1].
    """
    coefficients = np.asarray(face.coefficients, np.float32)
    if split not in SPLITS:
        raise DatasetError(f"{recording_id}: unknown split '{split}'")
    if audio.ndim != 1 or audio.size == 0:
        raise DatasetError(f"{recording_id}: no audio")
    if coefficients.ndim != 2 or coefficients.shape[1] != arkit.N_COEFFICIENTS or len(coefficients) == 0:
        raise DatasetError(f"{recording_id}: coefficients have shape {coefficients.shape}, not (frames, 52)")
    if not np.isfinite(coefficients).all() or coefficients.min() < 0 or coefficients.max() > 1:
        raise DatasetError(f"{recording_id}: coefficients outside [0, 1] or not finite")
    arrays: dict[str, Any] = {
        "coefficients": coefficients.astype(np.float16),
        "rate": np.float64(face.rate),
        "start": np.float64(face.start),
        "known": np.asarray(face.known, bool),
    }
    if face.phones:
        names, starts, ends = zip(*face.phones, strict=True)
        arrays |= {
            "phone": np.array(names),
            "phone_start": np.array(starts, np.float32),
            "phone_end": np.array(ends, np.float32),
        }
    if face.aperture is not None:
        arrays["aperture"] = face.aperture.astype(np.float16)
    sound, curves = io.BytesIO(), io.BytesIO()
    soundfile.write(sound, audio, spec.SAMPLE_RATE, format="FLAC", subtype="PCM_16")
    np.savez(curves, **arrays)
    return Recording(
        recording_id,
        split,
        speaker,
        language,
        source,
        licence,
        len(audio) / spec.SAMPLE_RATE,
        write_beside(audio_path(directory, recording_id), sound.getvalue()),
        write_beside(face_path(directory, recording_id), curves.getvalue()),
        emotion,
        augmented,
    )


def write_manifest(directory: Path, recordings: Iterable[Recording]) -> None:
    """Write the manifest, which makes the data set complete."""
    lines = [
        json.dumps({k: v for k, v in asdict(r).items() if v or k not in _OPTIONAL}, ensure_ascii=False) for r in recordings
    ]
    write_beside(Path(directory) / MANIFEST, ("\n".join(lines) + "\n").encode())


def read_manifest(directory: Path) -> list[Recording]:
    """The recordings of a data set, in the manifest's order; of a folder of data sets (shards), of all complete ones.

    Raises
    ------
    DatasetError
        No manifest, or a damaged line.
    """
    path = Path(directory) / MANIFEST
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise DatasetError(f"{path}: no data set here ({error.strerror or error})") from error
    except UnicodeDecodeError as error:
        raise DatasetError(f"{path}: not a manifest in UTF-8 (byte {error.start})") from error
    recordings = []
    for number, line in enumerate(lines, 1):
        try:
            recordings.append(Recording(**json.loads(line)))
        except (ValueError, TypeError) as error:
            raise DatasetError(f"{path}:{number}: damaged line ({error})") from error
    return recordings


def shards(pattern: str | os.PathLike[str]) -> list[Path]:
    """The complete data sets at or directly below the folders that `pattern` names (``*`` and ``?`` as in a shell), sorted."""
    found = set()
    for directory in map(Path, glob.glob(os.fspath(pattern))):
        if (directory / MANIFEST).is_file():
            found.add(directory)
        else:
            found.update(path.parent for path in directory.glob(f"*/{MANIFEST}"))
    return sorted(found)


def read_audio(directory: Path, recording: Recording) -> np.ndarray:
    """(samples,) float32 at 16 kHz."""
    path = audio_path(directory, recording.id)
    try:
        audio, sample_rate = soundfile.read(path, dtype="float32")
    except (OSError, soundfile.SoundFileError) as error:
        raise DatasetError(f"{path}: cannot read the audio ({error})") from error
    if sample_rate != spec.SAMPLE_RATE or audio.ndim != 1:
        raise DatasetError(f"{path}: {sample_rate} Hz, {audio.ndim} dimensions; expected 16000 Hz mono")
    return audio


def read_face(directory: Path, recording: Recording) -> Face:
    """The curves and phones of one recording."""
    path = face_path(directory, recording.id)
    try:
        with np.load(path, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
        phones = tuple(
            (str(n), float(s), float(e))
            for n, s, e in zip(arrays.get("phone", ()), arrays.get("phone_start", ()), arrays.get("phone_end", ()), strict=True)
        )
        aperture = arrays["aperture"].astype(np.float32) if "aperture" in arrays else None
        return Face(
            arrays["coefficients"].astype(np.float32),
            float(arrays["rate"]),
            float(arrays["start"]),
            arrays["known"],
            phones,
            aperture,
        )
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise DatasetError(f"{path}: cannot read the curves ({error})") from error
