"""Real time, for sources that deliver audio at its own rate. No code that computes the face reads the clock."""

import time

from .. import spec

_FORGIVEN = 0.2
"""Lateness, seconds, beyond which the schedule is shifted instead of catching up in a burst."""


class Pace:
    """When the next samples are due. It follows the count of all samples, so late wake-ups do not add up."""

    def __init__(self) -> None:
        self._due = time.perf_counter()

    def next(self, n_samples: int) -> float:
        """Let `n_samples` at 16 kHz go by; the seconds to wait, ≥ 0, until they have sounded."""
        now = time.perf_counter()
        self._due = max(self._due + n_samples / spec.SAMPLE_RATE, now - _FORGIVEN)
        return max(self._due - now, 0.0)
