"""`fmg-rt serve`: faces for other programs, over gRPC and WebSocket."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..distribution import install
from ..errors import FmgError
from .expression_options import ExpressionOptions, build_settings
from .options import grouped, option
from .stream_options import lookahead_samples

if TYPE_CHECKING:  # compiled code and the network libraries, which `--help` does not need
    from ..serve.server import Address, Options


class _Address(click.ParamType):
    """``HOST:PORT``, ``:PORT`` for every address of this machine, or ``off``."""

    name = "address"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, int] | None:
        if value == "off" or not isinstance(value, str):
            return None if value == "off" else value
        host, colon, port = value.rpartition(":")
        if not colon or not port.isdecimal() or int(port) > 65_535:
            self.fail(f"'{value}' is not HOST:PORT, such as 127.0.0.1:8080, nor off", param, ctx)
        return host.strip("[]") or "0.0.0.0", int(port)


@dataclass(frozen=True)
class ServeOptions:
    """Where a server listens, whom it lets in, what it allows, and what it computes with."""

    grpc_address: tuple[str, int] | None = option(
        "--grpc",
        "grpc_address",
        type=_Address(),
        default="127.0.0.1:52000",
        show_default=True,
        metavar="HOST:PORT|off",
        help="Where Audio2Face-3D's gRPC interface listens.",
    )
    http_address: tuple[str, int] | None = option(
        "--http",
        "http_address",
        type=_Address(),
        default="127.0.0.1:8080",
        show_default=True,
        metavar="HOST:PORT|off",
        help="Where HTTP and WebSocket listen.",
    )
    max_streams: int = option(
        "--max-streams",
        type=click.IntRange(min=1),
        default=100,
        show_default=True,
        metavar="N",
        help="Concurrent streams; further ones are refused.",
    )
    max_seconds: float = option(
        "--max-seconds", type=click.FloatRange(min=1), default=3600, show_default=True, metavar="S", help="Audio of one stream."
    )
    idle_seconds: float = option(
        "--idle-seconds",
        type=click.FloatRange(min=0.1),
        default=60,
        show_default=True,
        metavar="S",
        help="End a stream after this long without traffic.",
    )
    max_message: int = option(
        "--max-message",
        type=click.IntRange(min=1024),
        default=4 << 20,
        show_default=True,
        metavar="BYTES",
        help="Size of one message.",
    )
    max_upload: int = option(
        "--max-upload",
        type=click.IntRange(min=1024),
        default=64 << 20,
        show_default=True,
        metavar="BYTES",
        help="Size of a sound file sent to /v1/bake.",
    )
    token: str | None = option(
        "--token",
        envvar="FMG_TOKEN",
        metavar="TEXT",
        help="Bearer token that clients must send; better set in the environment as FMG_TOKEN.",
    )
    no_token: bool = option("--no-token", is_flag=True, help="Serve other machines without a token.")
    origin: tuple[str, ...] = option(
        "--origin",
        multiple=True,
        metavar="URL",
        help="A site whose pages may use this server, such as https://example.org, or *; repeatable.",
    )
    tls_cert: Path | None = option(
        "--tls-cert", type=click.Path(path_type=Path), metavar="FILE", help="Certificate, PEM; with --tls-key."
    )
    tls_key: Path | None = option("--tls-key", type=click.Path(path_type=Path), metavar="FILE", help="Its key, PEM.")
    tls_client_ca: Path | None = option(
        "--tls-client-ca",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="gRPC only for clients whose certificate this authority signed (mTLS).",
    )
    workers: int = option(
        "--workers", type=click.IntRange(1, 64), default=1, show_default=True, metavar="N", help="Processes on the same ports."
    )
    threads: int | None = option(
        "--threads",
        type=click.IntRange(1, 64),
        metavar="N",
        help="Threads of each process that compute. [default: one for each processor, shared by the workers]",
    )
    drain_seconds: float = option(
        "--drain-seconds",
        type=click.FloatRange(min=0),
        default=10,
        show_default=True,
        metavar="S",
        help="Time for running streams to end when the server is told to stop.",
    )
    weights: Path | None = option(
        "--weights", type=click.Path(path_type=Path), metavar="FILE", help="Weight file. [default: the packaged one]"
    )
    lookahead: float | None = option(
        "--lookahead", type=click.FloatRange(0, 1000), metavar="MS", help="Audio to look ahead, ms. [default: the weights']"
    )
    egemaps: bool = option(
        "--egemaps/--no-egemaps",
        default=True,
        show_default=True,
        help="Brows and mood follow the voice; a stream without them costs a fraction.",
    )


@click.command()
@click.pass_context
@grouped
def serve(context: click.Context, options: ServeOptions, expression: ExpressionOptions) -> None:
    """Faces for other programs: Audio2Face-3D's gRPC interface, a WebSocket, HTTP, and a page to try it.

    Audio comes in, faces go out, for many clients at once. It listens on this machine alone unless told otherwise.

    \b
    Examples:
      fmg-rt serve                                       then open http://127.0.0.1:8080
      fmg-rt serve --http off --max-streams 20           gRPC only
      FMG_TOKEN=secret fmg-rt serve --grpc :52000 --http :8080 --workers 4
      fmg-rt serve --tls-cert cert.pem --tls-key key.pem
    """
    _check(options, expression)
    try:
        import aiohttp  # noqa: F401
        import google.protobuf  # noqa: F401
        import grpc  # noqa: F401
    except ModuleNotFoundError as error:
        raise click.ClickException(f"{error.name} is missing: {install('serve')}") from None
    try:
        _run(context, _server_options(options, expression), options.workers)
    except FmgError as error:
        raise click.ClickException(str(error)) from None


def _check(options: ServeOptions, expression: ExpressionOptions) -> None:
    """Raise `click.UsageError` for options that do not go together."""
    from ..serve.limits import is_loopback

    if expression.merge is not None:
        raise click.UsageError("--merge is for one face; a server has many")
    if (options.tls_cert is None) != (options.tls_key is None):
        raise click.UsageError("--tls-cert and --tls-key go together")
    if options.tls_client_ca is not None and options.tls_cert is None:
        raise click.UsageError("--tls-client-ca needs --tls-cert and --tls-key")
    addresses = [each for each in (options.grpc_address, options.http_address) if each is not None]
    if not addresses:
        raise click.UsageError("--grpc off and --http off leave nothing to serve")
    if not (options.token or options.no_token or all(is_loopback(host) for host, _ in addresses)):
        raise click.UsageError("other machines could connect: give --token (or FMG_TOKEN), or --no-token to allow it")


def _server_options(options: ServeOptions, expression: ExpressionOptions) -> "Options":
    from ..serve.limits import Limits
    from ..serve.server import Address, Options

    return Options(
        grpc=None if options.grpc_address is None else Address(options.grpc_address),
        http=None if options.http_address is None else Address(options.http_address),
        weights=options.weights,
        lookahead=lookahead_samples(options.lookahead),
        egemaps=options.egemaps,
        settings=build_settings(expression),
        token=options.token or None,
        origins=options.origin,
        limits=Limits(
            max_streams=options.max_streams,
            max_seconds=options.max_seconds,
            idle_seconds=options.idle_seconds,
            max_message=options.max_message,
            max_upload=options.max_upload,
        ),
        certificate=options.tls_cert,
        key=options.tls_key,
        client_ca=options.tls_client_ca,
        threads=options.threads or max(1, (os.cpu_count() or 1) // options.workers),
        drain_seconds=options.drain_seconds,
    )


def _run(context: click.Context, options: "Options", workers: int) -> None:
    import asyncio

    from ..serve.server import run
    from ..serve.workers import run_workers

    def announce(grpc: "Address | None", http: "Address | None") -> None:
        secure = "s" if options.certificate is not None else ""
        if grpc is not None:
            click.echo(f"gRPC (Audio2Face-3D): {grpc}{' with TLS' if secure else ''}")
        if http is not None:
            click.echo(f"WebSocket: ws{secure}://{http}/v1/stream\npage: http{secure}://{http}/")

    context.obj.begun = True
    if workers == 1:
        asyncio.run(run(options, lambda server: announce(server.grpc, server.http)))
    else:
        run_workers(options, workers, announce, lambda line: click.echo(f"fmg-rt serve: {line}", err=True))
