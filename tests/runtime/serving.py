"""A server in a thread of the test, and what a test wants to know of it."""

import asyncio
import contextlib
import threading
import time

from fmg_rt.serve.limits import Limits
from fmg_rt.serve.server import Address, Options, Server

LOCAL = Address(("127.0.0.1", 0))


class Running:
    """`Server` on an event loop of its own thread."""

    def __init__(self, options, extend=None):
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self.server = Server(options)
        self.call(self.server.start(extend))
        self.grpc, self.http = str(self.server.grpc), str(self.server.http)

    def call(self, coroutine, timeout=60.0):
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(timeout)

    @property
    def streams(self):
        return self.server.streams.metrics.streams

    def total(self, name):
        return self.server.streams.metrics.total(name)

    def settle(self, timeout=10.0):
        """Wait until no stream is open."""
        end = time.monotonic() + timeout
        while self.streams:
            assert time.monotonic() < end, f"{self.streams} streams are still open"
            time.sleep(0.01)

    def close(self):
        self.call(self.server.leave(0.5))
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10.0)


@contextlib.contextmanager
def serving(extend=None, limits=None, **options):
    """A running server on free ports of 127.0.0.1."""
    running = Running(Options(grpc=LOCAL, http=LOCAL, limits=Limits(**(limits or {})), **options), extend)
    try:
        yield running
    finally:
        running.close()
