"""Fixed listening conditions of the tests: distortions of clean speech."""

from collections.abc import Callable

import numpy as np
from scipy import signal
from scipy.signal import fftconvolve

from fmg_rt import spec

from ..corpus import augment
from ..corpus.augment import coloured, speech_level

Condition = Callable[[np.ndarray, np.random.Generator], np.ndarray]
RT60_S = 0.5


def _noise(audio: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Pink noise 10 dB below the level of the speech; (n,) float32."""
    return _within_full_scale(audio + coloured(len(audio), rng, 1.0) * speech_level(audio) * 10 ** (-10 / 20))


def _room(direct_to_reverberant_db: float) -> Condition:
    """A room with RT60 0.5 s: direct sound at sample 0, then a tail of noise that decays by 60 dB in 0.5 s."""

    def heard(audio: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        n = int(RT60_S * spec.SAMPLE_RATE)
        tail = rng.standard_normal(n) * 10 ** (-3.0 * np.arange(n) / n)
        tail[: spec.SAMPLE_RATE // 500] = 0.0  # the first wall is at least 2 ms away
        tail *= 10 ** (-direct_to_reverberant_db / 20) / np.sqrt(np.sum(tail**2))
        tail[0] = 1.0
        return _within_full_scale(fftconvolve(audio, tail)[: len(audio)])

    return heard


def _clipped(audio: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Overdriven by 24 dB."""
    peak = np.abs(audio).max(initial=1e-9)
    return np.clip(audio / peak * 10 ** (24 / 20), -1, 1).astype(np.float32)


def _pitch(semitones: float) -> Condition:
    return lambda audio, rng: _within_full_scale(augment.repitch(audio, 2 ** (semitones / 12), False))


def _quiet(audio: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A quiet microphone: 30 dB lower, with its own noise at -66 dB of full scale."""
    level = 10 ** (-30 / 20) / max(1.0, np.abs(audio).max(initial=0.0))
    return (audio * level + coloured(len(audio), rng, 0.0) * 10 ** (-66 / 20)).astype(np.float32)


def _whispered(audio: np.ndarray, rng: np.random.Generator, order: int = 18, window: int = 400) -> np.ndarray:
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
    "RT60 0.5 s": _room(3.0),
    "far microphone": _room(-12.0),
    "clipped": _clipped,
    "pitch +6": _pitch(6),
    "pitch -6": _pitch(-6),
    "quiet microphone": _quiet,
    "whispered": _whispered,
}
"""Name in a table → what is done: pink noise at 10 dB; rooms with 3 and -12 dB of direct to reverberant sound; 24 dB too loud;
six semitones up and down with the formants kept; 30 dB too soft; whispered. The face's time stays."""
