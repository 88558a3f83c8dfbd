"""A face for a LiveKit agent: wrap the session's audio output, and every participant gets frames in time with the voice.

>>> await session.start(agent, room=room)
>>> session.output.audio = FaceOutput(session.output.audio, publisher(room))

Frames go out as data packets of the topic ``face``: ``{"utterance": 0, "index": 12, "time": 0.4, "coefficients": [52],
"head": [3]}``. Speech comes faster than it is heard, so frames wait for their time. Made for livekit-agents 1.x.
"""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from livekit import rtc
from livekit.agents.voice.io import AudioOutput, AudioOutputCapabilities

from fmg_rt import Frame, Session
from fmg_rt.session import REST_SECONDS

Send = Callable[[dict[str, Any]], Awaitable[None]]


def publisher(room: rtc.Room) -> Send:
    """What sends a frame to everybody in the room; a lost one is not sent again, the next one is due already."""

    async def send(frame: dict[str, Any]) -> None:
        await room.local_participant.publish_data(json.dumps(frame), reliable=False, topic="face")

    return send


class _Utterance:
    """One segment of speech: its frames, and the moment at which it began to be heard, once that is known."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.frames: asyncio.Queue[Frame | None] = asyncio.Queue()
        self.start: asyncio.Future[float] = asyncio.get_running_loop().create_future()


class FaceOutput(AudioOutput):
    """Speech goes on untouched; `send` gets the frames when their sound is heard.

    Parameters
    ----------
    following : the output that plays.
    send : takes a frame; see `publisher`.
    session : makes the session from a sample rate and a number of channels.
    """

    next_in_chain: AudioOutput

    def __init__(self, following: AudioOutput, send: Send, session: Callable[..., Session] = Session) -> None:
        can = AudioOutputCapabilities(pause=False)
        super().__init__(label="fmg face", capabilities=can, next_in_chain=following, sample_rate=following.sample_rate)
        self._send, self._make = send, session
        self._session: Session | None = None
        self._number = 0
        self._now: _Utterance | None = None
        self._silent: list[_Utterance] = []  # that are not heard yet
        self._tasks: set[asyncio.Task[None]] = set()
        self._shown: Frame | None = None

    async def capture_frame(self, frame: rtc.AudioFrame) -> None:
        await super().capture_frame(frame)
        if self._session is None or self._session.sample_rate != frame.sample_rate:
            self._session = self._make(sample_rate=frame.sample_rate, channels=frame.num_channels)
        if self._now is None:
            self._now = _Utterance(self._number)
            self._number += 1
            self._silent.append(self._now)
            self._go(self._show(self._now))
        for face in self._session.push(bytes(frame.data)):
            self._now.frames.put_nowait(face)
        await self.next_in_chain.capture_frame(frame)

    def on_playback_started(self, *, created_at: float) -> None:
        if self._silent:
            self._silent.pop(0).start.set_result(created_at)
        super().on_playback_started(created_at=created_at)

    def flush(self) -> None:
        super().flush()
        if self._now is not None and self._session is not None:
            for face in [*self._session.finish(), None]:  # with the way to rest
                self._now.frames.put_nowait(face)
            self._now = None
        self.next_in_chain.flush()

    def clear_buffer(self) -> None:
        self.next_in_chain.clear_buffer()
        for task in self._tasks:
            task.cancel()
        self._silent.clear()
        self._now = None
        if self._session is not None:
            self._session.interrupt()
            if self._shown is not None:  # from what is shown, not from what was computed ahead of it
                self._go(self._rest(self._shown, self._session.rate))

    def _go(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _show(self, utterance: _Utterance) -> None:
        start = await utterance.start
        while (face := await utterance.frames.get()) is not None:
            await asyncio.sleep(start + face.time - time.time())
            await self._say(face, utterance.number)

    async def _rest(self, last: Frame, rate: float) -> None:
        for k in range(1, (n := max(1, int(REST_SECONDS * rate))) + 1):
            left = (1 - k / n) ** 2 * (1 + 2 * k / n)  # 1 … 0, level at both ends
            face = Frame(last.index + k, last.time + k / rate, left * last.coefficients, left * last.head)
            await self._say(face, self._number - 1)
            await asyncio.sleep(1 / rate)

    async def _say(self, face: Frame, utterance: int) -> None:
        self._shown = face
        numbers = {"utterance": utterance, "index": face.index, "time": face.time, "head": face.head.tolist()}
        await self._send(numbers | {"coefficients": [round(float(value), 4) for value in face.coefficients]})
