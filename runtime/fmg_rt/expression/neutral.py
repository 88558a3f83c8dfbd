"""Subtracts what brows, squint and frown hold at rest, learnt over seconds of speech."""

import numpy as np

from .. import arkit
from ..kernels import expression_face as kernels

SHARES = {"brow": 1.0, "eyeSquint": 1.0, "eyeWide": 1.0, "cheekSquint": 1.0, "noseSneer": 1.0, "mouthFrown": 1.0}
"""Beginning of a name → share of its usual value that is taken off."""


class Neutral:
    """Subtracts the running mean of upper face and frown while somebody speaks; what rises above it stays.

    Parameters
    ----------
    exact : what `kernels.expression_face` keeps in float64, of all parts.

    Attributes
    ----------
    arrays : share (52,) that is taken off, and what is usual (52,), as `kernels.expression_face.shape_voice` takes them.
    """

    def __init__(self, exact: np.ndarray) -> None:
        which = np.zeros(arkit.N_COEFFICIENTS, np.float32)  # (52,)
        for i, name in enumerate(arkit.ARKIT_NAMES):
            which[i] = max((share for start, share in SHARES.items() if name.startswith(start)), default=0.0)
        self._usual = np.zeros(arkit.N_COEFFICIENTS, np.float32)  # (52,)
        self._exact = exact
        self.arrays = which, self._usual
        self.reset()

    def reset(self) -> None:
        self._usual[:] = 0
        self._exact[kernels.SPOKEN] = 0.0
