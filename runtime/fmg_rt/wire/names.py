"""The 52 ARKit names as each receiver spells and orders them, always derived by name.

Order A is Apple's and Live Link's, order C that of the Live Link app's CSV (two pairs swapped), order D that of
Face Cap and iFacialMocap. Our own order, `arkit.ARKIT_NAMES`, is alphabetical. Left and right are the subject's.
"""

from collections.abc import Sequence

import numpy as np

from ..arkit import INDEX


def _both(*stems: str) -> tuple[str, ...]:
    """Left and right of each stem, side by side."""
    return tuple(stem + side for stem in stems for side in ("Left", "Right"))


def _eye(side: str) -> tuple[str, ...]:
    stems = ("Blink", "LookDown", "LookIn", "LookOut", "LookUp", "Squint", "Wide")
    return tuple(f"eye{stem}{side}" for stem in stems)


APPLE: tuple[str, ...] = (
    *_eye("Left"),
    *_eye("Right"),
    "jawForward",
    "jawLeft",
    "jawRight",
    "jawOpen",
    "mouthClose",
    "mouthFunnel",
    "mouthPucker",
    "mouthLeft",
    "mouthRight",
    *_both("mouthSmile", "mouthFrown", "mouthDimple", "mouthStretch"),
    "mouthRollLower",
    "mouthRollUpper",
    "mouthShrugLower",
    "mouthShrugUpper",
    *_both("mouthPress", "mouthLowerDown", "mouthUpperUp", "browDown"),
    "browInnerUp",
    *_both("browOuterUp"),
    "cheekPuff",
    *_both("cheekSquint", "noseSneer"),
    "tongueOut",
)
"""Order A: Apple's list and the first 52 values of a Live Link packet."""

_SWAPPED = {"jawLeft": "jawRight", "jawRight": "jawLeft", "mouthLeft": "mouthRight", "mouthRight": "mouthLeft"}
LIVE_LINK_CSV: tuple[str, ...] = tuple(_SWAPPED.get(name, name) for name in APPLE)
"""Order C: what the Live Link Face app writes, order A with the jaw's and the mouth's sides swapped."""

FACE_CAP: tuple[str, ...] = (
    "browInnerUp",
    *_both("browDown", "browOuterUp", "eyeLookUp", "eyeLookDown", "eyeLookIn", "eyeLookOut"),
    *_both("eyeBlink", "eyeSquint", "eyeWide"),
    "cheekPuff",
    *_both("cheekSquint", "noseSneer"),
    "jawOpen",
    "jawForward",
    "jawLeft",
    "jawRight",
    "mouthFunnel",
    "mouthPucker",
    "mouthLeft",
    "mouthRight",
    "mouthRollUpper",
    "mouthRollLower",
    "mouthShrugUpper",
    "mouthShrugLower",
    "mouthClose",
    *_both("mouthSmile", "mouthFrown", "mouthDimple", "mouthUpperUp", "mouthLowerDown", "mouthPress", "mouthStretch"),
    "tongueOut",
)
"""Order D: Face Cap's and iFacialMocap's list."""

POSE: tuple[str, ...] = tuple(part + axis for part in ("Head", "LeftEye", "RightEye") for axis in ("Yaw", "Pitch", "Roll"))
"""The nine rotations after the 52 shapes in Live Link's packets and files."""


def order(names: Sequence[str]) -> np.ndarray:
    """Positions in our 52-vector of ARKit `names`: ``coefficients[order(names)]`` stands in their order."""
    return np.array([INDEX[name] for name in names], np.intp)


def pascal(name: str) -> str:
    """``jawOpen`` → ``JawOpen``, as Live Link and most avatars' clips spell it."""
    return name[0].upper() + name[1:]


def underscored(name: str) -> str:
    """``eyeBlinkLeft`` → ``eyeBlink_L``, as Face Cap and iFacialMocap spell it.

    ``jawLeft`` and ``mouthLeft`` are directions, not sides, and keep their names.
    """
    if name in _SWAPPED:
        return name
    for side in ("Left", "Right"):
        if name.endswith(side):
            return f"{name.removesuffix(side)}_{side[0]}"
    return name
