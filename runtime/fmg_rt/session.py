"""Session: audio in, frames out. The one object that a host needs, and the one way from audio to a face.

>>> session = Session()
>>> for frame in session.push(samples):  # int16 or float32, blocks of any size
...     show(frame.time, frame.coefficients)
>>> frames = session.flush()  # the utterance is over
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Iterator
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from . import arkit, spec
from . import weights as weight_files
from .audio import AudioError, to_mono
from .errors import FmgError
from .expression import Expression, ExpressionSettings
from .frame import STILL, Frame
from .handover import Handover, TwiceRead
from .networks import choose_lookahead
from .sources.resampler import Resampler
from .stream import MAX_RATE, SILENCE, FaceStream, wanted
from .weights import Weights

if TYPE_CHECKING:
    from .expression import Tracker

__all__ = ["AsyncSession", "AudioError", "Session", "SessionError"]

REST_SECONDS = 0.15
"""Longest time from `Session.interrupt` to a face at rest."""
LOWEST_SAMPLE_RATE, HIGHEST_SAMPLE_RATE = 1_000.0, 768_000.0
"""Hz."""


class SessionError(FmgError, ValueError):
    """A session cannot be had with these options; the message says which and what would do."""


class Session:
    """One face. It hears audio and gives frames as soon as they are decided; any number of utterances, one after another.

    By default the face is the very one that ``fmg-rt`` sends. One session belongs to one thread at a time; only `update`
    may be called from any other. Sessions share their weights when these are handed over as `Weights`.

    Parameters
    ----------
    weights : a loaded weight file, the path of one, or None for the packaged one.
    rate : frames per second, 1 to 120.
    lookahead : samples at 16 kHz of future audio, one of ``weights.lookaheads``; None takes the file's default.
    settings : what audio does not decide; None is the default expression, ``ExpressionSettings.off()`` the network alone.
    egemaps : True: brows and mood follow eGeMAPS from the first frame on. ``"later"``: the mouth moves at once, and they
        join as soon as a thread has loaded or compiled them. False: never.
    seed : of blinks, gaze and breath; equal seeds and audio give equal faces.
    tracker : another source of faces whose upper half replaces ours, or None.
    sample_rate : of the audio pushed, Hz, 1 000 to 768 000.
    channels : of bytes and of one-dimensional arrays, which hold them interleaved; they are averaged.

    Raises
    ------
    SessionError
        A rate, sample rate or number of channels out of range.
    WeightsError
        No such weight file, or it has no read-out for that look-ahead.
    """

    names = arkit.ARKIT_NAMES
    """Names of the 52 coefficients, in their order."""

    def __init__(
        self,
        weights: Weights | str | os.PathLike[str] | None = None,
        *,
        rate: float = 30.0,
        lookahead: int | None = None,
        settings: ExpressionSettings | None = None,
        egemaps: bool | Literal["later"] = True,
        seed: int = 0,
        tracker: Tracker | None = None,
        sample_rate: float = spec.SAMPLE_RATE,
        channels: int = 1,
    ):
        if not 1.0 <= rate <= MAX_RATE:
            raise SessionError(f"the frame rate must lie between 1 and {MAX_RATE:g} Hz, not {rate:g}")
        if not LOWEST_SAMPLE_RATE <= sample_rate <= HIGHEST_SAMPLE_RATE:
            raise SessionError(
                f"the sample rate must lie between {LOWEST_SAMPLE_RATE:g} and {HIGHEST_SAMPLE_RATE:g} Hz, not {sample_rate:g}"
            )
        if channels < 1:
            raise SessionError(f"the number of channels must be 1 or more, not {channels}")
        if not isinstance(weights, Weights):
            weights = weight_files.read(weight_files.packaged() if weights is None else weights)
        lookahead = choose_lookahead(weights, lookahead)
        chosen = ExpressionSettings() if settings is None else settings
        twice = TwiceRead(tracker) if tracker is not None and egemaps == "later" else None

        def build(with_egemaps: bool) -> FaceStream:
            faces = tracker if twice is None else twice.again if with_egemaps else twice
            heard = None
            if with_egemaps:
                from .egemaps import EGeMAPS  # loads its kernels, which takes long when they have to be compiled

                heard = EGeMAPS()
            expression = Expression(chosen, rate, lookahead, seed, faces)
            return FaceStream(weights, rate=rate, lookahead=lookahead, expression=expression, egemaps=heard)

        first = build(egemaps is True)
        assert first.expression is not None
        self._expression = first.expression
        self._stream: FaceStream | Handover = first
        if egemaps == "later":
            self._stream = Handover(first, lambda: build(True))
        self.rate, self.sample_rate, self.channels, self.weights = rate, sample_rate, channels, weights
        self._resampler = self._new_resampler()
        self._hop = np.empty(spec.HOP_LENGTH, np.float32)  # (160,)
        self._last: Frame | None = None
        self._forget_audio()

    @property
    def latency(self) -> float:
        """Most seconds from a sound to the frame that shows it: look-ahead, the network's step, resampling."""
        delay = self._resampler.latency if self._resampler is not None else 0.0
        return self._stream.latency / spec.SAMPLE_RATE + delay

    @property
    def settings(self) -> ExpressionSettings:
        """What the next frame is made with."""
        return self._expression.settings

    def update(self, settings: ExpressionSettings) -> None:
        """Use other settings from the next frame on; may be called from any thread."""
        self._expression.update(settings)

    def wait(self) -> None:
        """With ``egemaps="later"``: wait until they have joined, unless a compiler is needed. For audio that can wait."""
        if isinstance(self._stream, Handover):
            self._stream.wait()

    def push(self, audio: bytes | bytearray | memoryview | np.ndarray) -> list[Frame]:
        """Take the next audio of the utterance, any amount, as fast as it comes; return the frames now decided.

        Parameters
        ----------
        audio : bytes of little-endian int16; or an int16 or float array in [-1, 1], (n,) or (n, channels).

        Raises
        ------
        AudioError
            Another type or shape, a part of a sample, or floats far beyond ±1; nothing was taken.
        """
        frames: list[Frame] = []
        for hop in self._take(audio):
            frames += self._step(hop)
        return frames

    def flush(self) -> list[Frame]:
        """End the utterance: every frame before its end, without waiting for more audio. The next push begins a new one.

        Frame times then start at 0 again. Blinks, gaze, the speaker's level and mood go on.
        """
        end = self._pushed * spec.SAMPLE_RATE / self.sample_rate
        frames: list[Frame] = []
        if self._resampler is not None:
            self._resampler.finish()  # fills its last hop with silence
            while self._resampler.pop(self._hop):
                frames += self._step(self._hop)
            self._resampler = self._new_resampler()
        elif len(self._pending):
            self._hop[: len(self._pending)] = self._pending
            self._hop[len(self._pending) :] = 0.0
            frames += self._step(self._hop)
        while self._stream.next_time < end:
            frames += self._step(SILENCE)
        frames = frames[: wanted(frames[0].index, len(frames), end, self.rate)] if frames else []
        self._stream.begin()
        self._forget_audio()
        if frames:
            self._last = frames[-1]
        return frames

    def interrupt(self) -> list[Frame]:
        """Somebody broke in: drop what was not given yet; return frames that bring the face to rest within 150 ms.

        They follow the last frame given, without a jump; the mouth of the last one is exactly at rest. The next push begins
        a new utterance. Right after `flush` they close the mouth of a sentence that was cut off.
        """
        last = self._last
        self._resampler = self._new_resampler()
        self._stream.rest()
        self._forget_audio()
        if last is None:
            return []
        n = max(1, int(REST_SECONDS * self.rate))
        living: list[Frame] = []
        while len(living) < n:
            living += self._step(SILENCE)
        rests = self.settings.gate
        frames = []
        for k, alive in enumerate(living[:n], 1):
            x = 1.0 - k / n
            share = np.float32(x * x * (3.0 - 2.0 * x))  # 1 … 0, level at both ends
            rest = alive.coefficients if rests else np.zeros_like(last.coefficients)
            face = share * last.coefficients + (1 - share) * rest
            head = share * last.head + (1 - share) * alive.head
            frames.append(Frame(last.index + k, (last.index + k) / self.rate, face, head, alive.emotion))
        self._stream.begin()
        self._forget_audio()
        self._last = None
        return frames

    def finish(self) -> list[Frame]:
        """`flush`, and the frames in which the face goes to rest: for a host that stops here."""
        return self.flush() + self.interrupt()

    def reset(self) -> None:
        """Forget everything; equal to a new session with the present settings."""
        self._stream.reset()
        self._resampler = self._new_resampler()
        self._last = None
        self._forget_audio()

    def _new_resampler(self) -> Resampler | None:
        return Resampler(self.sample_rate, live=True) if self.sample_rate != spec.SAMPLE_RATE else None

    def _forget_audio(self) -> None:
        self._pending = SILENCE[:0]
        self._pushed = 0

    def _take(self, audio: bytes | bytearray | memoryview | np.ndarray) -> Iterator[np.ndarray]:
        """The whole hops, (160,) float32 at 16 kHz, up to the end of this audio; what is left of it waits for the next."""
        samples = to_mono(audio, self.channels)
        self._pushed += len(samples)
        return self._hops(samples) if self._resampler is None else self._resampled(samples, self._resampler)

    def _hops(self, samples: np.ndarray) -> Iterator[np.ndarray]:
        if len(self._pending):
            samples = np.concatenate([self._pending, samples])
        samples = np.ascontiguousarray(samples)
        whole = len(samples) - len(samples) % spec.HOP_LENGTH
        self._pending = samples[whole:].copy()
        for start in range(0, whole, spec.HOP_LENGTH):
            yield samples[start : start + spec.HOP_LENGTH]

    def _resampled(self, samples: np.ndarray, resampler: Resampler) -> Iterator[np.ndarray]:
        second = int(self.sample_rate)
        for start in range(0, len(samples), second):
            resampler.push(samples[start : start + second])
            while resampler.pop(self._hop):
                yield self._hop

    def _step(self, hop: np.ndarray) -> list[Frame]:
        return self._framed(self._stream.step(hop))

    def _framed(self, faces: np.ndarray) -> list[Frame]:
        """The frames of what the stream gave, (n, 52)."""
        stream = self._stream
        if not len(faces):
            return []
        first = stream.index - len(faces)
        emotion = stream.emotion
        frames = [
            Frame(first + i, (first + i) / self.rate, face.copy(), _kept(stream.heads[i]), emotion)
            for i, face in enumerate(faces)
        ]
        self._last = frames[-1]
        return frames


def _kept(head: np.ndarray) -> np.ndarray:
    """A copy of a head (3,); most programs that need none share the one that is still."""
    return head.copy() if head.item(0) or head.item(1) or head.item(2) else STILL


class AsyncSession:
    """A `Session` for asyncio: its verbs as coroutines, computed in a thread so that the event loop goes on.

    Calls of one session run one after another, in the order in which they were made.

    Parameters
    ----------
    session : made for this alone; None makes one with ``options``.
    options : as `Session` takes them.
    """

    def __init__(self, session: Session | None = None, **options: object):
        self.session = session if session is not None else Session(**options)  # type: ignore[arg-type]
        self._order = asyncio.Lock()

    async def push(self, audio: bytes | bytearray | memoryview | np.ndarray) -> list[Frame]:
        """See `Session.push`."""
        return await self._do(self.session.push, audio)

    async def flush(self) -> list[Frame]:
        """See `Session.flush`."""
        return await self._do(self.session.flush)

    async def interrupt(self) -> list[Frame]:
        """See `Session.interrupt`."""
        return await self._do(self.session.interrupt)

    async def finish(self) -> list[Frame]:
        """See `Session.finish`."""
        return await self._do(self.session.finish)

    async def _do(self, verb: Callable[..., list[Frame]], *arguments: Any) -> list[Frame]:
        async def alone() -> list[Frame]:
            async with self._order:
                return await asyncio.to_thread(verb, *arguments)

        # Whoever is cancelled leaves at once, but the thread goes on: the next call waits for it all the same.
        return await asyncio.shield(asyncio.ensure_future(alone()))

    async def frames(self, audio: AsyncIterator[bytes | np.ndarray]) -> AsyncIterator[Frame]:
        """Every frame of one utterance whose audio comes in blocks, the last ones when `audio` ends."""
        async for block in audio:
            for frame in await self.push(block):
                yield frame
        for frame in await self.flush():
            yield frame
