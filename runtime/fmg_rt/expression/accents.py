"""Brows, squint and nostrils with the melody: pitch accents, loudness and phrase ends."""

import math

import numpy as np

from .. import spec
from ..kernels import expression_face as kernels

_BASE_SECONDS = 2.5  # memory of a speaker's usual pitch and level
_RISE, _FALL = 0.06, 0.25  # s, of an accent
_PITCH_RANGE, _LEVEL_RANGE = 4.0, 8.0  # semitones and dB above the usual that make a full accent
_LOUDNESS_DB = 20.0 / 0.66  # dB a decade of eGeMAPS loudness, which is intensity to the power 0.33
_SETTLE, _SETTLE_SECONDS = 0.06, 0.4  # brows sink after a phrase
_FULL = {"browInnerUp": 0.28, "browOuterUpLeft": 0.2, "browOuterUpRight": 0.2}
_EFFORT = {"eyeSquintLeft": 0.12, "eyeSquintRight": 0.12, "noseSneerLeft": 0.06, "noseSneerRight": 0.06}
_END = {"browDownLeft": 1.0, "browDownRight": 1.0, "eyeSquintLeft": 0.5, "eyeSquintRight": 0.5}


class Accents:
    """Adds to brows, squint and nostrils; pitch from eGeMAPS when `hear` is called, else from the gate's own.

    References
    ----------
    C. Cavé et al., About the relationship between eyebrow movements and F0 variations, ICSLP 1996.
    E. Krahmer and M. Swerts, The effects of visual beats on prosodic prominence, J. Memory and Language 57(3), 2007.
    """

    def __init__(self) -> None:
        self._parts = np.zeros((3, spec.N_COEFFICIENTS), np.float32)  # (3, 52)
        for row, shares in enumerate((_FULL, _EFFORT, _END)):
            for name, share in shares.items():
                self._parts[row, spec.INDEX[name]] = share
        self._amounts = np.zeros(3, np.float32)  # (3,)
        self.reset()

    def reset(self) -> None:
        self._usual_pitch = self._usual_level = math.nan
        self._accent = self._effort = 0.0
        self._speaking = False
        self._since_end = math.inf

    def shape(self, face: np.ndarray, seconds: float, pitch: float, level: float, speaking: bool) -> None:
        """Add to (52,) `face`, `seconds` after the last frame.

        pitch : semitones, 0 when not voiced; level : dB; speaking : False from a phrase end on.
        """
        raised = loud = 0.0
        if speaking:
            if pitch > 0.0:
                self._usual_pitch, raised = _against(self._usual_pitch, pitch, seconds, _PITCH_RANGE)
            if pitch > 0.0 or not math.isfinite(self._usual_level):
                self._usual_level, loud = _against(self._usual_level, level, seconds, _LEVEL_RANGE)
        if self._speaking and not speaking:
            self._since_end = 0.0
        self._speaking = speaking
        self._since_end += seconds
        self._accent = _follow(self._accent, 0.65 * raised + 0.35 * loud, seconds)
        self._effort = _follow(self._effort, loud, seconds)
        settle = self._since_end / _SETTLE_SECONDS
        self._amounts[0] = self._accent
        self._amounts[1] = self._effort
        self._amounts[2] = _SETTLE * math.sin(math.pi * settle) if settle < 1.0 else 0.0
        kernels.add_parts(self._amounts, self._parts, face)


def level_of_loudness(loudness: float) -> float:
    """dB, up to a constant, of an eGeMAPS loudness."""
    return _LOUDNESS_DB * math.log10(max(loudness, 1e-6))


def _against(usual: float, now: float, seconds: float, span: float) -> tuple[float, float]:
    """The usual value after this moment, and how far `now` exceeds the usual one: 0 to 1 over `span`."""
    if not math.isfinite(now):
        return usual, 0.0
    if not math.isfinite(usual):
        return now, 0.0
    excess = min(1.0, max(0.0, (now - usual) / span))
    return usual + (now - usual) * (1.0 - math.exp(-seconds / _BASE_SECONDS)), excess


def _follow(value: float, target: float, seconds: float) -> float:
    pace = _RISE if target > value else _FALL
    return value + (target - value) * (1.0 - math.exp(-seconds / pace))
