"""`fmg-rt serve`: faces for other programs, over gRPC and WebSocket."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .. import spec
from ..distribution import install
from ..errors import FmgError
from .expression_options import build_settings, expression_options

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


@click.command()
@click.option(
    "--grpc",
    "grpc_address",
    type=_Address(),
    default="127.0.0.1:52000",
    show_default=True,
    metavar="HOST:PORT|off",
    help="Where Audio2Face-3D's gRPC interface listens.",
)
@click.option(
    "--http",
    "http_address",
    type=_Address(),
    default="127.0.0.1:8080",
    show_default=True,
    metavar="HOST:PORT|off",
    help="Where HTTP and WebSocket listen.",
)
@click.option(
    "--max-streams",
    type=click.IntRange(min=1),
    default=100,
    show_default=True,
    metavar="N",
    help="Concurrent streams; further ones are refused.",
)
@click.option(
    "--max-seconds", type=click.FloatRange(min=1), default=3600, show_default=True, metavar="S", help="Audio of one stream."
)
@click.option(
    "--idle-seconds",
    type=click.FloatRange(min=0.1),
    default=60,
    show_default=True,
    metavar="S",
    help="End a stream after this long without traffic.",
)
@click.option(
    "--max-message",
    type=click.IntRange(min=1024),
    default=4 << 20,
    show_default=True,
    metavar="BYTES",
    help="Size of one message.",
)
@click.option(
    "--max-upload",
    type=click.IntRange(min=1024),
    default=64 << 20,
    show_default=True,
    metavar="BYTES",
    help="Size of a sound file sent to /v1/bake.",
)
@click.option(
    "--token",
    envvar="FMG_TOKEN",
    metavar="TEXT",
    help="Bearer token that clients must send; better set in the environment as FMG_TOKEN.",
)
@click.option("--no-token", is_flag=True, help="Serve other machines without a token.")
@click.option(
    "--origin",
    multiple=True,
    metavar="URL",
    help="A site whose pages may use this server, such as https://example.org, or *; repeatable.",
)
@click.option("--tls-cert", type=click.Path(path_type=Path), metavar="FILE", help="Certificate, PEM; with --tls-key.")
@click.option("--tls-key", type=click.Path(path_type=Path), metavar="FILE", help="Its key, PEM.")
@click.option(
    "--tls-client-ca",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="gRPC only for clients whose certificate this authority signed (mTLS).",
)
@click.option(
    "--workers", type=click.IntRange(1, 64), default=1, show_default=True, metavar="N", help="Processes on the same ports."
)
@click.option(
    "--threads",
    type=click.IntRange(1, 64),
    metavar="N",
    help="Threads of each process that compute. [default: one for each processor, shared by the workers]",
)
@click.option(
    "--drain-seconds",
    type=click.FloatRange(min=0),
    default=10,
    show_default=True,
    metavar="S",
    help="Time for running streams to end when the server is told to stop.",
)
@click.option("--weights", type=click.Path(path_type=Path), metavar="FILE", help="Weight file. [default: the packaged one]")
@click.option(
    "--lookahead", type=click.FloatRange(0, 1000), metavar="MS", help="Audio to look ahead, ms. [default: the weights']"
)
@click.option(
    "--egemaps/--no-egemaps",
    default=True,
    show_default=True,
    help="Brows and mood follow the voice; a stream without them costs a fraction.",
)
@expression_options
@click.pass_context
def serve(context: click.Context, **params: Any) -> None:
    """Faces for other programs: Audio2Face-3D's gRPC interface, a WebSocket, HTTP, and a page to try it.

    Audio comes in, faces go out, for many clients at once. It listens on this machine alone unless told otherwise.

    \b
    Examples:
      fmg-rt serve                                       then open http://127.0.0.1:8080
      fmg-rt serve --http off --max-streams 20           gRPC only
      FMG_TOKEN=secret fmg-rt serve --grpc :52000 --http :8080 --workers 4
      fmg-rt serve --tls-cert cert.pem --tls-key key.pem
    """
    _check(params)
    try:
        import aiohttp  # noqa: F401
        import google.protobuf  # noqa: F401
        import grpc  # noqa: F401
    except ModuleNotFoundError as error:
        raise click.ClickException(f"{error.name} is missing: {install('serve')}") from None
    try:
        _run(context, _options(params), params["workers"])
    except FmgError as error:
        raise click.ClickException(str(error)) from None


def _check(params: dict[str, Any]) -> None:
    """Raise `click.UsageError` for options that do not go together."""
    from ..serve.limits import is_loopback

    if params["merge"] is not None:
        raise click.UsageError("--merge is for one face; a server has many")
    if (params["tls_cert"] is None) != (params["tls_key"] is None):
        raise click.UsageError("--tls-cert and --tls-key go together")
    if params["tls_client_ca"] is not None and params["tls_cert"] is None:
        raise click.UsageError("--tls-client-ca needs --tls-cert and --tls-key")
    addresses = [each for each in (params["grpc_address"], params["http_address"]) if each is not None]
    if not addresses:
        raise click.UsageError("--grpc off and --http off leave nothing to serve")
    if not (params["token"] or params["no_token"] or all(is_loopback(host) for host, _ in addresses)):
        raise click.UsageError("other machines could come in: give --token (or FMG_TOKEN), or --no-token if that is meant")


def _options(params: dict[str, Any]) -> "Options":
    from ..serve.limits import Limits
    from ..serve.server import Address, Options

    ways = {
        name: None if params[f"{name}_address"] is None else Address(params[f"{name}_address"]) for name in ("grpc", "http")
    }
    threads = params["threads"] or max(1, (os.cpu_count() or 1) // params["workers"])
    ms = params["lookahead"]
    return Options(
        **ways,
        weights=params["weights"],
        lookahead=None if ms is None else round(ms * spec.SAMPLE_RATE / 1000),
        egemaps=params["egemaps"],
        settings=build_settings(params),
        token=params["token"] or None,
        origins=params["origin"],
        limits=Limits(
            params["max_streams"], params["max_seconds"], params["idle_seconds"], params["max_message"], params["max_upload"]
        ),
        certificate=params["tls_cert"],
        key=params["tls_key"],
        client_ca=params["tls_client_ca"],
        threads=threads,
        drain_seconds=params["drain_seconds"],
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
