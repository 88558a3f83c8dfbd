"""The voice apart from its phones: effort, pitch accents, loudness.

References
----------
P. Edwards, C. Landreth, E. Fiume, K. Singh, JALI: an animator-centric viseme model, 2016 (size follows effort).
H. P. Graf, E. Cosatto, V. Strom, F. J. Huang, Visual prosody: facial movements accompanying speech, 2002 (brows).
"""

from dataclasses import dataclass

import numpy as np

from fmg_rt import arkit, spec

WINDOW = 512
"""Samples of one analysis frame at 16 kHz for loudness; pitch looks at twice as many."""
F0_RANGE = (70.0, 420.0)
"""Lowest and highest pitch looked for, Hz."""
SEMITONES_OF_AN_ACCENT = 6.0
"""Pitch above the speaker's middle that lifts the brows to three quarters (tanh 1)."""
LEAST_ACCENT = 1.5
"""Semitones above the speaker's middle that are no accent."""
STRESS_RANGE = (-2.0, 5.0)
"""Slow loudness above the recording's usual level, dB, from no stress to full stress: a calm voice is below all of it, so
that squint and cheeks rest while nothing is stressed."""
DB_PER_DOUBLING = 28.0
"""Loudness above the recording's usual level that doubles the opening (within the limits of `EFFORT_LIMITS`)."""
EFFORT_LIMITS = (0.6, 1.35)


def positions(name: str) -> list[int]:
    """Where a coefficient, or both sides of it, stands in a 52-vector."""
    return [arkit.INDEX[n] for n in (name, f"{name}Left", f"{name}Right") if n in arkit.INDEX]


@dataclass(frozen=True)
class Prosody:
    """Curves of one recording, each (frames,).

    effort : factor on the opening, 1 at the recording's usual loudness.
    accent : 0…1, pitch above the speaker's middle, slow.
    stress : 0…1, loudness above the usual, slow.
    active : 0…1, somebody speaks; exactly 0 in silence.
    """

    effort: np.ndarray
    accent: np.ndarray
    stress: np.ndarray
    active: np.ndarray


def smooth(curve: np.ndarray, seconds: float, rate: float) -> np.ndarray:
    """Mean under a Hann window of `seconds` to each side (compact, so an exact 0 stays 0 away from the speech)."""
    half = max(1, round(seconds * rate))
    window = np.hanning(2 * half + 1)[1:-1] if half > 1 else np.ones(1)
    reach = len(window) // 2
    return np.convolve(np.pad(curve, reach, mode="edge"), window / window.sum(), mode="valid")


def _frames(audio: np.ndarray, times: np.ndarray, length: int) -> np.ndarray:
    padded = np.pad(audio, length)
    first = np.round(times * spec.SAMPLE_RATE).astype(int) + length - length // 2
    first = np.clip(first, 0, len(padded) - length)
    return np.lib.stride_tricks.sliding_window_view(padded, length)[first]


def loudness(audio: np.ndarray, times: np.ndarray) -> np.ndarray:
    """(frames,) dB of full scale around each time, -120 at least."""
    power = np.mean(_frames(audio, times, WINDOW).astype(np.float64) ** 2, axis=1)
    return 10.0 * np.log10(power + 1e-12)


def pitch(audio: np.ndarray, times: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(frames,) F0 in Hz and (frames,) bool voiced, by the normalised autocorrelation of the signal at 8 kHz."""
    low = np.convolve(audio, np.array([0.25, 0.5, 0.25], np.float32), mode="same")[::2]
    frames = _frames(np.repeat(low, 2), times, 2 * WINDOW)[:, ::2].astype(np.float32)
    frames = frames - frames.mean(1, keepdims=True)
    n = 2 * frames.shape[1]
    spectrum = np.fft.rfft(frames * np.hanning(frames.shape[1]).astype(np.float32), n)
    correlation = np.fft.irfft(np.abs(spectrum) ** 2, n)
    window = np.hanning(frames.shape[1])
    own = np.fft.irfft(np.abs(np.fft.rfft(window, n)) ** 2, n)
    half_rate = spec.SAMPLE_RATE / 2
    lags = np.arange(int(half_rate / F0_RANGE[1]), int(half_rate / F0_RANGE[0]) + 1)
    peak = correlation[:, lags] / (own[lags] / own[0]) / np.maximum(correlation[:, :1], 1e-9)
    # The shortest lag within a little of the best avoids the octave below.
    good = peak >= 0.9 * peak.max(1, keepdims=True)
    rising = np.diff(peak, axis=1, append=peak[:, -1:]) <= 0
    best = np.argmax(good & rising, axis=1)
    return half_rate / lags[best], peak[np.arange(len(peak)), best] > 0.5


def prosody(audio: np.ndarray | None, spoken: np.ndarray, rate: float) -> Prosody:
    """Curves from the clean audio; without audio, of an even voice.

    spoken : (frames,) 0…1, where the labels say that somebody speaks.
    """
    frames = len(spoken)
    active = np.where(smooth(spoken, 0.2, rate) > 1e-6, smooth(spoken, 0.2, rate), 0.0)
    even = Prosody(np.ones(frames), np.zeros(frames), np.zeros(frames), active)
    mask = spoken > 0.5
    if audio is None or not mask.any():
        return even
    times = np.arange(frames) / rate
    level = loudness(audio, times)
    usual = np.percentile(level[mask], 70)
    if usual < -90:
        return even
    above = np.clip(level - usual, -30, 12)
    weight = smooth(spoken, 0.15, rate)
    slow = smooth(above * spoken, 0.15, rate) / np.maximum(weight, 1e-3)
    effort = np.clip(2.0 ** (slow / DB_PER_DOUBLING), *EFFORT_LIMITS)
    slower = smooth(above * spoken, 0.30, rate) / np.maximum(smooth(spoken, 0.30, rate), 1e-3)
    stress = np.clip((slower - STRESS_RANGE[0]) / (STRESS_RANGE[1] - STRESS_RANGE[0]), 0, 1)
    f0, voiced = pitch(audio, times)
    voiced &= mask & (level > usual - 20)
    accent = np.zeros(frames)
    if voiced.sum() > 5:
        semitones = 12 * np.log2(f0 / np.median(f0[voiced]))
        known = voiced.astype(float)
        mean = smooth(np.clip(semitones, -8, 8) * known, 0.20, rate) / np.maximum(smooth(known, 0.20, rate), 0.15)
        accent = np.tanh(np.maximum(mean - LEAST_ACCENT, 0) / SEMITONES_OF_AN_ACCENT)
    accent = smooth(accent * spoken, 0.08, rate) * (active > 0)
    return Prosody(effort, accent, smooth(stress * spoken, 0.15, rate), active)
