"""Merge: another tracker gives the face, fmg gives the mouth."""

from typing import Protocol

import numpy as np

from .. import arkit
from ..kernels.expression_face import keep_in_range
from .settings import UPPER

STALE = 16_000
"""Samples without a new frame after which the tracker counts as lost and fmg gives the whole face again."""
FADE = 3_200
"""Samples of the change between the two (200 ms)."""


class Tracker(Protocol):
    """Something that receives faces."""

    @property
    def head(self) -> np.ndarray | None:
        """The head as of the last `read`, (3,) as `frame.Frame` says; None where the tracker tells of none."""

    def read(self, out: np.ndarray) -> int:
        """Copy the newest face to `out` (52,) float32; return how many have come, 0 for none yet."""


class Merge:
    """Replaces everything but jaw, lips and tongue by the tracker's newest face.

    Attributes
    ----------
    share : how far the tracker decides, 0 to 1.
    head : of the tracker, (3,), or None; its head wins over ours.
    """

    def __init__(self, tracker: Tracker):
        self._tracker = tracker
        self._theirs = np.zeros(arkit.N_COEFFICIENTS, np.float32)  # (52,)
        self._upper = np.zeros(arkit.N_COEFFICIENTS, np.float32)  # (52,) 1 where the tracker decides
        self._upper[arkit.region_indices(*UPPER)] = 1.0
        self._part = np.empty(arkit.N_COEFFICIENTS, np.float32)  # (52,)
        self.reset()

    def reset(self) -> None:
        self._count = 0
        self._arrived = -STALE
        self._time = 0
        self.share = 0.0
        self.head: np.ndarray | None = None

    def shape(self, face: np.ndarray, time: int) -> None:
        """Fill in (52,) `face` at sample `time`."""
        count = self._tracker.read(self._theirs)
        self.head = self._tracker.head
        keep_in_range(self._theirs)
        if count != self._count:
            self._count, self._arrived = count, time
        step = max(0, time - self._time) / FADE
        self._time = time
        fresh = count > 0 and time - self._arrived < STALE
        self.share = min(1.0, self.share + step) if fresh else max(0.0, self.share - step)
        if self.share <= 0.0:
            return
        np.subtract(self._theirs, face, out=self._part)
        np.multiply(self._part, self._upper, out=self._part)
        if self.share < 1.0:
            np.multiply(self._part, np.float32(self.share), out=self._part)
        np.add(face, self._part, out=face)
