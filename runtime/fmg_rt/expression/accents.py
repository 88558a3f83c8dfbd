"""Brows, squint and nostrils with the melody: pitch accents, loudness and phrase ends."""

import math

import numpy as np

from .. import arkit
from ..kernels import expression_face as kernels

_LOUDNESS_DB = 20.0 / 0.66  # dB a decade of eGeMAPS loudness, which is intensity to the power 0.33
_FULL = {"browInnerUp": 0.2, "browOuterUpLeft": 0.13, "browOuterUpRight": 0.13}
_EFFORT = {"eyeSquintLeft": 0.073, "eyeSquintRight": 0.073, "noseSneerLeft": 0.03, "noseSneerRight": 0.03}
_END = {"browDownLeft": 1.0, "browDownRight": 1.0, "eyeSquintLeft": 0.5, "eyeSquintRight": 0.5}
ACCENTS = np.array([[shares.get(name, 0.0) for name in arkit.ARKIT_NAMES] for shares in (_FULL, _EFFORT, _END)], np.float32)
"""(3, 52) what an accent, effort and a phrase end add in full."""


class Accents:
    """How much of `ACCENTS` a moment adds; pitch from eGeMAPS if they are computed, else from the gate's own.

    An accent is what exceeds the speaker's usual pitch and level by more than one and a half standard deviations.

    Parameters
    ----------
    exact : what `kernels.expression_face` keeps in float64, of all parts.

    Attributes
    ----------
    amounts : (3,) float32 of each row of `ACCENTS`, written by the kernel.

    References
    ----------
    C. Cavé et al., About the relationship between eyebrow movements and F0 variations, ICSLP 1996.
    E. Krahmer and M. Swerts, The effects of visual beats on prosodic prominence, J. Memory and Language 57(3), 2007.
    """

    def __init__(self, exact: np.ndarray) -> None:
        self.amounts = np.zeros(len(ACCENTS), np.float32)  # (3,)
        self._exact = exact
        self.reset()

    def reset(self) -> None:
        self.amounts[:] = 0
        self._exact[[kernels.USUAL_PITCH, kernels.USUAL_LEVEL, kernels.PITCH_SPREAD, kernels.LEVEL_SPREAD]] = math.nan
        self._exact[[kernels.SPOKEN, kernels.ACCENT, kernels.EFFORT, kernels.WAS_SPEAKING]] = 0.0
        self._exact[kernels.SINCE_END] = math.inf

    @property
    def accent(self) -> float:
        """How prominent the present sound is, 0 to 1."""
        return self._exact.item(kernels.ACCENT)


def level_of_loudness(loudness: float) -> float:
    """dB, up to a constant, of an eGeMAPS loudness."""
    return _LOUDNESS_DB * math.log10(loudness if loudness > 1e-6 else 1e-6)
