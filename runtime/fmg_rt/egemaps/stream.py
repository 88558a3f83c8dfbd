"""Samples in, low-level descriptors every 10 ms, the 88 functionals whenever asked for."""

import functools
import threading
from types import SimpleNamespace

import numpy as np

from ..kernels.egemaps_fft import autocorrelation, spectrum
from ..kernels.egemaps_formants import formants
from ..kernels.egemaps_functionals import functionals
from ..kernels.egemaps_jitter import jitter, jitter_from
from ..kernels.egemaps_pitch import candidates, follow, peaks_only, to_octaves
from ..kernels.egemaps_spectral import spectral
from ..kernels.egemaps_split import short_spectrum
from ..kernels.egemaps_voice import semitones, voice
from ..kernels.egemaps_wave import append, recall
from ..spec import EGEMAPS_INTERVAL, HOP_LENGTH, N_EGEMAPS, SAMPLE_RATE
from . import tables
from .names import LLD_NAMES, N_PROMPT

SHORT_HOPS = tables.SHORT_FRAME // HOP_LENGTH
LONG_HOPS = tables.LONG_FRAME // HOP_LENGTH
READY_HOPS = 50
"""Half a second: before that there is too little to speak of."""
WAITING_HOPS = 64
"""Audio kept besides the window: the longest wait for a pitch decision (40 frames), its 60 ms frame, some periods."""
N_PENDING = 64
"""Frames whose pitch may be undecided; `follow` counts modulo this number."""
BEFORE, AFTER = 1024, 1024
"""Samples that `jitter` may look back from a frame's start, and beyond its end."""
OPENING = 60
"""Frames at a window's start whose periods are followed again; longer voiced stretches are rare, and cost time."""

_tables = functools.cache(tables.build)


class _Scratch(threading.local):
    """Arrays that one call needs and the next one overwrites: one set for each thread, whatever the number of streams."""

    def __init__(self) -> None:
        self.by_window: dict[int, SimpleNamespace] = {}


_scratch = _Scratch()


def _new_scratch(n_frames: int) -> SimpleNamespace:
    """For windows of `n_frames` frames."""
    return SimpleNamespace(
        window=np.empty((len(LLD_NAMES), n_frames), np.float32),  # (27, 500) oldest first
        wave=np.empty(OPENING * HOP_LENGTH + tables.LONG_FRAME + AFTER, np.float32),  # (11584,)
        newest=np.empty(tables.LONG_FRAME, np.float32),
        around=np.empty(BEFORE + tables.LONG_FRAME + AFTER, np.float32),  # (3008,)
        magnitude=np.empty(tables.N_OCTAVE, np.float32),
        short_fft=np.empty((2, tables.SHORT_FFT // 2), np.float32),
        short=np.empty((2, tables.SHORT_FFT // 2 + 1), np.float32),  # (2, 257) spectrum
        power=np.empty(tables.SHORT_FFT // 2 + 1, np.float32),
        bands=np.empty(tables.N_BANDS, np.float32),
        resampled=np.empty(231, np.float32),
        lags=np.empty((2, 12), np.float32),
        lpc=np.empty(11, np.float32),
        zeros=np.empty((8, 12)),
        long_fft=np.empty((6, tables.LONG_FFT // 2), np.float32),
        long=np.empty((2, tables.LONG_FFT // 2 + 1), np.float32),  # (2, 513) spectrum, then autocorrelation
        peaks=np.empty(tables.N_OCTAVE, np.float32),
        second=np.empty((1, tables.N_OCTAVE), np.float32),
        octaves=np.empty(tables.N_OCTAVE, np.float32),
        summed=np.empty(tables.N_OCTAVE, np.float32),
        candidates=np.empty((2, 6), np.float32),
        ways=np.empty((7, N_PENDING), np.int32),
        search=np.empty(25),
        pitch=np.empty(48, np.float32),
        harmonics=np.empty((4, 100), np.float32),
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
        self._t = _tables()
        n_frames = self._window_hops
        self._n_wave = (n_frames + WAITING_HOPS) * HOP_LENGTH
        self._wave = np.empty(self._n_wave, np.int16)  # (90240,) ring: what the samples are rounded to
        self._contours = np.empty((len(LLD_NAMES), n_frames), np.float32)  # (27, 500) ring
        self._last_magnitude = np.empty(tables.SHORT_FFT // 2 + 1, np.float32)  # (257,)
        self._path = SimpleNamespace(
            ring=np.empty((N_PENDING, 7), np.float32), costs=np.empty(8), paths=np.empty((7, N_PENDING), np.int32)
        )
        self._periods = np.empty(4, np.float32)
        self._lld = np.empty(len(LLD_NAMES), np.float32)  # (27,)
        self.reset()
        self._neutral = self._of_silence()
        self.reset()

    def _of_silence(self) -> np.ndarray:
        self.push(np.zeros(READY_HOPS * HOP_LENGTH, np.float32))
        return self.functionals()

    def _take_scratch(self) -> None:
        """Use the arrays of this thread until the public call ends."""
        found = _scratch.by_window.get(self._window_hops)
        if found is None:
            found = _scratch.by_window[self._window_hops] = _new_scratch(self._window_hops)
        self._scratch = found

    def reset(self) -> None:
        """Forget everything heard: equal to a new instance."""
        self._n_samples = 0
        self._n_decided = 0
        self._next_pitch = 0.0
        states = (self._wave, self._contours, self._last_magnitude, self._periods)
        for state in (*states, *vars(self._path).values()):
            state[:] = 0

    @property
    def ready(self) -> bool:
        """Whether half a second has been heard; before, `functionals` gives the vector of digital silence."""
        return self._n_samples >= READY_HOPS * HOP_LENGTH

    @property
    def lld(self) -> np.ndarray:
        """Newest low-level descriptors, (27,) float32 as `LLD_NAMES` lists them; a view, valid until the next call.

        Loudness to formants are of the newest 20 ms; F0 and what follows it of the newest frame whose pitch is decided,
        usually 70 to 90 ms back, never more than 460 ms. All 0 before the first frame.
        """
        n = self._window_hops
        newest = self._n_samples // HOP_LENGTH - SHORT_HOPS
        self._lld[:N_PROMPT] = self._contours[:N_PROMPT, newest % n]
        self._lld[N_PROMPT:] = self._contours[N_PROMPT:, (self._n_decided - 1) % n]
        return self._lld

    def push(self, samples: np.ndarray) -> None:
        """Hear more: samples (n,) in [-1, 1] at 16 kHz, any n. Louder is clipped, what is not a number is silence."""
        self._take_scratch()
        samples = np.ascontiguousarray(samples, np.float32)
        n, done = len(samples), 0
        while done < n:
            count = min(n - done, HOP_LENGTH - self._n_samples % HOP_LENGTH)
            append(samples, done, count, self._n_samples % self._n_wave, self._wave)
            self._n_samples += count
            done += count
            if self._n_samples % HOP_LENGTH == 0:
                self._hop(self._n_samples // HOP_LENGTH)

    def _hop(self, n_hops: int) -> None:
        if n_hops < SHORT_HOPS:
            return
        # Both frames end with the newest sample.
        s = self._scratch
        recall(self._wave, (n_hops - LONG_HOPS) * HOP_LENGTH % self._n_wave, s.newest)
        self._short_frame(n_hops - SHORT_HOPS)
        if n_hops >= LONG_HOPS:
            self._long_frame(n_hops - LONG_HOPS)

    def _short_frame(self, frame: int) -> None:
        t, s = self._t, self._scratch
        column = frame % self._window_hops
        first = tables.LONG_FRAME - tables.SHORT_FRAME
        short_spectrum(
            t.split_plan,
            t.split_twiddles,
            t.split_position,
            t.split_apart,
            t.root_half,
            t.hamming,
            s.newest,
            first,
            s.short_fft,
            s.short,
        )
        spectral(
            t.mel_first,
            t.mel_falling,
            t.loudness_weights,
            t.dct,
            t.slopes,
            s.short,
            s.newest,
            first,
            column,
            self._last_magnitude,
            s.power,
            s.bands,
            self._contours,
        )
        if frame == 0:
            self._contours[5, 0] = 0.0  # no flux without a frame before
        formants(t.resample_cos, t.resample_sin, t.roots, s.short, column, s.resampled, s.lags, s.lpc, s.zeros, self._contours)

    def _long_frame(self, frame: int) -> None:
        t, s, path = self._t, self._scratch, self._path
        level = self._long_spectrum(s.newest)
        to_octaves(t.right, t.tridiagonal, t.node, t.interpolation, s.peaks, s.second, s.octaves)
        candidates(t.shift, t.decay, s.octaves, s.summed, s.candidates)
        n = follow(s.candidates, level, self._n_decided, frame, path.ring, path.costs, path.paths, s.ways, s.search, s.pitch)
        for i in range(n):
            self._decided(self._n_decided + i, s.pitch[i])
        self._n_decided += n
        self._next_pitch = semitones(s.pitch[n])

    def _long_spectrum(self, wave: np.ndarray) -> float:
        """Magnitudes of `wave` (960,) and their peaks to `_scratch`; returns the root mean square."""
        t, s = self._t, self._scratch
        level: float = spectrum(t.gauss, t.long_cos, t.long_sin, wave, 0, s.long_fft, s.long)
        peaks_only(s.long, s.magnitude, s.peaks)
        return level

    def _decided(self, frame: int, hz: np.float32) -> None:
        t, s = self._t, self._scratch
        column = frame % self._window_hops
        wave = s.around
        if hz > 0:
            # Computed a second time, since 64 spectra would be most of what a stream keeps.
            recall(self._wave, (frame * HOP_LENGTH - BEFORE) % self._n_wave, wave)
            self._long_spectrum(wave[BEFORE : BEFORE + tables.LONG_FRAME])
            autocorrelation(t.long_cos, t.long_sin, s.magnitude, s.long_fft, s.long)
        voice(hz, s.magnitude, s.long[0], column, s.harmonics, self._contours)
        jitter(hz, wave, BEFORE, column, self._periods, s.sums, s.squares, s.match, self._contours)

    def functionals(self) -> np.ndarray:
        """The 88 features of the window that ends at the newest whole hop, (88,) float32 as `FEATURE_NAMES` lists them."""
        if not self.ready:
            return self._neutral.copy()
        n_hops = self._n_samples // HOP_LENGTH
        start = max(0, n_hops - self._window_hops)
        out = np.empty(N_EGEMAPS, np.float32)
        self._take_scratch()
        s = self._scratch
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
            self._next_pitch,
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
    wave = np.ascontiguousarray(wave, np.float32)
    stream = EGeMAPS()
    out = np.empty((len(wave) // interval, N_EGEMAPS), np.float32)
    for i in range(len(out)):
        stream.push(wave[i * interval : (i + 1) * interval])
        out[i] = stream.functionals()
    return out
