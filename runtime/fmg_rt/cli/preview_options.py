"""Options of the local preview page, and the page they ask for."""

import functools
import signal
import threading
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..arkit import ARKIT_NAMES
from ..emotions import NAMES
from ..sources import Source
from .options import option
from .sink_options import ReceiverOptions

if TYPE_CHECKING:  # importing it costs start-up time, and few runs have a page
    from ..preview import Preview
    from ..session import Session
    from ..sinks import Sinks

_PORT = 8052


@dataclass(frozen=True)
class PreviewOptions:
    """Options of the preview page."""

    preview: int | None = option(
        "--preview",
        type=click.IntRange(0, 65_535),
        is_flag=False,
        flag_value=_PORT,
        metavar="[PORT]",
        help=f"Show the face on a page of this computer. 0: any free port. [alone: {_PORT}]",
    )
    no_browser: bool = option("--no-browser", is_flag=True, help="Preview: do not open the page.")
    avatar: Path | None = option(
        "--avatar",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="Preview: show this .glb or .vrm in place of the drawn face, on /face?bare for OBS too.",
    )


def build_preview(
    options: PreviewOptions,
    session: "Session",
    source: Source,
    *,
    sound: bool = True,
    calibration: Path | None = None,
    config: Path | None = None,
) -> "Preview | None":
    """The page that the command line asks for, served and opened in the browser; None when it asks for none.

    Its sliders change `session`; its device picker changes a `source` that is a microphone.

    Parameters
    ----------
    sound : the page may play the input; it never plays a microphone's.
    calibration, config : files that "save" writes to.

    Raises
    ------
    click.ClickException
        The port cannot be used, or the avatar is no .glb or .vrm.
    """
    if options.preview is None:
        return None
    from ..preview import Controls, Preview, PreviewError
    from ..sources.microphone import Microphone

    controls = Controls(settings=session.settings, update=session.update, emotions=NAMES, sound=sound)
    controls.quit = functools.partial(signal.raise_signal, signal.SIGINT)  # handled by the main thread, as Ctrl-C
    if isinstance(source, Microphone):
        controls.sound = False  # acoustic feedback
        controls.devices, controls.device, controls.choose = source.devices, source.name, source.choose
    if calibration is not None:
        controls.calibration_file = calibration
    if config is not None:
        controls.config_file = config
    try:
        preview = Preview(options.preview, controls, options.avatar)
    except PreviewError as error:
        raise click.ClickException(str(error)) from None
    if not options.no_browser:
        import webbrowser

        # Starting a browser may take seconds; the face must not wait for it.
        threading.Thread(target=webbrowser.open, args=(preview.url,), daemon=True).start()
    return preview


def offer_receivers(
    context: click.Context,
    receivers: ReceiverOptions,
    preview: "Preview",
    sinks: "Sinks",
    rate: float,
    driven: Collection[str] = ARKIT_NAMES,
) -> None:
    """Let the page switch receivers on and off, and show the equivalent command line.

    context : of the run. receivers : what it was told to send to. sinks : what it sends to. rate, driven : as for
    `build_sinks`.
    """
    from .command_line import command_line
    from .receivers import LiveReceivers

    def command(changed: dict[str, Any]) -> str:
        now = context.params | {name.replace("-", "_"): value for name, value in changed.items()}
        return command_line(context.command.params, now, leave_out=("config", "no_browser"))

    preview.offer(LiveReceivers(receivers, sinks, rate, driven), command)
