"""Neutral is neutral: a brow, squint or frown that the network never quite lets go is taken off, slowly learnt."""

import math

import numpy as np

from .. import arkit
from ..kernels import expression_face as kernels

SECONDS = 4.0
"""Memory of what is usual, seconds of speech."""
_FIRST = 0.15  # s after which the first guess counts
SHARES = {"brow": 1.0, "eyeSquint": 1.0, "eyeWide": 1.0, "cheekSquint": 1.0, "noseSneer": 1.0, "mouthFrown": 1.0}
"""Beginning of a name → share of its usual value that is taken off."""


class Neutral:
    """Subtracts the running mean of upper face and frown while somebody speaks; what rises above it stays."""

    def __init__(self) -> None:
        self._which = np.zeros(arkit.N_COEFFICIENTS, np.float32)  # (52,)
        for i, name in enumerate(arkit.ARKIT_NAMES):
            self._which[i] = max((share for start, share in SHARES.items() if name.startswith(start)), default=0.0)
        self._usual = np.zeros(arkit.N_COEFFICIENTS, np.float32)  # (52,)
        self.reset()

    def reset(self) -> None:
        self._usual[:] = 0
        self._heard = 0.0

    def shape(self, face: np.ndarray, seconds: float, speaking: bool) -> None:
        """In place, `seconds` after the last frame; learns only while `speaking`."""
        learning = 0.0
        if speaking:
            self._heard += seconds
            # A mean over all that was heard at first, over the last seconds later.
            learning = 1.0 - math.exp(-seconds / min(SECONDS, max(_FIRST, self._heard)))
        kernels.take_off(self._which, learning, self._usual, face)
