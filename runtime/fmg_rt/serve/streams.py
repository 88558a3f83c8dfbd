"""The streams of one process: who may come in, whose turn it is, and how they end."""

import asyncio
import contextlib
import functools
import logging
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from typing import Any

import numpy as np

from ..errors import FmgError
from ..expression import ExpressionSettings
from ..frame import Frame
from ..pool import Pool
from ..session import Session
from .crew import Crew, Together
from .limits import Limits, Reason, Refusal
from .metrics import Metrics

_log = logging.getLogger(__name__)

TURN = 0.25
"""Seconds of audio that a stream may have computed before the others have their turn."""
SHORT = 0.05
"""Seconds of audio that are computed on the event loop, together with those of other streams; longer pieces go to a thread.

Measured with 40 clients that send 33 ms at a time, on two busy cores: in threads a frame costs a tenth more over gRPC and a
fifth more over WebSocket. With 80, where each is computed alone 98 % (gRPC) and 40 % of the frames are late by more than 33 ms,
together 0 % and 0.5 %.
"""


class Stream:
    """One client's session. Its audio is computed in turns of at most `TURN` seconds, one at a time: a client that sends faster
    than it is served, or does not read, waits by itself.

    Attributes
    ----------
    seconds : of audio heard so far, over all utterances.
    speaking : whether an utterance has begun and not ended.
    """

    def __init__(self, session: Session, way: str, streams: "Streams") -> None:
        self.session = session
        self.way = way
        self.seconds = 0.0
        self.speaking = False
        self.refusal: Refusal | None = None
        self._streams = streams
        self._task = asyncio.current_task()
        self._unread: asyncio.Future[list[Frame]] | None = None
        self._lock = threading.Lock()  # a turn whose waiter was cancelled may still run when the next one begins
        self.touch()

    def touch(self) -> None:
        """The client gave a sign of life."""
        self.touched = time.monotonic()

    def refuse(self, refusal: Refusal) -> None:
        """End the stream from outside: whatever it waits for raises the refusal."""
        if self.refusal is None and self._task is not None:
            self.refusal = refusal
            self._task.cancel()

    @contextlib.contextmanager
    def told(self) -> Iterator[None]:
        """Within it, `refuse` raises the refusal instead of a cancellation."""
        try:
            yield
        except asyncio.CancelledError:
            if self.refusal is None:
                raise
            if self._task is not None and hasattr(self._task, "uncancel"):  # Python 3.11
                self._task.uncancel()
            raise self.refusal from None

    async def hear(self, audio: bytes | np.ndarray) -> AsyncIterator[list[Frame]]:
        """Take whole samples of the utterance; gives the frames of each turn.

        Raises
        ------
        Refusal
            Not audio, or more of it than a stream may have.
        """
        session = self.session
        size = 2 * session.channels if isinstance(audio, bytes) else 1
        step = size * max(1, int(TURN * session.sample_rate))
        for start in range(0, len(audio), step):
            turn = audio[start : start + step]
            seconds = len(turn) / size / session.sample_rate
            if self.seconds + seconds > self._streams.limits.max_seconds:
                raise Refusal(Reason.TOO_LONG, f"a stream may have {self._streams.limits.max_seconds:g} s of audio here")
            self.speaking = True
            self.seconds += seconds
            self._streams.metrics.count("audio_seconds", seconds)
            yield await self._compute(self._push, turn, seconds)

    async def flush(self) -> list[Frame]:
        """The last frames of the utterance."""
        frames = await self._compute(self._in_thread, self.session.flush)
        self.speaking = False
        return frames

    async def interrupt(self) -> list[Frame]:
        """The frames that bring the face to rest; the utterance is over."""
        frames = await self._compute(self._in_thread, self.session.interrupt)
        self.speaking = False
        return frames

    def _push(self, turn: bytes | np.ndarray, seconds: float) -> "asyncio.Future[list[Frame]]":
        if seconds <= SHORT and not self._lock.locked():
            return self._streams.together.push(self.session, turn)
        return self._in_thread(self.session.push, turn)

    def _in_thread(self, function: Callable[..., list[Frame]], *arguments: Any) -> "asyncio.Future[list[Frame]]":
        return self._streams.crew.run(self._alone, function, *arguments)

    def _alone(self, function: Callable[..., list[Frame]], *arguments: Any) -> list[Frame]:
        with self._lock:
            return function(*arguments)

    async def _compute(self, begin: Callable[..., "asyncio.Future[list[Frame]]"], *arguments: Any) -> list[Frame]:
        """The frames of what `begin` starts, after those of a turn whose waiter was cancelled: none is lost."""
        came = time.perf_counter()
        frames: list[Frame] = []
        with _understood():
            if self._unread is not None:
                unread, self._unread = self._unread, None
                frames += await unread
            work = self._unread = begin(*arguments)
            try:
                frames += await asyncio.shield(work)
            except Exception:
                self._unread = None
                raise
            self._unread = None
        self._streams.metrics.late(time.perf_counter() - came, len(frames))
        self._streams.metrics.count("frames", len(frames))
        self.touch()
        return frames


class Streams:
    """All streams of this process.

    Parameters
    ----------
    pool : of the weights.
    build : makes the session of a stream from keyword arguments of `Session`; called in a thread.
    settings : of a stream whose client asks for nothing else.
    limits : what is allowed.
    metrics : where it is counted.
    threads : that compute.
    """

    def __init__(
        self,
        pool: Pool,
        build: Callable[..., Session],
        settings: ExpressionSettings,
        limits: Limits,
        metrics: Metrics,
        threads: int,
    ) -> None:
        self.settings = settings
        self.limits, self.metrics = limits, metrics
        self.crew, self.together = Crew(threads), Together(pool)
        self.leaving = False
        self._build = build
        self._open: set[Stream] = set()
        self._counted = 0.0  # s of computing that the metrics know of
        metrics.count("threads", threads)
        self._watch = asyncio.ensure_future(self._watch_streams())

    @contextlib.asynccontextmanager
    async def open(self, way: str, **options: Any) -> AsyncIterator[Stream]:
        """A new stream for the task that asks, until the block ends.

        Raises
        ------
        Refusal
            The server is full or about to leave, the options are none of a session's; and, from within the block, because
            of silence or because the server leaves.
        """
        if self.leaving:
            raise Refusal(Reason.LEAVING, "this server is about to leave; connect again to reach another one")
        if self.metrics.streams >= self.limits.max_streams:
            raise Refusal(Reason.FULL, f"all {self.limits.max_streams} streams of this server are taken; try again later")
        self.metrics.count(f"now {way}")
        self.metrics.count(f"total {way}")
        stream = None
        try:
            with _understood():
                session = await self.crew.run(functools.partial(self._build, **{"settings": self.settings} | options))
            stream = Stream(session, way, self)
            self._open.add(stream)
            with stream.told():
                yield stream
        finally:
            self.metrics.count(f"now {way}", -1)
            self._count_seconds()
            if stream is not None:
                self._open.discard(stream)

    async def leave(self, seconds: float) -> None:
        """Take no new streams; wait until the running ones have ended, at most so long, then end them."""
        self.leaving = True
        sentence = "this server leaves; connect again to reach another one"
        end = time.monotonic() + seconds
        while self._open and time.monotonic() < end:
            for stream in [each for each in self._open if not each.speaking]:
                stream.refuse(Refusal(Reason.LEAVING, sentence))
            await asyncio.sleep(0.02)
        for stream in list(self._open):
            stream.refuse(Refusal(Reason.LEAVING, sentence))
        end = time.monotonic() + 2.0
        while self._open and time.monotonic() < end:
            await asyncio.sleep(0.02)

    def close(self) -> None:
        """End the threads."""
        self._watch.cancel()
        self.crew.close()

    def _count_seconds(self) -> None:
        seconds = self.crew.seconds + self.together.seconds
        self.metrics.count("compute_seconds", seconds - self._counted)
        self._counted = seconds

    async def _watch_streams(self) -> None:
        """End streams that have been silent for too long."""
        idle = self.limits.idle_seconds
        while True:
            await asyncio.sleep(min(1.0, idle / 4))
            self._count_seconds()
            now = time.monotonic()
            for stream in [each for each in self._open if now - each.touched > idle]:
                stream.refuse(Refusal(Reason.IDLE, f"nothing came or went for {idle:g} s"))


@contextlib.contextmanager
def _understood() -> Iterator[None]:
    """What a session says no to becomes a refusal; so does a fault of ours, which is logged."""
    try:
        yield
    except FmgError as error:
        raise Refusal(Reason.INVALID, str(error)) from None
    except Exception:
        _log.exception("a stream failed")
        raise Refusal(Reason.FAILED, "the server failed on this stream; its log says more") from None


def coefficients(frame: Frame, affine: tuple[np.ndarray, np.ndarray] | None) -> np.ndarray:
    """A frame's (52,) values, scaled and shifted by (52,) each if wanted, in [0, 1]."""
    if affine is None:
        return frame.coefficients
    values: np.ndarray = np.clip(frame.coefficients * affine[0] + affine[1], 0.0, 1.0)
    return values


def rounded(emotion: Mapping[str, float]) -> dict[str, float]:
    """Emotions as plain floats of three digits, for text."""
    return {name: round(float(value), 3) for name, value in emotion.items()}
