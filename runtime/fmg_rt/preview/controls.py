"""What a person may change from the page, and how it is kept."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from ..expression import ExpressionSettings, write_calibration
from ..files import written_whole
from ..frame import Frame
from .yaml_edit import edit

STRENGTHS = ("mouth", "cheeks", "brows", "eyes", "emotion_strength", "emotion_mix", "head", "smoothing")
"""Fields of `ExpressionSettings` that have a slider; as options they have the same names."""


class Receivers(Protocol):
    """The programs that the face is sent to, switched on and off while it runs."""

    def state(self) -> dict[str, Any]:
        """``kinds`` (kind → usual address) and ``running`` (a list of ``{"name", "kind", "address"}``)."""

    def start(self, kind: str, address: str) -> None:
        """Send to one more; ValueError says why not."""

    def stop(self, name: str) -> None:
        """Bring the face of the receiver of that name to rest, and send no more; ValueError if there is none."""

    def look(self, name: str, frame: Frame) -> dict[str, Any]:
        """``name`` and ``lines``: what is sent to it for a frame, decoded, a line for each datagram."""

    def options(self) -> dict[str, Any]:
        """Option → the addresses that run now; None: none."""


@dataclass
class Controls:
    """What a person may change from the page. A part that is left out is not shown.

    Attributes
    ----------
    settings : of the expression, now. update : called with new ones after each move of a slider.
    emotions : names that `settings` and frames may hold.
    devices : lists the microphones' names. device : the one in use. choose : called with the name picked.
    receivers : of the face.
    command : gives the command line that asks for `options`.
    quit : ends the program.
    sound : whether pages may play what is heard (a recording; a microphone would howl).
    calibration_file, config_file : where "save" writes.

    Every callback runs on the preview's own thread.
    """

    settings: ExpressionSettings | None = None
    update: Callable[[ExpressionSettings], None] | None = None
    emotions: tuple[str, ...] = ()
    devices: Callable[[], list[str]] | None = None
    device: str = ""
    choose: Callable[[str], None] | None = None
    receivers: Receivers | None = None
    command: Callable[[dict[str, Any]], str] | None = None
    quit: Callable[[], None] | None = None
    sound: bool = False
    calibration_file: Path = Path("fmg-calibration.json")
    config_file: Path = Path("fmg.yaml")

    def options(self) -> dict[str, Any]:
        """The command line's options that a page can change, as they are now; None: not asked for."""
        chosen: dict[str, Any] = {}
        if self.settings:
            chosen = {name.replace("_", "-"): getattr(self.settings, name) for name in STRENGTHS}
            chosen["emotion"] = ",".join(f"{name}={value:g}" for name, value in self.settings.emotion.items()) or None
        if self.choose:
            chosen["device"] = self.device
        return chosen | (self.receivers.options() if self.receivers else {})


def save(controls: Controls) -> str:
    """Write the calibration (the predecessor's JSON) and a YAML config that names it; returns what was written.

    A config that is there keeps its other settings and its comments. Both files appear whole or not at all.

    Raises
    ------
    OSError, ValueError
        A file cannot be written, or the config that is there is not a YAML mapping.
    """
    c = controls
    assert c.settings is not None
    try:
        before = c.config_file.read_bytes().decode("utf-8") if c.config_file.exists() else ""
        mark = "\ufeff" * before.startswith("\ufeff")  # editors on Windows put a byte order mark first
        after = mark + edit(before.removeprefix(mark), c.options() | {"calibration": str(c.calibration_file)})
    except UnicodeDecodeError:
        raise ValueError(f"{c.config_file} is not text in UTF-8") from None
    except ValueError as error:
        raise ValueError(f"{c.config_file}: {error}") from None
    write_calibration(c.calibration_file, c.settings.calibration)
    with written_whole(c.config_file) as file:
        file.write(after.encode())
    return f"{c.calibration_file}, {c.config_file}"
