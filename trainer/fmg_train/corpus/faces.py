"""Recordings with a captured face as a data set: its known coefficients are the target, the rest is not learnt.

The folder holds ``manifest_faces.jsonl`` (file, source, speaker, lang, licence) and for every source ``SOURCE_face.npz``: a
take's coefficients (frames, 52) under the name of its file, ``known`` (52,) bool and ``fps``. References: docs/corpus.md.
"""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from fmg_rt import spec
from fmg_train.datasets import form
from fmg_train.evaluate import scores

from . import real
from .items import FACE_RATE, Item, levelled_copies

MANIFEST = "manifest_faces.jsonl"
SOURCES = {"facegood": "facegood"}
"""Name of the data set → source in the manifest."""
LATE = {"facegood": 0.03}
"""Source → seconds that its faces come late, against the loudness."""
PIECE = 8.0
"""Takes are minutes long: they are cut into pieces of about so many seconds, that a score has an interval."""


def splits(takes: int) -> list[str]:
    """Split of every take in the order of names: the last is for the test, the one before for validation."""
    return ["train"] * (takes - 2) + ["val", "test"]


def _take(directory: Path, entry: dict) -> Iterator[Item]:
    """The pieces of one take, as they are."""
    path = directory / f"{entry['source']}_face.npz"
    try:
        with np.load(path, allow_pickle=False) as archive:
            captured = np.clip(archive[Path(entry["file"]).stem].astype(np.float32), 0, 1)
            known, fps = archive["known"].astype(bool), float(archive["fps"])
    except (OSError, ValueError, KeyError) as error:
        raise form.DatasetError(f"{path}: cannot read the captured faces ({error})") from error
    audio = real.read_audio(directory / entry["file"])
    at = np.arange(len(captured)) / fps - LATE.get(entry["source"], 0.0)
    seconds = min(len(audio) / spec.SAMPLE_RATE, at[-1])
    times = np.arange(int(seconds * FACE_RATE)) / FACE_RATE
    face = np.stack([np.interp(times, at, curve) for curve in captured.T], axis=1).astype(np.float32)
    pieces = max(1, round(seconds / PIECE))
    for part in np.array_split(np.arange(len(face)), pieces):
        sound = audio[part[0] * spec.HOP_LENGTH : (part[-1] + 1) * spec.HOP_LENGTH]
        opening = scores.aperture(face[part]).astype(np.float32)
        yield Item(
            sound,
            [],
            face[part],
            entry["speaker"],
            entry["lang"],
            entry["source"],
            entry["licence"],
            aperture=opening,
            known=known,
        )


def items(directory: Path, source: str, seed: int, n_copies: int) -> Iterator[tuple[str, Item]]:
    """The pieces of all takes of a source with their splits; those for training are followed by copies (`items.copies`)."""
    path = directory / MANIFEST
    try:
        entries = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    except (OSError, ValueError) as error:
        raise form.DatasetError(f"{path}: cannot read the manifest of captured faces ({error})") from error
    entries = sorted((entry for entry in entries if entry["source"] == source), key=lambda entry: entry["file"])
    rng = np.random.default_rng([seed, 50])
    voices: list[np.ndarray] = []
    for entry, split in zip(entries, splits(len(entries)), strict=True):
        for item in _take(directory, entry):
            yield split, item
            if split == "train":
                for changed in levelled_copies(item, n_copies, rng, voices):
                    yield split, changed
