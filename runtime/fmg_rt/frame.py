"""Frame: one moment of the face, as everything that receives faces gets it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np

STILL = np.zeros(3, np.float32)
"""A head that looks straight ahead, (3,)."""
STILL.flags.writeable = False
NO_EMOTION: Mapping[str, float] = MappingProxyType({})
"""A face that shows nothing."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One moment of the face.

    Attributes
    ----------
    index : number of the frame since the start of the utterance.
    time : seconds from the first sample of the utterance to the moment that the frame shows; ``index / rate``.
    coefficients : (52,) float32 in [0, 1], in the order of `arkit.ARKIT_NAMES`.
    head : (3,) float32, yaw, pitch and roll in radians. Right-handed axes: x to the face's own left, y up, z out of the
        face. Positive yaw turns the face to its own left, positive pitch down, positive roll tilts it to its own right.
    emotion : names of `emotions.NAMES` → strength in [0, 1]; names that are absent are 0.
    """

    index: int
    time: float
    coefficients: np.ndarray
    head: np.ndarray = field(default_factory=lambda: STILL)
    emotion: Mapping[str, float] = field(default_factory=lambda: NO_EMOTION)
