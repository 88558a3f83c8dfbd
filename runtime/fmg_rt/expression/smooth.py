"""Smoothing: a One-Euro filter per region, which follows fast motion closely and holds slow motion still."""

import numpy as np

from .. import arkit
from .settings import MOUTH

_REGIONS = (MOUTH, ("cheeks",), ("brows",), ("eyes",))
_TUNING = np.array(
    # lowest cut-off Hz, Hz gained per unit/s, cut-off of the speed Hz
    [[12.0, 60.0, 12.0], [2.0, 2.0, 3.0], [2.0, 2.0, 3.0], [3.0, 4.0, 3.0]],
    np.float32,
)  # (4, 3)


class Smoothing:
    """How the face is filtered. The mouth's cut-offs are so high that it gains no lag; the network is smooth by itself.

    Attributes
    ----------
    fresh : begin with the next face as it comes; whoever calls the kernel says when that is done.

    References
    ----------
    G. Casiez, N. Roussel, D. Vogel, 1 € filter: a simple speed-based low-pass filter for noisy input, CHI 2012.
    """

    def __init__(self) -> None:
        members = [arkit.region_indices(*regions) for regions in _REGIONS]
        self._members = np.concatenate([[len(region) for region in members], *members]).astype(np.int32)  # (4 + 52,)
        self._value = np.empty(arkit.N_COEFFICIENTS, np.float32)  # (52,)
        self._speed = np.empty(arkit.N_COEFFICIENTS, np.float32)  # (52,)
        self.reset()

    def reset(self) -> None:
        self._value[:] = 0
        self._speed[:] = 0
        self.fresh = True

    def rest(self) -> None:
        """Begin with the next face as it comes."""
        self.reset()

    def arrays(self, strength: float) -> tuple[np.ndarray, ...]:
        """As `kernels.expression_face.shape_voice` takes them; `strength` divides all cut-off frequencies of the value."""
        tuning = _TUNING.copy()
        if strength > 0.0:
            tuning[:, :2] /= strength
        return self._members, tuning, self._value, self._speed
