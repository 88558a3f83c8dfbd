"""Bytes that can be read only once: standard input, a FIFO, a process substitution. Raw samples, or a file with a header."""

import io
import math
import os
import stat
import sys
import threading
import time
from collections import deque
from collections.abc import Generator
from typing import BinaryIO

import numpy as np

from .. import spec
from . import SourceError, media, wav
from .blocks import BlockSource
from .mono import Mono
from .ring import Ring

STDIN = "-"
"""The name of standard input."""
_COMPRESSED = {b"fLaC": 0, b"OggS": 0, b"ID3": 0, b"ftyp": 4, b"\x1aE\xdf\xa3": 0, b"FORM": 0, b"caff": 0}
"""Signatures of files that are not raw samples, and their offset."""
_KERNEL_BUFFER = 65_536
"""Bytes that a pipe holds."""


class Pipe:
    """A pipe as fast as it delivers; opened by the first `read`, since that may wait for a writer.

    A WAV header is believed; another sound file goes through PyAV; anything else is raw little-endian int16, mono, at `rate`.

    Parameters
    ----------
    name : ``-`` for standard input, or the path of a pipe. rate : Hz. channel : of a WAV, see `mono.Mono`.

    Attributes
    ----------
    finite : it ends where its header says: a file, not a voice. Known after the first `read`.

    Raises
    ------
    SourceError
        Standard input is closed or a terminal. From `read`: the pipe cannot be opened, or holds what cannot be read.
    """

    latency = 0.0
    overflows = 0
    trouble = ""

    def __init__(self, name: str, rate: float, channel: str | int = "mix"):
        self.name = "standard input" if name == STDIN else name
        self.finite = False
        self._rate, self._mono = rate, Mono(self.name, channel)
        self._raw = _standard_input() if name == STDIN else None
        self._source: BlockSource | None = None

    @property
    def ended(self) -> bool:
        return self._source is not None and self._source.ended

    def read(self, hop: np.ndarray, timeout: float) -> bool:
        """Fill `hop`; waits as long as the writer takes."""
        try:
            if self._source is None:
                self._source = self._open()
            return self._source.read(hop, timeout)
        except OSError as error:
            raise SourceError(f"{self.name}: cannot be read ({error.strerror or error})") from None

    def close(self) -> None:
        if self._source is not None:
            self._source.close()

    def _open(self) -> BlockSource:
        file = _Ahead(self._raw or _named(self.name))
        self.finite = file.is_regular
        start = file.peek(12)
        form = wav.Format(self._rate, 1)
        if start[:4] in wav.MAGIC:
            try:
                form = wav.read_header(file.read)
            except wav.WavError as error:
                raise SourceError(f"{self.name}: a WAV that cannot be read: {error}") from None
            self.finite |= form.n_bytes is not None
        elif any(start[at : at + len(magic)] == magic for magic, at in _COMPRESSED.items()):
            if not media.available():
                raise SourceError(
                    f"{self.name}: this is a sound file, not raw samples: pip install "
                    "'facial-motion-generator[media]', or let FFmpeg do it: "
                    "ffmpeg -i FILE -f wav - | fmg-rt --input -"
                )
            self.finite = True
            rate, _, blocks = media.open_media(file, self.name)  # type: ignore[arg-type]
            return BlockSource(self.name, _mono(blocks, self._mono), rate)
        return BlockSource(self.name, _mono(_blocks(file, form), self._mono), form.rate)


def _standard_input() -> BinaryIO:
    if sys.stdin is None or sys.stdin.isatty():
        raise SourceError("--input - reads raw s16le samples or a WAV from a pipe, and standard input is none")
    # The unbuffered file: a thread that waits in the buffered one at exit would abort the interpreter.
    return sys.stdin.buffer.raw  # type: ignore[attr-defined, union-attr]


def _named(name: str) -> BinaryIO:
    try:
        raw = open(name, "rb", buffering=0)  # noqa: SIM115
    except OSError as error:
        raise SourceError(f"{name}: cannot be read ({error.strerror or error})") from None
    if raw.isatty():
        raw.close()
        raise SourceError(f"{name}: this is a terminal, not audio")
    return raw  # type: ignore[return-value]


class _Ahead(io.RawIOBase):
    """A pipe whose first bytes can be inspected before they are read."""

    def __init__(self, raw: BinaryIO):
        self._raw = raw
        self._start = b""
        try:
            self.is_regular = stat.S_ISREG(os.fstat(raw.fileno()).st_mode)
        except (OSError, ValueError):  # a stream that is no file
            self.is_regular = False

    def peek(self, n: int) -> bytes:
        """The next n bytes, fewer only at the end; they stay."""
        while len(self._start) < n and (more := self._raw.read(n - len(self._start))):
            self._start += more
        return self._start[:n]

    def some(self, n: int) -> bytes:
        """The available bytes, at most n; none only at the end."""
        if self._start:
            data, self._start = self._start[:n], self._start[n:]
            return data
        return self._raw.read(n) or b""

    def read(self, n: int = -1) -> bytes:
        """Exactly n bytes, fewer only at the end."""
        parts = []
        while n > 0 and (more := self.some(n)):
            parts.append(more)
            n -= len(more)
        return b"".join(parts)

    def readable(self) -> bool:
        return True

    def close(self) -> None:
        super().close()
        self._raw.close()


def _mono(blocks: Generator[np.ndarray, None, None], to_one: Mono) -> Generator[np.ndarray, None, None]:
    for block in blocks:
        yield to_one(block)


def _blocks(file: _Ahead, form: wav.Format) -> Generator[np.ndarray, None, None]:
    # All that waits at once: a small read after the other would need the interpreter for each, which the start holds.
    size = min(_KERNEL_BUFFER, form.frame_bytes * max(round(form.rate), 1))
    left = math.inf if form.n_bytes is None else form.n_bytes
    rest = b""
    while left > 0 and (data := file.some(int(min(size, left)))):
        left -= len(data)
        data = rest + data
        whole = len(data) - len(data) % form.frame_bytes
        rest = data[whole:]
        yield form.decode(data[:whole])


class LivePipe:
    """A pipe in real time: live audio is used at once, a recording is played in real time.

    A thread reads the pipe all the time, while the program still loads too. Audio that comes as it is spoken is a voice:
    what came before the first `read` is dropped, and what a stall left waiting is caught up with at four times its speed, so
    that the face hurries instead of jumping. Audio that comes faster than it sounds is a recording, none of which is lost.

    Parameters
    ----------
    source : gives as fast as it can. live : True or False tells which it is; None finds out.
    """

    _CAPACITY = 10 * spec.SAMPLE_RATE
    _PATIENCE = 8 * spec.SAMPLE_RATE
    """Samples beyond which a recording's writer waits."""
    _LATE = round(0.1 * spec.SAMPLE_RATE)
    """Samples that may wait before live audio is played faster."""
    _OLDEST = 2 * spec.SAMPLE_RATE
    """Samples of live audio beyond which the oldest are dropped."""
    _HURRY, _RELAXED, _REAL = 0.0025, 0.008, 0.01
    """Seconds between two hops: after a stall, of a voice, of a recording."""
    _WINDOW = 0.4
    """Seconds of arrivals that decide between live and recording."""
    _SETTLING = 0.05
    """Seconds after the first byte in which what waited in the pipe is read."""
    _FORGIVEN = 0.2
    """Lateness, seconds, of a recording beyond which its schedule is shifted."""
    _MOST_WAITING = _KERNEL_BUFFER // 2 + spec.SAMPLE_RATE // 5
    """Samples of a voice that a pipe can hold before it is read: int16 at 16 kHz or more."""

    def __init__(self, source: Pipe, live: bool | None = None):
        self.name = source.name
        self.latency = spec.HOP_LENGTH / spec.SAMPLE_RATE
        self.trouble = ""
        self._source = source
        self._told = live
        self._ring = Ring(self._CAPACITY)
        self._arrived: deque[tuple[float, int]] = deque()  # (when, samples so far), the last `_WINDOW` seconds
        self._total = 0
        self._first = math.nan
        self._waited = -1
        """Samples that waited in the pipe when it was opened."""
        self._ahead = False
        """More audio arrived than time passed: it is not live."""
        self._late_since = math.nan
        self._live = bool(live)
        self._begun = False
        self._due = 0.0
        self._done = self._closing = False
        self._error: SourceError | None = None
        self._dropped = 0
        self._thread = threading.Thread(target=self._take, name="fmg-pipe", daemon=True)
        self._thread.start()

    @property
    def live(self) -> bool:
        """It is a voice, as far as is known."""
        return self._live

    @property
    def overflows(self) -> int:
        """Hops of live audio that were dropped to be in time again."""
        return self._dropped // spec.HOP_LENGTH

    @property
    def ended(self) -> bool:
        return self._done and self._ring.available < spec.HOP_LENGTH

    def read(self, hop: np.ndarray, timeout: float) -> bool:
        """Fill `hop` at its time."""
        if not self._begun:
            self._begun = True
            self._live = self._is_voice() if self._told is None else self._told
            if self._live:
                self._ring.clear()
            self._due = time.perf_counter()
        end = time.perf_counter() + timeout
        while True:
            now = time.perf_counter()
            waiting = self._ring.available
            if self._told is None and not self._live:
                self._look_for_lateness(now, waiting)
            if self._live and waiting > self._OLDEST:
                self._dropped += waiting - self._OLDEST
                self._ring.skip(waiting - self._OLDEST)
            if waiting < spec.HOP_LENGTH:
                if self._done and self._ring.available < spec.HOP_LENGTH:
                    if self._error is not None:
                        raise self._error
                    return False
                if not self._ring.wait(max(end - now, 0.0)):
                    return False
                continue
            if now < self._due:
                if self._due > end:
                    time.sleep(max(end - now, 0.0))
                    return False
                time.sleep(self._due - now)
            if not self._ring.read(hop):
                continue
            step = self._REAL if not self._live else self._RELAXED if waiting <= self._LATE else self._HURRY
            self._due = max(self._due + step, time.perf_counter() - (0.0 if self._live else self._FORGIVEN))
            return True

    def close(self) -> None:
        # The thread may be blocked in a pipe forever: it is a daemon, and the process exits without it.
        self._closing = True
        self._thread.join(timeout=0.2)
        if not self._thread.is_alive():
            self._source.close()

    def _take(self) -> None:
        hop = np.empty(spec.HOP_LENGTH, np.float32)  # (160,)
        try:
            while not self._closing and self._source.read(hop, 1.0):
                while not self._live and self._ring.available > self._PATIENCE and not self._closing:
                    time.sleep(0.01)
                self._ring.write(hop)
                self._count(time.perf_counter())
        except SourceError as error:
            self._error = error
        self._done = True
        self._ring.write(hop[:0])  # wakes the reader

    def _count(self, now: float) -> None:
        if not self._total:
            self._first = now
        self._total += spec.HOP_LENGTH
        self._arrived.append((now, self._total))
        while self._arrived[0][0] < now - self._WINDOW:
            self._arrived.popleft()
        if now - self._first <= self._SETTLING:
            self._waited = self._total
        elif self._total - self._waited > (now - self._first + 0.5) * spec.SAMPLE_RATE:
            self._ahead = True

    def _is_voice(self) -> bool:
        """Whether the newest data arrives in real time."""
        if self._done or self._source.finite or self._ahead or self._waited > self._MOST_WAITING:
            return False
        now = time.perf_counter()
        recent = [(when, total) for when, total in tuple(self._arrived) if when > now - self._WINDOW]
        if len(recent) < 2 or now - recent[-1][0] > self._WINDOW / 2 or now - self._first < self._WINDOW:
            return False
        share = (recent[-1][1] - recent[0][1]) / spec.SAMPLE_RATE / (recent[-1][0] - recent[0][0] + 1e-9)
        return 0.5 < share < 1.5

    def _look_for_lateness(self, now: float, waiting: int) -> None:
        """A voice that was taken for a recording, since it began later, is late all the time."""
        if waiting <= self._LATE or not self._is_voice():
            self._late_since = math.nan
        elif math.isnan(self._late_since):
            self._late_since = now
        elif now - self._late_since > self._WINDOW:
            self._live = True
