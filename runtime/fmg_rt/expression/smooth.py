"""Smoothing: a One-Euro filter per region, which follows fast motion closely and holds slow motion still."""

import numpy as np

from .. import arkit
from ..kernels import expression_face as kernels
from .settings import MOUTH

_REGIONS = (MOUTH, ("cheeks",), ("brows",), ("eyes",))
_TUNING = np.array(
    # lowest cut-off Hz, Hz gained per unit/s, cut-off of the speed Hz
    [[12.0, 60.0, 12.0], [2.0, 2.0, 3.0], [2.0, 2.0, 3.0], [3.0, 4.0, 3.0]],
    np.float32,
)  # (4, 3)


class Smoothing:
    """Filters the face in place. The mouth's cut-offs are so high that it gains no lag; the network is smooth by itself.

    References
    ----------
    G. Casiez, N. Roussel, D. Vogel, 1 € filter: a simple speed-based low-pass filter for noisy input, CHI 2012.
    """

    def __init__(self) -> None:
        self._region = np.empty(arkit.N_COEFFICIENTS, np.int32)  # (52,)
        for row, regions in enumerate(_REGIONS):
            self._region[arkit.region_indices(*regions)] = row
        self._value = np.empty(arkit.N_COEFFICIENTS, np.float32)  # (52,)
        self._speed = np.empty(arkit.N_COEFFICIENTS, np.float32)  # (52,)
        self.set_strength(1.0)
        self.reset()

    def reset(self) -> None:
        self._value[:] = 0
        self._speed[:] = 0
        self._fresh = True

    def rest(self) -> None:
        """Begin with the next face as it comes."""
        self.reset()

    def set_strength(self, strength: float) -> None:
        """Divide all cut-off frequencies of the value by `strength` > 0."""
        self._tuning = _TUNING.copy()
        self._tuning[:, :2] /= strength

    def shape(self, face: np.ndarray, seconds: float) -> None:
        """Filter (52,) `face`, `seconds` after the last one."""
        kernels.one_euro(self._region, self._tuning, 0.0 if self._fresh else seconds, face, self._value, self._speed)
        self._fresh = False
