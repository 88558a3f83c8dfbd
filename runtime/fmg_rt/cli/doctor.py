"""fmg-rt doctor: check everything that the main job needs, and say what is missing."""

import socket
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from .options import Number
from .sink_options import build_sinks, sink_options

_RECEIVERS = {
    "osc": (("127.0.0.1", 9000),),
    "vmc": (("127.0.0.1", 39539),),
    "vrchat": ("127.0.0.1", 9000),
    "livelink": (("127.0.0.1", 11111),),
    "ifacialmocap": (("127.0.0.1", 49983),),
}
"""What is asked when no receiver is named: each kind at its usual port."""


@click.command()
@click.option("--input", default="mic", show_default=True, metavar="mic|demo|FILE|-", help="What the main job will read.")
@click.option("--device", metavar="NAME|INDEX", help="Microphone: a part of its name, or its index.")
@click.option(
    "--seconds",
    type=Number(0.1, 60),
    default=1.0,
    show_default=True,
    metavar="S",
    help="How long to listen to each microphone.",
)
@click.option("--rate", type=Number(1, 120), default=30, show_default=True, metavar="HZ", help="Frames per second.")
@click.option("--weights", type=click.Path(path_type=Path), metavar="FILE", help="Weight file. [default: the packaged one]")
@sink_options
@click.pass_context
def doctor(context: click.Context, **params: Any) -> None:
    """Check microphones, weights, speed and receivers. Exit code 0: the main job would run.

    \b
    Examples:
      fmg-rt doctor
      fmg-rt doctor --device "USB" --vmc 127.0.0.1 --vrchat
      fmg-rt doctor --input demo                 for a machine without a microphone
    """
    failed = False
    for finding in _findings(params):
        failed |= finding.verdict == "FAIL"
        _meter("")
        colour = {"ok": "green", "note": "yellow", "FAIL": "red"}[finding.verdict]
        click.echo(click.style(f"{finding.verdict:5}", fg=colour) + f"{finding.topic:11}{finding.text}")
    if failed:
        click.echo("The main job would not run: see the lines marked FAIL.")
        context.exit(1)
    click.echo("The main job would run.")


# Nothing is recorded here: an option that does nothing would only mislead.
doctor.params = [param for param in doctor.params if param.name not in ("record", "record_format", "overwrite")]


def _findings(params: Mapping[str, Any]) -> Iterator[Any]:
    from ..app import checks
    from ..sources import SourceError
    from ..weights import packaged

    yield checks.check_program()
    weights, finding = checks.check_weights(params["weights"] or packaged())
    yield finding
    if weights is not None:
        yield from checks.check_speed(weights, params["rate"])
    if params["input"] == "mic":
        show = lambda name, level: _meter(f"{name[:30]:30} {level:5.0f} dBFS {'#' * round((level + 90) / 3)}")  # noqa: E731
        yield from checks.check_microphones(params["device"], params["seconds"], show)
    else:
        from .. import spec
        from ..sources.file import is_pipe, open_file
        from ..sources.pipe import STDIN, LivePipe, Pipe

        try:
            if params["input"] == STDIN or is_pipe(params["input"]):
                yield checks.check_source(LivePipe(Pipe(params["input"], spec.SAMPLE_RATE)), waits=True)
            else:
                yield checks.check_source(open_file(params["input"]))
        except SourceError as error:
            yield checks.Finding(checks.FAIL, "input", str(error))
    yield from _receivers(params)
    if params["vtubestudio"] is not None:
        yield checks.check_vtube_studio(*params["vtubestudio"])


def _receivers(params: Mapping[str, Any]) -> Iterator[Any]:
    from ..app import checks

    params = dict(params) | {"record": None, "vtubestudio": None, "vrchat_ask": False}
    if not any(params[kind] for kind in _RECEIVERS):
        params |= _RECEIVERS
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as catcher:
        catcher.bind(("127.0.0.1", 0))
        here = catcher.getsockname()
        caught = {
            kind: (here if kind == "vrchat" else [here] * len(params[kind])) if params[kind] else params[kind]
            for kind in _RECEIVERS
        }
        sinks, copies = build_sinks(params, params["rate"]), build_sinks(params | caught, params["rate"])
        try:
            yield from checks.check_receivers(sinks, copies, catcher)
        finally:
            for sink in [*sinks, *copies]:
                sink.close()


def _meter(text: str) -> None:
    """Write over the line of a terminal; elsewhere nothing."""
    if sys.stderr.isatty():
        sys.stderr.write(f"\r{text[:78]:78}\r")
        sys.stderr.flush()
