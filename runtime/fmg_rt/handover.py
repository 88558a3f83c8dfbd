"""Faces at once, although live eGeMAPS are still being compiled or loaded."""

import logging
import sys
import threading
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from numba.core import event

from .stream import FaceStream

if TYPE_CHECKING:
    from .expression import ExpressionSettings

_LOG = logging.getLogger("fmg_rt")

_LONGEST_WAIT = 60_000
"""Hops (ten minutes, 40 MB) that a `Handover` remembers: no machine that runs in real time compiles for so long."""
_SWITCH_INTERVAL = 0.0005
"""Seconds that a compiler may keep the interpreter from the loop; Python's 5 ms, several times a hop, make frames late."""


class Handover:
    """Faces from one stream until another, which takes long to build, has heard the same; then from that one.

    The first stream, without eGeMAPS, gives faces at once. A thread builds the second one, with eGeMAPS, and plays to it
    all hops that the first heard, with the settings of each. When none is left the second one takes over between two
    hops. From then on every bit is what it would be had there been only the second: it heard the same, from the start.

    To the loop it looks like a `FaceStream`. What the loop hears in place of a lost device is remembered like any other
    hop. While it remembers it copies each hop; afterwards nothing is allocated.

    Parameters
    ----------
    first : has heard nothing yet. Its expression stays the one whose `update` changes the settings, for good.
    build : makes the second stream, which has heard nothing; called on the thread. Equal to the first but for eGeMAPS.
    """

    def __init__(self, first: FaceStream, build: Callable[[], FaceStream]):
        self._stream = first
        self._controls = first.expression
        self._build = build
        self._heard: deque[tuple[np.ndarray, ExpressionSettings | None]] = deque()
        self._remembers = True
        self._second: FaceStream | None = None  # handed from the thread to the loop, which then owns it
        self._known = threading.Event()
        self.rate = first.rate
        threading.Thread(target=self._learn, name="fmg-egemaps", daemon=True).start()

    @property
    def index(self) -> int:
        """Number of frames given so far."""
        return self._stream.index

    def wait(self) -> None:
        """Wait until the second stream is ready, but not for a compiler: for audio that can wait, before the first hop."""
        self._known.wait()

    def step(self, hop: np.ndarray) -> np.ndarray:
        """See `FaceStream.step`. New settings count from here on, not from the midst of a hop."""
        settings = self._take_over()
        if self._remembers:
            self._heard.append((hop.copy(), settings))
            self._remembers = len(self._heard) < _LONGEST_WAIT
        return _play(self._stream, hop, settings)

    def finish(self) -> np.ndarray:
        """See `FaceStream.finish`."""
        self._take_over()
        return self._stream.finish()

    def _take_over(self) -> "ExpressionSettings | None":
        """Let the second stream have the stage when it is ready; returns the settings of the next hop."""
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
            _LOG.warning("there are no live eGeMAPS, so brows and mood follow the voice less closely: %s", error)
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


def _play(stream: FaceStream, hop: np.ndarray, settings: "ExpressionSettings | None") -> np.ndarray:
    expression = stream.expression
    if expression is not None and settings is not None and expression.settings is not settings:
        expression.update(settings)
    return stream.step(hop)
