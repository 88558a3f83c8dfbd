"""A slow twin of ``kernels.expression_voice`` in NumPy and float64: everything from the whole wave, nothing from hop to hop."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from fmg_rt.kernels import expression_voice as kernels

TINY, FAINT = 1e-12, 1e-5


def level(mel: np.ndarray) -> float:
    """dB of a log-mel frame (80,)."""
    return 10 * np.log10(np.exp(mel[2:].astype(float)).sum() / 10 + TINY)


def decimated(wave: np.ndarray) -> np.ndarray:
    """(n,) at 16 kHz → (n / 4,) at 4 kHz, without what lies below 120 Hz."""
    taps = np.sinc(2 * 1500 / 16_000 * (np.arange(32) - 15.5)) * np.hamming(32)
    padded = np.concatenate([np.zeros(28), wave.astype(float)])
    low = sliding_window_view(padded, 32)[::4] @ (taps / taps.sum())
    pole, out, before, clean = np.exp(-2 * np.pi * 120 / 4000), [], 0.0, 0.0
    for sample in low:
        clean = pole * (clean + sample - before)
        before = sample
        out.append(clean)
    return np.array(out)


def correlations(wave: np.ndarray, end: int, n: int, lags: np.ndarray) -> np.ndarray:
    """Of the `n` samples at 4 kHz before `end` with those at each lag before; silence was before the wave."""
    padded = np.concatenate([np.zeros(1000), wave[:end]])
    newest = padded[-n:]
    out = []
    for lag in lags:
        then = padded[len(padded) - n - lag : len(padded) - lag]
        energy = newest @ newest + TINY
        out.append(newest @ then / np.sqrt(energy * max(then @ then + TINY, FAINT * energy)))
    return np.array(out)


def _bend(before: float, here: float, after: float) -> float:
    return before - 2 * here + after


def crest(values: np.ndarray) -> float:
    """Height of the parabola through the highest inner value and its neighbours."""
    at = 1 + int(np.argmax(values[1:-1]))
    before, here, after = values[at - 1 : at + 2]
    bend, tilt = _bend(before, here, after), before - after
    if bend < 0 and abs(tilt) <= -2 * bend:
        here -= tilt**2 / (8 * bend)
    return min(here, 1.0)


def pitch(wave: np.ndarray, end: int) -> float:
    """Semitones above 55 Hz of the 40 ms before `end`, 0 where there is none."""
    lags = np.arange(54, 8, -1)
    values = correlations(wave, end, 160, lags)
    best = values[1:-1].max()
    if best < kernels.VOICED:
        return 0.0
    peaks = [
        k for k in range(1, 45) if values[k] > 0.9 * best and values[k] >= values[k - 1] and values[k] >= values[k + 1]
    ]
    at = max([*peaks, 1 + int(np.argmax(values[1:-1]))])
    before, here, after = values[at - 1 : at + 2]
    bend = _bend(before, here, after)
    lag = lags[at] + (0.5 * (after - before) / bend if bend < 0 else 0.0)
    return float(12 * np.log2(4000 / 55 / lag))


def fits(wave: np.ndarray, end: int) -> tuple[float, float, float]:
    """Fit, later fit and misfit of the 120 ms before `end`."""
    near = crest(correlations(wave, end, 480, np.arange(54, 8, -1)))
    far = crest(correlations(wave, end, 480, np.arange(415, 358, -1)))
    return near, far, (1 - far) / (1 - near + 0.005)


class Judge:
    """The decision, from what was measured."""

    def __init__(self) -> None:
        self.still = self.spoken = self.tone = self.loud = 0.0

    def follow(self, later: float, misfit: float, level: float) -> None:
        """Every other hop."""
        k = kernels
        if later > k.TONAL and misfit < k.STILL:
            self.tone += (k.TONE_PACE if self.still else 1.0) * (level - self.tone)
            self.still += 2
        else:
            self.still = 0

    def decide(self, presence: float, level: float, fit: float, misfit: float) -> int:
        """As the kernel's."""
        k = kernels
        speaking, young = self.spoken > 0, self.spoken < k.YOUNG_HOPS
        stands = self.still > 0 and level < self.tone + k.LOUDER_DB
        moves = self.still < (1 if young else k.GRACE_HOPS)
        sings = speaking and fit > k.SUNG and level > self.loud - k.SOFTER_DB and moves
        if level < k.QUIET_DB or (stands and not speaking):
            answer = k.SILENT
        elif self.still > k.LONG_HOPS or (stands and young and misfit < k.DOUBT * (1 - presence)):
            answer = k.MACHINE
        elif presence >= (k.STAY if speaking else k.OPEN):
            answer = k.SPEAKING
            self.loud = max(level, self.loud - k.FORGET_DB) if speaking else level
        elif sings:
            answer = k.SPEAKING
            self.loud -= k.FORGET_DB
        else:
            answer = k.SILENT
        self.spoken = self.spoken + 1 if answer == k.SPEAKING else 0
        return answer
