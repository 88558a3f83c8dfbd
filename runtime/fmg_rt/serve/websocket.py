"""``/v1/stream``: audio in, frames out, over a WebSocket. The protocol is written down in docs/service/websocket.md."""

import asyncio
import json
import math
import struct
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from aiohttp import WSMsgType, web

from .. import arkit, spec
from ..errors import FmgError
from ..expression import ExpressionSettings
from ..expression.settings import SIZES, SWITCHES
from ..frame import Frame
from .limits import Limits, Reason, Refusal
from .streams import Stream, Streams, rounded

VERSION = 1
"""Of the protocol; a client that asks for another one is refused."""
HEAD = ("yaw", "pitch", "roll")
_PACKED = struct.Struct("<II")
_CLOSE = {Reason.LEAVING: 1001, Reason.TOO_BIG: 1009, Reason.FULL: 1013, Reason.FAILED: 1011}
"""Close codes of RFC 6455 and its registry; the others are 1008, against the server's policy."""


class Call:
    """One client's WebSocket, from its ``start`` to its close."""

    def __init__(self, socket: web.WebSocketResponse, streams: Streams) -> None:
        self._socket, self._streams = socket, streams
        self._utterance = 0
        self._pending = b""
        self._packed = self._floats = False
        self._channels = 1

    async def run(self) -> None:
        """Talk until one side leaves; a refusal is told, then the socket is closed."""
        try:
            options = self._read_start(await self._receive(self._streams.limits.idle_seconds))
            async with self._streams.open("websocket", **options) as stream:
                await self._talk(stream)
        except Refusal as refusal:
            self._streams.metrics.count(f"refused {refusal.reason.value}")
            await self._refuse(refusal)

    async def _refuse(self, refusal: Refusal) -> None:
        async def tell() -> None:
            await self._socket.send_json({"type": "error", "reason": refusal.reason.value, "message": str(refusal)})
            await self._socket.close(code=_CLOSE.get(refusal.reason, 1008), message=str(refusal).encode()[:120])

        try:
            await asyncio.wait_for(tell(), 2.0)  # a client that does not read is not waited for
        except (asyncio.TimeoutError, TimeoutError, ConnectionError):  # noqa: UP041, they differ in 3.10
            pass

    async def _receive(self, timeout: float | None = None) -> bytes | dict[str, Any] | None:
        """The next message: audio, a control message, or None at the end.

        Raises
        ------
        Refusal
            Neither, or too big, or nothing in time.
        """
        try:
            message = await self._socket.receive(timeout)
        except (asyncio.TimeoutError, TimeoutError):  # noqa: UP041, they differ in 3.10
            raise Refusal(Reason.IDLE, f"no start message came within {timeout:g} s") from None
        if message.type is WSMsgType.BINARY:
            return bytes(message.data)
        if message.type is WSMsgType.TEXT:
            try:
                control = json.loads(message.data)
            except ValueError:
                control = None
            if not isinstance(control, dict) or not isinstance(control.get("type"), str):
                raise Refusal(Reason.INVALID, 'a text message must be a JSON object with a "type"')
            return control
        if message.type is WSMsgType.ERROR and "exceeds" in str(message.data):
            raise Refusal(Reason.TOO_BIG, f"a message may have {self._streams.limits.max_message} bytes here")
        return None

    def _read_start(self, message: bytes | dict[str, Any] | None) -> dict[str, Any]:
        """What the session is made with."""
        if message is None:
            raise Refusal(Reason.INVALID, "the client left before its start message")
        if isinstance(message, bytes) or message["type"] != "start":
            raise Refusal(Reason.INVALID, 'the first message must be {"type": "start", …}')
        known = {"type", "version", "sample_rate", "format", "channels", "frames", "rate", "lookahead", "settings", "emotion"}
        unknown = sorted(set(message) - known)
        if unknown:
            raise Refusal(Reason.INVALID, f"start knows no {', '.join(unknown)}")
        if message.get("version", VERSION) != VERSION:
            raise Refusal(Reason.INVALID, f"this server speaks version {VERSION}, not {message['version']!r}")
        self._floats = _choice(message, "format", ("int16", "float32")) == "float32"
        self._packed = _choice(message, "frames", ("json", "packed")) == "packed"
        self._channels = int(_number(message, "channels", 1, 1, 8))
        options: dict[str, Any] = {
            "sample_rate": _number(message, "sample_rate", spec.SAMPLE_RATE, 8_000, 192_000),
            "channels": self._channels,
            "rate": _number(message, "rate", 30, 1, 120),
            "settings": self._settings(message),
        }
        if "lookahead" in message:
            options["lookahead"] = round(_number(message, "lookahead", 0, 0, 1000) * spec.SAMPLE_RATE / 1000)
        return options

    def _settings(self, message: dict[str, Any], now: ExpressionSettings | None = None) -> ExpressionSettings:
        now = self._streams.settings if now is None else now
        changes = message.get("settings", {})
        if not isinstance(changes, dict):
            raise Refusal(Reason.INVALID, "settings must be an object")
        for name, value in changes.items():
            if name in SWITCHES and isinstance(value, bool):
                continue
            if name in SIZES and isinstance(value, int | float) and not isinstance(value, bool):
                continue
            raise Refusal(
                Reason.INVALID,
                f"settings has {', '.join(SWITCHES)} (true or false) and {', '.join(SIZES)} (0 to 3), not {name}: {value!r}",
            )
        try:
            settings = replace(now, **changes)
        except FmgError as error:
            raise Refusal(Reason.INVALID, str(error)) from None
        return self._emotion(settings, message["emotion"]) if "emotion" in message else settings

    def _emotion(self, settings: ExpressionSettings, emotion: Any) -> ExpressionSettings:
        if not isinstance(emotion, dict):
            raise Refusal(Reason.INVALID, "emotion must be an object of names and strengths")
        try:
            return replace(settings, emotion=emotion)
        except FmgError as error:
            raise Refusal(Reason.INVALID, str(error)) from None

    async def _talk(self, stream: Stream) -> None:
        session = stream.session
        await self._socket.send_json(
            {
                "type": "ready",
                "version": VERSION,
                "rate": session.rate,
                "sample_rate": session.sample_rate,
                "latency": round(session.latency, 4),
                "names": arkit.ARKIT_NAMES,
                "head": HEAD,
                "frame_bytes": _PACKED.size + 4 * (arkit.N_COEFFICIENTS + len(HEAD)),
            }
        )
        try:
            with stream.told():
                while (message := await self._receive()) is not None:
                    stream.touch()
                    if isinstance(message, bytes):
                        await self._hear(stream, message)
                    else:
                        await self._control(stream, message)
        except Refusal as refusal:
            if refusal.reason is Reason.LEAVING and stream.speaking:
                await self._send(await stream.flush())
                await self._send(await stream.interrupt())
            raise

    async def _hear(self, stream: Stream, data: bytes) -> None:
        width = (4 if self._floats else 2) * self._channels
        data = self._pending + data
        whole = len(data) - len(data) % width
        self._pending = data[whole:]
        audio: bytes | np.ndarray = data[:whole]
        if self._floats:
            audio = np.frombuffer(audio, "<f4").reshape(-1, self._channels)
        async for frames in stream.hear(audio):
            await self._send(frames)

    async def _control(self, stream: Stream, message: dict[str, Any]) -> None:
        kind = message["type"]
        if kind == "end":
            if self._pending:
                raise Refusal(Reason.INVALID, "the utterance ends within a sample")
            await self._send(await stream.flush())
            await self._finish("end")
        elif kind == "interrupt":
            self._pending = b""
            await self._send(await stream.interrupt())
            await self._finish("interrupted")
        elif kind == "settings":
            stream.session.update(self._settings(message, stream.session.settings))
        elif kind == "emotion":
            stream.session.update(self._emotion(stream.session.settings, message.get("emotion")))
        elif kind == "ping":
            await self._socket.send_json({"type": "pong"})
        else:
            kinds = "end, interrupt, settings, emotion or ping"
            raise Refusal(Reason.INVALID, f"after start come audio and {kinds}, not {kind!r}")

    async def _finish(self, kind: str) -> None:
        await self._socket.send_json({"type": kind, "utterance": self._utterance})
        self._utterance += 1

    async def _send(self, frames: list[Frame]) -> None:
        if not frames:
            return
        if self._packed:
            await self._socket.send_bytes(b"".join(pack(self._utterance, frame) for frame in frames))
        else:
            await self._socket.send_json(
                {"type": "frames", "utterance": self._utterance, "frames": [as_json(frame) for frame in frames]}
            )


def pack(utterance: int, frame: Frame) -> bytes:
    """A frame as numbers: two uint32, utterance and index; 52 and 3 float32, coefficients and head; all little-endian."""
    return (
        _PACKED.pack(utterance, frame.index) + frame.coefficients.astype("<f4").tobytes() + frame.head.astype("<f4").tobytes()
    )


def as_json(frame: Frame) -> dict[str, Any]:
    """A frame for JSON: values of four digits, which is finer than any face can show."""
    values: dict[str, Any] = {
        "index": frame.index,
        "time": round(frame.time, 6),
        "coefficients": np.round(frame.coefficients.astype(float), 4).tolist(),
        "head": np.round(frame.head.astype(float), 5).tolist(),
    }
    if frame.emotion:
        values["emotion"] = rounded(frame.emotion)
    return values


def _choice(message: Mapping[str, Any], name: str, choices: tuple[str, ...]) -> str:
    value = message.get(name, choices[0])
    if value not in choices:
        raise Refusal(Reason.INVALID, f"{name} must be {' or '.join(choices)}, not {value!r}")
    return str(value)


def _number(message: Mapping[str, Any], name: str, usual: float, low: float, high: float) -> float:
    value = message.get(name, usual)
    if isinstance(value, bool) or not isinstance(value, int | float) or not (math.isfinite(value) and low <= value <= high):
        raise Refusal(Reason.INVALID, f"{name} must be a number between {low:g} and {high:g}, not {value!r}")
    return value


def make_socket(limits: Limits) -> web.WebSocketResponse:
    """A socket that takes messages up to the limit."""
    return web.WebSocketResponse(max_msg_size=limits.max_message, heartbeat=20.0, compress=False)
