"""Several processes of one server at the same addresses, and the one that watches over them."""

import asyncio
import contextlib
import dataclasses
import multiprocessing
import signal
import socket
import threading
from collections.abc import Callable
from multiprocessing import connection, process
from typing import Any

import numpy as np

from ..errors import FmgError
from .metrics import N_SLOTS, Metrics
from .server import Address, Options, ServeError, Server, run, share

_GRACE = 5.0
"""Seconds beyond its own that a process gets to leave."""


def run_workers(
    options: Options, count: int, ready: Callable[[Address | None, Address | None], None], report: Callable[[str], None]
) -> None:
    """Serve in `count` processes until SIGTERM or Ctrl-C. A process that dies is replaced; its streams are lost.

    The system spreads new connections over them; they share the limit of streams and the metrics.

    Raises
    ------
    ServeError
        This system cannot share a port, an address is taken, or no process comes up.
    """
    if not hasattr(socket, "SO_REUSEPORT"):
        raise ServeError("this system cannot share a port between processes: use --workers 1")
    with contextlib.ExitStack() as stack:
        # Bound and never listening: they keep the ports, and a second server cannot join by accident.
        found: dict[str, Any] = {}
        for name in ("grpc", "http"):
            address = getattr(options, name)
            if address is not None:
                held = stack.enter_context(contextlib.closing(share(address, first=True)))
                found[name] = Address((address[0], held.getsockname()[1]))
        _Crew(dataclasses.replace(options, **found), count, report).run(lambda: ready(found.get("grpc"), found.get("http")))


class _Crew:
    """The processes."""

    def __init__(self, options: Options, count: int, report: Callable[[str], None]) -> None:
        self._options, self._report = options, report
        self._spawn = multiprocessing.get_context("spawn")
        self._table = self._spawn.RawArray("d", count * N_SLOTS)
        self._told = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self._told.set())
        started = [self._start(row) for row in range(count)]
        self._processes = [worker for worker, _ in started]
        for _, pipe in started:
            self._hear(pipe)

    def _start(self, row: int) -> tuple[process.BaseProcess, connection.Connection]:
        """A new process, and where it will say that it is up."""
        mine, theirs = self._spawn.Pipe(duplex=False)
        worker = self._spawn.Process(target=_work, args=(self._options, self._table, row, theirs), name=f"fmg-serve-{row}")
        worker.start()
        theirs.close()
        return worker, mine

    def _hear(self, pipe: connection.Connection) -> None:
        """Wait until a process is up; `ServeError` with the reason if it cannot, and then none is left."""
        try:
            word = str(pipe.recv())
        except EOFError:
            word = "" if self._told.is_set() else "a process of the server died while it started"
        finally:
            pipe.close()
        if word:
            for each in self._processes:
                each.terminate()
            raise ServeError(word)

    def run(self, ready: Callable[[], None]) -> None:
        """Watch until told to leave; then let all leave together."""
        ready()
        while not self._told.wait(0.2):
            for row, worker in enumerate(self._processes):
                if not worker.is_alive():
                    self._report(f"process {worker.pid} of the server died ({worker.exitcode}); starting another one")
                    self._processes[row], pipe = self._start(row)
                    self._hear(pipe)
        for worker in self._processes:
            worker.terminate()
        for worker in self._processes:
            worker.join(self._options.drain_seconds + _GRACE)
            if worker.is_alive():
                worker.kill()
                worker.join()


def _work(options: Options, table: Any, row: int, pipe: connection.Connection) -> None:
    shared = np.frombuffer(table, np.float64).reshape(-1, N_SLOTS)
    # Ctrl-C reaches every process of a console; the first one tells the others.
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def ready(_server: Server) -> None:
        pipe.send("")
        pipe.close()

    try:
        asyncio.run(run(options, ready, metrics=Metrics(shared, row), reuse_port=True, interrupt=False))
    except FmgError as error:
        pipe.send(str(error))
