"""The face on a local web page: a sink that draws what is sent, and sliders that shape it."""

import json
import math
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from .. import spec
from .server import PageServer

__all__ = ["Controls", "Preview", "PreviewError"]

_STATIC = Path(__file__).parent / "static"
_SCALE_LIMIT, _BIAS_LIMIT, _STRENGTH_LIMIT = 20.0, 1.0, 4.0


class PreviewError(OSError):
    """The page cannot be served; the message says what to do."""


@dataclass
class Controls:
    """What a person may change from the page. A part that is left out is not shown.

    Attributes
    ----------
    strength : name of a strength option (``mouth``, ``brows``, …) → its factor now, 0–4.
    calibration : ARKit name → ``{"scale", "bias"}``, the predecessor's affine calibration; absent means (1, 0).
    change : called with (strength, calibration), fresh dicts, after each move of a slider.
    devices : lists the microphones' names. device : the one in use. choose : called with the name picked.
    calibration_file, config_file : where "save" writes.

    Every callback runs on the preview's own thread.
    """

    strength: dict[str, float] = field(default_factory=dict)
    calibration: dict[str, dict[str, float]] = field(default_factory=dict)
    change: Callable[[dict[str, float], dict[str, dict[str, float]]], None] | None = None
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

    def send(self, index: int, time: float, coefficients: np.ndarray) -> None:
        """Show a frame. time : seconds. coefficients : (52,) float32 in [0, 1], alphabetical ARKit order."""
        # Immutable bytes: the page thread can never see half of one frame and half of the next.
        self._server.publish("frame", np.float32(time).tobytes() + coefficients.astype("<f4", copy=False).tobytes())

    def status(self, values: Mapping[str, Any]) -> None:
        """Show numbers: ``level`` (dBFS), ``latency`` (ms), ``rate`` (frames/s), ``overflows``, ``device``, ``note``."""
        self._server.publish("status", {"status": {k: _finite(v) for k, v in values.items()}})

    def close(self) -> None:
        self._server.close()

    def _show_controls(self) -> None:
        c = self._controls
        self._server.publish("controls", {
            "names": spec.ARKIT_NAMES, "regions": dict(spec.REGIONS), "strength": c.strength if c.change else {},
            "calibration": c.calibration if c.change else None, "device": c.device,
            "devices": c.devices() if c.devices and c.choose else None,
            "files": [str(c.calibration_file), str(c.config_file)],
        })  # fmt: skip

    def _receive(self, message: dict[str, Any]) -> None:
        """Take one change from a page; what a page may not say is answered with a note and changes nothing."""
        c = self._controls
        try:
            if "strength" in message and c.change:
                name, value = message["strength"]
                if name not in c.strength:
                    raise ValueError(f"unknown strength '{name}'")
                c.strength = {**c.strength, name: _number(value, 0.0, _STRENGTH_LIMIT)}
                c.change(dict(c.strength), _copied(c.calibration))
            elif "calibration" in message and c.change:
                name, scale, bias = message["calibration"]
                if name not in spec.INDEX:
                    raise ValueError(f"unknown coefficient '{name}'")
                entry = {"scale": _number(scale, 0.0, _SCALE_LIMIT), "bias": _number(bias, -_BIAS_LIMIT, _BIAS_LIMIT)}
                c.calibration = {k: v for k, v in c.calibration.items() if k != name}
                if entry != {"scale": 1.0, "bias": 0.0}:
                    c.calibration[name] = entry
                c.change(dict(c.strength), _copied(c.calibration))
            elif "device" in message and c.choose and c.devices:
                if message["device"] not in c.devices():
                    raise ValueError(f"no device '{message['device']}'")
                c.choose(message["device"])
                c.device = message["device"]
            elif "save" in message:
                self._note(f"Saved {save(c)}")
                return
        except (ValueError, TypeError, KeyError, OSError) as error:
            self._note(f"Not done: {error}")
        self._show_controls()

    def _note(self, text: str) -> None:
        self._server.publish("note", {"note": text})


def save(controls: Controls) -> str:
    """Write the calibration (the predecessor's JSON) and a YAML config that names it; returns what was written.

    A config that is there keeps its other keys. Both are written beside, then renamed.

    Raises
    ------
    OSError, ValueError
        A file cannot be written, or the config that is there is not a YAML mapping.
    """
    c = controls
    config: Any = {}
    if c.config_file.exists():
        try:
            config = yaml.safe_load(c.config_file.read_text("utf-8-sig")) or {}
        except yaml.YAMLError:
            config = None
        if not isinstance(config, dict):
            raise ValueError(f"{c.config_file} is not a YAML mapping")
    config |= c.strength
    config["calibration"] = str(c.calibration_file)
    if c.choose and c.device:
        config["device"] = c.device
    affine = {name: c.calibration[name] for name in sorted(c.calibration)}
    _write_beside(c.calibration_file, json.dumps({"affine": affine}, indent=2) + "\n")
    _write_beside(c.config_file, yaml.safe_dump(config, allow_unicode=True, sort_keys=False))
    return f"{c.calibration_file} and {c.config_file}"


def _write_beside(path: Path, text: str) -> None:
    beside = path.with_name(path.name + ".part")
    try:
        beside.write_text(text, "utf-8")
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)


def _number(value: Any, low: float, high: float) -> float:
    value = float(value)
    if not low <= value <= high:
        raise ValueError(f"{value:g} is not within {low:g} and {high:g}")
    return value


def _copied(calibration: Mapping[str, Mapping[str, float]]) -> dict[str, dict[str, float]]:
    return {name: dict(entry) for name, entry in calibration.items()}


def _finite(value: Any) -> Any:
    """JSON has no infinity: silence is −inf dBFS."""
    return None if isinstance(value, float) and not math.isfinite(value) else value
