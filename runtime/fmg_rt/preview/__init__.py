"""The face on a local web page: a sink that draws what is sent, and sliders that shape it."""

import json
import math
import struct
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from .. import arkit, spec
from ..errors import FmgError
from ..expression import ExpressionSettings
from ..frame import Frame
from .controls import STRENGTHS, Controls, Receivers, save
from .server import PageServer

__all__ = ["Controls", "Preview", "PreviewError", "Receivers"]

_STATIC = Path(__file__).parent / "static"
_N = arkit.N_COEFFICIENTS
_FRAME, _SOUND = 1, 2
"""First number of a binary message; the second is the count of emotions or the sample rate, then comes the time."""
_CHUNK = 4
"""Hops of sound in one message: 40 ms."""
_SAVE_INTERVAL = 1.0
"""Seconds between two saves at least."""
_LIST_INTERVAL = 1.0
"""Seconds for which a list of devices is good: asking the sound system may take long."""
_LONGEST_NOTE = 300


class PreviewError(FmgError, OSError):
    """The page or the avatar cannot be served; the message says what to do."""


class Preview:
    """A sink that shows the face at `url`; `send` never waits for a page.

    port : on the loopback interface; 0 takes any free one.
    avatar : a .glb or .vrm that pages show in place of the drawn face; read once, here.

    Raises
    ------
    PreviewError
        The port is taken or not allowed, or `avatar` is no such file.
    """

    live = True
    address: tuple[str, int] | None = None

    def __init__(self, port: int = 0, controls: Controls | None = None, avatar: Path | None = None) -> None:
        self._controls = controls or Controls()
        self._listed: tuple[float, list[str]] = (-math.inf, [])
        self._saved, self._saving = -math.inf, False
        self._chunk: list[np.ndarray] = []
        self._heard = 0  # samples
        self._values = np.zeros(_N + 3 + len(self._controls.emotions), "<f4")  # coefficients, head, emotions
        self._newest = -1, 0.0, self._values.tobytes()
        try:
            self._server = PageServer(_STATIC, port, self._receive, None if avatar is None else _read(avatar))
        except PreviewError:
            raise
        except OSError as error:
            raise PreviewError(
                f"port {port} cannot be used for the preview ({error.strerror or error}); name another "
                "one, or 0 for any that is free: --preview 0"
            ) from error
        self.url = f"http://127.0.0.1:{self._server.port}/"
        self.name = f"preview {self.url}"
        self._server.publish(
            "hello",
            {
                "names": arkit.ARKIT_NAMES,
                "regions": dict(arkit.REGIONS),
                "emotions": self._controls.emotions,
                "sound": self._controls.sound,
                "avatar": None if avatar is None else avatar.name,
                "files": [str(self._controls.calibration_file), str(self._controls.config_file)],
            },
        )
        self._show_controls()

    @property
    def watched(self) -> bool:
        """Whether any page is open."""
        return self._server.watched

    @property
    def left(self) -> bool:
        """A page was open, and none is any more."""
        return self._server.left

    def send(self, frame: Frame) -> None:
        """Show a frame."""
        values, names = self._values, self._controls.emotions
        values[:_N] = frame.coefficients
        values[_N : _N + 3] = frame.head
        if names:
            values[_N + 3 :] = [frame.emotion.get(name, 0.0) for name in names]
        # Immutable bytes: the page thread can never see half of one frame and half of the next.
        self._newest = frame.index, frame.time, values.tobytes()
        self._server.publish("frame", struct.pack("<IId", _FRAME, len(names), frame.time) + self._newest[2])

    def offer(self, receivers: Receivers, command: Callable[[dict[str, Any]], str]) -> None:
        """Show the receivers too, and the command line for all that the page shows (see `Controls`)."""
        self._controls.receivers, self._controls.command = receivers, command
        self._show_controls()

    def adopt(self, settings: ExpressionSettings) -> None:
        """Show settings that were changed elsewhere. Any thread may call it."""
        self._server.call(partial(self._adopt, settings))

    def _adopt(self, settings: ExpressionSettings) -> None:
        self._controls.settings = settings
        self._show_controls()

    def hear(self, hop: np.ndarray) -> None:
        """Take the next hop (160,) of the sound that the face is made from, float32 in [−1, 1], for pages that play it.

        The first hop ever is that of time 0 of the frames, and none may be left out.
        """
        if self._controls.sound and self._server.followed:
            self._chunk.append(hop.copy())
        else:
            self._chunk.clear()
        self._heard += len(hop)
        if len(self._chunk) == _CHUNK:
            samples = np.concatenate(self._chunk)
            self._chunk.clear()
            began = (self._heard - len(samples)) / spec.SAMPLE_RATE
            self._server.sound(
                struct.pack("<IId", _SOUND, spec.SAMPLE_RATE, began)
                + (np.clip(samples, -1.0, 1.0) * 32767).astype("<i2").tobytes()
            )

    def status(self, values: Mapping[str, Any]) -> None:
        """Show numbers: ``level`` (dBFS), ``latency`` (ms), ``rate`` (frames/s), ``overflows``, ``device``, ``note``,
        ``failing`` (names of sinks).

        Any thread may call it.
        """
        self._server.publish("status", {"status": {k: _finite(v) for k, v in values.items()}})

    def close(self) -> None:
        """Say goodbye to the pages; writes what a page has asked to be saved."""
        self._server.close()
        if self._saving:
            self._save()

    def _show_controls(self) -> None:
        c, settings = self._controls, self._controls.settings
        self._server.publish(
            "controls",
            {
                "controls": {
                    "strength": {name: getattr(settings, name) for name in STRENGTHS} if settings else {},
                    "emotion": dict(settings.emotion) if settings else {},
                    "calibration": dict(settings.calibration) if settings else None,
                    "devices": self._devices() if c.devices and c.choose else None,
                    "device": c.device,
                    "quit": c.quit is not None,
                    "receivers": c.receivers.state() if c.receivers else None,
                    "command": c.command(c.options()) if c.command else "",
                }
            },
        )

    def _devices(self) -> list[str]:
        then, names = self._listed
        if time.monotonic() - then >= _LIST_INTERVAL:
            assert self._controls.devices is not None
            names = self._controls.devices()
            self._listed = time.monotonic(), names
        return names

    def _receive(self, text: str) -> None:
        """Take one change from a page; what a page may not say is answered with a note and changes nothing."""
        try:
            message = json.loads(text)
            if not isinstance(message, dict):
                raise ValueError("a message must be an object")
            self._obey(message)
        # Of a page nothing is known: a wrong type, a number of a thousand digits, a list in a list in a list …
        except (ValueError, TypeError, OverflowError, RecursionError, OSError) as error:
            self._note("refused", str(error) or type(error).__name__)
        self._show_controls()

    def _obey(self, message: dict[str, Any]) -> None:
        c = self._controls
        if "strength" in message:
            name, value = message["strength"]
            if name not in STRENGTHS:
                raise ValueError(f"unknown strength '{name}'")
            self._change(**{name: float(value)})
        elif "emotion" in message and c.settings:
            name, value = message["emotion"]
            if name not in c.emotions:
                raise ValueError(f"unknown emotion '{name}'")
            others = {k: v for k, v in c.settings.emotion.items() if k != name}
            self._change(emotion=others | ({name: float(value)} if value else {}))
        elif "calibration" in message and c.settings:
            name, scale, bias = message["calibration"]
            affine = {k: v for k, v in c.settings.calibration.items() if k != name}
            if (scale, bias) != (1, 0):
                affine[name] = (float(scale), float(bias))
            self._change(calibration=affine)
        elif "device" in message and c.choose and c.devices:
            if message["device"] not in self._devices():
                raise ValueError(f"no device '{message['device']}'")
            c.choose(message["device"])
            c.device = message["device"]
        elif "quit" in message and c.quit:
            c.quit()
        elif "save" in message and c.settings:
            self._ask_to_save()
        elif "start" in message and c.receivers:
            kind, address = message["start"]
            c.receivers.start(str(kind), str(address))
        elif "stop" in message and c.receivers:
            c.receivers.stop(str(message["stop"]))
        elif "look" in message and c.receivers:
            self._server.publish("sent", {"sent": c.receivers.look(str(message["look"]), self._frame())})

    def _frame(self) -> Frame:
        index, time, data = self._newest
        values = np.frombuffer(data, "<f4").astype(np.float32)
        emotion = dict(zip(self._controls.emotions, values[_N + 3 :].tolist(), strict=True))
        return Frame(index, time, values[:_N], values[_N : _N + 3], emotion)

    def _change(self, **changes: Any) -> None:
        c = self._controls
        if c.settings and c.update:
            c.settings = replace(c.settings, **changes)  # which refuses what cannot be
            c.update(c.settings)

    def _ask_to_save(self) -> None:
        """Save now, or when a second has gone by since the last time: then once, whatever was asked meanwhile."""
        if self._saving:
            return
        self._saving = True
        wait = self._saved + _SAVE_INTERVAL - time.monotonic()
        if wait > 0:
            self._server.later(wait, self._save)
        else:
            self._save()

    def _save(self) -> None:
        self._saving = False
        try:
            self._note("saved", save(self._controls))
        except (ValueError, OSError) as error:
            self._note("refused", str(error))
        self._saved = time.monotonic()

    def _note(self, kind: str, text: str) -> None:
        printable = "".join(c if c.isprintable() else " " for c in text[:_LONGEST_NOTE])
        self._server.publish("note", {"note": printable, "kind": kind})


def _read(avatar: Path) -> bytes:
    try:
        content = avatar.read_bytes()
    except OSError as error:
        raise PreviewError(f"{avatar}: cannot read the avatar ({error.strerror or error})") from None
    if not content.startswith(b"glTF"):
        raise PreviewError(f"{avatar} is no .glb or .vrm")
    return content


def _finite(value: Any) -> Any:
    """JSON has no infinity: silence is −inf dBFS."""
    return None if isinstance(value, float) and not math.isfinite(value) else value
