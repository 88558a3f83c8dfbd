"""ARKit's 52 coefficients as VRCFaceTracking's Unified Expressions, combined shapes included.

References: VRCFaceTracking documentation, "Parameters" (names, signs, combinations of version 2) and its ARKit table.
"""

import numpy as np

from ..arkit import ARKIT_NAMES, INDEX, N_COEFFICIENTS

SIDES = ("Left", "Right")

# Sources that are not sums of coefficients are computed first; they follow the coefficients.
_EXTRA: dict[str, tuple[str, ...]] = {
    "one": (),
    **{f"shut{s}": (f"eyeBlink{s}", f"eyeSquint{s}") for s in SIDES},
    **{f"suck{s}": ("mouthRollUpper", f"mouthUpperUp{s}") for s in SIDES},
    **{f"sad{s}": (f"mouthFrown{s}", f"mouthStretch{s}") for s in SIDES},
    "wide": ("eyeWideLeft", "eyeWideRight"),
    "squint": ("eyeSquintLeft", "eyeSquintRight"),
    "open": ("jawOpen", "mouthClose"),
}
"""The coefficients that each depends on."""
_SOURCE = {name: i for i, name in enumerate((*ARKIT_NAMES, *_EXTRA))}
_TAKEN = [
    INDEX[stem + side]
    for stem in ("eyeBlink", "eyeSquint", "mouthUpperUp", "mouthFrown", "mouthStretch", "eyeWide")
    for side in SIDES
] + [INDEX["mouthRollUpper"], INDEX["jawOpen"], INDEX["mouthClose"]]


def _extra(coefficients: np.ndarray) -> tuple[float, ...]:
    """Values of `_EXTRA`."""
    taken = coefficients[_TAKEN].tolist()
    blink_l, blink_r, squint_l, squint_r, up_l, up_r, frown_l, frown_r, stretch_l, stretch_r = taken[:10]
    wide_l, wide_r, roll, jaw, close = taken[10:]
    return (
        1.0,
        min(blink_l + blink_l * squint_l, 1.0),
        min(blink_r + blink_r * squint_r, 1.0),
        # A raised lip cannot be sucked in.
        min(1.0 - up_l ** (1 / 6), roll),
        min(1.0 - up_r ** (1 / 6), roll),
        max(frown_l, stretch_l),
        max(frown_r, stretch_r),
        max(wide_l, wide_r),
        max(squint_l, squint_r),
        max(jaw - close, 0.0),
    )


_ONE = ("",)
_MEANS = """
EyeOpen EyeClosed EyeLid BrowUp BrowDown BrowInnerUp BrowOuterUp BrowExpression CheekSquint CheekPuffSuck NoseSneer
MouthUpperUp MouthLowerDown MouthStretch MouthPress MouthDimple MouthSmile MouthSad MouthCornerY MouthTightenerStretch
SmileFrown SmileSad LipSuckUpper LipSuckLower LipFunnelUpper LipFunnelLower LipPuckerUpper LipPuckerLower
LipSuckFunnelUpper LipSuckFunnelLower
""".split()
"""Parameters that are also sent as the mean of both sides."""
_TABLE: tuple[tuple[tuple[str, ...], dict[str, str | tuple[str, ...] | dict[str, float]]], ...] = (
    (
        SIDES,
        {
            "EyeSquint{}": "eyeSquint{}",
            "EyeWide{}": "eyeWide{}",
            "BrowPinch{}": "browDown{}",
            "BrowLowerer{}": "browDown{}",
            "BrowInnerUp{}": "browInnerUp",
            "BrowOuterUp{}": "browOuterUp{}",
            "CheekSquint{}": "cheekSquint{}",
            "CheekPuff{}": "cheekPuff",
            "NoseSneer{}": "noseSneer{}",
            "LipSuckUpper{}": "suck{}",
            "LipSuckLower{}": "mouthRollLower",
            "LipFunnelUpper{}": "mouthFunnel",
            "LipFunnelLower{}": "mouthFunnel",
            "LipPuckerUpper{}": "mouthPucker",
            "LipPuckerLower{}": "mouthPucker",
            "MouthUpperUp{}": "mouthUpperUp{}",
            "MouthUpperDeepen{}": "mouthUpperUp{}",
            "MouthLowerDown{}": "mouthLowerDown{}",
            "MouthUpper{}": "mouth{}",
            "MouthLower{}": "mouth{}",
            "MouthCornerPull{}": "mouthSmile{}",
            "MouthCornerSlant{}": "mouthSmile{}",
            "MouthFrown{}": "mouthFrown{}",
            "MouthStretch{}": "mouthStretch{}",
            "MouthDimple{}": "mouthDimple{}",
            "MouthPress{}": "mouthPress{}",
        },
    ),
    (
        _ONE,
        {
            "JawOpen": "jawOpen",
            "JawLeft": "jawLeft",
            "JawRight": "jawRight",
            "JawForward": "jawForward",
            "MouthClosed": "mouthClose",
            "MouthRaiserUpper": "mouthShrugUpper",
            "MouthRaiserLower": "mouthShrugLower",
            "TongueOut": "tongueOut",
            # Gaze, positive to the face's own right and up: "in" is towards the nose, hence to the right for the left eye.
            "EyeLeftX": {"eyeLookInLeft": 1, "eyeLookOutLeft": -1},
            "EyeRightX": {"eyeLookOutRight": 1, "eyeLookInRight": -1},
        },
    ),
    (
        SIDES,
        {
            "Eye{}Y": {"eyeLookUp{}": 1, "eyeLookDown{}": -1},
            "EyeOpen{}": {"one": 1, "shut{}": -1},
            "EyeClosed{}": "shut{}",
            "EyeLid{}": {"EyeOpen{}": 0.75, "EyeWide{}": 0.25},
        },
    ),
    (
        _ONE,
        {
            "EyeX": ("EyeLeftX", "EyeRightX"),
            "EyeY": ("EyeLeftY", "EyeRightY"),
            "EyeWide": "wide",
            "EyeSquint": "squint",
            "EyesSquint": "squint",
        },
    ),
    (
        SIDES,
        {
            "BrowUp{}": {"BrowOuterUp{}": 0.6, "BrowInnerUp{}": 0.4},
            "BrowDown{}": {"BrowLowerer{}": 0.75, "BrowPinch{}": 0.25},
            "BrowExpression{}": {"BrowInnerUp{}": 0.5, "BrowOuterUp{}": 0.5, "BrowDown{}": -1},
            "CheekPuffSuck{}": "CheekPuff{}",
            "MouthSmile{}": {"MouthCornerPull{}": 0.8, "MouthCornerSlant{}": 0.2},
            "MouthSad{}": "sad{}",
            "MouthCornerY{}": {"MouthCornerSlant{}": 1, "MouthFrown{}": -1},
            "MouthTightenerStretch{}": {"MouthStretch{}": -1},
            "SmileFrown{}": {"MouthSmile{}": 1, "MouthFrown{}": -1},
            "SmileSad{}": {"MouthSmile{}": 1, "MouthSad{}": -1},
            "LipSuckFunnelUpper{}": {"LipSuckUpper{}": 1, "LipFunnelUpper{}": -1},
            "LipSuckFunnelLower{}": {"LipSuckLower{}": 1, "LipFunnelLower{}": -1},
        },
    ),
    (
        _ONE,
        {
            **{name: (f"{name}Left", f"{name}Right") for name in _MEANS},
            "LipSuck": ("LipSuckUpper", "LipSuckLower"),
            "LipFunnel": ("LipFunnelUpper", "LipFunnelLower"),
            "LipPucker": ("LipPuckerUpper", "LipPuckerLower"),
        },
    ),
    (SIDES, {"LipPucker{}": ("LipPuckerUpper{}", "LipPuckerLower{}")}),
    (
        _ONE,
        {
            "MouthOpen": ("MouthUpperUpLeft", "MouthUpperUpRight", "MouthLowerDownLeft", "MouthLowerDownRight"),
            "JawX": {"JawRight": 1, "JawLeft": -1},
            "JawZ": "JawForward",
            "MouthUpperX": {"MouthUpperRight": 1, "MouthUpperLeft": -1},
            "MouthLowerX": {"MouthLowerRight": 1, "MouthLowerLeft": -1},
            "MouthX": ("MouthUpperX", "MouthLowerX"),
        },
    ),
)
"""Each parameter as another name, as the mean of several or as their weighted sum: of coefficients, of `_EXTRA` and of
parameters above it. A block with sides is repeated for each, the side in place of ``{}``."""


def _terms(of: str | tuple[str, ...] | dict[str, float]) -> dict[str, float]:
    """An entry of `_TABLE` as weights."""
    if isinstance(of, str):
        return {of: 1}
    return of if isinstance(of, dict) else {part: 1 / len(of) for part in of}


def _sum(rows: dict[str, dict[str, float]], terms: dict[str, float]) -> dict[str, float]:
    """Terms in other names → terms in sources."""
    total: dict[str, float] = {}
    for name, weight in terms.items():
        for source, inner in rows.get(name, {name: 1.0}).items():
            total[source] = total.get(source, 0.0) + weight * inner
    return total


def _rows() -> dict[str, dict[str, float]]:
    """Each parameter as weights of coefficients and extras."""
    rows: dict[str, dict[str, float]] = {}
    for sides, block in _TABLE:
        for side in sides:
            for name, of in block.items():
                terms = {part.format(side): weight for part, weight in _terms(of).items()}
                rows[name.format(side)] = _sum(rows, terms)
    return rows


_OLD_NAMES = {
    "EyesX": "EyeX",
    "EyesY": "EyeY",
    "EyesWiden": "EyeWide",
    "EyesSqueeze": "EyeSquint",
    "CombinedEyeLid": "EyeOpen",
    **{f"{s}Eye{axis}": f"Eye{s}{axis}" for s in SIDES for axis in "XY"},
    **{f"{s}EyeLid": f"EyeOpen{s}" for s in SIDES},
    **{f"{s}EyeWiden": f"EyeWide{s}" for s in SIDES},
    **{f"{s}EyeSqueeze": f"EyeSquint{s}" for s in SIDES},
    **{name: name for name in ("JawRight", "JawLeft", "JawForward", "JawX", "MouthX", "SmileSad")},
    **{
        stem + s: stem + s
        for s in SIDES
        for stem in (
            "MouthUpper",
            "MouthLower",
            "MouthSmile",
            "MouthSad",
            "CheekPuff",
            "MouthUpperUp",
            "MouthLowerDown",
            "SmileSad",
        )
    },
    "MouthApeShape": "MouthClosed",
    "MouthUpper": "MouthUpperX",
    "MouthLower": "MouthLowerX",
    "MouthUpperOverturn": "LipFunnelUpper",
    "MouthLowerOverturn": "LipFunnelLower",
    "MouthPout": "LipPucker",
    "MouthUpperInside": "LipSuckUpper",
    "MouthLowerInside": "LipSuckLower",
    "MouthLowerOverlay": "MouthRaiserLower",
    "PuffSuck": "CheekPuffSuck",
    **{f"PuffSuck{s}": f"CheekPuffSuck{s}" for s in SIDES},
    "TongueLongStep1": "TongueOut",
}
"""Names from before version 2 → the same in version 2."""


def _old_rows(rows: dict[str, dict[str, float]]) -> dict[str, dict[str, float]]:
    """As `_rows`, of the names from before version 2; their jaw is open only as far as the lips are."""
    lids = {f"{s}EyeLidExpanded": {f"EyeOpen{s}": 0.8, f"EyeWide{s}": 0.2} for s in SIDES}
    named = {old: {new: 1.0} for old, new in _OLD_NAMES.items()} | lids | {"JawOpen": {"open": 1.0}}
    return {f"v1/{name}": _sum(rows, terms) for name, terms in named.items()}


_ROWS = _rows()
NAMES: tuple[str, ...] = tuple(_ROWS)
"""The parameters that 52 coefficients can drive; one that would always be 0 is omitted."""
_ROWS |= _old_rows(_ROWS)
VALUES: tuple[str, ...] = tuple(_ROWS)
"""`NAMES`, and after them those from before version 2, each with ``v1/`` before it."""
SIGNED: tuple[bool, ...] = tuple(
    any(weight < 0 for source, weight in row.items()) and "one" not in row for row in _ROWS.values()
)
"""Which of `VALUES` range over [-1, 1]; the others over [0, 1]."""
DEPENDS: tuple[frozenset[str], ...] = tuple(
    frozenset(name for source in row for name in _EXTRA.get(source, (source,))) for row in _ROWS.values()
)
"""The coefficients that each of `VALUES` is made of."""

_MATRIX = np.zeros((len(VALUES), len(_SOURCE)), np.float32)
for _i, _row in enumerate(_ROWS.values()):
    for _source, _weight in _row.items():
        _MATRIX[_i, _SOURCE[_source]] = _weight


class Unified:
    """Maps one face after another without allocating.

    Attributes
    ----------
    values : (len(VALUES),) float32, each in [-1, 1]; overwritten by `map`.
    """

    def __init__(self) -> None:
        self._sources = np.zeros(len(_SOURCE), np.float32)  # (61,)
        self.values = np.zeros(len(VALUES), np.float32)

    def map(self, coefficients: np.ndarray) -> np.ndarray:
        """Return `values` for a face (52,) float32 in [0, 1]."""
        self._sources[:N_COEFFICIENTS] = coefficients
        self._sources[N_COEFFICIENTS:] = _extra(coefficients)
        return np.matmul(_MATRIX, self._sources, out=self.values)
