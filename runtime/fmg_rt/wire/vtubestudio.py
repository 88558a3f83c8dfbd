"""VTube Studio's public API: requests and answers as JSON text, and a face as its tracking parameters.

Signs of angles and gaze are chosen so that a model does what the face does, its own left being the viewer's right.

References: DenchiSoft, VTube Studio API 1.0 (README of the repository VTubeStudio): "Authentication", "Adding new tracking
parameters", "Feeding in data".
"""

import json
import math
from collections.abc import Collection, Mapping
from typing import Any

from ..arkit import ARKIT_NAMES, INDEX
from ..frame import Frame
from .names import pascal
from .reading import WireError
from .vmc import vowels

PLUGIN = {"pluginName": "fmg", "pluginDeveloper": "Facial Motion Generator"}
"""Shown to the user when VTube Studio asks whether to allow it."""
CUSTOM = {f"Fmg{pascal(name)}": name for name in ARKIT_NAMES}
"""Names of the 52 as parameters of our own."""
_ANGLES = ("FaceAngleX", "FaceAngleY", "FaceAngleZ")
_LARGEST_ANGLE = 30.0
"""Degrees; the range of the angles."""
DEPENDS: Mapping[str, str] = {
    "MouthOpen": "jawOpen",
    "MouthSmile": "mouthSmileLeft",
    "MouthX": "mouthLeft",
    "TongueOut": "tongueOut",
    "CheekPuff": "cheekPuff",
    **{f"Voice{vowel}": "jawOpen" for vowel in "AIUEO"},
    "Brows": "browInnerUp",
    "BrowLeftY": "browOuterUpLeft",
    "BrowRightY": "browOuterUpRight",
    "EyeOpenLeft": "eyeBlinkLeft",
    "EyeOpenRight": "eyeBlinkRight",
    **{f"Eye{side}{axis}": f"eyeLookOut{side}" for side in ("Left", "Right") for axis in "XY"},
}
"""VTube Studio's own parameters that a face fills → a coefficient without which each makes no sense."""


def request(kind: str, data: Mapping[str, Any] | None = None) -> str:
    """One request of messageType ``kind`` + ``Request``."""
    return json.dumps(
        {
            "apiName": "VTubeStudioPublicAPI",
            "apiVersion": "1.0",
            "requestID": kind,
            "messageType": f"{kind}Request",
            "data": dict(data or {}),
        }
    )


def answer(text: str | bytes) -> tuple[str, dict[str, Any]]:
    """(messageType, data) of an answer.

    Raises
    ------
    WireError
        Not an answer of this API.
    """
    try:
        content = json.loads(text)
        kind, data = content["messageType"], content.get("data") or {}
    except (ValueError, TypeError, KeyError, RecursionError, AttributeError):
        raise WireError("not an answer of VTube Studio") from None
    if not (isinstance(kind, str) and isinstance(data, dict)):
        raise WireError("not an answer of VTube Studio")
    return kind, data


def parameter_names(data: Mapping[str, Any]) -> set[str]:
    """The parameters that VTube Studio has, of the data of an InputParameterListResponse."""
    lists = [data.get(key) for key in ("defaultParameters", "customParameters")]
    return {str(p.get("name")) for found in lists if isinstance(found, list) for p in found if isinstance(p, dict)}


def parameters(frame: Frame, driven: Collection[str] = ARKIT_NAMES, with_head: bool = True) -> dict[str, float]:
    """Values of VTube Studio's own parameters and of `CUSTOM`, as far as `driven` decides them."""
    c = {name: float(frame.coefficients[INDEX[name]]) for name in ARKIT_NAMES}

    def brow(side: str) -> float:
        return 0.5 + 0.5 * (0.5 * (c["browInnerUp"] + c[f"browOuterUp{side}"]) - c[f"browDown{side}"])

    smile = 0.5 * (c["mouthSmileLeft"] + c["mouthSmileRight"] - c["mouthFrownLeft"] - c["mouthFrownRight"])
    values = {
        "MouthOpen": max(0.0, c["jawOpen"] - c["mouthClose"]),
        "MouthSmile": 0.5 + 0.5 * smile,
        "MouthX": c["mouthLeft"] - c["mouthRight"],
        "TongueOut": c["tongueOut"],
        "CheekPuff": c["cheekPuff"],
        **{f"Voice{vowel}": float(v) for vowel, v in zip("AIUEO", vowels(frame.coefficients), strict=False)},
        "Brows": 0.5 * (brow("Left") + brow("Right")),
        "BrowLeftY": brow("Left"),
        "BrowRightY": brow("Right"),
        "EyeOpenLeft": 1.0 - c["eyeBlinkLeft"],
        "EyeOpenRight": 1.0 - c["eyeBlinkRight"],
        "EyeLeftX": c["eyeLookOutLeft"] - c["eyeLookInLeft"],
        "EyeLeftY": c["eyeLookUpLeft"] - c["eyeLookDownLeft"],
        "EyeRightX": c["eyeLookInRight"] - c["eyeLookOutRight"],
        "EyeRightY": c["eyeLookUpRight"] - c["eyeLookDownRight"],
    }
    values = {name: value for name, value in values.items() if DEPENDS[name] in driven}
    values |= {name: c[source] for name, source in CUSTOM.items() if source in driven}
    if with_head:
        yaw, pitch, roll = (math.degrees(angle) for angle in frame.head.tolist())
        for name, angle in zip(_ANGLES, (yaw, -pitch, -roll), strict=True):
            values[name] = min(_LARGEST_ANGLE, max(-_LARGEST_ANGLE, angle))
    return values


def inject(values: Mapping[str, float]) -> str:
    """The request that sets these parameters; it has to come at least once a second."""
    return request(
        "InjectParameterData",
        {
            "faceFound": True,
            "mode": "set",
            "parameterValues": [{"id": name, "value": round(value, 5)} for name, value in values.items()],
        },
    )


def create(name: str) -> str:
    """The request that makes one of `CUSTOM`; making it again does no harm."""
    return request(
        "ParameterCreation",
        {"parameterName": name, "explanation": f"ARKit's {CUSTOM[name]}, from speech", "min": 0, "max": 1, "defaultValue": 0},
    )
