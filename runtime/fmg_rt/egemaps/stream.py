"""Samples in, low-level descriptors every 10 ms, the 88 functionals whenever asked for."""

import functools
import threading
from collections.abc import Callable
from types import SimpleNamespace

import numpy as np

from ..audio import AudioError
from ..kernels import egemaps_hop as kernels
from ..kernels.egemaps_functionals import functionals
from ..kernels.egemaps_jitter import jitter_from
from ..kernels.egemaps_wave import recall
from ..spec import EGEMAPS_INTERVAL, HOP_LENGTH, N_EGEMAPS, SAMPLE_RATE
from . import tables
from .names import LLD_NAMES

SHORT_HOPS = kernels.SHORT_HOPS
READY_HOPS = 50
"""Half a second: before that there is too little to speak of."""
WAITING_HOPS = 64
"""Audio kept besides the window: the longest wait for a pitch decision (40 frames), its 60 ms frame, some periods."""
AFTER = 1024
"""Samples that `jitter_from` may look beyond the end of the last frame."""
OPENING = 60
"""Frames at a window's start whose periods are followed again; longer voiced stretches are rare, and cost time."""


@functools.cache
def _tables() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The tables as the kernel wants them: float32, float64 and int32, each flat."""
    build: Callable[[], SimpleNamespace] = tables.build
    t = vars(build())
    layouts = ((kernels.TABLES, np.float32), (kernels.EXACT, np.float64), (kernels.PLACES, np.int32))
    tables_, exact, places = (
        np.concatenate([np.reshape(t[name], shape).reshape(-1) for name, shape in layout.items()]).astype(dtype)
        for layout, dtype in layouts
    )
    return tables_, exact, places


class _Scratch(threading.local):
    """Arrays that one call needs and the next one overwrites: one set for each thread, whatever the number of streams."""

    def __init__(self) -> None:
        self.of_hop = np.empty(kernels.size(kernels.SCRATCH), np.float32)
        self.exact = np.empty(kernels.size(kernels.EXACT_SCRATCH))
        self.ways = np.empty((7, kernels.N_PENDING), np.int32)
        self.by_window: dict[int, SimpleNamespace] = {}


_scratch = _Scratch()


def _new_scratch(n_frames: int) -> SimpleNamespace:
    """What `functionals` needs for windows of `n_frames` frames."""
    return SimpleNamespace(
        window=np.empty((len(LLD_NAMES), n_frames), np.float32),  # (27, 500) oldest first
        wave=np.empty(OPENING * HOP_LENGTH + tables.LONG_FRAME + AFTER, np.float32),  # (11584,)
        sums=np.empty(2048),
        squares=np.empty(2048),
        match=np.empty(128),
        opening=np.empty((2, OPENING), np.float32),
        periods=np.empty(4, np.float32),
        contour=np.empty((4, n_frames + 1), np.float32),
        events=np.empty((2, n_frames + 1), np.int64),
        stretches=np.empty(3),
    )


class EGeMAPS:
    """The 88 features of eGeMAPSv02 over the last seconds of a stream.

    Parameters
    ----------
    window_s : length of the window that `functionals` looks at, seconds, at least 0.5.

    Attributes
    ----------
    lld : newest low-level descriptors, (27,) float32 as `LLD_NAMES` lists them; overwritten by each hop. Loudness to
        formants are of the newest 20 ms; F0 and what follows it of the newest frame whose pitch is decided, usually 70 to
        90 ms back, never more than 460 ms. All 0 before the first frame.

    Notes
    -----
    One instance, one thread. Nothing is allocated while samples arrive. Equal samples give equal bits, whatever the blocks.

    Raises
    ------
    ValueError : window_s is below 0.5.
    """

    def __init__(self, window_s: float = 5.0):
        self._window_hops = round(window_s * SAMPLE_RATE / HOP_LENGTH)
        if self._window_hops < READY_HOPS:
            raise ValueError(f"The eGeMAPS window must be at least 0.5 s long, not {window_s} s.")
        n_frames = self._window_hops
        self._n_wave = (n_frames + WAITING_HOPS) * HOP_LENGTH
        self._wave = np.empty(self._n_wave, np.int16)  # (90240,) ring: what the samples are rounded to
        self._contours = np.empty((len(LLD_NAMES), n_frames), np.float32)  # (27, 500) ring
        self._memory = np.empty(kernels.size(kernels.MEMORY), np.float32)
        self._costs = np.empty(8)
        self._paths = np.empty((7, kernels.N_PENDING), np.int32)
        self.lld = np.empty(len(LLD_NAMES), np.float32)  # (27,)
        self._states = self._wave, self._contours, self.lld, self._memory, self._costs, self._paths
        self._arrays = *_tables(), *self._states
        self.reset()
        self._neutral = self._of_silence()
        self.reset()

    def _of_silence(self) -> np.ndarray:
        self.push(np.zeros(READY_HOPS * HOP_LENGTH, np.float32))
        return self.functionals()

    def reset(self) -> None:
        """Forget everything heard: equal to a new instance."""
        self._n_samples = 0
        self._n_decided = 0
        for state in self._states:
            state[:] = 0

    @property
    def ready(self) -> bool:
        """Whether half a second has been heard; before, `functionals` gives the vector of digital silence."""
        return self._n_samples >= READY_HOPS * HOP_LENGTH

    def push(self, samples: np.ndarray) -> None:
        """Hear more: samples (n,) in [-1, 1] at 16 kHz, any n. Louder is clipped, what is not a number is silence.

        Raises
        ------
        AudioError
            Another shape, or samples that are no floats: integers would have to be scaled.
        """
        samples = np.asarray(samples)
        if samples.ndim != 1 or samples.dtype.kind != "f":
            raise AudioError(f"eGeMAPS take floats of the shape (samples,), not {samples.dtype} of the shape {samples.shape}")
        samples = np.ascontiguousarray(samples, np.float32)
        n, done, s = len(samples), 0, _scratch
        while done < n:
            count = min(n - done, HOP_LENGTH - self._n_samples % HOP_LENGTH)
            self._n_decided = kernels.hear(
                *(samples, done, count, self._n_samples, self._n_decided), *self._arrays, s.of_hop, s.exact, s.ways
            )
            self._n_samples += count
            done += count

    def functionals(self) -> np.ndarray:
        """The 88 features of the window that ends at the newest whole hop, (88,) float32 as `FEATURE_NAMES` lists them."""
        if not self.ready:
            return self._neutral.copy()
        n_hops = self._n_samples // HOP_LENGTH
        start = max(0, n_hops - self._window_hops)
        out = np.empty(N_EGEMAPS, np.float32)
        s = _scratch.by_window.get(self._window_hops)
        if s is None:
            s = _scratch.by_window[self._window_hops] = _new_scratch(self._window_hops)
        column, n_opening = start % self._window_hops, 0
        s.window[:, : self._window_hops - column] = self._contours[:, column:]
        s.window[:, self._window_hops - column :] = self._contours[:, :column]
        if start > 0:
            recall(self._wave, start * HOP_LENGTH % self._n_wave, s.wave)
            n_opening = jitter_from(s.window, 0, s.wave, 0, s.periods, s.sums, s.squares, s.match, s.opening)
        functionals(
            s.window,
            0,
            n_hops - SHORT_HOPS + 1 - start,
            self._n_decided - start,
            self._memory[-1],  # the likely pitch of the next frame
            s.opening,
            n_opening,
            s.contour,
            s.events,
            s.stretches,
            out,
        )
        return out


def egemaps(wave: np.ndarray, interval: int = EGEMAPS_INTERVAL) -> np.ndarray:
    """The features of a whole recording, as a stream would have had them.

    Parameters
    ----------
    wave : (n,) float32 in [-1, 1] at 16 kHz.
    interval : samples from one window's end to the next.

    Returns
    -------
    (n // interval, 88) float32: row i is of the window, at most 5 s long, that ends at sample (i + 1) * interval.
    """
    stream = EGeMAPS()
    out = np.empty((len(wave) // interval, N_EGEMAPS), np.float32)
    for i in range(len(out)):
        stream.push(wave[i * interval : (i + 1) * interval])
        out[i] = stream.functionals()
    return out
