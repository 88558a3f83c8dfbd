"""Threads that compute for an event loop."""

import asyncio
import queue
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any, NamedTuple


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

    def run_here(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Call it on the loop, and count its time."""
        start = time.perf_counter()
        try:
            return function(*arguments)
        finally:
            self.seconds += time.perf_counter() - start

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
