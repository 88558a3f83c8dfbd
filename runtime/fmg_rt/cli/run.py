"""The main command: options to source, stream and sinks, and the run of them."""

import contextlib
import gc
import hashlib
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

from .. import distribution, spec
from ..app import config
from ..arkit import ARKIT_NAMES
from ..sources import Source, SourceError
from ..sources.blocks import Paced
from ..sources.mono import CHANNELS
from .expression_options import ExpressionOptions
from .options import ListenAddress, Number, grouped, option
from .preview_options import PreviewOptions, build_preview, offer_receivers
from .sink_options import ReceiverOptions, RecordOptions, build_recorder, build_sinks
from .stream_options import StreamOptions, session_builder

if TYPE_CHECKING:  # compiled code and the preview are imported after the input was opened
    from ..app.emotion_in import EmotionIn
    from ..preview import Preview
    from ..session import Session
    from ..sinks import Sink

_DEFAULT_OSC = ("127.0.0.1", 9000)
NOT_IN_FILES = ("config", "version", "list_devices", "help")
"""Options that a settings file cannot hold."""
_SLOW_START = 1.5
"""Seconds after which the user is told why the start takes long."""
_SLOW_START_WHY = "fmg-rt: starting. The first start on a machine compiles the program once; later starts take about a second"


def _configure(context: click.Context, _param: click.Parameter, path: Path | None) -> Path | None:
    """Use the settings of a YAML file as defaults for options that are not given."""
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


@dataclass(frozen=True)
class InputOptions:
    """Options of where the voice comes from."""

    input: str = option(
        "--input",
        default="mic",
        show_default=True,
        metavar="mic|demo|FILE|-",
        help="Microphone, the packaged clip (repeated until a preview page has opened and closed), a sound file, or "
        "standard input: a WAV, or raw s16le mono.",
    )
    device: str | None = option("--device", metavar="NAME|INDEX", help="Microphone: a part of its name, or its index.")
    list_devices: bool = option("--list-devices", is_flag=True, help="List the microphones and exit.")
    input_rate: float = option(
        "--input-rate",
        type=Number(1000, 768000),
        default=spec.SAMPLE_RATE,
        show_default=True,
        metavar="HZ",
        help="Sample rate of raw standard input.",
    )
    channel: str = option(
        "--channel", type=click.Choice(CHANNELS), default="mix", show_default=True, help="Channel of a file or WAV to use."
    )
    live: bool | None = option(
        "--live/--paced",
        default=None,
        help="Pipes: live catches up with what is late; paced plays everything in real time. "
        "[default: by how the data arrives]",
    )
    fast: bool = option("--fast", is_flag=True, help="Files and pipes: as fast as the machine can, not in real time.")


@dataclass(frozen=True)
class ProgramOptions:
    """Options of the program itself."""

    config: Path | None = option(
        "--config",
        type=click.Path(path_type=Path),
        is_eager=True,
        callback=_configure,
        metavar="FILE",
        help="YAML file of these options, such as 'rate: 60'; options on the command line win.",
    )
    emotion_in: tuple[str, int] | None = option(
        "--emotion-in",
        type=ListenAddress(),
        metavar="[HOST:]PORT",
        help="Change emotions while running, by OSC: /emotion/joy 0.6, /emotion/none, /emotion/strength 1, /emotion/mix 1. "
        "From another computer: *:PORT.",
    )
    version: bool = option("--version", is_flag=True, help="Show the version and the weights' SHA-256, and exit.")


class _Options(NamedTuple):
    """All options of a run."""

    input: InputOptions
    stream: StreamOptions
    receivers: ReceiverOptions
    record: RecordOptions
    preview: PreviewOptions
    expression: ExpressionOptions
    program: ProgramOptions


def open_source(options: InputOptions, again: Callable[[], bool]) -> Source:
    """The source that the command line names.

    Parameters
    ----------
    again : whether the packaged clip starts again at its end.

    Raises
    ------
    SourceError
        It cannot be opened.
    """
    wanted = options.input
    if wanted == "mic":
        if options.fast:
            raise click.UsageError("--fast is for files and pipes; a microphone cannot be read faster than real time")
        from ..sources.microphone import Microphone

        return Microphone(options.device)
    from ..sources.file import DEMO, is_pipe, open_file

    if wanted == "-" or is_pipe(wanted):
        from ..sources.pipe import LivePipe, Pipe

        pipe = Pipe(wanted, options.input_rate, options.channel)
        return pipe if options.fast else LivePipe(pipe, options.live)
    # The clip lasts fourteen seconds: too short for a viewer of the preview, or for one who opens it later.
    repeats = wanted == DEMO and not options.fast
    source = open_file(wanted, again if repeats else lambda: False, options.channel)
    return source if options.fast else Paced(source)


@click.command()
@click.pass_context
@grouped
def run(
    context: click.Context,
    input: InputOptions,
    stream: StreamOptions,
    receivers: ReceiverOptions,
    record: RecordOptions,
    preview: PreviewOptions,
    expression: ExpressionOptions,
    program: ProgramOptions,
) -> None:
    """See `cli.main`, which takes over these options and this function."""
    if context.invoked_subcommand is not None:
        return
    try:
        if program.version:
            _print_version(stream.weights)
        elif input.list_devices:
            _print_devices()
        else:
            context.exit(_run(context, _Options(input, stream, receivers, record, preview, expression, program)))
    except SourceError as error:
        raise click.ClickException(str(error)) from None


def _run(context: click.Context, options: _Options) -> int:
    """Build everything, run it, return the exit code."""
    slow = threading.Timer(_SLOW_START, click.echo, [_SLOW_START_WHY], {"err": True})
    slow.daemon = True
    slow.start()
    pages: list[Preview] = []
    try:
        with contextlib.closing(open_source(options.input, lambda: any(not page.left for page in pages))) as source:
            return _send_face(context, source, options, slow, pages)
    finally:
        slow.cancel()


def _send_face(context: click.Context, source: Source, options: _Options, slow: threading.Timer, pages: "list[Preview]") -> int:
    # Numba takes most of the start time: import it only after the input was opened.
    from ..app.startup import fine_waits, remarks_to, without_scipy

    with without_scipy():
        from ..app.loop import run as loop
        from ..app.status import Status
        from ..sinks import Sinks

    fast = options.input.fast
    session = session_builder(options.stream, options.expression)(True if fast else "later")
    if options.input.input != "mic":  # recorded audio can wait, a microphone's first word cannot
        session.wait()
    preview = build_preview(
        options.preview,
        session,
        source,
        sound=not fast,
        calibration=options.expression.calibration,
        config=options.program.config,
    )
    pages += [preview] if preview else []
    chooser = _emotion_in(options.program.emotion_in, session, preview)
    # The sinks come last: after them only the loop can fail, and it completes the files that they have begun.
    stop = context.obj
    stop.begun = stop.deferred = True
    driven = ARKIT_NAMES if session.settings.mask is None else session.settings.mask
    recorder = build_recorder(options.record, session.rate)
    outputs: list[Sink] = [recorder] if recorder else []
    outputs += build_sinks(options.receivers, session.rate, driven)
    outputs += [preview] if preview else []
    if not outputs:
        outputs = build_sinks(replace(options.receivers, osc=(_DEFAULT_OSC,)), session.rate)
    sinks = Sinks(outputs, report=lambda line: status.report(line))
    status = Status(source, session.latency, failing=lambda: sinks.failing, listeners=[preview.status] if preview else [])
    if preview:
        offer_receivers(context, options.receivers, preview, sinks, session.rate, driven)
    if chooser:
        chooser.start(status.report)
    slow.cancel()
    status.report(f"{source.name} to {', '.join(sink.name for sink in sinks)} at {session.rate:g} frames/s")
    # A full collection would stop the face for tens of ms to scan objects of the start, which live until the end.
    gc.freeze()
    try:
        with fine_waits(), remarks_to(status.report):
            # A delay while reading a file is not silence.
            live = not (fast or isinstance(source, Paced))
            loop(source, session, sinks, status, live=live, even=not fast, stop=stop, hear=preview.hear if preview else None)
    finally:
        gc.unfreeze()
        if chooser:
            chooser.close()
        status.close()
    return stop.exit_code or (1 if sinks.lost else 0)


def _emotion_in(where: tuple[str, int] | None, session: "Session", preview: "Preview | None") -> "EmotionIn | None":
    """What ``--emotion-in`` asks for; the page shows what it changes."""
    if where is None:
        return None
    from ..app.emotion_in import EmotionIn
    from ..errors import FmgError

    host, port = where
    try:
        return EmotionIn(session, preview.adopt if preview else lambda settings: None, port, host)
    except FmgError as error:
        raise click.ClickException(str(error)) from None
