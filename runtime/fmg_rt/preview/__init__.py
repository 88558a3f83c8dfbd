"""The face on a local web page: a sink that draws what is sent, and sliders that shape it."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from .. import arkit
from ..errors import FmgError
from ..expression import ExpressionSettings, write_calibration
from ..files import written_whole
from ..frame import Frame
from .server import PageServer

__all__ = ["Controls", "Preview", "PreviewError"]

STRENGTHS = ("mouth", "cheeks", "brows", "eyes", "mood", "smoothing")
"""Fields of `ExpressionSettings` that have a slider; as options they have the same names."""
_STATIC = Path(__file__).parent / "static"


class PreviewError(FmgError, OSError):
    """The page cannot be served; the message says what to do."""


@dataclass
class Controls:
    """What a person may change from the page. A part that is left out is not shown.

    Attributes
    ----------
    settings : of the expression, now. update : called with new ones after each move of a slider.
    devices : lists the microphones' names. device : the one in use. choose : called with the name picked.
    calibration_file, config_file : where "save" writes.

    Every callback runs on the preview's own thread.
    """

    settings: ExpressionSettings | None = None
    update: Callable[[ExpressionSettings], None] | None = None
    devices: Callable[[], list[str]] | None = None
    device: str = ""
    choose: Callable[[str], None] | None = None
    calibration_file: Path = Path("fmg-calibration.json")
    config_file: Path = Path("fmg.yaml")


class Preview:
    """A sink that shows the face at `url`; `send` never waits for a page.

    port : on the loopback interface; 0 takes any free one.

    Raises
    ------
    PreviewError
        The port is taken or not allowed.
    """

    live = True
    address: tuple[str, int] | None = None

    def __init__(self, port: int = 0, controls: Controls | None = None) -> None:
        self._controls = controls or Controls()
        try:
            self._server = PageServer(_STATIC, port, self._receive)
        except OSError as error:
            raise PreviewError(f"port {port} cannot be used for the preview ({error.strerror or error}); name another "
                               "one, or 0 for any that is free: --preview 0") from error  # fmt: skip
        self.url = f"http://127.0.0.1:{self._server.port}/"
        self.name = f"preview {self.url}"
        self._show_controls()

    @property
    def watched(self) -> bool:
        """Whether any page is open."""
        return self._server.watched

    def send(self, frame: Frame) -> None:
        """Show a frame."""
        # Immutable bytes: the page thread can never see half of one frame and half of the next.
        self._server.publish("frame", np.float32(frame.time).tobytes() + frame.coefficients.astype("<f4", copy=False).tobytes())

    def status(self, values: Mapping[str, Any]) -> None:
        """Show numbers: ``level`` (dBFS), ``latency`` (ms), ``rate`` (frames/s), ``overflows``, ``device``, ``note``.

        Any thread may call it.
        """
        self._server.publish("status", {"status": {k: _finite(v) for k, v in values.items()}})

    def close(self) -> None:
        self._server.close()

    def _show_controls(self) -> None:
        c, settings = self._controls, self._controls.settings
        self._server.publish("controls", {
            "names": arkit.ARKIT_NAMES, "regions": dict(arkit.REGIONS),
            "strength": {name: getattr(settings, name) for name in STRENGTHS} if settings else {},
            "calibration": dict(settings.calibration) if settings else None,
            "devices": c.devices() if c.devices and c.choose else None, "device": c.device,
            "files": [str(c.calibration_file), str(c.config_file)],
        })  # fmt: skip

    def _receive(self, message: dict[str, Any]) -> None:
        """Take one change from a page; what a page may not say is answered with a note and changes nothing."""
        c = self._controls
        try:
            if "strength" in message:
                name, value = message["strength"]
                if name not in STRENGTHS:
                    raise ValueError(f"unknown strength '{name}'")
                self._change(**{name: float(value)})
            elif "calibration" in message and c.settings:
                name, scale, bias = message["calibration"]
                affine = {k: v for k, v in c.settings.calibration.items() if k != name}
                if (scale, bias) != (1, 0):
                    affine[name] = (float(scale), float(bias))
                self._change(calibration=affine)
            elif "device" in message and c.choose and c.devices:
                if message["device"] not in c.devices():
                    raise ValueError(f"no device '{message['device']}'")
                c.choose(message["device"])
                c.device = message["device"]
            elif "save" in message and c.settings:
                self._note(f"Saved {save(c)}")
                return
        except (ValueError, TypeError, OSError) as error:
            self._note(f"Not done: {error}")
        self._show_controls()

    def _change(self, **changes: Any) -> None:
        c = self._controls
        if c.settings and c.update:
            c.settings = replace(c.settings, **changes)  # which refuses what cannot be
            c.update(c.settings)

    def _note(self, text: str) -> None:
        self._server.publish("note", {"note": text})


def save(controls: Controls) -> str:
    """Write the calibration (the predecessor's JSON) and a YAML config that names it; returns what was written.

    A config that is there keeps its other settings. Both files appear whole or not at all.

    Raises
    ------
    OSError, ValueError
        A file cannot be written, or the config that is there is not a YAML mapping.
    """
    c = controls
    assert c.settings is not None
    config: Any = {}
    if c.config_file.exists():
        try:
            config = yaml.safe_load(c.config_file.read_text("utf-8-sig")) or {}
        except yaml.YAMLError:
            config = None
        if not isinstance(config, dict):
            raise ValueError(f"{c.config_file} is not a YAML mapping")
    config |= {name: getattr(c.settings, name) for name in STRENGTHS}
    config["calibration"] = str(c.calibration_file)
    if c.choose:
        config["device"] = c.device
    write_calibration(c.calibration_file, c.settings.calibration)
    with written_whole(c.config_file) as file:
        file.write(yaml.safe_dump(config, allow_unicode=True, sort_keys=False).encode())
    return f"{c.calibration_file} and {c.config_file}"


def _finite(value: Any) -> Any:
    """JSON has no infinity: silence is −inf dBFS."""
    return None if isinstance(value, float) and not math.isfinite(value) else value
