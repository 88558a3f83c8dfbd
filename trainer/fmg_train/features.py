"""Features of a data set, computed once by the runtime's own code and kept as memory-mapped arrays.

``DIR/cache/`` holds, for all recordings of a data set one after another:

* ``mel.npy`` (frames, 80) float16, log-mel, not standardised;
* ``face.npy`` (frames, 52) float16; row ``j`` is the face at sample ``160 j + 80`` of its recording. On this grid the
  face of every look-ahead that is a multiple of 10 ms is a row: the face L samples before the end of log-mel frame
  ``j`` (sample ``160 j + 400``) is row ``j + 2 - L / 160``;
* ``spoken.npy`` (frames,) int8, at the same times as the faces: 1 somebody speaks, 0 nobody does, -1 not known;
* ``egemaps.npy`` (windows, 88) float32, the functionals of the ≤ 5 s before each multiple of 300 ms, as at run time;
* ``index.json``: one entry a recording, with its rows; written last, so that its presence means complete.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fmg_rt import arkit, spec
from fmg_rt.features.logmel import log_mel
from fmg_rt.files import written_whole

from .datasets import form
from .teacher import SILENCE

FACE_OFFSET = spec.WIN_LENGTH % spec.HOP_LENGTH
"""Sample of face row 0: the remainder that makes (window end - look-ahead) fall on a row."""
WINDOW_ROWS = spec.WIN_LENGTH // spec.HOP_LENGTH
"""Rows from the start of a log-mel frame to its end."""
NOISE = "nonspeech"
"""Source (`form.Recording.source`) of the recordings without speech."""
SHORT_PAUSE, UNSURE = 0.25, 0.06
"""Seconds of a pause within speech, and of the doubt about where speech begins and ends."""
_INDEX = "index.json"


@dataclass(frozen=True)
class Cache:
    """The features of one data set; arrays as the module describes, read-only, memory-mapped.

    spans : (recordings, 2) first and last + 1 row of each recording in `mel` and `face`.
    windows : (recordings, 2) first and last + 1 row in `egemaps`.
    recordings : their manifest lines, in the same order; one split stands after the other.
    known : (recordings, 52) bool. measured : (recordings,) bool, whether the lips were measured on a face.
    spoken : (frames,) int8, as in the file.
    """

    mel: np.ndarray
    face: np.ndarray
    egemaps: np.ndarray
    spans: np.ndarray
    windows: np.ndarray
    recordings: tuple[form.Recording, ...]
    known: np.ndarray
    measured: np.ndarray
    spoken: np.ndarray


def row_times(n_frames: int) -> np.ndarray:
    """Of the rows of a recording, s."""
    return (np.arange(n_frames) * spec.HOP_LENGTH + FACE_OFFSET) / spec.SAMPLE_RATE


def face_rows(face: form.Face, n_frames: int) -> np.ndarray:
    """The face at samples 160 j + 80, j < n_frames, (n_frames, 52) float32; the ends are held."""
    position = (row_times(n_frames) - face.start) * face.rate
    before = np.clip(np.floor(position).astype(int), 0, len(face.coefficients) - 1)
    after = np.minimum(before + 1, len(face.coefficients) - 1)
    share = np.clip(position - before, 0.0, 1.0).astype(np.float32)[:, None]
    return face.coefficients[before] * (1 - share) + face.coefficients[after] * share


def spoken_rows(source: str, phones: Sequence[tuple[str, float, float]], n_frames: int) -> np.ndarray:
    """Whether somebody speaks at the rows of a recording, (n_frames,) int8 of 1, 0 and -1 (not known).

    A pause shorter than `SHORT_PAUSE` belongs to the speech; near the ends of speech nothing is claimed.
    """
    if source == NOISE:
        return np.zeros(n_frames, np.int8)
    times = row_times(n_frames)
    stretches: list[list[float]] = []
    for name, start, end in phones:
        if name != SILENCE:
            if stretches and start - stretches[-1][1] < SHORT_PAUSE:
                stretches[-1][1] = max(end, stretches[-1][1])
            else:
                stretches.append([start, end])
    if not stretches:
        return np.full(n_frames, -1, np.int8)
    out = np.zeros(n_frames, np.int8)
    for start, end in stretches:
        out[(times > start - UNSURE) & (times < end + UNSURE)] = -1
        out[(times > start + UNSURE / 2) & (times < end - UNSURE / 2)] = 1
    return out


def is_complete(directory: Path, with_egemaps: bool = False) -> bool:
    """Whether the features of a data set are there and belong to its present manifest."""
    folder, manifest = Path(directory) / "cache", Path(directory) / form.MANIFEST
    index = folder / _INDEX
    if not (index.is_file() and (folder / "spoken.npy").is_file()) or index.stat().st_mtime_ns < manifest.stat().st_mtime_ns:
        return False
    try:
        return not with_egemaps or len(np.load(folder / "egemaps.npy", mmap_mode="r")) > 0
    except (OSError, ValueError, EOFError) as error:
        raise form.DatasetError(f"{folder}: damaged features ({error}); delete the folder and run fmg-train cache") from error


def _by_split(recordings: list[form.Recording]) -> list[form.Recording]:
    """Each split in one piece, so that a sequence drawn anywhere in a split stays in it."""
    return sorted(recordings, key=lambda recording: form.SPLITS.index(recording.split))


def build(directory: Path, with_egemaps: bool = True) -> float:
    """Compute the features of one data set; returns the seconds of audio.

    Without eGeMAPS (ten times faster) its array is empty: enough for a network that does not hear it.

    Raises
    ------
    DatasetError
        A recording cannot be read.
    """
    directory = Path(directory)
    recordings = _by_split(form.read_manifest(directory))
    if with_egemaps:
        from fmg_rt.egemaps import egemaps  # its kernels compile on import: only who needs them waits
    mels, faces, spoken, functionals, entries = [], [], [], [], []
    row = window = 0
    for recording in recordings:
        audio = form.read_audio(directory, recording)
        face = form.read_face(directory, recording)
        mel = log_mel(audio)
        if len(mel) == 0:
            raise form.DatasetError(f"{form.audio_path(directory, recording.id)}: shorter than one window of 25 ms")
        vectors = egemaps(audio) if with_egemaps else np.empty((0, spec.N_EGEMAPS), np.float32)
        mels.append(mel.astype(np.float16))
        faces.append(face_rows(face, len(mel)).astype(np.float16))
        spoken.append(spoken_rows(recording.source, face.phones, len(mel)))
        functionals.append(vectors)
        entries.append(
            {
                "span": [row, row + len(mel)],
                "window": [window, window + len(vectors)],
                "known": np.flatnonzero(face.known).tolist(),
                "measured": face.aperture is not None,
            }
        )
        row, window = row + len(mel), window + len(vectors)
    folder = directory / "cache"
    folder.mkdir(exist_ok=True)
    for name, parts in (("mel", mels), ("face", faces), ("spoken", spoken), ("egemaps", functionals)):
        with written_whole(folder / f"{name}.npy") as file:
            np.save(file, np.concatenate(parts))
    form.write_beside(folder / _INDEX, json.dumps(entries).encode())
    return sum(recording.seconds for recording in recordings)


def load(directory: Path, split: str | None = None) -> Cache:
    """Open the features of a data set, of one split alone if asked (possibly none).

    Raises
    ------
    DatasetError
        They were not computed yet, or are damaged.
    """
    directory = Path(directory)
    if not is_complete(directory):
        raise form.DatasetError(f"{directory}: no features yet; run: fmg-train cache {directory}")
    folder = directory / "cache"
    try:
        entries = json.loads((folder / _INDEX).read_text())
        mel, face, spoken, functionals = (
            np.load(folder / f"{name}.npy", mmap_mode="r") for name in ("mel", "face", "spoken", "egemaps")
        )
        recordings = _by_split(form.read_manifest(directory))
        chosen = [i for i, recording in enumerate(recordings) if split in (None, recording.split)]
        entries, recordings = [entries[i] for i in chosen], [recordings[i] for i in chosen]
        spans, windows = (np.array([e[name] for e in entries], int).reshape(-1, 2) for name in ("span", "window"))
        known = np.zeros((len(entries), arkit.N_COEFFICIENTS), bool)
        for row, entry in enumerate(entries):
            known[row, entry["known"]] = True
        measured = np.array([e["measured"] for e in entries], bool)
        row, window = spans.min(initial=len(mel)), windows.min(initial=len(functionals))
        return Cache(
            mel[row : spans.max(initial=row)],
            face[row : spans.max(initial=row)],
            functionals[window : windows.max(initial=window)],
            spans - row,
            windows - window,
            tuple(recordings),
            known,
            measured,
            spoken[row : spans.max(initial=row)],
        )
    except (OSError, ValueError, KeyError, IndexError, TypeError, EOFError) as error:
        raise form.DatasetError(f"{folder}: damaged features ({error}); delete the folder and run fmg-train cache") from error
