"""What Audio2Face-3D's clients may tune, in the terms of a session.

A session has no knob for some of it: those names are given back, to be told to the client once.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from .. import arkit
from ..expression import ExpressionSettings, SettingsError
from .limits import Reason, Refusal

_SMOOTHING = 0.006
"""Their usual lower-face smoothing, s, which stands for ours as tuned."""
KNOWN: Mapping[str, tuple[float, float, float]] = {
    "lowerFaceStrength": (1.0, 0.0, 2.0),
    "upperFaceStrength": (1.0, 0.0, 2.0),
    "lowerFaceSmoothing": (_SMOOTHING, 0.0, 0.1),
    "blinkStrength": (1.0, 0.0, 2.0),
    "blinkOffset": (0.0, -1.0, 1.0),
    "eyelidOpenOffset": (0.0, -1.0, 1.0),
    "tongueStrength": (1.0, 0.0, 3.0),
}
"""Face parameters that do something here: usual value, lowest, highest."""
CAN_EMOTION = any(field.name == "emotion" for field in fields(ExpressionSettings))


@dataclass(frozen=True)
class Tuning:
    """What a header asks for.

    Attributes
    ----------
    settings : of the session.
    affine : (52,) scale and (52,) offset of the values that leave, or None.
    unused : names of what was asked for and does nothing here.
    """

    settings: ExpressionSettings
    affine: tuple[np.ndarray, np.ndarray] | None
    unused: tuple[str, ...]


def read_tuning(header: Any, base: ExpressionSettings) -> Tuning:
    """What a stream's header (``controller.v1.AudioStreamHeader``) asks for, on top of `base`.

    Raises
    ------
    Refusal
        A value out of its range, or not finite.
    """
    face = header.face_params
    asked = {name: _within(name, value) for name, value in face.float_params.items()}
    unused = [name for name in asked if name not in KNOWN]
    unused += [*face.integer_params, *face.float_array_params]
    scale, offset = np.ones(arkit.N_COEFFICIENTS, np.float32), np.zeros(arkit.N_COEFFICIENTS, np.float32)
    changes: dict[str, Any] = {}
    if "lowerFaceStrength" in asked:
        changes["mouth"] = base.mouth * asked["lowerFaceStrength"]
    if "upperFaceStrength" in asked:
        changes |= {name: getattr(base, name) * asked["upperFaceStrength"] for name in ("brows", "cheeks", "eyes")}
    if "lowerFaceSmoothing" in asked:
        changes["smoothing"] = min(3.0, asked["lowerFaceSmoothing"] / _SMOOTHING)
    blink = asked.get("blinkStrength", 1.0)
    if blink == 0.0:
        changes["blink"] = False
    scale[_sides("eyeBlink")] = blink or 1.0
    lids = asked.get("eyelidOpenOffset", 0.0)
    offset[_sides("eyeBlink")] = asked.get("blinkOffset", 0.0) + max(0.0, -lids)
    offset[_sides("eyeWide")] = max(0.0, lids)
    scale[arkit.INDEX["tongueOut"]] = asked.get("tongueStrength", 1.0)

    shapes = header.blendshape_params
    for name, value in shapes.bs_weight_multipliers.items():
        _apply(scale, name, value, unused, np.multiply)
    for name, value in shapes.bs_weight_offsets.items():
        _apply(offset, name, value, unused, np.add)
    if shapes.HasField("enable_clamping_bs_weight") and not shapes.enable_clamping_bs_weight:
        unused.append("enable_clamping_bs_weight (values always lie in [0, 1])")

    unused += [field.name for field, _ in header.emotion_post_processing_params.ListFields()]
    if header.emotion_params.HasField("live_transition_time"):
        unused.append("live_transition_time")
    emotion = dict(header.emotion_params.beginning_emotion)
    try:
        settings = replace(base, **changes)
    except SettingsError as error:
        raise Refusal(Reason.INVALID, str(error)) from None
    if emotion:
        settings = with_emotion(settings, emotion, unused)
    plain = bool((scale == 1.0).all() and (offset == 0.0).all())
    return Tuning(settings, None if plain else (scale, offset), tuple(dict.fromkeys(unused)))


def with_emotion(settings: ExpressionSettings, emotion: Mapping[str, float], unused: list[str]) -> ExpressionSettings:
    """`settings` with an emotion asked for; what cannot be shown is added to `unused`.

    Raises
    ------
    Refusal
        A strength outside [0, 1].
    """
    for name, value in emotion.items():
        if not 0.0 <= value <= 1.0:  # NaN too
            raise Refusal(Reason.INVALID, f"the emotion {name} must lie between 0 and 1, not {value:g}")
    if not CAN_EMOTION:
        unused.append("emotions")
    return settings


def _within(name: str, value: float) -> float:
    _, low, high = KNOWN.get(name, (0.0, -math.inf, math.inf))
    if not math.isfinite(value) or not low <= value <= high:
        raise Refusal(Reason.INVALID, f"{name} must be a number between {low:g} and {high:g}, not {value:g}")
    return value


def _sides(stem: str) -> list[int]:
    return [arkit.INDEX[stem + side] for side in ("Left", "Right")]


def _apply(values: np.ndarray, name: str, value: float, unused: list[str], operation: np.ufunc) -> None:
    if not math.isfinite(value):
        raise Refusal(Reason.INVALID, f"the weight of {name} must be a finite number, not {value:g}")
    index = arkit.INDEX.get(name[:1].lower() + name[1:])
    if index is None:
        unused.append(name)
    else:
        values[index] = operation(values[index], value)
