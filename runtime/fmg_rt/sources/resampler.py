"""Blocks at a source's own rate become hops at 16 kHz."""

import numpy as np

from .. import spec
from .ring import Ring


class Resampler:
    """Streaming resampler (soxr) with the pieces put together to whole hops.

    Parameters
    ----------
    sample_rate : of the blocks, Hz.
    live : True keeps the delay small (about 6 ms instead of up to 60), for a few µs more of computing.

    References
    ----------
    libsoxr, Rob Sykes: its variable-rate engine filters sample by sample, the other one in long blocks.
    """

    def __init__(self, sample_rate: float, *, live: bool = False):
        self._stream = None
        if sample_rate != spec.SAMPLE_RATE:
            import soxr

            try:
                self._stream = soxr.ResampleStream(sample_rate, spec.SAMPLE_RATE, 1, "float32", "HQ", vr=live)
            except TypeError:  # soxr before 1.1, which other packages ask for, offers one engine: it delays by up to 60 ms
                self._stream = soxr.ResampleStream(sample_rate, spec.SAMPLE_RATE, 1, "float32", "HQ")
        self._ready = Ring(4 * spec.SAMPLE_RATE)

    @property
    def latency(self) -> float:
        """Seconds that the filter delays the sound."""
        return self._stream.delay() / spec.SAMPLE_RATE if self._stream is not None else 0.0

    def push(self, block: np.ndarray) -> None:
        """Take the next block (n,) float32, one second at most; call `pop` until it is False before the next."""
        self._ready.write(block if self._stream is None else self._stream.resample_chunk(block))

    def finish(self) -> None:
        """No more blocks: give out what the filter holds, and fill the last hop up with silence."""
        if self._stream is not None:
            self._ready.write(self._stream.resample_chunk(np.empty(0, np.float32), last=True))
        self._ready.write(np.zeros(-self._ready.available % spec.HOP_LENGTH, np.float32))

    def pop(self, hop: np.ndarray) -> bool:
        """Fill `hop` (160,) with the next samples; False while there are too few."""
        return self._ready.read(hop)
