"""Sounds at which a face rests: silence, noises, music, machines, wind, breath, knocks, coughs, a crowd."""

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


def _breaths(n: int, rng: np.random.Generator) -> np.ndarray:
    """Breath close to a microphone: in and out, long, through a wide throat, with blasts of low turbulence."""
    out = np.zeros(n, np.float32)
    position = int(RATE * rng.uniform(0, 0.8))
    while position < n:
        length = min(n - position, int(RATE * rng.uniform(0.4, 2.0)))
        burst = augment.coloured(length, rng, rng.uniform(0, 1.5)) * np.hanning(length) ** rng.uniform(0.4, 2)
        for _ in range(rng.integers(1, 4)):
            burst = signal.sosfilt(augment.peaking(rng.uniform(300, 5000), rng.uniform(4, 16), rng.uniform(0.7, 3)), burst)
        out[position : position + length] += burst.astype(np.float32) * rng.uniform(0.3, 1)
        position += length + int(RATE * rng.exponential(0.6))
    return out


def _gusts(n: int, rng: np.random.Generator) -> np.ndarray:
    """Wind on a microphone: dark noise that swells and bursts."""
    knots = int(n / RATE * rng.uniform(1, 8)) + 2
    swell = np.interp(np.arange(n), np.linspace(0, n, knots), rng.exponential(1.0, knots) ** 1.5)
    return (augment.coloured(n, rng, rng.uniform(1.2, 3)) * swell).astype(np.float32)


def _beating(n: int, rng: np.random.Generator) -> np.ndarray:
    """A fan or wheel whose noise comes and goes as often as syllables do."""
    beat = 0.5 + 0.5 * np.sin(2 * np.pi * rng.uniform(1, 12) * np.arange(n) / RATE)
    return (augment.coloured(n, rng, rng.uniform(0, 2)) * beat ** rng.uniform(0.3, 4)).astype(np.float32)


def _machine(n: int, rng: np.random.Generator) -> np.ndarray:
    """A motor, horn or siren: a steady or slowly gliding buzz through resonances like a vowel's."""
    time = np.arange(n) / RATE
    glide = np.interp(time, np.linspace(0, time[-1] if n else 1, 4), np.exp(rng.uniform(-0.1, 0.1) * rng.standard_normal(4)))
    phase = np.cumsum(rng.uniform(50, 400) * glide) / RATE
    out = signal.sawtooth(2 * np.pi * phase, rng.uniform(0, 1)) + rng.uniform(0, 0.3) * rng.standard_normal(n)
    for _ in range(rng.integers(0, 4)):
        out = signal.sosfilt(augment.peaking(rng.uniform(250, 4000), rng.uniform(6, 20), rng.uniform(2, 8)), out)
    if rng.random() < 0.3:
        out = out * (signal.square(2 * np.pi * rng.uniform(0.3, 4) * time, rng.uniform(0.2, 0.8)) > 0)
    return out.astype(np.float32)


_KINDS = {
    "tones": _tones,
    "beeps": _beeps,
    "knocks": _knocks,
    "coughs": _coughs,
    "breaths": _breaths,
    "gusts": _gusts,
    "beating": _beating,
    "machine": _machine,
}
_SHARES = {
    "silence": 0.1,
    "noise": 0.16,
    "hum": 0.04,
    "fan": 0.08,
    "tones": 0.16,
    "beeps": 0.04,
    "knocks": 0.09,
    "coughs": 0.07,
    "breaths": 0.07,
    "gusts": 0.04,
    "beating": 0.05,
    "machine": 0.05,
    "crowd": 0.05,
}
"""Kind of sound → its share."""
KINDS = tuple(_SHARES)


def nonspeech(n: int, rng: np.random.Generator, voices: list[np.ndarray]) -> tuple[np.ndarray, str]:
    """(n,) float32 within ± 1 and the kind of sound."""
    kind = str(rng.choice(list(_SHARES), p=list(_SHARES.values())))
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
        case "crowd":
            out = augment.room(augment.babble(n, rng, voices, int(rng.integers(8, 16))), rng)
        case _:
            out = _KINDS[kind](n, rng)
    if kind != "silence":
        if rng.random() < 0.5:
            out = augment.room(out, rng)
        out = out / (np.abs(out).max() + 1e-9)
        out = out + augment.coloured(n, rng, rng.uniform(0, 2)) * np.float32(10 ** (-rng.uniform(20, 70) / 20))
        out = out * np.float32(10 ** (rng.uniform(-45, -2) / 20) / (np.abs(out).max() + 1e-9))
    elif rng.random() < 0.5:
        out = augment.coloured(n, rng, rng.uniform(0, 2)) * np.float32(10 ** (-rng.uniform(60, 90) / 20))
    return out.astype(np.float32), kind
