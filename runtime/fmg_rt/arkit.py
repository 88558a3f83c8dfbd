"""The 52 ARKit coefficients: their names, their order, the parts of the face."""

from collections.abc import Mapping

ARKIT_NAMES: tuple[str, ...] = (
    "browDownLeft",
    "browDownRight",
    "browInnerUp",
    "browOuterUpLeft",
    "browOuterUpRight",
    "cheekPuff",
    "cheekSquintLeft",
    "cheekSquintRight",
    "eyeBlinkLeft",
    "eyeBlinkRight",
    "eyeLookDownLeft",
    "eyeLookDownRight",
    "eyeLookInLeft",
    "eyeLookInRight",
    "eyeLookOutLeft",
    "eyeLookOutRight",
    "eyeLookUpLeft",
    "eyeLookUpRight",
    "eyeSquintLeft",
    "eyeSquintRight",
    "eyeWideLeft",
    "eyeWideRight",
    "jawForward",
    "jawLeft",
    "jawOpen",
    "jawRight",
    "mouthClose",
    "mouthDimpleLeft",
    "mouthDimpleRight",
    "mouthFrownLeft",
    "mouthFrownRight",
    "mouthFunnel",
    "mouthLeft",
    "mouthLowerDownLeft",
    "mouthLowerDownRight",
    "mouthPressLeft",
    "mouthPressRight",
    "mouthPucker",
    "mouthRight",
    "mouthRollLower",
    "mouthRollUpper",
    "mouthShrugLower",
    "mouthShrugUpper",
    "mouthSmileLeft",
    "mouthSmileRight",
    "mouthStretchLeft",
    "mouthStretchRight",
    "mouthUpperUpLeft",
    "mouthUpperUpRight",
    "noseSneerLeft",
    "noseSneerRight",
    "tongueOut",
)
"""The 52 ARKit blendshapes in alphabetical order, the order of every 52-vector inside fmg."""
N_COEFFICIENTS = len(ARKIT_NAMES)
INDEX: Mapping[str, int] = {name: i for i, name in enumerate(ARKIT_NAMES)}
"""Position of each ARKit name in a 52-vector."""

REGIONS: Mapping[str, tuple[str, ...]] = {
    "jaw": tuple(n for n in ARKIT_NAMES if n.startswith("jaw")),
    "lips": tuple(n for n in ARKIT_NAMES if n.startswith("mouth")) + ("tongueOut",),
    "cheeks": tuple(n for n in ARKIT_NAMES if n.startswith(("cheek", "nose"))),
    "brows": tuple(n for n in ARKIT_NAMES if n.startswith("brow")),
    "eyes": tuple(n for n in ARKIT_NAMES if n.startswith("eye")),
}
"""The 52 names by part of the face; every name is in exactly one region."""


def region_indices(*regions: str) -> list[int]:
    """Positions, in a 52-vector, of every coefficient of the named regions, ascending."""
    return sorted(INDEX[name] for region in regions for name in REGIONS[region])


APERTURE: Mapping[str, float] = {
    "jawOpen": 1.0,
    "mouthClose": -1.0,
    "mouthFunnel": 0.2,
    "mouthRollLower": -0.2,
    "mouthRollUpper": -0.2,
    "mouthLowerDownLeft": 0.2,
    "mouthLowerDownRight": 0.2,
    "mouthUpperUpLeft": 0.15,
    "mouthUpperUpRight": 0.15,
    "mouthPressLeft": -0.1,
    "mouthPressRight": -0.1,
}
"""The distance between the lips: the sum of these shares, and 0 where it is negative."""
