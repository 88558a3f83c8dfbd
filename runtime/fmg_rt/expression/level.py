"""Strength and self-levelling: how far each region moves."""

import math

import numpy as np

from .. import arkit
from ..kernels import expression_face as kernels
from .settings import MOUTH, ExpressionSettings

TARGET, LOWEST, HIGHEST = kernels.TARGET, kernels.LOWEST, kernels.HIGHEST


class Levelling:
    """The gain, slow and 1 at first, brings the 90th percentile of the aperture to `TARGET`.

    The percentile is tracked by stochastic approximation: up by ``0.9 pace`` when a frame exceeds it, down by
    ``0.1 pace`` when not, so a loud speaker is tamed within seconds and a quiet one grows over some ten.

    References
    ----------
    H. Robbins, S. Monro, A stochastic approximation method, Ann. Math. Statist. 22(3), 1951.
    """

    def __init__(self, exact: np.ndarray) -> None:
        self._exact = exact  # what `kernels.expression_face` keeps in float64, of all parts
        self.reset()

    def reset(self) -> None:
        self._exact[kernels.LOG_LEVEL] = math.log(TARGET)
        self._exact[[kernels.GAIN, kernels.SHOWN_GAIN]] = 1.0


def factors_of(settings: ExpressionSettings) -> np.ndarray:
    """One factor a coefficient, its region's strength, and where the gain of the levelling counts besides: (2, 52)."""
    factors = np.ones((2, arkit.N_COEFFICIENTS), np.float32)
    for regions, strength in (
        (MOUTH, settings.mouth),
        (("cheeks",), settings.cheeks),
        (("brows",), settings.brows),
        (("eyes",), settings.eyes),
    ):
        factors[0, arkit.region_indices(*regions)] = strength
        factors[1, arkit.region_indices(*regions)] = regions == MOUTH
    return factors
