"""Options of the stream, shared by the commands, and the streams that they ask for."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .. import spec
from .expression_options import build_settings
from .options import together

if TYPE_CHECKING:  # compiled code, which `--help` does not need
    from ..expression import Tracker
    from ..sources.tracker import TwiceRead
    from ..stream import FaceStream

stream_options = together(
    click.option("--rate", type=click.FloatRange(1, 120), default=30, show_default=True, metavar="HZ",
                 help="Frames per second."),
    click.option("--weights", type=click.Path(path_type=Path), metavar="FILE",
                 help="Weight file. [default: the packaged one]"),
    click.option("--lookahead", type=click.FloatRange(0, 1000), metavar="MS",
                 help="Audio to look ahead, ms: later when live, but better lips. [default: the weights']"),
)  # fmt: skip
"""Decorator: add every option of the stream itself; `stream_builder` also reads `expression_options`."""


def stream_builder(params: Mapping[str, Any]) -> "Callable[[bool], FaceStream]":
    """What makes streams as the command line asks for, alike but for live eGeMAPS: one that has them, or first one
    without and then one with them for a `Handover`.

    It listens for a tracker when the command line names a port.

    Raises
    ------
    click.ClickException
        Bad weights, look-ahead, calibration, mask or limits, or the tracker's port is taken.
    """
    from .. import weights as weight_file
    from ..expression import Expression
    from ..networks import choose_lookahead
    from ..stream import FaceStream

    ms = params["lookahead"]
    try:
        weights = weight_file.read(params["weights"] or weight_file.packaged())
        lookahead = choose_lookahead(weights, None if ms is None else round(ms * spec.SAMPLE_RATE / 1000))
    except weight_file.WeightsError as error:
        raise click.ClickException(str(error)) from None
    settings = build_settings(params)
    tracker = None if params["merge"] is None else _listen(params["merge"])

    def build(with_egemaps: bool) -> FaceStream:
        egemaps = None
        faces: Tracker | None = tracker
        if with_egemaps:
            from ..egemaps import EGeMAPS  # loads its kernels, which takes long when they have to be compiled

            egemaps, faces = EGeMAPS(), tracker and tracker.again
        expression = Expression(settings, params["rate"], lookahead, params["seed"], faces)
        return FaceStream(weights, rate=params["rate"], lookahead=lookahead, expression=expression, egemaps=egemaps)

    return build


def _listen(port: int) -> "TwiceRead":
    from ..sources.tracker import TrackerError, TrackerSource, TwiceRead

    try:
        return TwiceRead(TrackerSource(port))
    except TrackerError as error:
        raise click.ClickException(str(error)) from None
