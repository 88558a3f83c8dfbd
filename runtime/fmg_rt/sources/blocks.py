"""Recorded audio: blocks that can be read at any speed, or in real time."""

import threading
import time
from collections.abc import Generator

import numpy as np

from .. import spec
from . import Source, SourceError
from .clock import Pace
from .resampler import Resampler
from .ring import Ring


class BlockSource:
    """Audio as fast as it is read.

    Parameters
    ----------
    name : for the status line.
    blocks : mono blocks (n,) float32 at `sample_rate`, one second each at most; closed with the source.
    sample_rate : Hz.
    """

    latency = 0.0
    overflows = 0
    trouble = ""

    def __init__(self, name: str, blocks: Generator[np.ndarray, None, None], sample_rate: float):
        self.name = name
        self.ended = False
        self._blocks = blocks
        self._resampler = Resampler(sample_rate)
        self._exhausted = False

    def read(self, hop: np.ndarray, timeout: float) -> bool:
        """Fill `hop`; waits until the next block is available."""
        while not self._resampler.pop(hop):
            if self._exhausted:
                self.ended = True
                return False
            block = next(self._blocks, None)
            if block is None:
                self._exhausted = True
                self._resampler.finish()
            else:
                self._resampler.push(block)
        return True

    def close(self) -> None:
        self._blocks.close()


class Paced:
    """Another source in real time: no hop is delivered before its time, however fast the source is.

    A thread of its own reads the source, because that may block where nothing interrupts it (a pipe).
    """

    _CAPACITY = 50 * spec.HOP_LENGTH

    def __init__(self, source: Source):
        self.name = source.name
        self.latency = source.latency + spec.HOP_LENGTH / spec.SAMPLE_RATE
        self.overflows = 0  # a recording waits until it is read
        self.trouble = ""
        self._source = source
        self._ring = Ring(self._CAPACITY)
        self._thread: threading.Thread | None = None
        self._closing = False
        self._done = False
        self._error: SourceError | None = None

    @property
    def ended(self) -> bool:
        return self._done and self._ring.available == 0

    def read(self, hop: np.ndarray, timeout: float) -> bool:
        """Fill `hop` at its time; the first call starts the clock."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._pass_on, name="fmg-pace", daemon=True)
            self._thread.start()
        while not self._ring.read(hop):
            if self._done and self._ring.available == 0:
                if self._error is not None:
                    raise self._error
                return False
            if not self._ring.wait(timeout):
                return False
        return True

    def close(self) -> None:
        # The thread may be blocked in a pipe forever: it is a daemon, and the process exits without it.
        self._closing = True
        if self._thread is not None:
            self._thread.join(timeout=0.2)
        if self._thread is None or not self._thread.is_alive():
            self._source.close()

    def _pass_on(self) -> None:
        hop = np.empty(spec.HOP_LENGTH, np.float32)  # (160,)
        pace = Pace()
        try:
            while not self._closing and self._source.read(hop, 1.0):
                time.sleep(pace.next(spec.HOP_LENGTH))
                while self._ring.available + spec.HOP_LENGTH > self._CAPACITY and not self._closing:
                    time.sleep(0.01)
                self._ring.write(hop)
        except SourceError as error:
            self._error = error
        self._done = True
        self._ring.write(hop[:0])  # wakes the reader
