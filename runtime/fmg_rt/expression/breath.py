"""Breathing in silence: a breath of nostril and brow, never of the mouth."""

import math

import numpy as np

from .. import arkit, spec

_RATE = spec.SAMPLE_RATE
NOSTRIL, BROW = 0.02, 0.012
"""Largest values of noseSneer and browInnerUp."""
_LARGEST = tuple(
    (arkit.INDEX[name], most) for name, most in (("noseSneerLeft", NOSTRIL), ("noseSneerRight", NOSTRIL), ("browInnerUp", BROW))
)
_PERIOD, _SPREAD = 4.2, 0.12  # s, and standard deviation of its logarithm
_INHALE = 0.4  # share of the breath


class Breath:
    """One breath after another, each a little longer or shorter; fades in as the face comes to rest."""

    def __init__(self, seed: int):
        self._seed = seed
        self.reset()

    def reset(self) -> None:
        self._random = np.random.Generator(np.random.PCG64([self._seed, 3]))
        self._start, self._end = 0, int(_RATE * _PERIOD)

    def shape(self, face: np.ndarray, time: int, rest: float) -> None:
        """Add the breath at sample `time` to (52,) `face`; `rest` is 1 in silence, 0 while speaking."""
        while time >= self._end:
            self._start = self._end
            self._end += int(_RATE * self._random.lognormal(math.log(_PERIOD), _SPREAD))
        if rest <= 0.0:
            return
        phase = (time - self._start) / (self._end - self._start)
        turn = phase / _INHALE if phase < _INHALE else (1.0 - phase) / (1.0 - _INHALE)
        depth = rest * (0.5 - 0.5 * math.cos(math.pi * turn))
        for i, largest in _LARGEST:
            if face.item(i) < largest * depth:
                face[i] = largest * depth
