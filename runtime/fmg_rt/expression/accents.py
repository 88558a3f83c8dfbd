"""Brows, squint and nostrils with the melody: pitch accents, loudness and phrase ends."""

import math
from functools import lru_cache

import numpy as np

from .. import arkit

_BASE_SECONDS = 2.5  # memory of a speaker's usual pitch and level
_RISE, _FALL = 0.06, 0.18  # s, of an accent
_PITCH_RANGE, _LEVEL_RANGE = 6.0, 10.0  # semitones and dB above the usual that make a full accent
_ORDINARY = 0.55  # share of these that is no accent: calm speech leaves the brows at rest
_LOUDNESS_DB = 20.0 / 0.66  # dB a decade of eGeMAPS loudness, which is intensity to the power 0.33
_SETTLE, _SETTLE_SECONDS = 0.06, 0.4  # brows sink after a phrase
_FULL = {"browInnerUp": 0.225, "browOuterUpLeft": 0.15, "browOuterUpRight": 0.15}
_EFFORT = {"eyeSquintLeft": 0.073, "eyeSquintRight": 0.073, "noseSneerLeft": 0.03, "noseSneerRight": 0.03}
_END = {"browDownLeft": 1.0, "browDownRight": 1.0, "eyeSquintLeft": 0.5, "eyeSquintRight": 0.5}
ACCENTS = np.array([[shares.get(name, 0.0) for name in arkit.ARKIT_NAMES] for shares in (_FULL, _EFFORT, _END)], np.float32)
"""(3, 52) what an accent, effort and a phrase end add in full."""


class Accents:
    """How much of `ACCENTS` a moment adds; pitch from eGeMAPS where they are heard, else from the gate's own.

    Attributes
    ----------
    amounts : (3,) float32, written by `weigh`.
    accent : how prominent the present sound is, 0 to 1.

    References
    ----------
    C. Cavé et al., About the relationship between eyebrow movements and F0 variations, ICSLP 1996.
    E. Krahmer and M. Swerts, The effects of visual beats on prosodic prominence, J. Memory and Language 57(3), 2007.
    """

    def __init__(self) -> None:
        self.amounts = np.zeros(len(ACCENTS), np.float32)  # (3,)
        self.reset()

    def reset(self) -> None:
        self.amounts[:] = 0
        self._usual_pitch = self._usual_level = math.nan
        self.accent = self._effort = 0.0
        self._speaking = False
        self._since_end = math.inf

    def weigh(self, seconds: float, pitch: float, level: float, speaking: bool) -> None:
        """Go on by `seconds`.

        pitch : semitones, 0 when not voiced; level : dB; speaking : False from a phrase end on.
        """
        learning, rising, falling = _shares_of(seconds)
        raised = loud = 0.0
        if speaking:
            if pitch > 0.0:
                self._usual_pitch, raised = _against(self._usual_pitch, pitch, learning, _PITCH_RANGE)
            if pitch > 0.0 or not math.isfinite(self._usual_level):
                self._usual_level, loud = _against(self._usual_level, level, learning, _LEVEL_RANGE)
        elif self._speaking:
            self._since_end = 0.0
        self._speaking = speaking
        self._since_end += seconds
        excess = 0.65 * raised + 0.35 * loud - self.accent
        self.accent += excess * (rising if excess > 0.0 else falling)
        excess = loud - self._effort
        self._effort += excess * (rising if excess > 0.0 else falling)
        settle = self._since_end / _SETTLE_SECONDS
        amounts = self.amounts
        amounts[0] = self.accent
        amounts[1] = self._effort
        amounts[2] = _SETTLE * math.sin(math.pi * settle) if settle < 1.0 else 0.0


def level_of_loudness(loudness: float) -> float:
    """dB, up to a constant, of an eGeMAPS loudness."""
    return _LOUDNESS_DB * math.log10(loudness if loudness > 1e-6 else 1e-6)


@lru_cache(maxsize=16)
def _shares_of(seconds: float) -> tuple[float, float, float]:
    """How far one frame goes: of the usual towards the present, of an accent that rises, of one that falls."""
    learning, rising, falling = (1.0 - math.exp(-seconds / pace) for pace in (_BASE_SECONDS, _RISE, _FALL))
    return learning, rising, falling


def _against(usual: float, now: float, learning: float, span: float) -> tuple[float, float]:
    """The usual value after this moment, and how far `now` exceeds the usual one: 0 to 1 over `span`."""
    if not math.isfinite(now):
        return usual, 0.0
    if not math.isfinite(usual):
        return now, 0.0
    above = now - usual
    excess = (above / span - _ORDINARY) / (1.0 - _ORDINARY)
    excess = 0.0 if excess <= 0.0 else excess if excess < 1.0 else 1.0
    return usual + above * learning, excess
