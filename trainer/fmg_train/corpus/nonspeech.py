"""Sounds at which a face rests: silence, noises, music, knocks, coughs."""

import numpy as np
from scipy import signal

from . import augment

RATE = augment.RATE


def _tones(n: int, rng: np.random.Generator) -> np.ndarray:
    """Chords and melodies of a few timbres, with or without a beat."""
    out = np.zeros(n, np.float32)
    scale = 110 * 2 ** (rng.integers(12) / 12) * 2 ** (np.array([0, 2, 4, 5, 7, 9, 11, 12, 14, 16, 19, 24]) / 12)
    beat = int(RATE * rng.uniform(0.15, 0.7))
    partials = rng.uniform(0, 1, 6) / np.arange(1, 7) ** rng.uniform(0.3, 1.5)
    for start in range(0, n, beat):
        length = min(n - start, int(beat * rng.uniform(0.5, 2)))
        time = np.arange(length, dtype=np.float32) / RATE
        decay = np.exp(-time * rng.uniform(0.5, 8)) * np.minimum(time * rng.uniform(20, 400), 1)
        for pitch in scale[rng.integers(0, len(scale), rng.integers(1, 4))]:
            for k, amount in enumerate(partials, 1):
                if k * pitch < RATE / 2.2:
                    out[start : start + length] += amount * decay * np.sin(2 * np.pi * k * pitch * time)
        if rng.random() < 0.5:
            drum = rng.standard_normal(length) * np.exp(-time * rng.uniform(15, 60))
            out[start : start + length] += drum.astype(np.float32) * rng.uniform(0, 0.8)
    return out


def _beeps(n: int, rng: np.random.Generator) -> np.ndarray:
    time = np.arange(n) / RATE
    sweep = signal.chirp(time, rng.uniform(80, 2000), n / RATE, rng.uniform(80, 6000))
    gate = signal.square(2 * np.pi * rng.uniform(0.4, 6) * time) > rng.uniform(-1, 0.5)
    return (sweep * np.convolve(gate, np.ones(80) / 80, "same")).astype(np.float32)


def _knocks(n: int, rng: np.random.Generator) -> np.ndarray:
    """Clicks, keyboard, knocks: short decaying bursts through a resonance."""
    out = np.zeros(n, np.float32)
    position = 0
    while (position := position + int(RATE * rng.exponential(0.25)) + 200) < n:
        out[position] = rng.uniform(0.2, 1) * rng.choice((-1, 1))
    burst = rng.standard_normal(800) * np.exp(-np.arange(800) / (RATE * rng.uniform(0.001, 0.012)))
    out = signal.oaconvolve(out, burst)[:n]
    return signal.sosfilt(augment.peaking(rng.uniform(150, 5000), 18, 3), out).astype(np.float32)


def _coughs(n: int, rng: np.random.Generator) -> np.ndarray:
    """Coughs, breaths and throat clearing: shaped noise."""
    out = np.zeros(n, np.float32)
    position = int(RATE * rng.uniform(0, 0.5))
    while position < n:
        length = min(n - position, int(RATE * rng.uniform(0.12, 0.8)))
        time = np.linspace(0, 1, length, endpoint=False)
        shape = time ** rng.uniform(0.05, 1) * (1 - time) ** rng.uniform(0.5, 4)
        burst = rng.standard_normal(length) * shape
        for _ in range(2):
            burst = signal.sosfilt(augment.peaking(rng.uniform(400, 3500), 14, 1.5), burst)
        out[position : position + length] += burst.astype(np.float32)
        position += length + int(RATE * rng.exponential(0.9))
    return out


def nonspeech(n: int, rng: np.random.Generator, voices: list[np.ndarray]) -> tuple[np.ndarray, str]:
    """(n,) float32 within ± 1 and the kind of sound."""
    kind = str(rng.choice(("silence", "noise", "hum", "fan", "tones", "beeps", "knocks", "coughs", "crowd"),
                          p=(0.12, 0.22, 0.06, 0.1, 0.2, 0.06, 0.1, 0.08, 0.06)))  # fmt: skip
    match kind:
        case "silence":
            out = np.zeros(n, np.float32)
        case "noise":
            out = augment.coloured(n, rng, rng.uniform(-0.5, 2))
            if rng.random() < 0.4:  # swells as wind and traffic do
                swell = np.interp(np.arange(n), np.linspace(0, n, 6), rng.uniform(0.05, 1, 6))
                out = out * swell.astype(np.float32)
        case "hum":
            out = augment.hum(n, rng)
        case "fan":
            out = augment.fan(n, rng)
        case "tones":
            out = _tones(n, rng)
        case "beeps":
            out = _beeps(n, rng)
        case "knocks":
            out = _knocks(n, rng)
        case "coughs":
            out = _coughs(n, rng)
        case _:
            out = augment.room(augment.babble(n, rng, voices, int(rng.integers(8, 16))), rng)
    if kind != "silence":
        if rng.random() < 0.5:
            out = augment.room(out, rng)
        out = out / (np.abs(out).max() + 1e-9)
        out = out + augment.coloured(n, rng, rng.uniform(0, 2)) * np.float32(10 ** (-rng.uniform(20, 70) / 20))
        out = out * np.float32(10 ** (rng.uniform(-45, -2) / 20) / (np.abs(out).max() + 1e-9))
    elif rng.random() < 0.5:
        out = augment.coloured(n, rng, rng.uniform(0, 2)) * np.float32(10 ** (-rng.uniform(60, 90) / 20))
    return out.astype(np.float32), kind
