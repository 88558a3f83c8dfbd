"""Fixed listening conditions of the tests: what is done to clean speech before it is heard."""

import numpy as np
from scipy.signal import fftconvolve

from fmg_rt import spec

from ..corpus.augment import coloured, speech_level

SNR_DB = 10.0
RT60_S = 0.5
DIRECT_TO_REVERBERANT_DB = 3.0


def noise_at_10_db(audio: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Pink noise 10 dB below the level of the speech; (n,) float32."""
    noise = coloured(len(audio), rng, 1.0) * speech_level(audio) * 10 ** (-SNR_DB / 20)
    return _within_full_scale(audio + noise)


def room_of_half_a_second(audio: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A room with RT60 0.5 s: direct sound at sample 0, then a tail of noise that decays by 60 dB in 0.5 s."""
    n = int(RT60_S * spec.SAMPLE_RATE)
    tail = rng.standard_normal(n) * 10 ** (-3.0 * np.arange(n) / n)
    tail[: spec.SAMPLE_RATE // 500] = 0.0  # the first wall is at least 2 ms away
    tail *= 10 ** (-DIRECT_TO_REVERBERANT_DB / 20) / np.sqrt(np.sum(tail**2))
    tail[0] = 1.0
    return _within_full_scale(fftconvolve(audio, tail)[: len(audio)])


def _within_full_scale(audio: np.ndarray) -> np.ndarray:
    return (audio / max(1.0, np.abs(audio).max(initial=0.0))).astype(np.float32)


CONDITIONS = {"clean": None, "SNR 10 dB": noise_at_10_db, "RT60 0.5 s": room_of_half_a_second}
"""Name in a table → what is done."""
