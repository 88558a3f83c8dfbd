"""Audio2Face-3D's gRPC interface: speech in, a face at 30 frames a second out, with the audio that belongs to it.

The messages are `protocol`'s. A stream is one coroutine that reads, has its session computed in turns and writes: what a
client does not read stops what is read from it, and costs one turn of memory.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import grpc

from ..frame import Frame
from ..wire.names import APPLE, order
from . import protocol
from .limits import Limits, Reason, Refusal, check_token
from .parameters import KNOWN, Timeline, Tuning, read_tuning
from .streams import Stream, Streams, coefficients

RATE = 30
"""Frames per second of this interface."""
LOWEST_SAMPLE_RATE, HIGHEST_SAMPLE_RATE = 16_000, 144_000
"""Hz."""
BLEND_SHAPES = [name[0].upper() + name[1:] for name in APPLE]
"""The 52 names in the order of the values, as this interface spells them."""
_ORDER = order(APPLE)
_THEIRS = {"surprise": "amazement"}
"""Emotion as fmg names it → as this interface does."""

_CODES = {
    Reason.INVALID: grpc.StatusCode.INVALID_ARGUMENT,
    Reason.TOO_BIG: grpc.StatusCode.RESOURCE_EXHAUSTED,
    Reason.TOO_LONG: grpc.StatusCode.RESOURCE_EXHAUSTED,
    Reason.FULL: grpc.StatusCode.RESOURCE_EXHAUSTED,
    Reason.IDLE: grpc.StatusCode.DEADLINE_EXCEEDED,
    Reason.LEAVING: grpc.StatusCode.UNAVAILABLE,
    Reason.TOKEN: grpc.StatusCode.UNAUTHENTICATED,
    Reason.ORIGIN: grpc.StatusCode.PERMISSION_DENIED,
    Reason.FAILED: grpc.StatusCode.INTERNAL,
}


class Sound:
    """The client's bytes, on their way back beside their frames."""

    def __init__(self, sample_rate: int) -> None:
        self.sample_rate = sample_rate
        self._bytes = bytearray()
        self._given = 0  # bytes that went back
        self._heard = 0  # bytes that `take` returned

    def take(self, piece: bytes) -> bytes:
        """Keep a piece; returns the whole samples that it completes."""
        self._bytes += piece
        start, end = self._heard, self._given + len(self._bytes)
        self._heard = end - end % 2
        return bytes(self._bytes[start - self._given : self._heard - self._given])

    @property
    def is_whole(self) -> bool:
        """Whether what came ends with a sample."""
        return (self._given + len(self._bytes)) % 2 == 0

    def give(self, until: float | None) -> tuple[float, bytes]:
        """(time of its first sample in s, bytes) up to a time in s; all that is left for None."""
        start = self._given / 2 / self.sample_rate
        end = self._given + len(self._bytes) if until is None else min(self._heard, 2 * round(until * self.sample_rate))
        piece = bytes(self._bytes[: max(0, end - self._given)])
        del self._bytes[: len(piece)]
        self._given += len(piece)
        return start, piece


class A2FController:
    """The stream service."""

    def __init__(self, streams: Streams, token: str | None) -> None:
        self._streams, self._token = streams, token

    async def process(self, requests: AsyncIterator[Any], context: grpc.aio.ServicerContext) -> None:
        """``ProcessAudioStream``."""
        try:
            check_token(self._token, dict(context.invocation_metadata() or ()).get("authorization"))
            header = await self._header(requests)
            tuning = read_tuning(header, self._streams.settings)
            rate = header.audio_header.samples_per_second
            async with self._streams.open("grpc", sample_rate=rate, rate=RATE, settings=tuning.settings) as stream:
                await _Conversation(stream, header, tuning, context).run(requests)
        except Refusal as refusal:
            self._streams.metrics.count(f"refused {refusal.reason.value}")
            await context.abort(_CODES[refusal.reason], str(refusal))

    async def _header(self, requests: AsyncIterator[Any]) -> Any:
        try:
            first = await asyncio.wait_for(anext(requests), self._streams.limits.idle_seconds)
        except StopAsyncIteration:
            raise Refusal(Reason.INVALID, "the stream ended before its audio_stream_header") from None
        except (asyncio.TimeoutError, TimeoutError):  # noqa: UP041, they differ in 3.10
            sentence = f"no audio_stream_header came within {self._streams.limits.idle_seconds:g} s"
            raise Refusal(Reason.IDLE, sentence) from None
        if first.WhichOneof("stream_part") != "audio_stream_header":
            raise Refusal(Reason.INVALID, "the first message of a stream must be its audio_stream_header")
        _check_audio(first.audio_stream_header.audio_header)
        return first.audio_stream_header


def _check_audio(audio: Any) -> None:
    if audio.audio_format != 0:
        raise Refusal(Reason.INVALID, f"the audio format must be AUDIO_FORMAT_PCM (0), not {audio.audio_format}")
    if audio.channel_count != 1:
        raise Refusal(Reason.INVALID, f"the audio must have 1 channel, not {audio.channel_count}")
    if audio.bits_per_sample != 16:
        raise Refusal(Reason.INVALID, f"the audio must have 16 bits per sample, not {audio.bits_per_sample}")
    if not LOWEST_SAMPLE_RATE <= audio.samples_per_second <= HIGHEST_SAMPLE_RATE:
        raise Refusal(
            Reason.INVALID,
            f"the sample rate must lie between {LOWEST_SAMPLE_RATE} and {HIGHEST_SAMPLE_RATE} Hz, "
            f"not {audio.samples_per_second}",
        )


class _Conversation:
    """One stream from its header to its status."""

    def __init__(self, stream: Stream, header: Any, tuning: Tuning, context: grpc.aio.ServicerContext) -> None:
        self._stream, self._header, self._context = stream, header, context
        self._affine = tuning.affine
        self._unused = tuning.unused
        self._timeline = Timeline(header)
        self._sound = Sound(header.audio_header.samples_per_second)
        self._emotions: list[Any] = []  # EmotionWithTimeCode, as they came, until a message takes them along
        self._frames = 0

    async def run(self, requests: AsyncIterator[Any]) -> None:
        head = protocol.AnimationDataStream()
        head.animation_data_stream_header.audio_header.CopyFrom(self._header.audio_header)
        head.animation_data_stream_header.skel_animation_header.blend_shapes.extend(BLEND_SHAPES)
        head.animation_data_stream_header.start_time_code_since_epoch = time.time()
        await self._write(head)
        code, message = "SUCCESS", ""
        try:
            with self._stream.told():
                await self._listen(requests)
                await self._say(await self._stream.flush(), last=True)
        except Refusal as refusal:
            if refusal.reason is not Reason.LEAVING:
                raise
            frames = await self._stream.flush()
            await self._say(frames + await self._stream.interrupt(), last=True)
            code, message = "WARNING", str(refusal)
        end = protocol.AnimationDataStream()
        end.event.event_type = 0
        end.event.SetInParent()
        await self._write(end)
        parts = [message, f"{self._frames} frames of {self._stream.seconds:.3f} s of audio"]
        if self._unused:
            parts.append(f"not used by this server: {', '.join(self._unused)}")
            code = "INFO" if code == "SUCCESS" else code
        status = protocol.AnimationDataStream()
        status.status.code = status.status.Code.Value(code)
        status.status.message = "; ".join(part for part in parts if part)
        await self._write(status)

    async def _listen(self, requests: AsyncIterator[Any]) -> None:
        """Audio to frames, until the end that the client says, or the end of what it sends."""
        async for request in requests:
            self._stream.touch()
            part = request.WhichOneof("stream_part")
            if part == "end_of_audio":
                break
            if part != "audio_with_emotion":
                what = "a second audio_stream_header" if part else "an empty message"
                raise Refusal(Reason.INVALID, f"{what} came; after the header there is audio, then end_of_audio")
            self._feel(request.audio_with_emotion.emotions)
            async for frames in self._stream.hear(self._sound.take(request.audio_with_emotion.audio_buffer)):
                if frames:
                    await self._say(frames)
        if not self._sound.is_whole:
            raise Refusal(Reason.INVALID, "the audio ends within a 16-bit sample: its number of bytes is odd")

    def _feel(self, emotions: Any) -> None:
        for each in emotions:
            session = self._stream.session
            session.update(self._timeline.add(session.settings, each.time_code, dict(each.emotion)))
            self._emotions.append(each)

    async def _say(self, frames: list[Frame], *, last: bool = False) -> None:
        """Send frames and the audio up to the next frame; with `last` all that is left of it."""
        message = protocol.AnimationDataStream()
        data = message.animation_data
        aggregate = protocol.EmotionAggregate()
        weights = data.skel_animation.blend_shape_weights
        for frame in frames:
            weights.add(time_code=frame.index / RATE, values=coefficients(frame, self._affine)[_ORDER].tolist())
            if frame.emotion:
                shown = {_THEIRS.get(name, name): value for name, value in frame.emotion.items()}
                for output in (aggregate.a2e_output, aggregate.a2f_smoothed_output):
                    output.add(time_code=frame.index / RATE, emotion=shown)
        self._frames += len(frames)
        for each in self._emotions:
            aggregate.input_emotions.add().CopyFrom(each)
        self._emotions.clear()
        time_code, audio = self._sound.give(None if last else self._frames / RATE)
        if not frames and not audio:
            return
        data.audio.time_code = time_code
        data.audio.audio_buffer = audio
        data.metadata["emotion_aggregate"].Pack(aggregate)
        await self._write(message)

    async def _write(self, message: Any) -> None:
        await self._context.write(message)
        self._stream.touch()


class Health:
    """The standard health service."""

    def __init__(self, streams: Streams) -> None:
        self._streams = streams

    def _status(self, service: str) -> Any:
        names = ("", protocol.A2F_SERVICE, protocol.CONFIG_SERVICE)
        values = protocol.HealthCheckResponse.ServingStatus
        if service not in names:
            return values.Value("SERVICE_UNKNOWN")
        return values.Value("NOT_SERVING" if self._streams.leaving else "SERVING")

    async def check(self, request: Any, context: grpc.aio.ServicerContext) -> Any:
        status = self._status(request.service)
        if status == protocol.HealthCheckResponse.ServingStatus.Value("SERVICE_UNKNOWN"):
            await context.abort(grpc.StatusCode.NOT_FOUND, f"there is no service {request.service!r} here")
        return protocol.HealthCheckResponse(status=status)

    async def watch(self, request: Any, context: grpc.aio.ServicerContext) -> None:
        told = None
        while True:
            status = self._status(request.service)
            if status != told:
                await context.write(protocol.HealthCheckResponse(status=status))
                told = status
            await asyncio.sleep(0.5)


class Configs:
    """How the server is set up, as text."""

    def __init__(self, limits: Limits, token: str | None) -> None:
        self._limits, self._token = limits, token

    def _content(self) -> Mapping[str, Any]:
        return {
            "frame_rate": RATE,
            "blend_shapes": BLEND_SHAPES,
            "audio": {
                "format": "PCM",
                "channel_count": 1,
                "bits_per_sample": 16,
                "samples_per_second": [LOWEST_SAMPLE_RATE, HIGHEST_SAMPLE_RATE],
            },
            "limits": {
                "streams": self._limits.max_streams,
                "seconds_per_stream": self._limits.max_seconds,
                "idle_seconds": self._limits.idle_seconds,
                "bytes_per_message": self._limits.max_message,
            },
            "face_params": {name: usual for name, (usual, _, _) in KNOWN.items()},
        }

    async def get(self, request: Any, context: grpc.aio.ServicerContext) -> None:
        """``GetConfigs``."""
        try:
            check_token(self._token, dict(context.invocation_metadata() or ()).get("authorization"))
        except Refusal as refusal:
            await context.abort(_CODES[refusal.reason], str(refusal))
        if request.config_type == 0:
            import yaml

            name, content = "fmg.yaml", yaml.safe_dump(self._content(), sort_keys=False)
        elif request.config_type == 1:
            name, content = "fmg.json", json.dumps(self._content(), indent=2)
        else:
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, f"the type must be YAML or JSON, not {request.config_type}")
        await context.write(protocol.A2XConfig(name=name, content=content))


def credentials(certificate: Path, key: Path, clients: Path | None) -> grpc.ServerCredentials:
    """TLS from PEM files; with `clients`, only those whose certificate that authority signed come in.

    Raises
    ------
    OSError
        A file cannot be read.
    """
    pair = [(key.read_bytes(), certificate.read_bytes())]
    if clients is None:
        return grpc.ssl_server_credentials(pair)
    return grpc.ssl_server_credentials(pair, clients.read_bytes(), require_client_auth=True)


def make_server(streams: Streams, token: str | None, *, reuse_port: bool) -> grpc.aio.Server:
    """The server with its three services, not yet bound."""
    server = grpc.aio.server(
        options=[
            ("grpc.so_reuseport", int(reuse_port)),
            ("grpc.max_receive_message_length", streams.limits.max_message),
            ("grpc.keepalive_time_ms", 20_000),
            ("grpc.keepalive_timeout_ms", 10_000),
        ]
    )
    controller, health = A2FController(streams, token), Health(streams)
    configs = Configs(streams.limits, token)
    services = {
        protocol.A2F_SERVICE: {
            "ProcessAudioStream": grpc.stream_stream_rpc_method_handler(
                controller.process, protocol.AudioStream.FromString, protocol.AnimationDataStream.SerializeToString
            )
        },
        protocol.CONFIG_SERVICE: {
            "GetConfigs": grpc.unary_stream_rpc_method_handler(
                configs.get, protocol.ConfigsTypeRequest.FromString, protocol.A2XConfig.SerializeToString
            )
        },
        protocol.HEALTH_SERVICE: {
            "Check": grpc.unary_unary_rpc_method_handler(
                health.check, protocol.HealthCheckRequest.FromString, protocol.HealthCheckResponse.SerializeToString
            ),
            "Watch": grpc.unary_stream_rpc_method_handler(
                health.watch, protocol.HealthCheckRequest.FromString, protocol.HealthCheckResponse.SerializeToString
            ),
        },
    }
    for name, methods in services.items():
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(name, methods),))
    return server
