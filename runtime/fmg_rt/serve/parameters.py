"""What Audio2Face-3D's clients may tune, in the terms of a session.

A session has no knob for some of it: those names are given back, to be told to the client once.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .. import arkit
from ..errors import FmgError
from ..expression import ExpressionSettings
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
_EMOTIONAL: Mapping[str, tuple[float, float, float]] = {
    "emotion_strength": (0.6, 0.0, 1.0),
    "preferred_emotion_strength": (0.5, 0.0, 1.0),
}
_EMOTION_STRENGTH = 0.6
"""Their usual strength of emotions, which stands for ours as tuned."""
_TRANSITION = 0.5
"""Their usual time from one emotion to the next, s."""
_MOST_KEYFRAMES = 64
_SHORTEST = 1e-3
"""Least time between two keyframes, s."""


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

    moods, emotion = header.emotion_post_processing_params, dict(header.emotion_params.beginning_emotion)
    for field, value in moods.ListFields():
        if field.name == "emotion_strength":
            changes["emotion_strength"] = min(3.0, _within(field.name, value) / _EMOTION_STRENGTH)
        elif field.name == "preferred_emotion_strength" and moods.enable_preferred_emotion:
            changes["emotion_mix"] = _within(field.name, value)
        elif field.name != "enable_preferred_emotion":
            unused.append(field.name)
    if emotion:
        changes["emotion"] = emotion
    try:
        settings = replace(base, **changes)
    except FmgError as error:
        raise Refusal(Reason.INVALID, str(error)) from None
    plain = bool((scale == 1.0).all() and (offset == 0.0).all())
    return Tuning(settings, None if plain else (scale, offset), tuple(dict.fromkeys(unused)))


class Timeline:
    """Emotions with time codes, as they come, as keyframes: from each time code on, the face goes to that emotion.

    Parameters
    ----------
    header : of the stream, which says where the emotions begin and how long a change takes.
    """

    def __init__(self, header: Any) -> None:
        emotion = header.emotion_params
        self._transition = emotion.live_transition_time if emotion.HasField("live_transition_time") else _TRANSITION
        if not 0.0 <= self._transition <= 60.0:  # NaN too
            raise Refusal(Reason.INVALID, f"live_transition_time must lie between 0 and 60 s, not {self._transition:g}")
        self._frames: list[tuple[float, dict[str, float]]] = []
        self._last = dict(emotion.beginning_emotion)

    def add(self, settings: ExpressionSettings, time: float, emotion: dict[str, float]) -> ExpressionSettings:
        """`settings` with one more emotion, from `time` on, s.

        Raises
        ------
        Refusal
            No time, no emotion, or a strength outside [0, 1].
        """
        if not 0.0 <= time < math.inf:
            raise Refusal(Reason.INVALID, f"the time code of an emotion must be 0 or more, not {time:g}")
        if emotion == self._last and self._frames:
            return settings
        start = max(time, self._frames[-1][0] + _SHORTEST) if self._frames else time
        self._frames += [(start, self._last), (start + max(_SHORTEST, self._transition), emotion)]
        del self._frames[:-_MOST_KEYFRAMES]
        self._last = emotion
        try:
            return replace(settings, keyframes=tuple(self._frames))
        except FmgError as error:
            raise Refusal(Reason.INVALID, str(error)) from None


def _within(name: str, value: float) -> float:
    _, low, high = KNOWN.get(name) or _EMOTIONAL.get(name) or (0.0, -math.inf, math.inf)
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
