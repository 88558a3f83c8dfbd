"""What computes for an event loop: threads, and passes that many sessions share."""

import asyncio
import queue
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any, NamedTuple

from ..frame import Frame
from ..pool import TOGETHER, Audio, Pool
from ..session import Session


class _Job(NamedTuple):
    future: "asyncio.Future[Any]"
    function: Callable[..., Any]
    arguments: tuple[Any, ...]


class Crew:
    """A fixed number of threads and one queue: first come, first served.

    Results of many jobs come back in one wake of the loop, which costs less than a wake for each.

    Parameters
    ----------
    threads : how many; the kernels of a session hold no lock of the interpreter.
    """

    def __init__(self, threads: int) -> None:
        self.seconds = 0.0
        """Time that jobs took, s."""
        self._loop = asyncio.get_running_loop()
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._done: deque[tuple[asyncio.Future[Any], Any, BaseException | None]] = deque()
        self._waking = False
        self._threads = [threading.Thread(target=self._work, name=f"fmg-crew-{i}", daemon=True) for i in range(threads)]
        for thread in self._threads:
            thread.start()

    def run(self, function: Callable[..., Any], *arguments: Any) -> "asyncio.Future[Any]":
        """Call it in a thread. Whoever cancels the future before a thread has come to it spares the call."""
        future = self._loop.create_future()
        self._jobs.put(_Job(future, function, arguments))
        return future

    def close(self) -> None:
        """Let the threads end when their present job is done."""
        for _ in self._threads:
            self._jobs.put(None)

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            if job.future.cancelled():
                continue
            start = time.perf_counter()
            result, error = None, None
            try:
                result = job.function(*job.arguments)
            except Exception as problem:
                error = problem
            self.seconds += time.perf_counter() - start
            self._done.append((job.future, result, error))
            if not self._waking:
                self._waking = True
                try:
                    self._loop.call_soon_threadsafe(self._deliver)
                except RuntimeError:  # the loop has ended
                    return

    def _deliver(self) -> None:
        # First the flag: what is done from here on asks for another wake.
        self._waking = False
        while self._done:
            future, result, error = self._done.popleft()
            if future.done():
                continue
            if error is None:
                future.set_result(result)
            else:
                future.set_exception(error)


class Together:
    """Short pushes on the event loop: those whose audio came in one of its rounds share one pass over the weights.

    The busier the loop, the more came while it was busy, and the less each one costs.

    Parameters
    ----------
    pool : of the sessions' weights.
    """

    def __init__(self, pool: Pool) -> None:
        self.seconds = 0.0
        """Time that the passes took, s."""
        self._loop = asyncio.get_running_loop()
        self._pool = pool
        self._waiting: dict[Session, tuple[Audio, asyncio.Future[list[Frame]]]] = {}

    def push(self, session: Session, audio: Audio) -> "asyncio.Future[list[Frame]]":
        """`Session.push`, before the loop reads again. Whoever cancels the future before spares the call."""
        future: asyncio.Future[list[Frame]] = self._loop.create_future()
        if not self._waiting:
            self._loop.call_soon(self._step)
        self._waiting[session] = audio, future
        return future

    def _step(self) -> None:
        now = {s: self._waiting.pop(s) for s in list(self._waiting)[:TOGETHER]}
        if self._waiting:  # what has come meanwhile is read first
            self._loop.call_soon(self._step)
        futures = {s: future for s, (_, future) in now.items() if not future.done()}
        start = time.perf_counter()
        try:
            given = self._pool.push({s: now[s][0] for s in futures})
        except Exception as problem:
            for future in futures.values():
                future.set_exception(problem)
        else:
            for s, frames in given.items():
                if isinstance(frames, Exception):
                    futures[s].set_exception(frames)
                else:
                    futures[s].set_result(frames)
        self.seconds += time.perf_counter() - start
