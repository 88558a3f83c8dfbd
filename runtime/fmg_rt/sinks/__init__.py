"""Receivers of frames: one small module per receiver behind one interface, and the group that calls them all."""

import logging
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from ..arkit import N_COEFFICIENTS
from ..frame import Frame
from .receiver import Away
from .record import Recorder, RecordError

__all__ = ["Away", "Recorder", "RecordError", "Sink", "Sinks"]

_LOG = logging.getLogger("fmg_rt")

FIRST_PAUSE, LONGEST_PAUSE = 30, 960
"""Frames that a failing sink is skipped: doubled at each failure in a row."""


class Sink(Protocol):
    """One receiver of frames: any object with these three attributes and two methods.

    Attributes
    ----------
    name : what a person calls it, e.g. ``osc 127.0.0.1:9000``.
    live : True if a face is shown live, which must go to rest when the run ends. False for recordings: they get no
        resting frames.
    address : host and UDP port that datagrams go to, so that ``fmg-rt doctor`` can ask whether anyone listens; None for
        what sends none.

    Examples
    --------
    A lamp that is as bright as the mouth is open:

    >>> from fmg_rt.arkit import INDEX
    >>> class Lamp:
    ...     name, live, address = "lamp on COM3", True, None
    ...
    ...     def __init__(self, port):
    ...         self.port = port
    ...
    ...     def send(self, frame):
    ...         self.port.write(bytes([int(255 * frame.coefficients[INDEX["jawOpen"]])]))
    ...
    ...     def close(self):
    ...         self.port.close()

    Then ``Sinks([Lamp(port)])`` is given the frames, brings the lamp to rest and closes it.
    """

    name: str
    live: bool
    address: tuple[str, int] | None

    def send(self, frame: Frame) -> None:
        """Take the next frame; its arrays are valid only during the call.

        It must not block. It may raise anything: it is then reported once and called again later (see `Sinks`), every
        second for `Away`.
        """

    def close(self) -> None:
        """Complete the output; no call follows."""


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

    name, live = "all", True
    address: tuple[str, int] | None = None

    def __init__(self, sinks: Iterable[Sink], report: Callable[[str], None] = _LOG.warning):
        self._members = [_Member(sink) for sink in sinks]
        self._report = report
        self._last = Frame(-1, 0.0, np.zeros(N_COEFFICIENTS, np.float32))
        self._changes: deque[Callable[[], None]] = deque()
        self.lost: list[str] = []
        """What was lost permanently, a line each; if it is not empty, the run did not complete its task."""

    def __len__(self) -> int:
        return len(self._members)

    def __iter__(self) -> Iterator[Sink]:
        return (member.sink for member in self._members)

    @property
    def failing(self) -> list[str]:
        """Names of the sinks that failed at their last frame; for any thread."""
        return [member.sink.name for member in self._members if member.failing]

    def send(self, frame: Frame) -> None:
        """Send the frame to every sink that is not skipped at the moment; never raises."""
        while self._changes:
            self._changes.popleft()()
        self._last = frame
        for member in self._members:
            if member.wait:
                member.wait -= 1
            else:
                self._send(member, frame)

    def add(self, sink: Sink) -> None:
        """Add a sink from the next frame on; for any thread."""
        self._changes.append(lambda: self._members.append(_Member(sink)))

    def remove(self, name: str) -> None:
        """Before the next frame, bring the sinks called `name` to rest and close them; for any thread."""
        self._changes.append(lambda: self._remove(name))

    def rest(self) -> None:
        """Bring every live face to rest: all zeros, head ahead, twice since datagrams get lost."""
        self._rest(self._members)

    def _rest(self, members: Iterable[_Member]) -> None:
        for index in (self._last.index + 1, self._last.index + 2):
            still = Frame(index, self._last.time, np.zeros(N_COEFFICIENTS, np.float32))
            for member in members:
                if member.sink.live:
                    self._send(member, still)

    def _remove(self, name: str) -> None:
        gone = [member for member in self._members if member.sink.name == name]
        self._rest(gone)
        self._members = [member for member in self._members if member not in gone]
        self._close(gone)

    def close(self) -> None:
        """Close every sink; what could not be completed is added to `lost`."""
        while self._changes:
            self._changes.popleft()()
        self._close(self._members)
        self._members.clear()

    def _close(self, members: Iterable[_Member]) -> None:
        for member in members:
            try:
                member.sink.close()
            except Exception as error:
                self._lose(member.sink, error)

    def _send(self, member: _Member, frame: Frame) -> None:
        sink = member.sink
        try:
            sink.send(frame)
        except RecordError as error:
            self._members = [other for other in self._members if other is not member]
            self._lose(sink, error)
        except Exception as error:
            if not member.failing:
                self._report(f"{sink.name}: {error}; trying again at growing intervals")
            member.failing = True
            member.wait = member.pause
            if not isinstance(error, Away):
                member.pause = min(2 * member.pause, LONGEST_PAUSE)
        else:
            if member.failing:
                self._report(f"{sink.name}: works again")
                member.failing, member.pause = False, FIRST_PAUSE

    def _lose(self, sink: Sink, error: Exception) -> None:
        line = f"{sink.name}: {error}"
        self.lost.append(line)
        self._report(line)
