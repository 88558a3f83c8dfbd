"""Strength and self-levelling: how far each region moves."""

import math

import numpy as np

from .. import spec
from ..kernels import expression_face as kernels
from .lips import aperture
from .settings import MOUTH, ExpressionSettings

TARGET = 0.4
"""Aperture that nine tenths of a levelled speaker's moving frames stay below."""
LOWEST, HIGHEST = 0.6, 1.8
"""Bounds of the levelling gain."""
_SHARE = 0.9
_PACE = 0.5  # natural-log units a second
_MOVING = 0.02  # aperture below which a frame says nothing about the speaker
# Bounds of the level's logarithm, a little outside the gain's range, so that it comes back soon.
_QUIETEST, _LOUDEST = math.log(TARGET / HIGHEST) - 0.1, math.log(TARGET / LOWEST) + 0.1
_NOTICED = 0.002  # change of the gain that is worth writing


class Levelling:
    """`gain`, slow and 1 at first, brings the 90th percentile of the aperture to `TARGET`.

    The percentile is tracked by stochastic approximation: up by ``0.9 pace`` when a frame exceeds it, down by
    ``0.1 pace`` when not, so a loud speaker is tamed within seconds and a quiet one grows over some ten.

    References
    ----------
    H. Robbins, S. Monro, A stochastic approximation method, Ann. Math. Statist. 22(3), 1951.
    """

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self._log_level = math.log(TARGET)
        self.gain = 1.0

    def hear(self, face: np.ndarray, seconds: float) -> None:
        """Learn from (52,) `face` of a speaking moment, `seconds` after the last frame."""
        gap = aperture(face)
        if gap < _MOVING:
            return
        step = _PACE * min(seconds, 0.1)
        above = math.log(gap) > self._log_level
        level = self._log_level + (step * _SHARE if above else step * (_SHARE - 1.0))
        self._log_level = min(_LOUDEST, max(_QUIETEST, level))
        self.gain = min(HIGHEST, max(LOWEST, TARGET / math.exp(self._log_level)))


class Strength:
    """One factor a coefficient: the region's strength, on the mouth times the levelling gain."""

    def __init__(self, settings: ExpressionSettings):
        self._regions = np.ones(spec.N_COEFFICIENTS, np.float32)  # (52,)
        for regions, strength in ((MOUTH, settings.mouth), (("cheeks",), settings.cheeks),
                                  (("brows",), settings.brows), (("eyes",), settings.eyes)):  # fmt: skip
            self._regions[spec.region_indices(*regions)] = strength
        self._mouth = np.array(spec.region_indices(*MOUTH))  # (28,)
        self._factors = self._regions.copy()  # (52,)
        self._none = np.zeros(spec.N_COEFFICIENTS, np.float32)  # (52,)
        self._gain = 1.0
        self._idle = bool(np.all(self._regions == 1.0))

    def shape(self, face: np.ndarray, gain: float) -> None:
        """In place; wholly neutral leaves every bit."""
        if abs(gain - self._gain) > _NOTICED:
            self._gain = gain
            self._factors[:] = self._regions
            self._factors[self._mouth] *= gain
        if self._idle and self._gain == 1.0:
            return
        kernels.scale_and_shift(self._factors, self._none, face)
