"""A slow twin of ``kernels.expression_voice`` in NumPy and float64; it measures the whole wave, not hop by hop."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

CONSTANTS = {
    "OPEN": 0.8,
    "STAY": 0.5,
    "QUIET_DB": -84.0,
    "VOICED": 0.5,
    "TONAL": 0.35,
    "SUNG": 0.6,
    "STILL": 2.0,
    "DOUBT": 4.0,
    "YOUNG_HOPS": 30,
    "GRACE_HOPS": 20,
    "LONG_HOPS": 80,
    "TONE_PACE": 0.1,
    "LOUDER_DB": 6.0,
    "SOFTER_DB": 8.0,
    "FORGET_DB": 0.2,
}
"""What the kernel decides by, under its own names."""
SILENT, SPEAKING, MACHINE = range(3)
NEAR, FAR = np.arange(54, 8, -1), np.arange(415, 358, -1)
"""Lags at 4 kHz, longest first."""
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
    energy = newest @ newest + TINY
    out = []
    for lag in lags:
        then = padded[len(padded) - n - lag : len(padded) - lag]
        out.append(newest @ then / np.sqrt(energy * max(then @ then + TINY, FAINT * energy)))
    return np.array(out)


def crest(values: np.ndarray) -> float:
    """Height of the parabola through the highest inner value and its neighbours."""
    at = 1 + int(np.argmax(values[1:-1]))
    before, here, after = values[at - 1 : at + 2]
    bend, tilt = before - 2 * here + after, before - after
    if bend < 0 and abs(tilt) <= -2 * bend:
        here -= tilt**2 / (8 * bend)
    return min(here, 1.0)


def pitch(wave: np.ndarray, end: int) -> float:
    """Semitones above 55 Hz of the 40 ms before `end`, 0 where there is none."""
    values = correlations(wave, end, 160, NEAR)
    at = 1 + int(np.argmax(values[1:-1]))
    if values[at] < CONSTANTS["VOICED"]:
        return 0.0
    best = values[at]
    for k in range(44, at, -1):
        if values[k] > 0.9 * best and values[k] >= max(values[k - 1], values[k + 1]):
            at = k
            break
    before, here, after = values[at - 1 : at + 2]
    bend = before - 2 * here + after
    return float(12 * np.log2(4000 / 55 / (NEAR[at] + (0.5 * (after - before) / bend if bend < 0 else 0.0))))


def fits(wave: np.ndarray, end: int) -> tuple[float, float, float]:
    """Fit, later fit and misfit of the 120 ms before `end`."""
    near, far = crest(correlations(wave, end, 480, NEAR)), crest(correlations(wave, end, 480, FAR))
    return near, far, (1 - far) / (1 - near + 0.005)


class Judge:
    """The decision, from what was measured; by `CONSTANTS`, or with some of them changed."""

    def __init__(self, **changed: float):
        self.by = {**CONSTANTS, **changed}
        self.still = self.spoken = 0
        self.tone = self.loud = 0.0

    def follow(self, later: float, misfit: float, level: float) -> None:
        """Every other hop."""
        by = self.by
        if later > by["TONAL"] and misfit < by["STILL"]:
            self.tone += (by["TONE_PACE"] if self.still else 1.0) * (level - self.tone)
            self.still += 2
        else:
            self.still = 0

    def decide(self, presence: float, level: float, fit: float, misfit: float) -> int:
        """Every hop."""
        by = self.by
        speaks, young = self.spoken > 0, self.spoken < by["YOUNG_HOPS"]
        stands = self.still > 0 and level < self.tone + by["LOUDER_DB"]
        moves = self.still < (1 if young else by["GRACE_HOPS"])
        sings = speaks and fit > by["SUNG"] and level > self.loud - by["SOFTER_DB"] and moves
        answer = SILENT
        if level < by["QUIET_DB"] or (stands and not speaks):
            pass
        elif self.still > by["LONG_HOPS"] or (stands and young and misfit < by["DOUBT"] * (1 - presence)):
            answer = MACHINE
        elif presence >= by["STAY" if speaks else "OPEN"]:
            answer = SPEAKING
            self.loud = max(level, self.loud - by["FORGET_DB"]) if speaks else level
        elif sings:
            answer = SPEAKING
            self.loud -= by["FORGET_DB"]
        self.spoken = self.spoken + 1 if answer == SPEAKING else 0
        return answer
