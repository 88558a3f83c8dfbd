"""One item of the corpus: some sentences of one voice with pauses, their face, and its augmented copies."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from fmg_rt import spec
from fmg_train.teacher import face_of
from fmg_train.teacher.phonesets import SILENCE, to_ipa
from fmg_train.teacher.targets import VOWELS

from . import augment
from .speech import Phones, Utterance

FACE_RATE = 100.0
"""Frames of a face per second."""
LEVEL = 0.1
"""RMS of clean speech while somebody speaks."""
EFFORT = {"spoken": 1.0, "whispered": 0.95, "shouted": 1.5}
"""Manner of speaking → how much the lips move (`face_of`)."""
WHISPERED, REPITCHED, HELD, HURRIED = 0.04, 0.15, 0.06, 0.25
"""Shares of the copies of speech that is `spoken` without a voice, at another pitch, with a vowel held, at another tempo."""
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
        phones += [
            (to_ipa(utterance.phone_set, name, utterance.language), offset + start, offset + end)
            for name, start, end in utterance.phones
        ]
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


def retimed(item: Item, positions: np.ndarray, audio: np.ndarray) -> Item:
    """The item with `audio` in place of its sound, whose second i / `FACE_RATE` is second `positions[i]` of the item's."""

    def follow(curves: np.ndarray) -> np.ndarray:
        place = np.minimum(positions * FACE_RATE, len(curves) - 1)
        left = np.minimum(place.astype(int), max(len(curves) - 2, 0))
        share = (place - left).astype(np.float32).reshape(-1, *[1] * (curves.ndim - 1))
        return (curves[left] * (1 - share) + curves[np.minimum(left + 1, len(curves) - 1)] * share).astype(np.float32)

    times = np.arange(len(positions)) / FACE_RATE
    phones = [
        (name, float(np.interp(start, positions, times)), float(np.interp(end, positions, times)))
        for name, start, end in item.phones
    ]
    return replace(
        item,
        audio=audio,
        phones=phones,
        face=follow(item.face),
        augmented=True,
        aperture=None if item.aperture is None else follow(item.aperture),
    )


def _frames(audio: np.ndarray) -> np.ndarray:
    """The times of the face of a sound, s."""
    return np.arange(max(1, round(len(audio) / spec.SAMPLE_RATE * FACE_RATE))) / FACE_RATE


def hold(item: Item, rng: np.random.Generator) -> Item:
    """The item with one of its vowels held for 0.7 to 4.5 s, as in singing: the face stays as it is in the middle of it."""
    vowels = [(start + end) / 2 for ipa, start, end in item.phones if end - start > 0.06 and ipa[:1] in VOWELS]
    if not vowels:
        return item
    middle, length = vowels[rng.integers(len(vowels))], rng.uniform(0.7, 4.5)
    seconds = len(item.audio) / spec.SAMPLE_RATE
    knots = [0.0, middle - 0.01, middle + 0.01 + length, seconds + length]
    times = np.arange(round((seconds + length) * spec.SAMPLE_RATE / augment.FRAME)) * augment.FRAME / spec.SAMPLE_RATE
    source = [0.0, middle - 0.01, middle + 0.01, seconds]
    audio = augment.retime(item.audio, np.interp(times, knots, source) * spec.SAMPLE_RATE)
    return retimed(item, np.interp(_frames(audio), knots, source), audio)


def at_tempo(item: Item, factor: float) -> Item:
    """The item `factor` times faster in the same voice."""
    audio = augment.at_tempo(item.audio, factor)
    return retimed(item, _frames(audio) * factor, audio)


def at_speed(item: Item, factor: float) -> Item:
    """The item played `factor` times faster, as by tape: a shorter vocal tract with a higher pitch; the face stays in sync."""
    audio = augment.resample(item.audio, factor) if factor != 1.0 else item.audio
    return retimed(item, _frames(audio) * factor, audio)


def other_vocal_tract(item: Item, rng: np.random.Generator) -> Item:
    """The item as a smaller or larger person would say it: formants and pitch move apart, and further than in `copy`.

    For lips that were measured on one speaker alone, which other voices should move too.
    """
    formants, factor = (float(np.clip(np.exp(deviation * rng.standard_normal()), 0.75, 1.35)) for deviation in (0.12, 0.15))
    return at_speed(replace(item, audio=augment.warp_formants(item.audio, formants)), factor)


def copy(item: Item, rng: np.random.Generator, voices: list[np.ndarray]) -> Item:
    """The item with another vocal tract in another room."""
    factor = float(np.clip(np.exp(0.12 * rng.standard_normal()), 0.72, 1.38)) if rng.random() < 0.7 else 1.0
    whispered = item.manner == "whispered" or (item.manner == "spoken" and rng.random() < WHISPERED)
    lot = rng.random()
    if lot < HELD:
        item = hold(item, rng)
    elif lot < HELD + HURRIED:
        item = at_tempo(item, float(np.exp(rng.uniform(np.log(0.6), np.log(1.8)))))
    audio = item.audio
    if whispered:
        audio = augment.whisper(audio, rng)
    elif item.manner == "shouted":
        audio, factor = augment.shout(audio, rng), factor * rng.uniform(1.0, 1.25)
    elif rng.random() < REPITCHED:
        audio = augment.repitch(audio, 2 ** (rng.uniform(-6, 6) / 12), rng.random() < 0.5)
    moved = at_speed(replace(item, audio=audio), factor)
    limits = _LIMITS["whispered" if whispered else item.manner]
    return replace(moved, audio=augment.scene(moved.audio, rng, voices, limits))


def levelled_copies(item: Item, n: int, rng: np.random.Generator, voices: list[np.ndarray]) -> Iterator[Item]:
    """`copies` of a recording brought to `LEVEL`, which joins `voices`: the last twelve, of which babble is made."""
    loud = replace(item, audio=item.audio * np.float32(LEVEL / (augment.speech_level(item.audio) + 1e-9)))
    voices.append(loud.audio)
    del voices[:-12]
    yield from copies(loud, n, rng, voices)


def copies(item: Item, n: int, rng: np.random.Generator, voices: list[np.ndarray]) -> Iterator[Item]:
    """`n` augmented copies of a recording, and as many in other voices where its lips were measured."""
    for _ in range(n):
        yield copy(item, rng, voices)
        if item.aperture is not None:
            yield copy(other_vocal_tract(item, rng), rng, voices)
