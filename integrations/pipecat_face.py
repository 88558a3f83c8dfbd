"""A face for a pipecat agent: put `FaceProcessor` between the text-to-speech and ``transport.output()``.

Each piece of speech goes on with its frames just before it, as messages for the client (a data channel, a WebSocket):
``{"type": "face", "utterance": 0, "index": 12, "time": 0.4, "coefficients": [52], "head": [3]}``. A transport sends messages
and sound in order and sound at its own pace, so a client draws each frame as it comes. After an interruption comes
``{"type": "rest", "utterance": 0, "seconds": 0.15}``: the client goes from what it shows to rest. Made for pipecat-ai 1.x.
"""

from collections.abc import Callable
from typing import Any

from pipecat.frames.frames import (
    EndFrame,
    Frame,
    InterruptionFrame,
    OutputTransportMessageFrame,
    OutputTransportMessageUrgentFrame,
    TTSAudioRawFrame,
    TTSStoppedFrame,
)
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor

from fmg_rt import Frame as Face
from fmg_rt import Session
from fmg_rt.session import REST_SECONDS

SLICE = 0.04
"""Seconds of speech computed at once: less than a millisecond of the event loop."""


class FaceProcessor(FrameProcessor):
    """Speech in, the same speech out, with the face that belongs to it.

    Parameters
    ----------
    session : makes the session from a sample rate and a number of channels; by default `fmg_rt.Session` with its defaults.
    """

    def __init__(self, session: Callable[..., Session] = Session, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._make = session
        self._session: Session | None = None
        self._held = b""  # speech whose frames are not decided yet
        self._given = 0  # bytes that went on
        self._utterance = 0
        self._like: TTSAudioRawFrame | None = None

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        if isinstance(frame, TTSAudioRawFrame) and direction is FrameDirection.DOWNSTREAM:
            await self._speak(frame)
            return
        if isinstance(frame, TTSStoppedFrame | EndFrame):
            await self._end()
        await self.push_frame(frame, direction)
        if isinstance(frame, InterruptionFrame):
            await self._interrupt()

    async def _speak(self, frame: TTSAudioRawFrame) -> None:
        shape = {"sample_rate": frame.sample_rate, "channels": frame.num_channels}
        if self._session is None or (self._session.sample_rate, self._session.channels) != tuple(shape.values()):
            await self._end()
            self._session = self._make(**shape)
            self._rate = self._session.rate
        self._like = frame
        step = 2 * frame.num_channels * int(SLICE * frame.sample_rate)
        for start in range(0, len(frame.audio), step):
            piece = frame.audio[start : start + step]
            self._held += piece
            for face in self._session.push(piece):
                await self._show(face, frame)

    async def _end(self) -> None:
        if self._session is None or self._like is None:
            return
        for face in self._session.finish():  # with the way to rest
            await self._show(face, self._like)
        await self._sound(len(self._held), self._like)
        self._forget()

    async def _interrupt(self) -> None:
        if self._session is not None and self._like is not None:
            self._session.interrupt()
            rest = {"type": "rest", "utterance": self._utterance, "seconds": REST_SECONDS}
            await self.push_frame(OutputTransportMessageUrgentFrame(message=rest))
        self._forget()

    def _forget(self) -> None:
        self._held, self._given, self._like = b"", 0, None
        self._utterance += 1

    async def _show(self, face: Face, like: TTSAudioRawFrame) -> None:
        await self.push_frame(
            OutputTransportMessageFrame(
                message={
                    "type": "face",
                    "utterance": self._utterance,
                    "index": face.index,
                    "time": face.time,
                    "coefficients": [round(float(value), 4) for value in face.coefficients],
                    "head": face.head.tolist(),
                }
            )
        )
        until = round((face.time + 1 / self._rate) * like.sample_rate)
        await self._sound(2 * like.num_channels * until - self._given, like)

    async def _sound(self, count: int, like: TTSAudioRawFrame) -> None:
        piece, self._held = self._held[:count], self._held[count:]
        self._given += len(piece)
        if piece:
            await self.push_frame(TTSAudioRawFrame(piece, like.sample_rate, like.num_channels, context_id=like.context_id))
