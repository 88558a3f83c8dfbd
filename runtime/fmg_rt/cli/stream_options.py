"""Options of the session, shared by the commands, and the sessions that they describe."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from .. import spec
from ..errors import FmgError
from .expression_options import ExpressionOptions, build_settings
from .options import Number, option

if TYPE_CHECKING:  # compiled code, which `--help` does not need
    from ..session import Session


@dataclass(frozen=True)
class StreamOptions:
    """Options of the session itself."""

    rate: float = option("--rate", type=Number(1, 120), default=30, show_default=True, metavar="HZ", help="Frames per second.")
    weights: Path | None = option(
        "--weights", type=click.Path(path_type=Path), metavar="FILE", help="Weight file. [default: the packaged one]"
    )
    lookahead: float | None = option(
        "--lookahead",
        type=Number(0, 1000),
        metavar="MS",
        help="Future audio that a frame uses, ms: more latency, better lips. [default: the weights']",
    )


def lookahead_samples(ms: float | None) -> int | None:
    """Milliseconds → samples; None stays None: the weights' own."""
    return None if ms is None else round(ms * spec.SAMPLE_RATE / 1000)


def session_builder(
    stream: StreamOptions, expression: ExpressionOptions, keyframes: Path | None = None
) -> "Callable[[bool | Literal['later']], Session]":
    """A function that makes sessions for these options; its argument is `Session`'s ``egemaps``.

    It listens for a tracker when the command line names a port.

    Parameters
    ----------
    keyframes : file of emotions over time.

    Raises
    ------
    click.ClickException
        Bad weights, look-ahead, calibration, mask or limits, or the tracker's port is taken; the
        returned function raises it too.
    """
    from .. import weights as weight_file
    from ..session import Session

    try:
        weights = weight_file.read(stream.weights or weight_file.packaged())
        settings = build_settings(expression, keyframes)
        tracker = None
        if expression.merge is not None:
            from ..sources.tracker import TrackerSource

            host, port = expression.merge
            tracker = TrackerSource(port, host)
    except FmgError as error:
        raise click.ClickException(str(error)) from None

    def build(egemaps: bool | Literal["later"]) -> Session:
        try:
            return Session(
                weights,
                rate=stream.rate,
                settings=settings,
                egemaps=egemaps,
                seed=expression.seed,
                lookahead=lookahead_samples(stream.lookahead),
                tracker=tracker,
            )
        except FmgError as error:
            raise click.ClickException(str(error)) from None

    return build
