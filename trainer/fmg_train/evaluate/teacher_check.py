"""The teacher against measurement: GRID's lips, VocalTractLab's lips, and its tested properties of closures and sizes."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import soundfile

from fmg_rt import spec
from fmg_train.corpus import vtl
from fmg_train.evaluate import scores
from fmg_train.teacher import prosody
from fmg_train.teacher.face import face_of
from fmg_train.teacher.measured import is_grid_test
from fmg_train.teacher.phonesets import to_ipa

RATE = 100.0
LIPS = "grid_s1_face.npz"
CONTACT_SHARE = 0.25
"""Lower lip and teeth count as in contact at or below this share of the recording's 95th percentile of aperture."""
SENTENCES, SEED = 24, 0
"""How many sentences VocalTractLab speaks, and which."""


class NoRealData(ValueError):
    """The folder of real recordings lacks something; the message names it."""


@dataclass(frozen=True)
class Sentence:
    """A recording with measured lips: times (frames,) s and opening (frames,), arbitrary unit, NaN where unknown."""

    test: bool
    audio: np.ndarray
    phones: list[tuple[str, float, float]]
    times: np.ndarray
    opening: np.ndarray


@dataclass
class Tally:
    """What the teacher did over many recordings."""

    closed: np.ndarray = field(default_factory=lambda: np.zeros(4, int))
    touched: np.ndarray = field(default_factory=lambda: np.zeros(2, int))
    rounded: list[float] = field(default_factory=list)
    spread: list[float] = field(default_factory=list)
    faces: list[np.ndarray] = field(default_factory=list)

    def add(self, face: np.ndarray, phones: list[tuple[str, float, float]]) -> None:
        opening = scores.aperture(face)
        self.closed += scores.closure(opening, RATE, phones)
        limit = CONTACT_SHARE * np.percentile(opening, 95)
        for ipa, start, end in phones:
            if scores.letter(ipa) in ("f", "v"):
                part = opening[round(start * RATE) : round(end * RATE) + 1]
                self.touched += (part.min() <= limit, 1)
        rounded, spread = scores.rounding_values(scores.rounding(face), RATE, phones)
        self.rounded += rounded
        self.spread += spread
        self.faces.append(face)


def _manifest(directory: Path) -> list[dict]:
    path = directory / "manifest.jsonl"
    try:
        entries = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        return sorted((e for e in entries if e["source"] == "grid_s1"), key=lambda e: e["file"])
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise NoRealData(f"{path}: cannot read the list of recordings ({error})") from error


def grid(directory: Path) -> Iterator[Sentence]:
    """GRID's sentences in alphabetical order.

    Raises
    ------
    NoRealData
        A file of it is missing or damaged.
    """
    entries = _manifest(directory)
    if not entries:
        raise NoRealData(f"{directory}: no GRID recordings (source grid_s1) are listed in manifest.jsonl")
    try:
        with np.load(directory / LIPS, allow_pickle=False) as archive:
            clip, times, opening = archive["clip"], archive["t"], archive["open_inner"]
    except (OSError, ValueError, KeyError) as error:
        raise NoRealData(f"{directory / LIPS}: cannot read the measured lips ({error})") from error
    for index, entry in enumerate(entries):
        path = directory / entry["file"]
        try:
            audio, _ = soundfile.read(path, dtype="float32")
        except (OSError, soundfile.SoundFileError) as error:
            raise NoRealData(f"{path}: cannot read the recording ({error})") from error
        mine = clip == path.stem
        yield Sentence(
            is_grid_test(index),
            audio,
            [(to_ipa("arpabet", n), a, b) for n, a, b in entry["phones"]],
            times[mine],
            opening[mine],
        )


def against_grid(directory: Path) -> tuple[dict[str, tuple[int, float, float]], Tally]:
    """{split: (sentences, teacher's aperture_r, the loudness envelope's)} and what the teacher did on all of them."""
    pairs: dict[str, list] = {"train": [], "test": []}
    envelopes: dict[str, list] = {"train": [], "test": []}
    tally = Tally()
    for sentence in grid(directory):
        split = "test" if sentence.test else "train"
        face = face_of(sentence.phones, sentence.audio, seconds=len(sentence.audio) / spec.SAMPLE_RATE, rate=RATE)
        times = np.arange(len(face)) / RATE
        pairs[split].append((np.interp(sentence.times, times, scores.aperture(face)), sentence.opening))
        envelope = 10 ** (prosody.loudness(sentence.audio, sentence.times) / 20)
        envelopes[split].append((envelope, sentence.opening))
        tally.add(face, sentence.phones)
    rows = {s: (len(pairs[s]), scores.aperture_r(pairs[s]), scores.aperture_r(envelopes[s])) for s in pairs}
    return rows, tally


def against_vocaltractlab() -> tuple[int, float]:
    """Sentences, and aperture_r with the lip distance of a simulated mouth.

    Raises
    ------
    EngineMissing
        VocalTractLab or eSpeak NG is not installed.
    """
    spoken = list(vtl.items(np.random.default_rng(SEED), "val", SENTENCES))
    return len(spoken), scores.aperture_r(
        (scores.aperture(item.face), item.aperture) for item in spoken if item.aperture is not None
    )
