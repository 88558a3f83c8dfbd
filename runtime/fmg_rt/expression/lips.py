"""Lip guarantee: a closure that the network sees is reached and held, and mouthClose never exceeds jawOpen."""

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
    closed : how far the lips of the newest frame meet, 0 to 1.
    """

    def __init__(self) -> None:
        self._state = np.zeros(3, np.float32)  # (3,)
        self._steps: deque[tuple[int, float]] = deque(maxlen=_STEPS)
        self.reset()

    def reset(self) -> None:
        self._state[:] = 0
        self._steps.clear()
        self.closed = 0.0

    def rest(self) -> None:
        """Forget the recent opening of the mouth."""
        self.reset()

    def listen(self, opening: float, time: int) -> None:
        """Take the aperture of the network's newest step, at sample `time`."""
        self._steps.append((time, opening))

    def see(self, face: np.ndarray, time: int, seconds: float) -> None:
        """Look at (52,) `face` of sample `time`, `seconds` after the last one, and at the steps between them."""
        opening = least = most = aperture(face)
        steps = self._steps
        while steps and steps[0][0] <= time:
            passed = steps.popleft()[1]
            least, most = min(least, passed), max(most, passed)
        self.closed = kernels.see_closure(opening, least, most, seconds, self._state)

    def shape(self, face: np.ndarray) -> None:
        """In place: lips that meet as far as was seen, mouthClose ≤ jawOpen always."""
        kernels.guard_lips(WHERE, _WEIGHTS, self.closed, face)
