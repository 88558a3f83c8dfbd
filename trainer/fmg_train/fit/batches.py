"""Random sequences from cached features, for a training step."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from fmg_rt import spec

from ..config import Augment
from ..features import NOISE, WINDOW_ROWS, Cache

LN_PER_DB = float(np.log(10.0) / 10.0)
"""A power ratio of 1 dB in natural-log units."""
STEADY, STEADY_WEIGHT = ("nonspeech-noise", "nonspeech-fan"), 3.0
"""Speakers (`form.Recording.speaker`) of those that are drawn more often: the usual background of a microphone."""
NOISE_SNR_DB = 0.0, 25.0
"""Range of how far it lies below the louder half of a sequence, dB."""
FROM_START = 0.5
"""Share of the sequences that begin where a recording begins: at run time every stream begins so, with a network that has
heard nothing yet. They begin with any frame of the first step: where steps fall on the speech is chance, in use as well."""
FIRST_WINDOW = 2
"""The runtime has no functionals before 0.5 s: the first are those of the second interval of 300 ms."""


@dataclass(frozen=True)
class Batch:
    """mel (B, frames, 80) float32, not standardised; egemaps (B, steps, 88) float32 or None; target (B, steps,
    look-aheads, 52) float32; known (B, steps, 1, 52) and measured (B, steps, 1) float32 of 0/1; spoken (B, steps, look-aheads)
    float32: 1 speech, 0 no speech, -1 unknown."""

    mel: np.ndarray
    egemaps: np.ndarray | None
    target: np.ndarray
    known: np.ndarray
    measured: np.ndarray
    spoken: np.ndarray


class Pool:
    """All data sets of a split; draws sequences with probability ∝ length × weight within each group.

    caches : list of (cache, weight); a group's weight is its share of the sequences, spread over its data sets by length.
    """

    def __init__(self, groups: list[tuple[list[Cache], float]]):
        self._caches = [cache for caches, _ in groups for cache in caches]
        lengths = [np.array([len(c.mel) for c in caches], float) for caches, _ in groups]
        shares = [weight * n / n.sum() for n, (_, weight) in zip(lengths, groups, strict=True)]
        self._probability = np.concatenate(shares) / np.concatenate(shares).sum()
        self.frames = int(sum(n.sum() for n in lengths))
        noises = [
            (cache.mel[first:end], recording)
            for cache in self._caches
            for (first, end), recording in zip(cache.spans, cache.recordings, strict=True)
            if recording.source == NOISE
        ]
        self._noises = [mel for mel, _ in noises]
        weights = np.array([STEADY_WEIGHT if recording.speaker in STEADY else 1.0 for _, recording in noises])
        self._noise_probability = weights / weights.sum()

    @property
    def caches(self) -> list[Cache]:
        return self._caches

    def draw(
        self,
        rng: np.random.Generator,
        n: int,
        n_frames: int,
        stack: int,
        lookahead_rows: np.ndarray,
        context: int = 0,
        with_egemaps: bool = False,
    ) -> Batch:
        """`n` sequences of `n_frames` log-mel frames, preceded by `context` frames without targets.

        A step is `stack` frames. lookahead_rows : look-aheads in frames of 10 ms.
        """
        picks = rng.choice(len(self._caches), n, p=self._probability)
        parts = []
        for cache in (self._caches[i] for i in picks):
            last = len(cache.mel) - n_frames - context
            start = int(rng.integers(0, last + 1)) if last > 0 else 0
            if rng.random() < FROM_START:
                # Of a recording that ends too near to the end of the cache, its end is heard.
                recording = np.searchsorted(cache.spans[:, 1], start, side="right")
                start = min(int(cache.spans[recording, 0]) + int(rng.integers(stack)), max(last, 0))
            parts.append(_sequence(cache, start, n_frames + context, stack, lookahead_rows, context, with_egemaps))
        mel, functionals, target, known, measured, spoken = zip(*parts, strict=True)
        return Batch(
            _float32(mel),
            np.stack(functionals) if with_egemaps else None,
            _float32(target),
            _float32(known)[:, :, None],
            _float32(measured)[:, :, None],
            _float32(spoken),
        )

    def noise(self, rng: np.random.Generator, n: int, n_frames: int) -> np.ndarray | None:
        """`n` pieces of recordings without speech, repeated where they are short, (n, n_frames, 80) float32 log-mel.

        None where the data sets hold no such recording.
        """
        if not self._noises:
            return None
        chosen = (self._noises[i] for i in rng.choice(len(self._noises), n, p=self._noise_probability))
        return _float32([mel[(rng.integers(len(mel)) + np.arange(n_frames)) % len(mel)] for mel in chosen])


def _float32(arrays: Sequence[np.ndarray]) -> np.ndarray:
    """Stacked; by PyTorch, which widens float16 several times faster than NumPy."""
    return torch.from_numpy(np.stack(arrays)).float().numpy()


def _sequence(
    cache: Cache, start: int, n_frames: int, stack: int, lookahead_rows: np.ndarray, context: int, with_egemaps: bool
):
    total = len(cache.mel)
    rows = np.minimum(np.arange(start, start + n_frames), total - 1)
    ends = rows[context:][stack - 1 :: stack]  # (steps,) newest log-mel frame of each step
    faces = np.clip(ends[:, None] + WINDOW_ROWS - lookahead_rows, 0, total - 1)  # (steps, look-aheads)
    recording = np.searchsorted(cache.spans[:, 1], ends, side="right")
    functionals = _functionals(cache, ends, recording) if with_egemaps else None
    return (
        cache.mel[rows],
        functionals,
        cache.face[faces],
        cache.known[recording],
        cache.measured[recording],
        cache.spoken[faces],
    )


def _functionals(cache: Cache, ends: np.ndarray, recording: np.ndarray) -> np.ndarray:
    """The newest vector at log-mel frame `ends`; NaN before the first, as at run time."""
    # Frame j of a recording comes out with the hop that ends at sample 160 j + 480.
    heard = (ends - cache.spans[recording, 0] + WINDOW_ROWS + 1) * spec.HOP_LENGTH
    window = cache.windows[recording, 0] + heard // spec.EGEMAPS_INTERVAL - 1
    out = np.full((len(ends), spec.N_EGEMAPS), np.nan, np.float32)
    there = (heard // spec.EGEMAPS_INTERVAL >= FIRST_WINDOW) & (window < cache.windows[recording, 1])
    out[there] = cache.egemaps[window[there]]
    return out


def augment(mel: np.ndarray, rng: np.random.Generator, settings: Augment) -> np.ndarray:
    """A new (B, frames, 80) log-mel: other level, other filter, other vocal tract; the face is the same."""
    batch, _, bands = mel.shape
    axis = np.linspace(-1.0, 1.0, bands)

    def normal(deviation: float) -> np.ndarray:
        return rng.normal(0.0, deviation, (batch, 1)) if deviation else np.zeros((batch, 1))

    curve = normal(settings.gain_db) + normal(settings.tilt_db) * axis / 2
    for order in range(2, 6):
        phase = rng.uniform(0, np.pi, (batch, 1))
        curve = curve + normal(settings.eq_db / 2) * np.cos(np.pi * order / 2 * axis + phase)
    level = (curve * LN_PER_DB).astype(np.float32)[:, None]  # (B, 1, 80)
    return _shifted(mel, normal(settings.warp_bands)[:, 0]) + level


def _shifted(mel: np.ndarray, shifts: np.ndarray) -> np.ndarray:
    """Every sequence of (B, frames, 80) with band k + shift where band k was; the outermost bands reach beyond the edges."""
    bands = mel.shape[2]
    out = np.empty_like(mel)
    for sequence, shift, moved in zip(mel, shifts, out, strict=True):
        low = int(np.floor(shift))
        share = np.float32(shift - low)
        around = np.take(sequence, np.clip(low + np.arange(bands + 1), 0, bands - 1), axis=1)
        np.multiply(around[:, :-1], 1 - share, out=moved)
        moved += around[:, 1:] * share
    return out


def rest(batch: Batch, noise: np.ndarray, chosen: np.ndarray) -> Batch:
    """A new batch in which the `chosen` (B,) sequences are their `noise` (B, frames, 80) alone, before a resting face."""

    def exchanged(array: np.ndarray, value: np.ndarray | float) -> np.ndarray:
        out = array.copy()
        out[chosen] = value
        return out

    return Batch(
        exchanged(batch.mel, noise[chosen]),
        None if batch.egemaps is None else exchanged(batch.egemaps, np.nan),
        exchanged(batch.target, 0.0),
        exchanged(batch.known, 1.0),
        exchanged(batch.measured, 0.0),
        exchanged(batch.spoken, 0.0),
    )


def _level(mel: np.ndarray) -> np.ndarray:
    """(B,) natural log of the mean power of the louder half of the frames."""
    power = np.sort(np.exp(mel).mean(2), axis=1)
    return np.log(power[:, power.shape[1] // 2 :].mean(1))


def mix(mel: np.ndarray, noise: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A new (B, frames, 80) log-mel of both sounds: their powers add; the phase between them is ignored."""
    snr = rng.uniform(*NOISE_SNR_DB, len(mel))
    gain = (_level(mel) - _level(noise) - snr * LN_PER_DB).astype(np.float32)
    return np.log(np.exp(mel) + np.exp(noise + gain[:, None, None]))  # a ninth of the time of logaddexp
