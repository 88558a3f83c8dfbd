"""iFacialMocap text frames: VSeeFace, Warudo, VMagicMirror and others.

Rotations are degrees about x, y and z in ARKit's axes, which are those of `Frame.head`: pitch, yaw, roll.

References: ifacialmocap.com, "for developer", data version 1; signs and size of the eyes from a recorded frame.
"""

import math
import re

import numpy as np

from ..frame import Frame
from .names import FACE_CAP, order, underscored
from .pose import gaze
from .reading import Reading, WireError, printable

_ORDER = order(FACE_CAP)
_TURN = ",".join(["%.6f"] * 3)
_POSE = f"=head#{_TURN},0.000000,0.000000,0.000000|rightEye#{_TURN}|leftEye#{_TURN}|"
_TEMPLATE = "".join(f"{underscored(name)}-%d|" for name in FACE_CAP) + _POSE
_NAMES = {underscored(name): name for name in FACE_CAP}
_SHAPE = re.compile(r"([^&|]*?)[&-](-?[0-9]{1,9})", re.ASCII)
_LONGEST = 8192
"""Bytes; a frame has about 900."""


def encode(frame: Frame) -> bytes:
    """One text: whole percents, since known receivers parse integers only.

    The order is Face Cap's: it starts with ``browInnerUp``, because a known receiver drops the first entry and misses
    this name anyway.
    """
    percents = np.rint(np.float32(100) * frame.coefficients[_ORDER])
    yaw, pitch, roll = frame.head.tolist()
    left_yaw, left_pitch, right_yaw, right_pitch = gaze(frame.coefficients)
    radians = (pitch, yaw, roll, right_pitch, right_yaw, 0.0, left_pitch, left_yaw, 0.0)
    # Adding zero makes -0 to 0: a head at rest has the bytes of one that never moved.
    return (_TEMPLATE % (*percents.tolist(), *(math.degrees(angle) + 0.0 for angle in radians))).encode()


def decode(datagram: bytes) -> Reading:
    """Decode a frame of data version 1 (``name-25``) or 2 (``name&25``).

    Raises
    ------
    WireError
        Not such a text.
    """
    try:
        text = datagram.decode() if len(datagram) <= _LONGEST else ""
    except UnicodeDecodeError:
        text = ""
    shapes, _, pose = text.partition("=")
    reading = Reading("ifacialmocap")
    for token in filter(None, shapes.split("|")):
        found = _SHAPE.fullmatch(token)
        if found is None:
            raise WireError("not a shape")
        name, value = found[1], int(found[2]) / 100
        reading.values[printable(name)] = value
        reading.put(_NAMES.get(name, name), value)
    if not reading.values:
        raise WireError("no text of shapes")
    for token in filter(None, pose.split("|")):
        reading.notes.append(printable(token))
        part, _, numbers = token.partition("#")
        if part == "head":
            reading.turn(*_head(numbers))
    reading.complete = True
    return reading


def _head(numbers: str) -> tuple[float, float, float]:
    try:
        pitch, yaw, roll = (math.radians(float(number)) for number in numbers.split(",")[:3])
    except ValueError:
        return math.nan, math.nan, math.nan
    return yaw, pitch, roll
