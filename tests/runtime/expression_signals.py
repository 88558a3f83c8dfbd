"""Sounds that the expression's tests make themselves, and a bench that plays them to an `Expression`."""

import io
import shutil
import subprocess
from functools import lru_cache

import numpy as np
import pytest

from fmg_rt import architectures, arkit, networks, spec, weights
from fmg_rt.expression import Expression, ExpressionSettings
from fmg_rt.features.logmel import LogMel
from fmg_rt.heard import Feeling, Heard

RATE = spec.SAMPLE_RATE
MOUTH = arkit.region_indices("jaw", "lips")
UPPER = arkit.region_indices("brows", "cheeks", "eyes")
JAW = arkit.INDEX["jawOpen"]
I = arkit.INDEX  # noqa: E741
HALF = np.full(52, 0.5, np.float32)


def scaled(wave: np.ndarray, level: float) -> np.ndarray:
    """`wave` with an RMS of `level` dB below full scale (a sine of 1 has −3)."""
    return (wave / np.sqrt(np.mean(wave**2)) * 10 ** (level / 20)).astype(np.float32)


def coloured(n: int, exponent: float, seed: int) -> np.ndarray:
    """Gaussian noise with power ∝ f^−exponent: 0 white, 1 pink, 2 brown."""
    spectrum = np.fft.rfft(np.random.default_rng(seed).standard_normal(n))
    f = np.maximum(np.fft.rfftfreq(n, 1 / RATE), 20.0)
    return np.fft.irfft(spectrum / f ** (exponent / 2), n)


def harmonics(n: int, f0: float, count: int, tilt: float, seed: int = 0) -> np.ndarray:
    t = np.arange(n) / RATE
    phases = np.random.default_rng(seed).uniform(0, 2 * np.pi, count)
    return sum(np.sin(2 * np.pi * f0 * (k + 1) * t + phases[k]) / (k + 1) ** tilt for k in range(count))


def noise(kind: str, seconds: float, level: float, seed: int = 0) -> np.ndarray:
    n = int(seconds * RATE)
    if kind in ("white", "pink", "brown"):
        wave = coloured(n, {"white": 0, "pink": 1, "brown": 2}[kind], seed)
    elif kind.startswith("hum"):
        wave = harmonics(n, float(kind[3:]), 9, 1.0, seed)
    else:  # a fan: blades over rushing air, the blades at the level given in the name, dB against the air
        air, blades = coloured(n, 1, seed), harmonics(n, 117.3, 7, 1.0, seed)
        wave = air / np.std(air) + 10 ** (float(kind[3:]) / 20) * blades / np.std(blades)
    return scaled(wave, level)


def synthesise(engine: str, text: str) -> np.ndarray:
    """Speech at 16 kHz, peak 0.5, engine silence trimmed off; skips visibly when the engine is not installed."""
    soundfile, soxr = pytest.importorskip("soundfile"), pytest.importorskip("soxr")
    if shutil.which(engine.split(":")[0]) is None:
        pytest.skip(f"{engine} is not installed")
    name, _, voice = engine.partition(":")
    if name == "espeak-ng":
        command = ["espeak-ng", "-v", voice, "--stdout", text]
    else:
        command = ["flite", "-voice", voice, "-t", text, "-o", "/dev/stdout"]
    data = subprocess.run(command, check=True, capture_output=True).stdout
    if name == "espeak-ng":  # its stream's header gives no length
        wave = np.frombuffer(data[44:], "<i2").astype(np.float32) / 32768
        rate = 22050
    else:
        wave, rate = soundfile.read(io.BytesIO(data), dtype="float32")
    wave = soxr.resample(wave, rate, RATE).astype(np.float32)
    loud = np.flatnonzero(np.abs(wave) > 0.003 * np.abs(wave).max())
    wave = wave[loud[0] : loud[-1] + 1]
    return (0.5 * wave / np.abs(wave).max()).astype(np.float32)


def silence(seconds: float) -> np.ndarray:
    return np.zeros(int(seconds * RATE), np.float32)


def join(*waves: np.ndarray) -> np.ndarray:
    return np.concatenate(waves)


def slow_aperture(face: np.ndarray) -> float:
    """The formula, in float64."""
    v = {name: float(x) for name, x in zip(arkit.ARKIT_NAMES, face, strict=True)}
    both = lambda stem: (v[stem + "Left"] + v[stem + "Right"]) / 2  # noqa: E731
    return max(
        0.0,
        v["jawOpen"]
        - v["mouthClose"]
        + 0.4 * both("mouthLowerDown")
        + 0.3 * both("mouthUpperUp")
        + 0.2 * v["mouthFunnel"]
        - 0.2 * (v["mouthRollLower"] + v["mouthRollUpper"])
        - 0.2 * both("mouthPress"),
    )


def faces_of(openings: np.ndarray) -> np.ndarray:
    """Faces whose jaw and lower lip follow `openings` (n,)."""
    faces = np.zeros((len(openings), 52), np.float32)
    faces[:, I["jawOpen"]] = openings
    for name in ("mouthLowerDownLeft", "mouthLowerDownRight"):
        faces[:, I[name]] = 0.4 * openings
    return faces


def talk(n: int, rate: float, f: float = 4.0) -> np.ndarray:
    return 0.25 - 0.2 * np.cos(2 * np.pi * f * np.arange(n) / rate)


@lru_cache
def packaged() -> weights.Weights:
    return weights.read(weights.packaged())


class Player:
    """Plays audio and faces to an `Expression` as a stream does, frame by frame; the packaged network tells the presence."""

    def __init__(
        self, settings: ExpressionSettings | None = None, rate: float = 30.0, lookahead: int = 800, seed: int = 0, tracker=None
    ):
        self.rate, self.lookahead = rate, lookahead
        self.expression = Expression(settings or ExpressionSettings(), rate, lookahead, seed, tracker)
        self.network = networks.build(packaged(), 0)
        self.feeling: Feeling | None = None  # heard with each hop

    def play(self, wave: np.ndarray, faces=HALF, before_frame=None) -> tuple[np.ndarray, np.ndarray]:
        """(times (n,) s, faces (n, 52)) of `wave`; `faces` is one face, or an array with one a frame."""
        log_mel = LogMel()
        self.network.reset()
        times, out = [], []
        wave = np.ascontiguousarray(wave, np.float32)
        for start in range(0, len(wave) - spec.HOP_LENGTH + 1, spec.HOP_LENGTH):
            hop = wave[start : start + spec.HOP_LENGTH]
            mel, before, heard = log_mel.frame if log_mel.push(hop) else None, self.network.horizon, start + spec.HOP_LENGTH
            if mel is not None:
                self.network.push(mel)
            # The lips would close where this network's do, and not where those of `faces` do.
            stepped = self.network.horizon != before and not self.expression.settings.lips
            step = self.network.newest if stepped else None
            self.expression.listen(Heard(hop, mel, None, self.feeling, step, heard, self.network.early_presence))
            while round(len(out) * RATE / self.rate) + self.lookahead <= heard:
                time = round(len(out) * RATE / self.rate)
                face = np.array(faces if np.ndim(faces) == 1 else faces[min(len(out), len(faces) - 1)], np.float32)
                if before_frame is not None:
                    before_frame(len(out), self.expression)
                self.expression.shape(face, time)
                times.append(time / RATE)
                out.append(face)
        return np.array(times), np.array(out)


def feeling(**classes: float) -> Feeling:
    """Classes of `architectures.EMOTIONS` → probability, the rest neutral."""
    p = np.zeros(len(architectures.EMOTIONS))
    for name, value in classes.items():
        p[architectures.EMOTIONS.index(name)] = value
    p[architectures.EMOTIONS.index("neutral")] += 1.0 - p.sum()
    return Feeling(p, 0.0, 0.0)


def feel(expression: Expression, times: int = 20, **classes: float) -> None:
    """Tell `expression` that the voice was read, as a `feeling` of `classes`.

    Twenty readings, 6 s, leave nothing of what was read before.
    """
    for _ in range(times):
        expression.listen(Heard(np.zeros(spec.HOP_LENGTH, np.float32), feeling=feeling(**classes)))
