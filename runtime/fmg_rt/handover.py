"""Faces at once, although live eGeMAPS are still being compiled or loaded."""

from __future__ import annotations

import logging
import sys
import threading
from collections import deque
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np
from numba.core import event

from . import arkit
from .stream import FaceStream

if TYPE_CHECKING:
    from .expression import ExpressionSettings, Tracker

_LOG = logging.getLogger("fmg_rt")

_LONGEST_WAIT = 60_000
"""Hops (ten minutes, 40 MB) that a `Handover` remembers: no machine that runs in real time compiles for so long."""
_READINGS = 20_000
"""Readings of a tracker that are remembered, ten minutes at 30 frames/s."""
_SWITCH_INTERVAL = 0.0005
"""Seconds that a compiler may keep the interpreter from the loop; Python's 5 ms, several times a hop, make frames late."""

_NONE = np.empty((0, arkit.N_COEFFICIENTS), np.float32)

_Act = np.ndarray | Literal["begin", "rest", "reset"]
"""What a stream is told: a hop (160,), or the name of a method."""


class Handover:
    """Faces from one stream until another, which takes long to build, has heard the same; then from that one.

    The first stream, without eGeMAPS, gives faces at once. A thread builds the second one, with eGeMAPS, and plays to it
    all that the first was told, with the settings of each moment. When nothing is left the second one takes over between
    two hops. From then on every bit is what it would be had there been only the second: it heard the same, from the start.

    To a session it looks like a `FaceStream`. While it remembers it copies each hop; afterwards nothing is allocated.

    Parameters
    ----------
    first : has heard nothing yet. Its expression stays the one whose `update` changes the settings.
    build : makes the second stream, which has heard nothing; called on the thread. Equal to the first but for eGeMAPS.
    """

    def __init__(self, first: FaceStream, build: Callable[[], FaceStream]):
        self._stream = first
        self._controls = first.expression
        self._build = build
        self._heard: deque[tuple[_Act, ExpressionSettings | None]] = deque()
        self._remembers = True
        self._second: FaceStream | None = None  # handed from the thread to the session, which then owns it
        self._known = threading.Event()
        self.rate, self.latency = first.rate, first.latency
        threading.Thread(target=self._learn, name="fmg-egemaps", daemon=True).start()

    @property
    def index(self) -> int:
        """Number of the next frame of this utterance."""
        return self._stream.index

    @property
    def next_time(self) -> int:
        """See `FaceStream`."""
        return self._stream.next_time

    @property
    def samples(self) -> int:
        """See `FaceStream`."""
        return self._stream.samples

    @property
    def heads(self) -> np.ndarray:
        """See `FaceStream`."""
        return self._stream.heads

    @property
    def emotion(self) -> Mapping[str, float]:
        """See `FaceStream`."""
        return self._stream.emotion

    def wait(self) -> None:
        """Wait until the second stream is ready, but not for a compiler: for audio that can wait, before the first hop."""
        self._known.wait()

    def step(self, hop: np.ndarray) -> np.ndarray:
        """See `FaceStream.step`. New settings count from here on, not from the middle of a hop."""
        return self._do(hop)

    def begin(self) -> None:
        """See `FaceStream.begin`."""
        self._do("begin")

    def rest(self) -> None:
        """See `FaceStream.rest`."""
        self._do("rest")

    def reset(self) -> None:
        """See `FaceStream.reset`."""
        self._do("reset")

    def _do(self, act: _Act) -> np.ndarray:
        settings = self._take_over()
        if self._remembers:
            self._heard.append((act.copy() if isinstance(act, np.ndarray) else act, settings))
            self._remembers = len(self._heard) < _LONGEST_WAIT
        return _play(self._stream, act, settings)

    def _take_over(self) -> ExpressionSettings | None:
        """Let the second stream go on where the first one is, when it is ready; returns the settings of the next hop."""
        if self._second is not None:
            while self._heard:  # at most what came while the thread said that nothing is left
                _play(self._second, *self._heard.popleft())
            self._stream, self._second = self._second, None
            self._remembers = False
        return self._controls.settings if self._controls is not None else None

    def _learn(self) -> None:
        interval = sys.getswitchinterval()
        sys.setswitchinterval(_SWITCH_INTERVAL)
        try:
            with event.install_listener("numba:compile", _Begun(self._known.set)):
                second = self._build()
            while self._heard:
                _play(second, *self._heard.popleft())
            if self._remembers:
                self._second = second
            else:
                _LOG.warning("eGeMAPS took too long to compile; the next start has them")
        except Exception as error:  # whatever it is, the lips go on
            self._remembers = False
            self._heard.clear()
            _LOG.warning("eGeMAPS are not available, so brows and mood follow the voice less closely: %s", error)
        finally:
            sys.setswitchinterval(interval)
            self._known.set()


class _Begun(event.Listener):
    """Tells that something which is not in Numba's cache is being compiled."""

    def __init__(self, tell: Callable[[], None]):
        self._tell = tell

    def on_start(self, _event: event.Event) -> None:
        self._tell()

    def on_end(self, _event: event.Event) -> None:
        pass


def _play(stream: FaceStream, act: _Act, settings: ExpressionSettings | None) -> np.ndarray:
    expression = stream.expression
    if expression is not None and settings is not None and expression.settings is not settings:
        expression.update(settings)
    if isinstance(act, np.ndarray):
        return stream.step(act)
    getattr(stream, act)()
    return _NONE


_Reading: TypeAlias = "tuple[int, np.ndarray, np.ndarray | None]"
"""How many faces had come, the newest, and the head."""


class TwiceRead:
    """A tracker for two streams, of which the second hears the past of the first: `again` repeats to it what was read.

    Faces come from a tracker by the clock, and a stream that catches up must find them where the first one did.
    """

    def __init__(self, tracker: Tracker):
        self._tracker = tracker
        self._readings: deque[_Reading] = deque(maxlen=_READINGS)
        self.head: np.ndarray | None = None

    def read(self, out: np.ndarray) -> int:
        """See `Tracker.read`; for the first stream."""
        count = self._tracker.read(out)
        self.head = self._tracker.head
        self._readings.append((count, out.copy(), self.head))
        return count

    @property
    def again(self) -> _Again:
        """For the second stream: everything read so far, reading by reading, then what the tracker says."""
        return _Again(self._tracker, self._readings)


class _Again:
    def __init__(self, tracker: Tracker, readings: deque[_Reading]):
        self._tracker, self._readings = tracker, readings
        self.head: np.ndarray | None = None

    def read(self, out: np.ndarray) -> int:
        if self._readings:
            count, out[:], self.head = self._readings.popleft()
        else:
            count, self.head = self._tracker.read(out), self._tracker.head
        return count
