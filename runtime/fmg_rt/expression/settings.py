"""What a user can choose about the expression, in one immutable value."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from types import MappingProxyType
from typing import Any

from .. import arkit, emotions
from ..errors import FmgError
from .calibration import check_affine
from .keyframes import Keyframes, check_keyframes

UPPER = ("brows", "cheeks", "eyes")
"""Regions of `arkit.REGIONS` above the mouth."""
MOUTH = ("jaw", "lips")
"""Regions that speak."""
MAX_STRENGTH = 3.0
SWITCHES = ("gate", "lips", "level", "accents", "asymmetry", "blink", "gaze", "breath")
"""Parts that are on or off."""
SIZES = ("emotion_strength", "head", "smoothing", "mouth", "cheeks", "brows", "eyes")
"""Parts that have a strength from 0 to `MAX_STRENGTH`."""


class SettingsError(FmgError, ValueError):
    """A setting that cannot be; the message says which one and what would be right."""


@dataclass(frozen=True)
class ExpressionSettings:
    """Switches and sizes of all parts; `ExpressionSettings.off()` leaves the network's values as they are.

    Attributes
    ----------
    gate : the face rests in silence and steady noise.
    lips : ``mouthClose ≤ jawOpen``, and closures that the network sees are reached and held.
    level : quiet and loud speakers move alike (a slow gain between 0.6 and 1.8 on the mouth).
    accents : brows, squint and nostrils follow pitch accents, loudness and phrase ends.
    blink, gaze, breath : eyelids, eyes, and a breath of nostril and brow in silence.
    asymmetry : left and right differ a little, jaw and mouth sway, cheeks and chin join in.
    emotion : chosen emotions, names as `emotions.check` takes them → 0 to 1.
    emotion_strength : of every emotion, heard or chosen, 0 (off) to 3.
    emotion_mix : how far chosen emotions, when there are any, replace those heard in the voice, 0 to 1.
    keyframes : (s from the start, emotions) in order of time; between two of them values change in a straight line. They
        take the place of `emotion`.
    head : strength of the head's motion, 0 (still) to 3.
    smoothing : 0 (off) to 3; 1 is the One-Euro filter as tuned, 2 halves its cut-off frequencies.
    mouth, cheeks, brows, eyes : strength of each region, 0 to 3; 1 leaves it. ``mouth`` is jaw, lips and tongue.
    calibration : ARKit name → (scale, bias): value·scale + bias, clipped to [0, 1], before everything else.
    limits : ARKit name → (lowest, highest) value that leaves, within [0, 1].
    mask : names that fmg drives; the others leave as 0 for a camera tracker to fill. None drives all.
    """

    gate: bool = True
    lips: bool = True
    level: bool = True
    accents: bool = True
    blink: bool = True
    gaze: bool = True
    breath: bool = True
    asymmetry: bool = True
    emotion: Mapping[str, float] = field(default_factory=dict)
    emotion_strength: float = 1.0
    emotion_mix: float = 1.0
    keyframes: Keyframes = ()
    head: float = 1.0
    smoothing: float = 1.0
    mouth: float = 1.0
    cheeks: float = 1.0
    brows: float = 1.0
    eyes: float = 1.0
    calibration: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    limits: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    mask: frozenset[str] | None = None

    def __post_init__(self) -> None:
        for name in SIZES:
            value = getattr(self, name)
            if not (math.isfinite(value) and 0.0 <= value <= MAX_STRENGTH):
                raise SettingsError(f"{name} must lie between 0 and {MAX_STRENGTH:g}, not {value:g}")
        if not 0.0 <= self.emotion_mix <= 1.0:
            raise SettingsError(f"emotion_mix must lie between 0 and 1, not {self.emotion_mix:g}")
        object.__setattr__(self, "emotion", emotions.check(self.emotion))
        object.__setattr__(self, "keyframes", check_keyframes(self.keyframes))
        check_affine(self.calibration)
        for name, (low, high) in self.limits.items():
            check_name(name)
            if not 0.0 <= low <= high <= 1.0:
                raise SettingsError(f"the limits of {name} must satisfy 0 ≤ low ≤ high ≤ 1, not {low:g} and {high:g}")
        for name in self.mask or ():
            check_name(name)
        for name in ("calibration", "limits", "emotion"):
            object.__setattr__(self, name, MappingProxyType(dict(getattr(self, name))))

    def __reduce__(self) -> tuple[Any, ...]:
        # Read-only views cannot be sent to another process; what they show can.
        values = {each.name: getattr(self, each.name) for each in fields(self)}
        return _remade, ({n: dict(v) if isinstance(v, MappingProxyType) else v for n, v in values.items()},)

    @classmethod
    def off(cls, **changes: Any) -> "ExpressionSettings":
        """Every part off, except for `changes`: the network's values pass unchanged."""
        sizes = dict.fromkeys(("emotion_strength", "head", "smoothing"), 0.0)
        return cls(**{**dict.fromkeys(SWITCHES, False), **sizes, **changes})


def _remade(values: dict[str, Any]) -> ExpressionSettings:
    return ExpressionSettings(**values)


def check_name(name: str) -> None:
    """Raise `SettingsError`, with near names, unless `name` is one of the 52."""
    if name in arkit.INDEX:
        return
    near = [known for known in arkit.ARKIT_NAMES if name.lower() in known.lower() or known.lower() in name.lower()]
    hint = f"; did you mean {', '.join(near[:4])}?" if near and name else "; 'fmg-rt names' prints the 52"
    raise SettingsError(f"{name!r} is no ARKit coefficient{hint}")


def parse_mask(text: str) -> frozenset[str]:
    """``lips`` (jaw, lips, tongue), ``upper`` (brows, eyes, cheeks, nose) or names, with commas → names to drive.

    Raises
    ------
    SettingsError
        A name is unknown, or there is none.
    """
    names: set[str] = set()
    for part in (piece.strip() for piece in text.split(",")):
        if part in ("lips", "upper"):
            for region in MOUTH if part == "lips" else UPPER:
                names.update(arkit.REGIONS[region])
        elif part:
            check_name(part)
            names.add(part)
    if not names:
        raise SettingsError("the mask names no coefficient: give lips, upper, or ARKit names separated by commas")
    return frozenset(names)
