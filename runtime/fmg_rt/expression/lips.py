"""Lip guarantee: a closure that the network sees is reached and held, and mouthClose never exceeds jawOpen."""

import math
from collections import deque

import numpy as np

from .. import arkit
from ..kernels import expression_face as kernels

WHERE = np.array([arkit.INDEX[name] for name in arkit.APERTURE], np.int32)  # (11,)
"""Positions that make the aperture, in the order that the kernel names."""
_WEIGHTS = np.array(list(arkit.APERTURE.values()), np.float32)  # (11,)
_STEPS = 128  # of the network, at most, between two frames: more than a second


def aperture(face: np.ndarray) -> float:
    """How far the lips of a (52,) float32 face stand apart, ≥ 0, by `arkit.APERTURE`; its values may leave [0, 1]."""
    return kernels.aperture(WHERE, _WEIGHTS, face)


class LipGuard:
    """A closure that the network has at any of its steps is shown by a frame, at any frame rate.

    Attributes
    ----------
    arrays : as `kernels.expression_face.shape_voice` takes them; the last one, (3,), is what it keeps.
    """

    def __init__(self) -> None:
        self._state = np.zeros(3, np.float32)  # (3,)
        self.arrays = WHERE, _WEIGHTS, self._state
        self._steps: deque[tuple[int, float]] = deque(maxlen=_STEPS)
        self.reset()

    def reset(self) -> None:
        self._state[:] = 0
        self._steps.clear()

    def rest(self) -> None:
        """Forget the recent opening of the mouth."""
        self.reset()

    def listen(self, opening: float, time: int) -> None:
        """Take the aperture of the network's newest step, at sample `time`."""
        self._steps.append((time, opening))

    def seen(self, time: int) -> tuple[float, float]:
        """Smallest and largest aperture of the steps since the last frame, up to sample `time`; none: inf, −inf."""
        least, most = math.inf, -math.inf
        steps = self._steps
        while steps and steps[0][0] <= time:
            opening = steps.popleft()[1]
            least, most = min(least, opening), max(most, opening)
        return least, most
