"""Strength and self-levelling: how far each region moves."""

import math

import numpy as np

from .. import arkit
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
_NOTICED = 0.002  # change of the gain that is worth following


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
        step = _PACE * seconds if seconds < 0.1 else _PACE * 0.1
        if math.log(gap) > self._log_level:
            level = self._log_level + step * _SHARE
            self._log_level = level if level < _LOUDEST else _LOUDEST
        else:
            level = self._log_level - step * (1.0 - _SHARE)
            self._log_level = level if level > _QUIETEST else _QUIETEST
        gain = TARGET / math.exp(self._log_level)
        self.gain = LOWEST if gain < LOWEST else gain if gain < HIGHEST else HIGHEST


class Strength:
    """Adds what the voice adds, then one factor a coefficient: the region's strength, on the mouth times the gain.

    Parameters
    ----------
    amounts, parts : (n,) and (n, 52) float32, how much of what is added.
    """

    def __init__(self, settings: ExpressionSettings, amounts: np.ndarray, parts: np.ndarray):
        self._amounts, self._parts = amounts, parts
        self._factors = np.ones((2, arkit.N_COEFFICIENTS), np.float32)  # (2, 52)
        for regions, strength in (
            (MOUTH, settings.mouth),
            (("cheeks",), settings.cheeks),
            (("brows",), settings.brows),
            (("eyes",), settings.eyes),
        ):
            self._factors[0, arkit.region_indices(*regions)] = strength
            self._factors[1, arkit.region_indices(*regions)] = regions == MOUTH
        self._gain = 1.0

    def shape(self, face: np.ndarray, gain: float) -> None:
        """In place; fully neutral leaves every bit."""
        if abs(gain - self._gain) > _NOTICED:
            self._gain = gain
        kernels.add_and_scale(self._amounts, self._parts, self._factors, self._gain, face)
