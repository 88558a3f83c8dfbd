"""Constant tables of the eGeMAPS kernels: computed in float64, rounded once, never written after."""

from types import SimpleNamespace

import numpy as np

from . import split_radix

RATE = 16_000
SHORT_FRAME, SHORT_FFT = 320, 512
"""Samples of the frames that spectrum and formants are measured in (20 ms), and their transform."""
LONG_FRAME, LONG_FFT = 960, 1024
"""Samples of the frames that pitch and harmonics are measured in (60 ms), and their transform."""
N_BANDS = 26
N_OCTAVE = 513
LOWEST_HZ, HIGHEST_HZ = 25.0, 8000.0


def _mel(hz):
    return np.float32(1127 * np.log(1 + np.float64(hz) / 700))


def _mel_bank():
    """Triangles between 28 points equidistant in mel from 20 Hz to 8 kHz, rounded as in the reference implementation.

    First bin of each of the 27 segments, and the end; share of each bin that goes to the lower of two bands; centres, Hz.
    """
    low, high = _mel(20.0), _mel(8000.0)
    edges = low + np.arange(N_BANDS + 2, dtype=np.float32) * ((high - low) / np.float32(N_BANDS + 1))
    bins = np.arange(2, 256)
    mel = _mel(bins * RATE / SHORT_FFT)
    segment = np.searchsorted(edges, mel, side="right") - 1
    falling = np.zeros(SHORT_FFT // 2 + 1, np.float32)
    falling[bins] = (edges[segment + 1] - mel) / (edges[segment + 1] - edges[segment])
    first = 2 + np.searchsorted(segment, np.arange(N_BANDS + 2))
    return first.astype(np.int32), falling, 700 * (np.exp(edges[1:-1].astype(np.float64) / 1127) - 1)


def _equal_loudness(hz):
    """Relative loudness of a frequency (Hermansky, Perceptual linear prediction, JASA 87, 1990, with high-frequency term)."""
    w = 2 * np.pi * hz
    w2 = w * w
    return 1e32 * (w2 + 56.8e6) * w2 * w2 / ((w2 + 6.3e6) ** 2 * (w2 + 0.38e9) * (w**7 + 1.7e31))


def _slopes():
    """(2, 49): weight of each log bin in the least-squares slope below 500 Hz and from 500 to 1500 Hz.

    The formula's count is one less than the number of points, as in the reference implementation.
    """
    weights = np.zeros((2, 49))
    for row, (first, last) in enumerate(((0, 16), (16, 48))):
        hz = np.arange(first, last + 1) * RATE / SHORT_FFT
        n = len(hz) - 1
        weights[row, first : last + 1] = (n * hz - hz.sum()) / (n * (hz**2).sum() - hz.sum() ** 2)
    return weights


def _octaves():
    """Spline through the magnitudes over log2 of frequency, solved as far as it does not depend on the magnitudes."""
    x = np.log2(np.arange(1, N_OCTAVE) * RATE / LONG_FFT)
    x = np.concatenate([[2 * x[0] - x[1]], x])
    step = np.diff(x)
    n = len(x)
    right, tridiagonal = np.zeros((3, n)), np.zeros((3, n))
    above = 0.0
    for i in range(1, n - 1):
        h, g = step[i - 1], step[i]
        right[:, i] = 6 / h, -6 / h - 6 / g, 6 / g
        pivot = 2 * (h + g) - h * above
        above = g / pivot
        tridiagonal[:, i] = h / pivot, 1 / pivot, above
    points = np.linspace(np.log2(LOWEST_HZ), np.log2(HIGHEST_HZ), N_OCTAVE)
    node = np.clip(np.searchsorted(x, points, side="right") - 1, 0, n - 2)
    h = step[node]
    b = (points - x[node]) / h
    a = 1 - b
    per_octave = N_OCTAVE / np.log2(HIGHEST_HZ / LOWEST_HZ)
    start = per_octave * np.log2(65 / 50) - 1
    weight = 0.5 + np.arctan(3 * (np.arange(N_OCTAVE) + 1 - start) / per_octave) / np.pi
    interpolation = np.stack([a, b, (a**3 - a) * h * h / 6, (b**3 - b) * h * h / 6]) * weight
    harmonic = np.arange(1, 16)
    shift = np.floor(per_octave * np.log2(harmonic)).astype(np.int32)
    return right, tridiagonal, node.astype(np.int32), interpolation, shift, 0.85 ** (harmonic - 1) / 15


def _float32(x):
    return np.ascontiguousarray(x, np.float32)


def build():
    """All tables, as attributes."""
    t = SimpleNamespace()
    i = np.arange(SHORT_FRAME)
    t.hamming = _float32(0.54 - 0.46 * np.cos(2 * np.pi * i / (SHORT_FRAME - 1)))  # (320,)
    middle = (LONG_FRAME - 1) / 2
    t.gauss = _float32(np.exp(-0.5 * ((np.arange(LONG_FRAME) - middle) / (0.4 * middle)) ** 2))  # (960,)
    t.split_plan, t.split_twiddles, t.split_position, t.split_apart = split_radix.build()
    t.root_half = split_radix.ROOT_HALF
    angle = -2 * np.pi * np.arange(LONG_FFT) / LONG_FFT
    t.long_cos, t.long_sin = _float32(np.cos(angle)), _float32(np.sin(angle))  # (1024,)

    t.mel_first, t.mel_falling, centres = _mel_bank()  # (28,), (257,)
    t.loudness_weights = _float32(_equal_loudness(centres))  # (26,)
    c, band = np.arange(1, 5)[:, None], np.arange(N_BANDS)
    lifter = 1 + 11 * np.sin(np.pi * c / 22)
    t.dct = _float32(lifter * np.sqrt(2 / N_BANDS) * np.cos(np.pi * c * (band + 0.5) / N_BANDS))  # (4, 26)
    t.slopes = _slopes()  # (2, 49) float64

    angle = 2 * np.pi * np.arange(1, 110)[:, None] * np.arange(220) / 352
    t.resample_cos, t.resample_sin = _float32(np.cos(angle)), _float32(np.sin(angle))  # (109, 220)
    angle = 2 * np.pi * (np.arange(12) + 0.31) / 11
    t.roots = 0.9 * np.stack([np.cos(angle), np.sin(angle)])  # (2, 12) float64

    right, tridiagonal, t.node, interpolation, t.shift, decay = _octaves()  # node (513,), shift (15,)
    t.right, t.tridiagonal, t.interpolation = _float32(right), _float32(tridiagonal), _float32(interpolation)
    t.decay = _float32(decay)  # (15,)
    return t
