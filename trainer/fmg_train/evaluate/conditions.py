"""Fixed listening conditions of the tests: distortions of clean speech."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from scipy import signal
from scipy.signal import fftconvolve

from fmg_rt import spec

from ..corpus import augment
from ..corpus.augment import coloured, speech_level
from ..datasets import form

Condition = Callable[[np.ndarray, np.random.Generator, Sequence[np.ndarray]], np.ndarray]
"""(audio (n,) float32, generator, what others say) → what is heard; of another length: that much faster or slower."""
RT60_S = 0.5
_OPUS = 0.975
"""libsndfile's compression level: 12 kbit/s of these recordings."""
VOICES = 24
"""Recordings of a data set that babble is made of."""
_TALKERS = 6


def heard(
    condition: Condition | None, audio: np.ndarray, recording: form.Recording, face: form.Face, voices: Sequence[np.ndarray]
) -> tuple[np.ndarray, form.Face]:
    """What is heard of a recording, and its face in the time of that; None changes nothing.

    voices : recordings of others, of which babble is made. The generator is seeded by the recording.
    """
    if condition is None:
        return audio, face
    changed = condition(audio, np.random.default_rng(int(recording.audio_sha256[:8], 16)), voices).astype(np.float32)
    slower = len(changed) / len(audio)
    if abs(slower - 1.0) < 0.01:
        return changed, face
    phones = tuple((ipa, start * slower, end * slower) for ipa, start, end in face.phones)
    return changed, replace(face, rate=face.rate / slower, start=face.start * slower, phones=phones)


def _noise(audio: np.ndarray, rng: np.random.Generator, voices: Sequence[np.ndarray]) -> np.ndarray:
    """Pink noise 10 dB below the level of the speech; (n,) float32."""
    return _within_full_scale(audio + coloured(len(audio), rng, 1.0) * speech_level(audio) * 10 ** (-10 / 20))


def _babble(audio: np.ndarray, rng: np.random.Generator, voices: Sequence[np.ndarray]) -> np.ndarray:
    """Six others talk at once, 10 dB below the level of the speech; (n,) float32."""
    others = augment.babble(len(audio), rng, list(voices), _TALKERS)
    return _within_full_scale(audio + others * speech_level(audio) * 10 ** (-10 / 20))


def _opus(audio: np.ndarray, rng: np.random.Generator, voices: Sequence[np.ndarray]) -> np.ndarray:
    return augment.through_opus(audio, _OPUS)


def _faster(audio: np.ndarray, rng: np.random.Generator, voices: Sequence[np.ndarray]) -> np.ndarray:
    return augment.at_tempo(audio, 1.8)


def _room(direct_to_reverberant_db: float) -> Condition:
    """A room with RT60 0.5 s: direct sound at sample 0, then a tail of noise that decays by 60 dB in 0.5 s."""

    def reverberant(audio: np.ndarray, rng: np.random.Generator, voices: Sequence[np.ndarray]) -> np.ndarray:
        n = int(RT60_S * spec.SAMPLE_RATE)
        tail = rng.standard_normal(n) * 10 ** (-3.0 * np.arange(n) / n)
        tail[: spec.SAMPLE_RATE // 500] = 0.0  # the first wall is at least 2 ms away
        tail *= 10 ** (-direct_to_reverberant_db / 20) / np.sqrt(np.sum(tail**2))
        tail[0] = 1.0
        return _within_full_scale(fftconvolve(audio, tail)[: len(audio)])

    return reverberant


def _clipped(audio: np.ndarray, rng: np.random.Generator, voices: Sequence[np.ndarray]) -> np.ndarray:
    """Overdriven by 24 dB."""
    peak = np.abs(audio).max(initial=1e-9)
    return np.clip(audio / peak * 10 ** (24 / 20), -1, 1).astype(np.float32)


def _pitch(semitones: float) -> Condition:
    return lambda audio, rng, voices: _within_full_scale(augment.repitch(audio, 2 ** (semitones / 12), False))


def _quiet(audio: np.ndarray, rng: np.random.Generator, voices: Sequence[np.ndarray]) -> np.ndarray:
    """A quiet microphone: 30 dB lower, with its own noise at -66 dB of full scale."""
    level = 10 ** (-30 / 20) / max(1.0, np.abs(audio).max(initial=0.0))
    return (audio * level + coloured(len(audio), rng, 0.0) * 10 ** (-66 / 20)).astype(np.float32)


def _whispered(
    audio: np.ndarray, rng: np.random.Generator, voices: Sequence[np.ndarray], order: int = 18, window: int = 400
) -> np.ndarray:
    """Whispered: white noise through linear predictors of the speech, frame by frame (J. Makhoul, 1975)."""
    padded = np.pad(audio.astype(np.float64), window)
    shape, out = np.hanning(window + 1)[:-1], np.zeros(len(padded))
    for start in range(0, len(padded) - window, window // 2):
        frame = padded[start : start + window] * shape
        own = np.correlate(frame, frame, "full")[window - 1 : window + order]
        if own[0] < 1e-9:
            continue
        own[0] *= 1.0001
        matrix = own[np.abs(np.subtract.outer(np.arange(order), np.arange(order)))]
        predictor = np.concatenate(([1.0], -np.linalg.solve(matrix, own[1:])))
        breath = signal.lfilter([1.0], predictor, rng.standard_normal(window))
        out[start : start + window] += shape * breath * np.sqrt(own[0] / window / (np.mean(breath**2) + 1e-12))
    return _within_full_scale(out[window : window + len(audio)])


def _within_full_scale(audio: np.ndarray) -> np.ndarray:
    return (audio / max(1.0, np.abs(audio).max(initial=0.0))).astype(np.float32)


CONDITIONS: dict[str, Condition | None] = {
    "clean": None,
    "SNR 10 dB": _noise,
    "babble 10 dB": _babble,
    "RT60 0.5 s": _room(3.0),
    "far microphone": _room(-12.0),
    "clipped": _clipped,
    "pitch +6": _pitch(6),
    "pitch -6": _pitch(-6),
    "quiet microphone": _quiet,
    "whispered": _whispered,
    "Opus 12 kbit/s": _opus,
    "1.8 times as fast": _faster,
}
"""Name in a table → what is done: pink noise, and six talkers, at 10 dB; rooms with 3 and -12 dB of direct to reverberant
sound; 24 dB too loud; six semitones up and down with the formants kept; 30 dB too soft; whispered; coded; faster at the same
pitch."""
