"""The loop of `fmg-rt`: a source's hops through the session to the sinks, until the source ends or the program is stopped."""

import time
from collections import deque
from collections.abc import Callable

import numpy as np

from .. import spec
from ..frame import Frame
from ..session import Session
from ..sinks import Sinks
from ..sources import Source
from ..sources.clock import Pace
from .pace import Even
from .status import Status
from .stop import Stop

_PATIENCE = 0.2
"""Seconds without audio after which silence is fed instead: longer than the blocks of usual devices."""


def run(
    source: Source,
    session: Session,
    sinks: Sinks,
    status: Status,
    *,
    live: bool = True,
    even: bool = True,
    stop: Stop | None = None,
    hear: Callable[[np.ndarray], None] | None = None,
) -> None:
    """Send the face for all audio of `source`, then a resting face in every case; closes the sinks.

    Parameters
    ----------
    live : feed silence by the clock while no audio comes, so that the face rests and frames keep their rate. False
        takes nothing but the source's audio, however long that takes: deterministic.
    even : let each frame wait for its moment (see `pace.Even`). False sends it as soon as it is ready.
    stop : ends the loop early; its caller looks at ``stop.signal`` afterwards, and has deferred it since there are sinks.
    hear : called with each hop (160,) that the session hears.

    Raises
    ------
    SourceError
        The source broke for good.

    Notes
    -----
    It also ends when every sink has failed permanently.
    """
    stop = stop or Stop()
    hop = np.zeros(spec.HOP_LENGTH, np.float32)  # (160,)
    waiting: deque[tuple[float, Frame]] = deque()  # when it is due, and what
    pace = Even()
    silence: Pace | None = None
    patient = time.perf_counter() + _PATIENCE
    """The time until which audio is awaited before silence is pushed."""
    ended = False
    try:
        stop.deferred = False
        while not ((ended and not waiting) or stop.signal or len(sinks) == 0):
            now = time.perf_counter()
            until = min(patient, waiting[0][0]) if waiting else patient
            heard = False
            if ended:
                time.sleep(max(0.0, until - now))
            elif source.read(hop, max(0.0, until - now)):
                heard, silence, patient = True, None, time.perf_counter() + _PATIENCE
            elif source.ended:
                ended = heard = True
            elif time.perf_counter() >= patient:
                if live:
                    silence, heard = silence or Pace(), True
                    hop.fill(0.0)
                    patient = time.perf_counter() + silence.next(spec.HOP_LENGTH)
                else:
                    patient = time.perf_counter() + _PATIENCE
            stop.deferred = True
            began = time.perf_counter()
            if heard:
                if hear is not None and not ended:
                    hear(hop)
                frames = session.flush() if ended else session.push(hop)
                for frame in frames:
                    waiting.append((pace.due(frame.index, frame.time, began) if even else began, frame))
            n_sent = _send(waiting, sinks, time.perf_counter())
            if heard or n_sent:
                status.count(hop if heard else None, n_sent, time.perf_counter() - began)
            stop.deferred = False
    finally:
        stop.deferred = True
        _send(waiting, sinks, float("inf"))  # a recording wants the frames that were decided, too
        sinks.rest()
        sinks.close()


def _send(waiting: deque[tuple[float, Frame]], sinks: Sinks, now: float) -> int:
    """Send the frames that are due; how many."""
    n = 0
    while waiting and waiting[0][0] <= now:
        frame = waiting.popleft()[1]
        sinks.send(frame)
        n += 1
    return n
