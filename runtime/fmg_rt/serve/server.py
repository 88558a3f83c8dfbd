"""One process of a server: both ways in on one event loop, until it is told to leave."""

import asyncio
import contextlib
import functools
import gc
import os
import signal
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import grpc
from aiohttp import web

from .. import weights as weight_files
from ..errors import FmgError
from ..expression import ExpressionSettings
from ..pool import Pool
from .grpc import credentials, make_server
from .http import Site
from .limits import Limits
from .metrics import Metrics
from .streams import Streams


class ServeError(FmgError):
    """The server cannot start; the message is one line that says why."""


class Address(tuple[str, int]):
    """Host and port; written ``HOST:PORT``, or ``[HOST]:PORT`` for IPv6."""

    __slots__ = ()

    def __str__(self) -> str:
        host, port = self
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


@dataclass(frozen=True)
class Options:
    """All that a server can be told.

    Attributes
    ----------
    grpc, http : where to listen, or None for not at all.
    weights : a weight file, or None for the packaged one.
    lookahead : samples at 16 kHz, or None for the weights' own.
    egemaps : whether brows and mood follow eGeMAPS; without them a face costs a fifth.
    settings : of a stream whose client asks for nothing else.
    limits, token, origins : see `Limits`, `check_token`, `Site`.
    certificate, key, client_ca : PEM files for TLS; the last one lets only clients that it signed into gRPC.
    threads : that compute, in each process; None: one for each processor that this process may use.
    drain_seconds : for the streams that run when the server is told to leave.
    """

    grpc: Address | None = Address(("127.0.0.1", 52_000))
    http: Address | None = Address(("127.0.0.1", 8_080))
    weights: Path | None = None
    lookahead: int | None = None
    egemaps: bool = True
    settings: ExpressionSettings = field(default_factory=ExpressionSettings)
    limits: Limits = field(default_factory=Limits)
    token: str | None = None
    origins: tuple[str, ...] = ()
    certificate: Path | None = None
    key: Path | None = None
    client_ca: Path | None = None
    threads: int | None = None
    drain_seconds: float = 10.0


def hold(address: Address) -> socket.socket:
    """A bound socket for an address of which nobody else listens.

    Raises
    ------
    ServeError
        The address is taken, or is not this machine's.
    """
    return _bind(address, shared=False)


def share(address: Address, *, first: bool) -> socket.socket:
    """A bound socket for an address where other processes of this server listen too.

    first : nobody may listen there yet: whoever shares a port would not notice another server.

    Raises
    ------
    ServeError
        As `hold`.
    """
    if first:
        with _bind(address, shared=False) as probe:
            address = Address((address[0], probe.getsockname()[1]))
    return _bind(address, shared=True)


def _bind(address: Address, *, shared: bool) -> socket.socket:
    host, port = address
    try:
        family, *_, where = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        bound = socket.socket(family, socket.SOCK_STREAM)
        if os.name == "posix":  # a port whose last connections are just ending is free; Windows means something else by it
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shared:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        bound.bind(where)
    except OSError as error:
        raise ServeError(f"cannot listen at {address}: {error.strerror or error}; choose another port") from None
    return bound


class Server:
    """A server on the running event loop.

    >>> server = Server(Options())
    >>> await server.start()
    >>> await server.leave()

    Parameters
    ----------
    options : what it is told.
    metrics : this process's share of the server's; None makes some for a single process.
    """

    def __init__(self, options: Options, metrics: Metrics | None = None) -> None:
        self.options = options
        self.grpc: Address | None = None
        """Where gRPC listens, its port known."""
        self.http: Address | None = None
        """Where HTTP listens, its port known."""
        self._metrics = Metrics() if metrics is None else metrics
        self._runner: web.AppRunner | None = None
        self._rpc: grpc.aio.Server | None = None

    async def start(self, extend: Callable[[web.Application], None] | None = None, *, reuse_port: bool = False) -> None:
        """Load the weights, compile what is not compiled, listen.

        extend : adds a program's own routes to the HTTP side.
        reuse_port : other processes listen at the same addresses.

        Raises
        ------
        ServeError
            An address is taken, or a certificate is no certificate.
        WeightsError, SessionError
            There is no such face.
        """
        options = self.options
        weights = weight_files.read(weight_files.packaged() if options.weights is None else options.weights)
        pool = Pool(weights, threads=1)
        build = functools.partial(pool.session, lookahead=options.lookahead, egemaps=options.egemaps)
        build(settings=options.settings)  # the first session compiles: nobody shall wait for that
        threads = options.threads or _processors()
        self.streams = Streams(pool, build, options.settings, options.limits, self._metrics, threads)
        try:
            if options.http is not None:
                await self._start_http(options.http, extend, reuse_port)
            if options.grpc is not None:
                await self._start_grpc(options.grpc, reuse_port)
        except BaseException:
            await self._stop()
            raise
        gc.freeze()  # what the start left behind stays: no collection need look at it

    async def leave(self, seconds: float | None = None) -> None:
        """Take no new streams, let the running ones end within that time (None: as the options say), and stop."""
        await self.streams.leave(self.options.drain_seconds if seconds is None else seconds)
        await self._stop()

    async def _stop(self) -> None:
        if self._rpc is not None:
            await self._rpc.stop(0.5)
        if self._runner is not None:
            await self._runner.cleanup()
        self.streams.close()

    async def _start_http(self, address: Address, extend: Callable[[web.Application], None] | None, reuse_port: bool) -> None:
        options = self.options
        app = Site(self.streams, options.token, options.origins).application(extend)
        context = None
        if options.certificate is not None:
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            try:
                context.load_cert_chain(options.certificate, options.key)
            except (OSError, ssl.SSLError) as error:
                raise ServeError(f"{options.certificate}: not a certificate with its key ({error.strerror or error})") from None
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0, handler_cancellation=True)
        await self._runner.setup()
        listener = share(address, first=False) if reuse_port else hold(address)
        self.http = Address((address[0], listener.getsockname()[1]))
        await web.SockSite(self._runner, listener, ssl_context=context, backlog=1024).start()

    async def _start_grpc(self, address: Address, reuse_port: bool) -> None:
        options = self.options
        server = self._rpc = make_server(self.streams, options.token, reuse_port=reuse_port)
        if not reuse_port:
            address = _find_port(address)
        try:
            if options.certificate is not None and options.key is not None:
                secret = credentials(options.certificate, options.key, options.client_ca)
                server.add_secure_port(str(address), secret)
            else:
                server.add_insecure_port(str(address))
        except OSError as error:
            raise ServeError(f"cannot read a certificate: {error}") from None
        except RuntimeError:
            raise ServeError(f"cannot listen at {address}; choose another port") from None
        self.grpc = address
        await server.start()


def _find_port(address: Address) -> Address:
    """The address with a port that is free, for gRPC binds by itself."""
    with contextlib.closing(hold(address)) as held:
        return Address((address[0], held.getsockname()[1]))


def _processors() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


async def run(
    options: Options,
    ready: Callable[[Server], None],
    *,
    metrics: Metrics | None = None,
    reuse_port: bool = False,
    interrupt: bool = True,
    extend: Callable[[web.Application], None] | None = None,
) -> None:
    """Serve until SIGTERM or (with `interrupt`) Ctrl-C, then leave in good order; a second signal leaves at once."""
    loop = asyncio.get_running_loop()
    told = asyncio.Event()
    hurry = asyncio.Event()

    def stop() -> None:
        (hurry if told.is_set() else told).set()

    for number in (signal.SIGTERM, signal.SIGINT)[: 1 + interrupt]:
        try:
            loop.add_signal_handler(number, stop)
        except NotImplementedError:  # Windows
            signal.signal(number, lambda *_: loop.call_soon_threadsafe(stop))
    server = Server(options, metrics)
    await server.start(extend, reuse_port=reuse_port)
    ready(server)
    await told.wait()
    leaving = asyncio.ensure_future(server.leave())
    await asyncio.wait([leaving, asyncio.ensure_future(hurry.wait())], return_when=asyncio.FIRST_COMPLETED)
    if not leaving.done():
        leaving.cancel()
        await server.leave(0.0)
