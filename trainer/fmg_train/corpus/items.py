"""One item of the corpus: some sentences of one voice with pauses, their face, and its augmented copies."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from fmg_rt import spec
from fmg_train.teacher import face_of
from fmg_train.teacher.phonesets import SILENCE, to_ipa

from . import augment
from .speech import Phones, Utterance

FACE_RATE = 100.0
"""Frames of a face per second."""
LEVEL = 0.1
"""RMS of clean speech while somebody speaks."""
EFFORT = {"spoken": 1.0, "whispered": 0.95, "shouted": 1.5}
"""Manner of speaking → how much the lips move (`face_of`)."""
_LIMITS = {"spoken": augment.Limits(), "whispered": augment.Limits(-45, -12), "shouted": augment.Limits(-20, -0.2)}


@dataclass(frozen=True)
class Item:
    """Clean speech and its face.

    Attributes
    ----------
    audio : (samples,) float32. phones : IPA. face : (frames, 52) at `FACE_RATE`.
    aperture : (frames,) measured lip opening, or None. manner : a key of `EFFORT`.
    augmented : whether it is a changed copy of another item (`at_speed`, `copy`).
    """

    audio: np.ndarray
    phones: Phones
    face: np.ndarray
    speaker: str
    language: str
    source: str
    licence: str
    manner: str = "spoken"
    emotion: str | None = None
    aperture: np.ndarray | None = None
    known: np.ndarray | None = None
    augmented: bool = False


def join(utterances: list[Utterance], pauses: list[float]) -> tuple[np.ndarray, Phones]:
    """One recording of utterances with a pause (s) before, between and after; phones in IPA, silence included."""
    pieces, phones, position = [], [], 0

    def silence(seconds: float) -> None:
        nonlocal position
        n = int(seconds * spec.SAMPLE_RATE)
        pieces.append(np.zeros(n, np.float32))
        phones.append((SILENCE, position / spec.SAMPLE_RATE, (position + n) / spec.SAMPLE_RATE))
        position += n

    for utterance, pause in zip(utterances, pauses[:-1], strict=True):
        silence(pause)
        offset = position / spec.SAMPLE_RATE
        phones += [(to_ipa(utterance.phone_set, name, utterance.language), offset + start, offset + end)
                   for name, start, end in utterance.phones]  # fmt: skip
        pieces.append(utterance.audio * np.float32(LEVEL / (augment.speech_level(utterance.audio) + 1e-9)))
        position += len(utterance.audio)
    silence(pauses[-1])
    return np.concatenate(pieces), phones


def speech_item(utterances: list[Utterance], pauses: list[float], source: str, manner: str = "spoken") -> Item:
    """The item of one voice's utterances; its face is the teacher's, from the clean audio."""
    audio, phones = join(utterances, pauses)
    face = face_of(phones, audio, seconds=len(audio) / spec.SAMPLE_RATE, rate=FACE_RATE, effort=EFFORT[manner])
    first = utterances[0]
    return Item(audio, phones, face, first.speaker, first.language, source, first.licence, manner)


def stretch(curves: np.ndarray, factor: float, seconds: float) -> np.ndarray:
    """Curves (frames, …) at `FACE_RATE` played `factor` times faster, for a result of `seconds`; linear, float32."""
    position = np.minimum(np.arange(max(1, round(seconds * FACE_RATE))) * factor, len(curves) - 1)
    left = np.minimum(position.astype(int), len(curves) - 2) if len(curves) > 1 else np.zeros(len(position), int)
    share = (position - left).astype(np.float32).reshape(-1, *[1] * (curves.ndim - 1))
    right = np.minimum(left + 1, len(curves) - 1)
    return (curves[left] * (1 - share) + curves[right] * share).astype(np.float32)


def at_speed(item: Item, factor: float) -> Item:
    """The item played `factor` times faster, as by tape: a smaller throat with a higher pitch; the face keeps in time."""
    audio = augment.resample(item.audio, factor) if factor != 1.0 else item.audio
    seconds = len(audio) / spec.SAMPLE_RATE
    phones = [(name, start / factor, end / factor) for name, start, end in item.phones]
    aperture = None if item.aperture is None else stretch(item.aperture, factor, seconds)
    return replace(item, audio=audio, phones=phones, face=stretch(item.face, factor, seconds), aperture=aperture,
                   augmented=True)  # fmt: skip


def other_throat(item: Item, rng: np.random.Generator) -> Item:
    """The item as a smaller or larger person would say it: formants and pitch move apart, and further than in `copy`.

    For lips that were measured on one speaker alone, which other voices should move too.
    """
    formants, factor = (float(np.clip(np.exp(deviation * rng.standard_normal()), 0.75, 1.35)) for deviation in (0.12, 0.15))
    return at_speed(replace(item, audio=augment.warp_formants(item.audio, formants)), factor)


def copy(item: Item, rng: np.random.Generator, voices: list[np.ndarray]) -> Item:
    """The item as another throat in another place would give it."""
    factor = float(np.clip(np.exp(0.12 * rng.standard_normal()), 0.72, 1.38)) if rng.random() < 0.75 else 1.0
    audio = item.audio
    if item.manner == "whispered":
        audio = augment.whisper(audio, rng)
    elif item.manner == "shouted":
        audio, factor = augment.shout(audio, rng), factor * rng.uniform(1.0, 1.25)
    moved = at_speed(replace(item, audio=audio), factor)
    return replace(moved, audio=augment.scene(moved.audio, rng, voices, _LIMITS[item.manner]))


def copies(item: Item, n: int, rng: np.random.Generator, voices: list[np.ndarray]) -> Iterator[Item]:
    """`n` augmented copies of a recording, and as many in other voices where its lips were measured."""
    for _ in range(n):
        yield copy(item, rng, voices)
        if item.aperture is not None:
            yield copy(other_throat(item, rng), rng, voices)
