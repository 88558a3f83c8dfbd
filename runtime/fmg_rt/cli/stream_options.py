"""Options of the session, shared by the commands, and the sessions that they ask for."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from .. import spec
from ..errors import FmgError
from .expression_options import build_settings
from .options import Number, together

if TYPE_CHECKING:  # compiled code, which `--help` does not need
    from ..session import Session

stream_options = together(
    click.option("--rate", type=Number(1, 120), default=30, show_default=True, metavar="HZ", help="Frames per second."),
    click.option("--weights", type=click.Path(path_type=Path), metavar="FILE", help="Weight file. [default: the packaged one]"),
    click.option(
        "--lookahead",
        type=Number(0, 1000),
        metavar="MS",
        help="Future audio that a frame uses, ms: more latency, better lips. [default: the weights']",
    ),
)
"""Decorator: add every option of the session itself; `session_builder` also reads `expression_options`."""


def session_builder(params: Mapping[str, Any]) -> "Callable[[bool | Literal['later']], Session]":
    """What makes sessions as the command line asks for, with the eGeMAPS that `Session` is told of.

    It listens for a tracker when the command line names a port.

    Raises
    ------
    click.ClickException
        Bad weights, look-ahead, calibration, mask or limits, or the tracker's port is taken; also from what it returns.
    """
    from .. import weights as weight_file
    from ..session import Session

    ms = params["lookahead"]
    try:
        weights = weight_file.read(params["weights"] or weight_file.packaged())
        settings = build_settings(params)
        tracker = None
        if params["merge"] is not None:
            from ..sources.tracker import TrackerSource

            host, port = params["merge"]
            tracker = TrackerSource(port, host)
    except FmgError as error:
        raise click.ClickException(str(error)) from None

    def build(egemaps: bool | Literal["later"]) -> Session:
        try:
            return Session(
                weights,
                rate=params["rate"],
                settings=settings,
                egemaps=egemaps,
                seed=params["seed"],
                lookahead=None if ms is None else round(ms * spec.SAMPLE_RATE / 1000),
                tracker=tracker,
            )
        except FmgError as error:
            raise click.ClickException(str(error)) from None

    return build
