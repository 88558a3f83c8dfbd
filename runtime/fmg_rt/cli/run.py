"""The main command: options to source, stream and sinks, and the run of them."""

import contextlib
import gc
import hashlib
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .. import distribution, spec
from ..app import config
from ..sources import Source, SourceError
from ..sources.blocks import Paced
from ..sources.mono import CHANNELS
from .expression_options import expression_options
from .options import Number
from .preview_options import build_preview, offer_receivers, preview_options
from .sink_options import Address, build_sinks, sink_options
from .stream_options import session_builder, stream_options

if TYPE_CHECKING:  # compiled code and the preview are imported when the input is known to be good
    from ..preview import Preview
    from ..sinks import Sink

_DEFAULT_OSC = "127.0.0.1:9000"
NOT_IN_FILES = ("config", "version", "list_devices", "help")
"""Options that a settings file cannot hold."""
_SLOW_START = 1.5
"""Seconds after which a person is told why the start takes long."""
_SLOW_START_WHY = "fmg-rt: starting. The first start on a machine compiles the program once; later starts take about a second"


def _configure(context: click.Context, _param: click.Parameter, path: Path | None) -> Path | None:
    """Let the settings of a YAML file stand in for options that are not given."""
    if path is None:
        return None
    options = {
        opt.removeprefix("--"): param
        for param in context.command.params
        if isinstance(param, click.Option)
        for opt in param.opts[:1]
        if opt.startswith("--")
    }
    for name in NOT_IN_FILES:
        options.pop(name.replace("_", "-"), None)
    try:
        settings = config.read(path, options)
    except config.ConfigError as error:
        raise click.ClickException(str(error)) from None
    context.default_map = {}
    for name, value in settings.items():
        param = options[name]
        if param.multiple and not isinstance(value, list):
            value = [value]
        elif value is True and not param.is_flag and isinstance(param.flag_value, str | int):
            value = param.flag_value  # `vrchat: true` is `--vrchat`
        context.default_map[param.name] = value
    return path


def _print_version(path: Path | None) -> None:
    from ..weights import packaged

    weights = path or packaged()
    try:
        digest = hashlib.sha256(weights.read_bytes()).hexdigest()
    except OSError as error:
        raise click.ClickException(f"{weights}: cannot read the weight file ({error.strerror or error})") from None
    click.echo(f"fmg-rt {distribution.__version__}\nweights {weights.name} sha256 {digest}")


def _print_devices() -> None:
    from ..sources.devices import describe, inputs, portaudio

    click.echo(describe(inputs(portaudio())) or "There is no microphone.")


def _open_source(params: dict[str, Any], again: Callable[[], bool]) -> Source:
    wanted = params["input"]
    if wanted == "mic":
        if params["fast"]:
            raise click.UsageError("--fast is for files and pipes; a microphone cannot be read faster than it hears")
        from ..sources.microphone import Microphone

        return Microphone(params["device"])
    from ..sources.file import DEMO, is_pipe, open_file

    if wanted == "-" or is_pipe(wanted):
        from ..sources.pipe import LivePipe, Pipe

        pipe = Pipe(wanted, params["input_rate"], params["channel"])
        return pipe if params["fast"] else LivePipe(pipe, params["live"])
    # Who looks at the preview has not seen enough after fourteen seconds, and who has not come yet has seen nothing.
    repeats = wanted == DEMO and not params["fast"]
    source = open_file(wanted, again if repeats else lambda: False, params["channel"])
    if params["fast"]:
        return source
    return Paced(source)


@click.command()
@click.option(
    "--input",
    default="mic",
    show_default=True,
    metavar="mic|demo|FILE|-",
    help="Microphone, the packaged clip (repeated until a preview page has opened and closed), a sound file, or "
    "standard input: a WAV, or raw s16le mono.",
)
@click.option("--device", metavar="NAME|INDEX", help="Microphone: a part of its name, or its index.")
@click.option("--list-devices", is_flag=True, help="List the microphones and exit.")
@click.option(
    "--input-rate",
    type=Number(1000, 768000),
    default=spec.SAMPLE_RATE,
    show_default=True,
    metavar="HZ",
    help="Sample rate of raw standard input.",
)
@click.option(
    "--channel", type=click.Choice(CHANNELS), default="mix", show_default=True, help="Channel of a file or WAV to use."
)
@click.option(
    "--live/--paced",
    default=None,
    help="Pipes: live catches up with what is late; paced plays everything in real time. [default: by how the data arrives]",
)
@click.option("--fast", is_flag=True, help="Files and pipes: as fast as the machine can, not in real time.")
@stream_options
@sink_options
@preview_options
@expression_options
@click.option(
    "--config",
    type=click.Path(path_type=Path),
    is_eager=True,
    callback=_configure,
    metavar="FILE",
    help="YAML file of these options, such as 'rate: 60'; options on the command line win.",
)
@click.option("--version", is_flag=True, help="Show the version and the weights' SHA-256, and exit.")
@click.pass_context
def run(context: click.Context, **params: Any) -> None:
    """See `cli.main`, which takes over these options and this function."""
    if context.invoked_subcommand is not None:
        return
    try:
        if params["version"]:
            _print_version(params["weights"])
        elif params["list_devices"]:
            _print_devices()
        else:
            context.exit(_run(context, params))
    except SourceError as error:
        raise click.ClickException(str(error)) from None


def _run(context: click.Context, params: dict[str, Any]) -> int:
    """Build everything, run it, return the exit code."""
    slow = threading.Timer(_SLOW_START, click.echo, [_SLOW_START_WHY], {"err": True})
    slow.daemon = True
    slow.start()
    pages: list[Preview] = []
    try:
        with contextlib.closing(_open_source(params, lambda: any(not page.left for page in pages))) as source:
            return _send_face(context, source, params, slow, pages)
    finally:
        slow.cancel()


def _send_face(
    context: click.Context, source: Source, params: dict[str, Any], slow: threading.Timer, pages: "list[Preview]"
) -> int:
    # Numba costs most of the start: only now, when the input is known to be good.
    from ..app.startup import fine_waits, remarks_to, without_scipy

    with without_scipy():
        from ..app.loop import run as loop
        from ..app.status import Status
        from ..sinks import Sinks

    session = session_builder(params)(True if params["fast"] else "later")
    if params["input"] != "mic":  # recorded audio waits, a microphone's first word does not
        session.wait()
    preview = build_preview(params, session, source)
    pages += [preview] if preview else []
    # The sinks come last: from here on nothing but the loop can fail, and it finishes what they have begun to write.
    stop = context.obj
    stop.begun = stop.deferred = True
    outputs: list[Sink] = build_sinks(params, session.rate) + ([preview] if preview else [])
    if not outputs:
        outputs = build_sinks(params | {"osc": [Address().convert(_DEFAULT_OSC, None, context)]}, session.rate)
    sinks = Sinks(outputs, report=lambda line: status.report(line))
    status = Status(source, session.latency, failing=lambda: sinks.failing, listeners=[preview.status] if preview else [])
    if preview:
        offer_receivers(context, params, preview, sinks, session.rate)
    slow.cancel()
    status.report(f"{source.name} to {', '.join(sink.name for sink in sinks)} at {params['rate']:g} frames/s")
    # A full collection would stop the face for tens of ms to look at what the start left behind: it stays anyway.
    gc.freeze()
    try:
        with fine_waits(), remarks_to(status.report):
            # A file has no pauses of its own: whatever keeps it waiting is not silence.
            live = not (params["fast"] or isinstance(source, Paced))
            loop(
                source,
                session,
                sinks,
                status,
                live=live,
                even=not params["fast"],
                stop=stop,
                hear=preview.hear if preview else None,
            )
    finally:
        gc.unfreeze()
        status.close()
    return stop.exit_code or (1 if sinks.lost else 0)
