"""Real recordings as data sets: their phones through the teacher, measured lips where there are some.

The folder is given on the command line and holds ``manifest.jsonl`` (file, source, speaker, lang, licence, phones) and
for GRID ``grid_s1_face.npz`` (clip, t, open_inner). References: docs/corpus.md names the sources.
"""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import soundfile

from fmg_rt import arkit, spec
from fmg_train.datasets import form
from fmg_train.teacher import face_of, measured
from fmg_train.teacher.phonesets import to_ipa

from .items import FACE_RATE, Item, at_speed, levelled_copies
from .speech import to_16k

SOURCES = {"grid": "grid_s1", "emodb": "emodb", "librispeech": "librispeech", "dorodoro": "dorodoro"}
"""Name of the data set → source in the manifest."""
PHONE_SETS = {"grid_s1": "arpabet", "emodb": "sampa", "librispeech": "arpabet", "dorodoro": "romaji"}
EMODB_EMOTIONS = {"W": "anger", "L": "boredom", "E": "disgust", "A": "fear", "F": "joy", "N": "neutral", "T": "sadness"}
EMODB_TEST = ("emodb_09", "emodb_15")
"""A woman and a man."""
TAPE_SPEEDS = 0.8, 0.9, 1.12, 1.25
"""Copies of a recording with an emotion that are changed in nothing else: moods of more speakers than the six there are."""
_NOT_TRAINED_ON = {"librispeech": (20, 10), "dorodoro": (16, 8)}
"""Source → how many of its speakers (of its recordings, where there is one speaker) are for test and validation."""


def read_manifest(directory: Path, source: str) -> list[dict]:
    """The manifest's entries of one source, by name.

    Raises
    ------
    form.DatasetError
        No manifest, or nothing of this source.
    """
    path = directory / "manifest.jsonl"
    try:
        entries = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    except (OSError, ValueError) as error:
        raise form.DatasetError(f"{path}: cannot read the recordings' manifest ({error})") from error
    # Of a voice without phones only its emotion can be learnt, by the read-out that `export` adds.
    chosen = sorted(
        (entry for entry in entries if entry["source"] == source and (entry["phones"] or source == "emodb")),
        key=lambda entry: entry["file"],
    )
    if not chosen:
        raise form.DatasetError(f"{path}: nothing of '{source}' in it")
    return chosen


def splits(source: str, entries: list[dict]) -> list[str]:
    """Split of every entry; none of them is drawn, so that scores can be compared between runs."""
    if source == "grid_s1":
        return ["test" if measured.is_grid_test(i) else "val" if i % 20 == 4 else "train" for i in range(len(entries))]
    if source == "emodb":
        return ["test" if entry["speaker"] in EMODB_TEST else "train" for entry in entries]
    names = [entry["speaker"] for entry in entries]
    if len(set(names)) == 1:
        names = [entry["file"] for entry in entries]
    order = sorted(set(names))
    n_test, n_val = _NOT_TRAINED_ON[source]
    # Evenly spread over the order of names, every third of them for validation.
    picked = [order[i * len(order) // (n_test + n_val)] for i in range(n_test + n_val)]
    validation = picked[2::3][:n_val]
    return ["val" if name in validation else "test" if name in picked else "train" for name in names]


def read_audio(path: Path) -> np.ndarray:
    """(samples,) float32 at 16 kHz."""
    try:
        audio, sample_rate = soundfile.read(path, dtype="float32")
    except (OSError, soundfile.SoundFileError) as error:
        raise form.DatasetError(f"{path}: cannot read the audio ({error})") from error
    return to_16k(audio if audio.ndim == 1 else audio.mean(1), sample_rate)


def lips(directory: Path) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """GRID clip → times (s) and inner lip opening (outer-eye distances)."""
    path = directory / "grid_s1_face.npz"
    try:
        with np.load(path, allow_pickle=False) as archive:
            clip, time, opening = archive["clip"].astype(str), archive["t"], archive["open_inner"]
    except (OSError, ValueError, KeyError) as error:
        raise form.DatasetError(f"{path}: cannot read the measured lips ({error})") from error
    order = np.argsort(clip, kind="stable")
    names, starts = np.unique(clip[order], return_index=True)
    return {name: (time[rows], opening[rows]) for name, rows in zip(names, np.split(order, starts[1:]), strict=True)}


def clean_item(directory: Path, entry: dict, measured_lips: tuple[np.ndarray, np.ndarray] | None) -> Item:
    """One recording as it is, with its face."""
    audio = read_audio(directory / entry["file"])
    source, seconds = entry["source"], len(audio) / spec.SAMPLE_RATE
    phones = [(to_ipa(PHONE_SETS[source], name), start, end) for name, start, end in entry["phones"]]
    emotion = EMODB_EMOTIONS[Path(entry["file"]).stem[5]] if source == "emodb" else None
    face = face_of(phones, audio, seconds=seconds, rate=FACE_RATE)
    # Without labels nothing is known of the face, but the voice and its emotion still are.
    known = np.full(arkit.N_COEFFICIENTS, bool(phones))
    aperture = None
    if measured_lips is not None:
        time, opening = measured_lips
        frames = np.arange(len(face)) / FACE_RATE
        aperture = np.interp(frames, time, opening).astype(np.float32)
        aperture[(frames < time[0] - 0.02) | (frames > time[-1] + 0.02)] = np.nan
        face = measured.fit_to_aperture(face, measured.aperture_from_grid(aperture))
    return Item(
        audio, phones, face, entry["speaker"], entry["lang"], source, entry["licence"], "spoken", emotion, aperture, known
    )


def items(directory: Path, source: str, seed: int, n_copies: int) -> Iterator[tuple[str, Item]]:
    """Every recording of a source with its split; those for training are followed by `n_copies` of `items.copies`.

    Those with an emotion also by one at each of `TAPE_SPEEDS`, unless `n_copies` is 0.
    """
    entries = read_manifest(directory, source)
    opening = lips(directory) if source == "grid_s1" else {}
    rng = np.random.default_rng([seed, list(SOURCES.values()).index(source)])
    voices: list[np.ndarray] = []
    for entry, split in zip(entries, splits(source, entries), strict=True):
        item = clean_item(directory, entry, opening.get(Path(entry["file"]).stem))
        yield split, item
        if split == "train":
            for changed in levelled_copies(item, n_copies, rng, voices):
                yield split, changed
            if item.emotion is not None and n_copies:
                for factor in TAPE_SPEEDS:
                    yield split, at_speed(item, factor)
