"""Scores of a weight file on data sets, as `corpus.md`-style tables: what is measured, on which recordings.

Arithmetic lives in `scores`, reading in `datasets.form`; here the runtime is driven over recordings and what it gives is
gathered per recording, so that tables, confidence intervals and reports all start from the same rows.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fmg_rt import arkit, spec
from fmg_rt.session import Session
from fmg_rt.stream import FaceStream
from fmg_rt.weights import Weights

from .. import emotion as emotions
from .. import features
from ..datasets import form
from . import scores
from .conditions import VOICES, Condition, heard

RATE = 100.0
"""Default frame rate of the comparison."""
LEVELS = np.arange(-60.0, 0.0, 10.0)
"""Levels of the steady noises that rest is tested in, dB below full scale."""

Predictor = Callable[[np.ndarray], np.ndarray]
"""(samples,) float32 at 16 kHz → (frames, 52), frame i at i / rate seconds; the rate is one for all that is compared."""


def network(weights: Weights, lookahead: int | None = None, rate: float = RATE) -> Predictor:
    """The network of a weight file, without the runtime's expression; look-ahead in samples, None: the file's default."""
    egemaps = None
    if weights.architecture == "cross_attention":
        from fmg_rt.egemaps import EGeMAPS  # its kernels compile on import: only who needs them waits

        egemaps = EGeMAPS()
    stream = FaceStream(weights, rate=rate, lookahead=lookahead, egemaps=egemaps)
    return lambda audio: _run(stream, audio)


def shipped(weights: Weights, lookahead: int | None = None, rate: float = RATE) -> Predictor:
    """Everything that the runtime sends by default: network, rest, closures, smoothing, blinks."""
    session = Session(weights, rate=rate, lookahead=lookahead, egemaps=False)

    def predict(audio: np.ndarray) -> np.ndarray:
        session.reset()
        frames = session.push(audio) + session.flush()
        return np.array([frame.coefficients for frame in frames]).reshape(-1, arkit.N_COEFFICIENTS)

    return predict


def envelope(audio: np.ndarray, rate: float = RATE) -> np.ndarray:
    """The simplest rival: the jaw follows the loudness (RMS over 40 ms, to the power 0.6), nothing else moves."""
    n = int(len(audio) / spec.SAMPLE_RATE * rate)
    squares = np.concatenate([[0.0], np.cumsum(audio.astype(np.float64) ** 2)])
    centre = np.round(np.arange(n) * spec.SAMPLE_RATE / rate).astype(int)
    low, high = np.clip(centre - 320, 0, len(audio)), np.clip(centre + 320, 0, len(audio))
    loudness = ((squares[high] - squares[low]) / np.maximum(high - low, 1)) ** 0.3
    face = np.zeros((n, arkit.N_COEFFICIENTS), np.float32)
    face[:, arkit.INDEX["jawOpen"]] = 0.5 * loudness / max(loudness.max(initial=0.0), 1e-9)
    return face


def still(audio: np.ndarray, rate: float = RATE) -> np.ndarray:
    """A face that never moves: the upper bound for the error against a captured face."""
    return np.zeros((max(1, int(len(audio) / spec.SAMPLE_RATE * rate)), arkit.N_COEFFICIENTS), np.float32)


def _run(stream: FaceStream, audio: np.ndarray) -> np.ndarray:
    stream.reset()
    # A whole number of hops, so that the stream's end is the audio's end.
    padded = np.concatenate([audio, np.zeros(-len(audio) % spec.HOP_LENGTH, np.float32)])
    frames = [stream.step(hop).copy() for hop in padded.reshape(-1, spec.HOP_LENGTH)]
    return np.concatenate([*frames, stream.finish()])


@dataclass(frozen=True)
class Row:
    """The contribution of one recording.

    aperture_r : NaN without measured lips. closure : counts as `scores.closure`. rounded, spread : as
    `scores.rounding_values`. error : (52,) mean absolute, square : (52,) mean squared error, NaN where not known.
    jitter : as `scores.jitter`. frames : how many were compared.
    """

    recording: form.Recording
    aperture_r: float
    closure: tuple[int, int, int, int]
    rounded: tuple[float, ...]
    spread: tuple[float, ...]
    error: np.ndarray
    square: np.ndarray
    jitter: float
    frames: int


def row(recording: form.Recording, face: form.Face, predicted: np.ndarray, rate: float = RATE) -> Row:
    """Compare a prediction with the face of a recording."""
    times = face.start + np.arange(len(face.coefficients)) / face.rate
    inside = (times >= 0) & (times <= (len(predicted) - 1) / rate)
    times, target = times[inside], face.coefficients[inside]
    grid = np.arange(len(predicted)) / rate
    ours = np.stack([np.interp(times, grid, curve) for curve in predicted.T], axis=1)
    difference = np.where(face.known, ours - target, np.nan)
    r = np.nan
    if face.aperture is not None:
        r = scores.aperture_r([(scores.aperture(ours), face.aperture[inside])])
    counts = scores.closure(scores.aperture(predicted), rate, face.phones)
    rounded, spread = scores.rounding_values(scores.rounding(predicted), rate, face.phones)
    known = face.known
    return Row(
        recording,
        r,
        counts,
        tuple(rounded),
        tuple(spread),
        np.abs(difference).mean(0),
        (difference**2).mean(0),
        scores.jitter(ours[:, known], target[:, known], face.rate),
        len(times),
    )


def rows(
    predict: Predictor,
    directories: Iterable[Path],
    split: str | None = "test",
    condition: Condition | None = None,
    rate: float = RATE,
) -> list[Row]:
    """One row for every recording of `split` (None: all) in the data sets, in order.

    condition : changes the audio before it is heard, one of `conditions.CONDITIONS`.
    """
    result = []
    for directory in directories:
        chosen = [recording for recording in form.read_manifest(directory) if split in (None, recording.split)]
        voices = [form.read_audio(directory, recording) for recording in chosen[:VOICES]] if condition else []
        for recording in chosen:
            audio, face = form.read_audio(directory, recording), form.read_face(directory, recording)
            audio, face = heard(condition, audio, recording, face, voices)
            result.append(row(recording, face, predict(audio), rate))
    return result


def summary(of: Sequence[Row]) -> dict[str, float]:
    """The scores over recordings: aperture_r, closure_recall, closure_false, rounding_auc, mae and mse (all and per
    group), jitter. NaN where the data cannot tell."""
    closed = np.sum([r.closure for r in of], axis=0) if of else np.zeros(4)
    weight = np.array([r.frames for r in of], float)[:, None]
    table = {
        "aperture_r": _mean([r.aperture_r for r in of]),
        "closure_recall": closed[0] / closed[1] if closed[1] else np.nan,
        "closure_false": closed[2] / closed[3] if closed[3] else np.nan,
        "rounding_auc": scores.auc(
            np.array([value for r in of for value in r.rounded]), np.array([value for r in of for value in r.spread])
        ),
        "jitter": float(np.median([r.jitter for r in of])) if of else np.nan,
    }
    columns = {"": list(range(arkit.N_COEFFICIENTS)), " jaw+lips": arkit.region_indices("jaw", "lips")}
    columns |= {f" {group}": arkit.region_indices(*regions) for group, regions in scores.GROUPS.items()}
    for name, pick in (("mae", [r.error for r in of]), ("mse", [r.square for r in of])):
        values = np.array(pick).reshape(-1, arkit.N_COEFFICIENTS)
        known = np.isfinite(values)
        shares = np.where(known, weight, 0.0)
        total = shares.sum(0)
        per_coefficient = np.where(total > 0, np.nansum(values * shares, axis=0) / np.maximum(total, 1e-12), np.nan)
        for group, members in columns.items():
            table[f"{name}{group}"] = _mean(per_coefficient[members])
    return table


def rest(predict: Predictor, rate: float = RATE) -> dict[str, float]:
    """Largest coefficient in digital silence and in steady white and pink noise, after the first 0.5 s.

    The eyes are left out: they live in silence too.
    """
    still = arkit.region_indices("jaw", "lips", "cheeks", "brows")
    rng = np.random.default_rng(7)
    n = 4 * spec.SAMPLE_RATE
    spectrum = np.fft.rfft(rng.standard_normal(n))
    spectrum[1:] /= np.sqrt(np.arange(1, len(spectrum)))
    pink = np.fft.irfft(spectrum, n)
    settle = int(0.5 * rate)
    table = {"silence": scores.rest(predict(np.zeros(n, np.float32))[settle:, still])}
    for name, noise in (("white noise", rng.standard_normal(n)), ("pink noise", pink)):
        noise = noise / np.sqrt(np.mean(noise**2))
        loud = [predict((0.999 * np.clip(noise * 10 ** (level / 20), -1, 1)).astype(np.float32)) for level in LEVELS]
        table[name] = max(scores.rest(face[settle:, still]) for face in loud)
    return table


def emotion(weights: Weights, directories: Iterable[Path], split: str | None = "test") -> tuple[int, float, float] | None:
    """How many recordings of `split` (None: any) carry an emotion, and `emotion.accuracy` on them, one decision each.

    None where the weights have no read-out or no recording an emotion. Functionals that are missing are computed.
    """
    named = [
        directory
        for directory in directories
        if weights.emotion
        and any(recording.emotion and split in (None, recording.split) for recording in form.read_manifest(directory))
    ]
    for directory in named:
        if not features.is_complete(directory, with_egemaps=True):
            features.build(directory, with_egemaps=True)
    if not named:
        return None
    heard = emotions.examples([features.load(directory) for directory in named], split, last_only=True)
    readout = emotions.Readout(weights.egemaps_mean, weights.egemaps_std, weights.emotion["weight"], weights.emotion["bias"])
    return len(heard.emotion), *emotions.accuracy(heard, readout)


def _mean(values: Iterable[float]) -> float:
    finite = [v for v in values if np.isfinite(v)]
    return float(np.mean(finite)) if finite else float("nan")
