"""Lip guarantee: a closure that the network sees is reached and held, and mouthClose never exceeds jawOpen."""

import numpy as np

from .. import arkit
from ..kernels import expression_face as kernels

WHERE = np.array(
    [arkit.INDEX[name] for name in (
        "jawOpen", "mouthClose", "mouthFunnel", "mouthRollLower", "mouthRollUpper",
        "mouthLowerDownLeft", "mouthLowerDownRight", "mouthUpperUpLeft", "mouthUpperUpRight",
        "mouthPressLeft", "mouthPressRight",
    )],
    np.int32,
)  # fmt: skip
"""Positions that make the aperture, in the order that the kernel names."""


def aperture(face: np.ndarray) -> float:
    """How far the lips of a (52,) float32 face stand apart, ≥ 0.

    max(0, jawOpen − mouthClose + 0.4 mouthLowerDown + 0.3 mouthUpperUp + 0.2 mouthFunnel
    − 0.2 (mouthRollLower + mouthRollUpper) − 0.2 mouthPress), left and right averaged.
    """
    return kernels.aperture(WHERE, face)


class LipGuard:
    """Two steps: `see` looks before smoothing blurs the closure, `shape` enforces it on what leaves."""

    def __init__(self) -> None:
        self._state = np.zeros(4, np.float32)  # (4,)

    def reset(self) -> None:
        self._state[:] = 0

    def rest(self) -> None:
        """Forget the mouth's recent opening."""
        self.reset()

    def see(self, face: np.ndarray, seconds: float) -> bool:
        """Does (52,) `face`, `seconds` after the last one, close the lips?"""
        return kernels.see_closure(WHERE, seconds, face, self._state) > 0.0

    def shape(self, face: np.ndarray) -> None:
        """In place: aperture 0 during a closure, mouthClose ≤ jawOpen always."""
        kernels.guard_lips(WHERE, self._state, face)
