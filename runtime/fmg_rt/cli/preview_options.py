"""Options of the local preview page, and the page they ask for."""

import functools
import signal
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..sources import Source
from .options import together

if TYPE_CHECKING:  # a page is seldom asked for, and importing one costs start-up time
    from ..preview import Preview
    from ..session import Session

_PORT = 8052

preview_options = together(
    click.option(
        "--preview", type=click.IntRange(0, 65_535), is_flag=False, flag_value=_PORT, metavar="[PORT]",
        help=f"Show the face on a page of this computer. 0: any free port. [alone: {_PORT}]",
    ),
    click.option("--no-browser", is_flag=True, help="Preview: do not open the page."),
)  # fmt: skip
"""Decorator: add every option that `build_preview` reads."""


def build_preview(params: Mapping[str, Any], session: "Session", source: Source) -> "Preview | None":
    """The page that the command line asks for, served and opened in the browser; None when it asks for none.

    Its sliders change `session`, its device picker a `source` that is a microphone; "save" writes to the files that the
    command line named.

    Raises
    ------
    click.ClickException
        The port cannot be used.
    """
    if params["preview"] is None:
        return None
    from ..preview import Controls, Preview, PreviewError
    from ..sources.microphone import Microphone

    controls = Controls(settings=session.settings, update=session.update)
    controls.quit = functools.partial(signal.raise_signal, signal.SIGINT)  # handled by the main thread, as Ctrl-C
    if isinstance(source, Microphone):
        controls.devices, controls.device, controls.choose = source.devices, source.name, source.choose
    if params["calibration"] is not None:
        controls.calibration_file = Path(params["calibration"])
    if params["config"] is not None:
        controls.config_file = Path(params["config"])
    try:
        preview = Preview(params["preview"], controls)
    except PreviewError as error:
        raise click.ClickException(str(error)) from None
    if not params["no_browser"]:
        import webbrowser

        # Starting a browser may take seconds; the face does not wait for it.
        threading.Thread(target=webbrowser.open, args=(preview.url,), daemon=True).start()
    return preview
