"""Options of the local preview page, and the page they ask for."""

import functools
import signal
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..emotions import NAMES
from ..sources import Source
from .options import together

if TYPE_CHECKING:  # a page is seldom asked for, and importing one costs start-up time
    from ..preview import Preview
    from ..session import Session
    from ..sinks import Sinks

_PORT = 8052

preview_options = together(
    click.option(
        "--preview",
        type=click.IntRange(0, 65_535),
        is_flag=False,
        flag_value=_PORT,
        metavar="[PORT]",
        help=f"Show the face on a page of this computer. 0: any free port. [alone: {_PORT}]",
    ),
    click.option("--no-browser", is_flag=True, help="Preview: do not open the page."),
    click.option(
        "--avatar",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="Preview: show this .glb or .vrm in place of the drawn face, on /face?bare for OBS too.",
    ),
)
"""Decorator: add every option that `build_preview` reads."""


def build_preview(params: Mapping[str, Any], session: "Session", source: Source) -> "Preview | None":
    """The page that the command line asks for, served and opened in the browser; None when it asks for none.

    Its sliders change `session`, its device picker a `source` that is a microphone; "save" writes to the files that the
    command line named.

    Raises
    ------
    click.ClickException
        The port cannot be used, or the avatar is no .glb or .vrm.
    """
    if params["preview"] is None:
        return None
    from ..preview import Controls, Preview, PreviewError
    from ..sources.microphone import Microphone

    controls = Controls(settings=session.settings, update=session.update, emotions=NAMES, sound=not params.get("fast"))
    controls.quit = functools.partial(signal.raise_signal, signal.SIGINT)  # handled by the main thread, as Ctrl-C
    if isinstance(source, Microphone):
        controls.sound = False  # it would howl
        controls.devices, controls.device, controls.choose = source.devices, source.name, source.choose
    if params["calibration"] is not None:
        controls.calibration_file = Path(params["calibration"])
    if params["config"] is not None:
        controls.config_file = Path(params["config"])
    try:
        preview = Preview(params["preview"], controls, params["avatar"])
    except PreviewError as error:
        raise click.ClickException(str(error)) from None
    if not params["no_browser"]:
        import webbrowser

        # Starting a browser may take seconds; the face does not wait for it.
        threading.Thread(target=webbrowser.open, args=(preview.url,), daemon=True).start()
    return preview


def offer_receivers(context: click.Context, params: Mapping[str, Any], preview: "Preview", sinks: "Sinks", rate: float) -> None:
    """Let the page switch receivers on and off, and show the command line of all that it shows.

    params : the options of the run. sinks : what it sends to. rate : frames per second.
    """
    from .command_line import command_line
    from .receivers import LiveReceivers

    def command(changed: dict[str, Any]) -> str:
        now = dict(params) | {name.replace("-", "_"): value for name, value in changed.items()}
        return command_line(context.command.params, now, leave_out=("config", "no_browser"))

    preview.offer(LiveReceivers(params, sinks, rate), command)
