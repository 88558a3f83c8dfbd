"""fmg-rt doctor: check everything that the main job needs, and report what is missing."""

import socket
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .options import Number, grouped, option
from .sink_options import ReceiverOptions, build_sinks

if TYPE_CHECKING:  # compiled code, which `--help` does not need
    from ..app.checks import Finding

_HERE = "127.0.0.1"


@dataclass(frozen=True)
class DoctorOptions:
    """What is checked, but for the receivers."""

    input: str = option(
        "--input", default="mic", show_default=True, metavar="mic|demo|FILE|-", help="What the main job will read."
    )
    device: str | None = option("--device", metavar="NAME|INDEX", help="Microphone: a part of its name, or its index.")
    seconds: float = option(
        "--seconds",
        type=Number(0.1, 60),
        default=1.0,
        show_default=True,
        metavar="S",
        help="How long to listen to each microphone.",
    )
    rate: float = option("--rate", type=Number(1, 120), default=30, show_default=True, metavar="HZ", help="Frames per second.")
    weights: Path | None = option(
        "--weights", type=click.Path(path_type=Path), metavar="FILE", help="Weight file. [default: the packaged one]"
    )


@click.command()
@click.pass_context
@grouped
def doctor(context: click.Context, options: DoctorOptions, receivers: ReceiverOptions) -> None:
    """Check microphones, weights, speed and receivers. Exit code 0: the main job would run.

    \b
    Examples:
      fmg-rt doctor
      fmg-rt doctor --device "USB" --vmc 127.0.0.1 --vrchat
      fmg-rt doctor --input demo                 for a machine without a microphone
    """
    failed = False
    for finding in _findings(options, receivers):
        failed |= finding.verdict == "FAIL"
        _meter("")
        colour = {"ok": "green", "note": "yellow", "FAIL": "red"}[finding.verdict]
        click.echo(click.style(f"{finding.verdict:5}", fg=colour) + f"{finding.topic:11}{finding.text}")
    if failed:
        click.echo("The main job would not run: see the lines marked FAIL.")
        context.exit(1)
    click.echo("The main job would run.")


def _findings(options: DoctorOptions, receivers: ReceiverOptions) -> "Iterator[Finding]":
    from ..app import checks
    from ..sources import SourceError
    from ..weights import packaged

    yield checks.check_program()
    weights, finding = checks.check_weights(options.weights or packaged())
    yield finding
    if weights is not None:
        yield from checks.check_speed(weights, options.rate)
    if options.input == "mic":
        yield from checks.check_microphones(options.device, options.seconds, _show_level)
    else:
        from .. import spec
        from ..sources.file import is_pipe, open_file
        from ..sources.pipe import STDIN, LivePipe, Pipe

        try:
            if options.input == STDIN or is_pipe(options.input):
                yield checks.check_source(LivePipe(Pipe(options.input, spec.SAMPLE_RATE)), waits=True)
            else:
                yield checks.check_source(open_file(options.input))
        except SourceError as error:
            yield checks.Finding(checks.FAIL, "input", str(error))
    yield from _check_receivers(receivers, options.rate)
    if receivers.vtubestudio is not None:
        yield checks.check_vtube_studio(*receivers.vtubestudio)


def _check_receivers(named: ReceiverOptions, rate: float) -> "Iterator[Finding]":
    from ..app import checks

    asked = replace(named, vtubestudio=None, vrchat_ask=False)
    if not (asked.osc or asked.vmc or asked.vrchat or asked.livelink or asked.ifacialmocap):
        asked = _at_usual_ports(asked)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as catcher:
        catcher.bind((_HERE, 0))
        here: tuple[str, int] = catcher.getsockname()
        caught = replace(
            asked,
            osc=(here,) * len(asked.osc),
            vmc=(here,) * len(asked.vmc),
            vrchat=here if asked.vrchat else None,
            livelink=(here,) * len(asked.livelink),
            ifacialmocap=(here,) * len(asked.ifacialmocap),
        )
        sinks, copies = build_sinks(asked, rate), build_sinks(caught, rate)
        try:
            yield from checks.check_receivers(sinks, copies, catcher)
        finally:
            for sink in [*sinks, *copies]:
                sink.close()


def _at_usual_ports(options: ReceiverOptions) -> ReceiverOptions:
    """Each kind of receiver on this computer."""
    return replace(
        options,
        osc=((_HERE, 9000),),
        vmc=((_HERE, 39539),),
        vrchat=(_HERE, 9000),
        livelink=((_HERE, 11111),),
        ifacialmocap=((_HERE, 49983),),
    )


def _show_level(name: str, level: float) -> None:
    _meter(f"{name[:30]:30} {level:5.0f} dBFS {'#' * round((level + 90) / 3)}")


def _meter(text: str) -> None:
    """Overwrite the current line of a terminal; no effect elsewhere."""
    if sys.stderr.isatty():
        sys.stderr.write(f"\r{text[:78]:78}\r")
        sys.stderr.flush()
