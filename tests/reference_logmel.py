"""Log-mel the slow and obvious way, float64: the transform by its definition, each filter point by point."""

import numpy as np


def mel_of(hz: float) -> float:
    return hz * 3 / 200 if hz < 1000 else 15 + 27 * np.log(hz / 1000) / np.log(6.4)


def hz_of(mel: float) -> float:
    return mel * 200 / 3 if mel < 15 else 1000 * np.exp((mel - 15) * np.log(6.4) / 27)


def filters(sample_rate: int = 16000, n_fft: int = 400, n_mels: int = 80) -> np.ndarray:
    """(n_mels, n_fft // 2 + 1)."""
    edges = [hz_of(mel) for mel in np.linspace(0, mel_of(sample_rate / 2), n_mels + 2)]
    out = np.zeros((n_mels, n_fft // 2 + 1))
    for band in range(n_mels):
        low, centre, high = edges[band : band + 3]
        for k in range(n_fft // 2 + 1):
            f = k * sample_rate / n_fft
            if low < f <= centre:
                out[band, k] = (f - low) / (centre - low)
            elif centre < f < high:
                out[band, k] = (high - f) / (high - centre)
        out[band] *= 2 / (high - low)
    return out


def log_mel(wave: np.ndarray) -> np.ndarray:
    """(1 + (n - 400) // 160, 80) of a wave (n,) at 16 kHz."""
    n = np.arange(400)
    window = 0.5 * (1 - np.cos(2 * np.pi * n / 400))
    transform = np.exp(-2j * np.pi * np.outer(np.arange(201), n) / 400)  # (201, 400)
    bank = filters()
    frames = [wave[start : start + 400].astype(np.float64) * window for start in range(0, len(wave) - 399, 160)]
    return np.array([np.log(bank @ np.abs(transform @ frame) ** 2 + 1e-10) for frame in frames]).reshape(-1, 80)
