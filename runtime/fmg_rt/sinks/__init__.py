"""Where frames go: one small module per receiver behind one interface, and the group that calls them all."""

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from ..arkit import N_COEFFICIENTS
from .record import Recorder, RecordError

__all__ = ["Recorder", "RecordError", "Sink", "Sinks"]

_LOG = logging.getLogger("fmg_rt")

FIRST_PAUSE, LONGEST_PAUSE = 30, 960
"""Frames that a failing sink is left alone: doubled at each failure in a row."""


class Sink(Protocol):
    """One receiver of frames. `send` must not block; it may raise, and is then tried again later."""

    name: str
    """What a person calls it, e.g. ``osc 127.0.0.1:9000``."""

    def send(self, index: int, time: float, coefficients: np.ndarray) -> None:
        """Take frame `index`, the face at `time` seconds: (52,) float32 in [0, 1], valid only during the call."""

    def close(self) -> None:
        """Finish; nothing follows."""


@dataclass
class _Member:
    sink: Sink
    failing: bool = False
    pause: int = FIRST_PAUSE
    """Frames to wait after the next failure."""
    wait: int = 0
    """Frames still to wait."""


class Sinks:
    """Every sink of one run, itself a `Sink`.

    A sink that raises is reported once, tried again after a growing number of frames, and never stops the others. A
    recording that failed is given up, since a gap would shift every later frame.

    Parameters
    ----------
    sinks : the receivers.
    report : takes one line of text for a person; by default it goes to the log.
    """

    name = "all"

    def __init__(self, sinks: Iterable[Sink], report: Callable[[str], None] = _LOG.warning):
        self._members = [_Member(sink) for sink in sinks]
        self._report = report
        self._index, self._time = -1, 0.0
        self.lost: list[str] = []
        """What was lost for good, a line each; not empty means that the run did not do all it was asked."""

    def __len__(self) -> int:
        return len(self._members)

    def __iter__(self):
        return (member.sink for member in self._members)

    @property
    def failing(self) -> list[str]:
        """Names of the sinks that did not take what they were last given; any thread may ask."""
        return [member.sink.name for member in self._members if member.failing]

    def send(self, index: int, time: float, coefficients: np.ndarray) -> None:
        """Give the frame to every sink that is not being left alone; never raises."""
        self._index, self._time = index, time
        for member in self._members:
            if member.wait:
                member.wait -= 1
            else:
                self._send(member, index, time, coefficients)

    def rest(self) -> None:
        """Bring every receiver's face to rest: all zeros, twice since datagrams get lost. Recordings end before it."""
        still = np.zeros(N_COEFFICIENTS, np.float32)
        for _ in range(2):
            self._index += 1
            for member in self._members:
                if not isinstance(member.sink, Recorder):
                    self._send(member, self._index, self._time, still)

    def close(self) -> None:
        """Close every sink; what could not be finished stands in `lost`."""
        for member in self._members:
            try:
                member.sink.close()
            except Exception as error:
                self._lose(member.sink, error)
        self._members.clear()

    def _send(self, member: _Member, index: int, time: float, coefficients: np.ndarray) -> None:
        sink = member.sink
        try:
            sink.send(index, time, coefficients)
        except RecordError as error:
            self._members = [other for other in self._members if other is not member]
            self._lose(sink, error)
        except Exception as error:
            if not member.failing:
                self._report(f"{sink.name}: {error}; trying again from time to time")
            member.failing = True
            member.wait, member.pause = member.pause, min(2 * member.pause, LONGEST_PAUSE)
        else:
            if member.failing:
                self._report(f"{sink.name}: works again")
                member.failing, member.pause = False, FIRST_PAUSE

    def _lose(self, sink: Sink, error: Exception) -> None:
        line = f"{sink.name}: {error}"
        self.lost.append(line)
        self._report(line)
