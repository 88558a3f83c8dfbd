"""FaceStream: audio in, 52 coefficients out. Owns all state between them; time is the sample count."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from . import arkit, spec
from .features.logmel import LogMel
from .networks import build
from .weights import Weights

if TYPE_CHECKING:  # their kernels are loaded by whoever makes an instance, not by who can take one
    from .egemaps import EGeMAPS
    from .expression import Expression

MAX_RATE = 120.0
"""Highest frame rate, frames per second."""


class FaceStream:
    """Turn a stream of audio into frames of 52 ARKit coefficients.

    Frame ``k`` is the face at sample ``round(k * 16000 / rate)``: the network's look-ahead delays when a frame comes out,
    not what time it is for. One stream belongs to one thread; many streams may share one `Weights`.

    Parameters
    ----------
    weights : a loaded weight file.
    rate : frames per second, 1 to 120.
    lookahead : samples of future audio to use, one of ``weights.lookaheads``; None takes the file's default.
    expression : what audio does not decide (rest, blinks, smoothing …); None gives the network's output as it is.
    egemaps : a fresh `EGeMAPS`; None: the 88 functionals stand at their mean, and the expression hears the log-mel only.

    Raises
    ------
    ValueError
        Rate outside 1 to 120.
    WeightsError
        The weights have no read-out for that look-ahead.
    """

    def __init__(self, weights: Weights, *, rate: float = 30.0, lookahead: int | None = None,
                 expression: Expression | None = None, egemaps: EGeMAPS | None = None):  # fmt: skip
        if not 1.0 <= rate <= MAX_RATE:
            raise ValueError(f"the frame rate must lie between 1 and {MAX_RATE:g} Hz, not {rate:g}")
        self.rate = rate
        self.network = build(weights, lookahead)
        self.expression = expression
        self._weights = weights
        self._log_mel = LogMel()
        self._egemaps = egemaps
        self._frames = np.zeros((8, arkit.N_COEFFICIENTS), np.float32)  # (most frames one hop can complete, 52)
        self._silence = np.zeros(spec.HOP_LENGTH, np.float32)
        self.reset()
        # The first call of a compiled function costs milliseconds even from the cache: pay it here.
        for _ in range(8):
            self.step(self._silence)
        self.reset()

    @property
    def latency(self) -> int:
        """Most samples from a sound to the frame that shows it: look-ahead, one step, and the wait for a whole hop."""
        return self.network.lookahead + self.network.step_length + -spec.WIN_LENGTH % spec.HOP_LENGTH

    def reset(self) -> None:
        """Forget everything heard; equal to a new stream."""
        self.index = 0
        self._samples = 0
        self._next_time = 0
        self._pending = self._silence[:0]
        self._log_mel.reset()
        self.network.reset()
        if self.expression is not None:
            self.expression.reset()
        if self._egemaps is not None:
            self._egemaps.reset()

    def step(self, hop: np.ndarray) -> np.ndarray:
        """Take 160 samples, (160,) float32; return the frames now ready, (n, 52) in [0, 1], n ≥ 0.

        The result is a view, valid until the next call. ``index`` counts the frames given so far.
        """
        self._samples += spec.HOP_LENGTH
        if self._log_mel.push(hop):
            self.network.push(self._log_mel.frame)
            if self.expression is not None:
                self.expression.listen(hop, self._log_mel.frame)
        elif self.expression is not None:
            self.expression.listen(hop, None)
        if self._egemaps is not None:
            self._listen_egemaps(self._egemaps, hop)
        n = 0
        while self._next_time <= self.network.horizon and n < len(self._frames):
            face = self._frames[n]
            self.network.evaluate(self._next_time, face)
            if self.expression is not None:
                self.expression.shape(face, self._next_time)
            n += 1
            self.index += 1
            self._next_time = round(self.index * spec.SAMPLE_RATE / self.rate)
        return self._frames[:n]

    def finish(self) -> np.ndarray:
        """The frames up to the end of the audio that look-ahead still held back, (n, 52); silence follows it."""
        end = self._samples
        rest = []
        while self._next_time < end:
            first = self.index
            frames = self.step(self._silence)
            wanted = sum(round((first + i) * spec.SAMPLE_RATE / self.rate) < end for i in range(len(frames)))
            rest.append(frames[:wanted].copy())
        return np.concatenate(rest) if rest else np.empty((0, arkit.N_COEFFICIENTS), np.float32)

    def feed(self, samples: np.ndarray) -> Iterator[tuple[float, np.ndarray]]:
        """Take any number of samples at 16 kHz; yield (time in s, (52,) face) for each frame now ready."""
        samples = np.concatenate([self._pending, np.asarray(samples, np.float32)])
        whole = len(samples) - len(samples) % spec.HOP_LENGTH
        self._pending = samples[whole:]
        for start in range(0, whole, spec.HOP_LENGTH):
            first = self.index
            for i, face in enumerate(self.step(samples[start : start + spec.HOP_LENGTH])):
                yield (first + i) / self.rate, face.copy()

    def _listen_egemaps(self, egemaps: EGeMAPS, hop: np.ndarray) -> None:
        egemaps.push(hop)
        if self.expression is not None:
            self.expression.hear(egemaps.lld)
        if self._samples % spec.EGEMAPS_INTERVAL or not egemaps.ready:
            return
        features = egemaps.functionals()
        self.network.set_egemaps(features)
        if self.expression is not None and self._weights.emotion:
            self.expression.feel(*self._mood(features))

    def _mood(self, features: np.ndarray) -> tuple[float, float]:
        """Arousal and valence in [-1, 1] from the 88 functionals, by the weights' emotion read-out."""
        weights = self._weights
        x = (features - weights.egemaps_mean) / (weights.egemaps_std + spec.STD_OFFSET)
        x = np.clip(x, -spec.EGEMAPS_LIMIT, spec.EGEMAPS_LIMIT)
        arousal, valence = np.tanh(weights.emotion["weight"][-2:] @ x + weights.emotion["bias"][-2:])
        return float(arousal), float(valence)
