"""Angles of head and eyes, and how receivers write them.

Axes of `Frame.head`: right-handed, x to the face's own left, y up, z out of the face. A head of yaw, pitch and roll is
turned about y, then about its own x, then about its own z.
"""

import math
from collections.abc import Sequence

import numpy as np

from ..arkit import INDEX

FULL_GAZE = math.radians(31)
"""Angle of an eye whose ``eyeLook…`` is 1. ARKit's own recordings have 0.53 to 0.56 rad (see docs/receivers/unreal.md)."""

_LOOKS = [INDEX[f"eyeLook{way}{side}"] for side in ("Left", "Right") for way in ("In", "Out", "Down", "Up")]


def gaze(coefficients: np.ndarray) -> tuple[float, float, float, float]:
    """Yaw and pitch of the left eye, then of the right, in radians, of a face (52,); signs as in `Frame.head`."""
    in_l, out_l, down_l, up_l, in_r, out_r, down_r, up_r = coefficients[_LOOKS].tolist()
    return (FULL_GAZE * (out_l - in_l), FULL_GAZE * (down_l - up_l), FULL_GAZE * (in_r - out_r), FULL_GAZE * (down_r - up_r))


def unity_quaternion(head: np.ndarray | Sequence[float], share: float = 1.0) -> tuple[float, float, float, float]:
    """x, y, z, w of `share` of the head's angles (3,) in Unity's left-handed axes: x to the own right, y up, z forward."""
    yaw, pitch, roll = (0.5 * share * float(angle) for angle in head)
    sy, cy, sp, cp, sr, cr = math.sin(yaw), math.cos(yaw), math.sin(pitch), math.cos(pitch), math.sin(roll), math.cos(roll)
    x = cy * sp * cr + sy * cp * sr
    y = sy * cp * cr - cy * sp * sr
    z = cy * cp * sr - sy * sp * cr
    w = cy * cp * cr + sy * sp * sr
    return x, -y, -z, w


def head_angles(x: float, y: float, z: float, w: float) -> tuple[float, float, float]:
    """Yaw, pitch, roll of a quaternion in Unity's axes: the way back from `unity_quaternion`. NaN for no quaternion."""
    norm = math.sqrt(x * x + y * y + z * z + w * w)
    if not (norm > 0 and math.isfinite(norm)):
        return math.nan, math.nan, math.nan
    x, y, z, w = x / norm, -y / norm, -z / norm, w / norm
    return (
        math.atan2(2 * (x * z + w * y), 1 - 2 * (x * x + y * y)),
        math.asin(min(1.0, max(-1.0, 2 * (w * x - y * z)))),
        math.atan2(2 * (x * y + w * z), 1 - 2 * (x * x + z * z)),
    )
