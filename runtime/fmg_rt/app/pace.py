"""Even frame pacing: each frame is sent at its own time instead of the network's grid of 20 ms."""

from collections import deque

_WINDOW = 60
"""Frames, two seconds at 30 Hz, over which the longest time from sound to frame is searched."""
_SPREAD = 0.024
"""Most seconds between the quickest and the slowest way that are evened out: the network's step and some of a block's.
A frame later than that had a stall, and is sent at once."""
_SLEW = 0.0005
"""Seconds by which the delay may change from one frame to the next, so that it follows a clock's drift smoothly."""


class Even:
    """When each frame is due, so that frames are as far apart as the moments that they show.

    A frame is ready once the network's next step has come, up to 20 ms after the earliest moment. Sent as they are ready,
    frames of 30 Hz leave 20 or 40 ms apart. Here all of them take as long as the slowest of the last two seconds.
    """

    def __init__(self) -> None:
        self._ways: deque[float] = deque(maxlen=_WINDOW)
        self._delay = float("nan")
        self._next_index = 0

    def due(self, index: int, time: float, now: float) -> float:
        """The moment at which frame `index`, of `time` seconds, is to leave; it is ready `now`, by the same clock."""
        if index != self._next_index:
            self._ways.clear()
        self._next_index = index + 1
        way = now - time
        self._ways.append(way)
        wanted = min(max(self._ways), min(self._ways) + _SPREAD)
        first = len(self._ways) < _WINDOW // 4  # the slowest way is not known yet
        if first or abs(wanted - self._delay) > _SPREAD:
            self._delay = wanted
        else:
            self._delay += min(max(wanted - self._delay, -_SLEW), _SLEW)
        return time + max(self._delay, way)
