"""ARKit's 52 coefficients as VRCFaceTracking's Unified Expressions, combined shapes included.

References: VRCFaceTracking documentation, "Parameters" (names, signs, combinations of version 2) and its ARKit table.
"""

import numpy as np

from ..arkit import ARKIT_NAMES, INDEX, N_COEFFICIENTS

SIDES = ("Left", "Right")

# What is not a sum of coefficients is computed first and stands behind them.
_EXTRA: dict[str, tuple[str, ...]] = {
    "one": (),
    **{f"shut{s}": (f"eyeBlink{s}", f"eyeSquint{s}") for s in SIDES},
    **{f"suck{s}": ("mouthRollUpper", f"mouthUpperUp{s}") for s in SIDES},
    **{f"sad{s}": (f"mouthFrown{s}", f"mouthStretch{s}") for s in SIDES},
    "wide": ("eyeWideLeft", "eyeWideRight"),
    "squint": ("eyeSquintLeft", "eyeSquintRight"),
    "open": ("jawOpen", "mouthClose"),
}
"""What each is made of."""
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

    def put(name: str, **terms: float) -> None:
        rows[name] = _sum(rows, terms)

    def mean(name: str, *parts: str) -> None:
        put(name, **{part: 1 / len(parts) for part in parts})

    for s in SIDES:  # base shapes
        for name, source in {
            "EyeSquint": f"eyeSquint{s}",
            "EyeWide": f"eyeWide{s}",
            "BrowPinch": f"browDown{s}",
            "BrowLowerer": f"browDown{s}",
            "BrowInnerUp": "browInnerUp",
            "BrowOuterUp": f"browOuterUp{s}",
            "CheekSquint": f"cheekSquint{s}",
            "CheekPuff": "cheekPuff",
            "NoseSneer": f"noseSneer{s}",
            "LipSuckUpper": f"suck{s}",
            "LipSuckLower": "mouthRollLower",
            "LipFunnelUpper": "mouthFunnel",
            "LipFunnelLower": "mouthFunnel",
            "LipPuckerUpper": "mouthPucker",
            "LipPuckerLower": "mouthPucker",
            "MouthUpperUp": f"mouthUpperUp{s}",
            "MouthUpperDeepen": f"mouthUpperUp{s}",
            "MouthLowerDown": f"mouthLowerDown{s}",
            "MouthUpper": f"mouth{s}",
            "MouthLower": f"mouth{s}",
            "MouthCornerPull": f"mouthSmile{s}",
            "MouthCornerSlant": f"mouthSmile{s}",
            "MouthFrown": f"mouthFrown{s}",
            "MouthStretch": f"mouthStretch{s}",
            "MouthDimple": f"mouthDimple{s}",
            "MouthPress": f"mouthPress{s}",
        }.items():
            put(name + s, **{source: 1})
    put("JawOpen", jawOpen=1)
    put("JawLeft", jawLeft=1)
    put("JawRight", jawRight=1)
    put("JawForward", jawForward=1)
    put("MouthClosed", mouthClose=1)
    put("MouthRaiserUpper", mouthShrugUpper=1)
    put("MouthRaiserLower", mouthShrugLower=1)
    put("TongueOut", tongueOut=1)

    # Gaze, positive to the face's own right and up: "in" is towards the nose, hence to the right for the left eye.
    put("EyeLeftX", eyeLookInLeft=1, eyeLookOutLeft=-1)
    put("EyeRightX", eyeLookOutRight=1, eyeLookInRight=-1)
    for s in SIDES:
        put(f"Eye{s}Y", **{f"eyeLookUp{s}": 1, f"eyeLookDown{s}": -1})
        put(f"EyeOpen{s}", **{"one": 1, f"shut{s}": -1})
        put(f"EyeClosed{s}", **{f"shut{s}": 1})
        put(f"EyeLid{s}", **{f"EyeOpen{s}": 0.75, f"EyeWide{s}": 0.25})
    mean("EyeX", "EyeLeftX", "EyeRightX")
    mean("EyeY", "EyeLeftY", "EyeRightY")
    put("EyeWide", wide=1)
    put("EyeSquint", squint=1)
    put("EyesSquint", squint=1)

    for s in SIDES:
        put(f"BrowUp{s}", **{f"BrowOuterUp{s}": 0.6, f"BrowInnerUp{s}": 0.4})
        put(f"BrowDown{s}", **{f"BrowLowerer{s}": 0.75, f"BrowPinch{s}": 0.25})
        put(f"BrowExpression{s}", **{f"BrowInnerUp{s}": 0.5, f"BrowOuterUp{s}": 0.5, f"BrowDown{s}": -1})
        put(f"CheekPuffSuck{s}", **{f"CheekPuff{s}": 1})
        put(f"MouthSmile{s}", **{f"MouthCornerPull{s}": 0.8, f"MouthCornerSlant{s}": 0.2})
        put(f"MouthSad{s}", **{f"sad{s}": 1})
        put(f"MouthCornerY{s}", **{f"MouthCornerSlant{s}": 1, f"MouthFrown{s}": -1})
        put(f"MouthTightenerStretch{s}", **{f"MouthStretch{s}": -1})
        put(f"SmileFrown{s}", **{f"MouthSmile{s}": 1, f"MouthFrown{s}": -1})
        put(f"SmileSad{s}", **{f"MouthSmile{s}": 1, f"MouthSad{s}": -1})
        for lip in ("Upper", "Lower"):
            put(f"LipSuckFunnel{lip}{s}", **{f"LipSuck{lip}{s}": 1, f"LipFunnel{lip}{s}": -1})
    for name in (
        "EyeOpen",
        "EyeClosed",
        "EyeLid",
        "BrowUp",
        "BrowDown",
        "BrowInnerUp",
        "BrowOuterUp",
        "BrowExpression",
        "CheekSquint",
        "CheekPuffSuck",
        "NoseSneer",
        "MouthUpperUp",
        "MouthLowerDown",
        "MouthStretch",
        "MouthPress",
        "MouthDimple",
        "MouthSmile",
        "MouthSad",
        "MouthCornerY",
        "MouthTightenerStretch",
        "SmileFrown",
        "SmileSad",
        "LipSuckUpper",
        "LipSuckLower",
        "LipFunnelUpper",
        "LipFunnelLower",
        "LipPuckerUpper",
        "LipPuckerLower",
        "LipSuckFunnelUpper",
        "LipSuckFunnelLower",
    ):
        mean(name, f"{name}Left", f"{name}Right")
    for stem in ("LipSuck", "LipFunnel", "LipPucker"):
        mean(stem, f"{stem}Upper", f"{stem}Lower")
    for s in SIDES:
        mean(f"LipPucker{s}", f"LipPuckerUpper{s}", f"LipPuckerLower{s}")
    mean("MouthOpen", *(f"{stem}{s}" for stem in ("MouthUpperUp", "MouthLowerDown") for s in SIDES))
    put("JawX", JawRight=1, JawLeft=-1)
    put("JawZ", JawForward=1)
    for lip in ("Upper", "Lower"):
        put(f"Mouth{lip}X", **{f"Mouth{lip}Right": 1, f"Mouth{lip}Left": -1})
    mean("MouthX", "MouthUpperX", "MouthLowerX")
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
"""The parameters that 52 coefficients can drive; one that would always be 0 is left out."""
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
