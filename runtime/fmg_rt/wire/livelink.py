"""Live Link Face: Unreal Engine, VRCFaceTracking's LiveLink module, Warudo.

The angles are an Unreal rotator's in radians, measured on recordings of the iPhone app: yaw is positive to the face's own
right, pitch downwards, roll to the own left, which turns yaw and roll of `Frame.head` about.

References: Epic Games, Live Link Face packet version 6 (layout read off public receivers).
"""

import struct
import uuid

import numpy as np

from ..arkit import N_COEFFICIENTS
from ..frame import Frame
from .names import APPLE, POSE, order
from .pose import gaze
from .reading import Reading, WireError, printable

VERSION = 6
N_VALUES = N_COEFFICIENTS + len(POSE)  # 61
_ORDER = order(APPLE)
_TIME = struct.Struct(">ifiiB")
"""Frame number, part of a frame, rate as a fraction, number of values."""


def pose(frame: Frame) -> tuple[float, ...]:
    """The nine values of `names.POSE`."""
    yaw, pitch, roll = frame.head.tolist()
    left_yaw, left_pitch, right_yaw, right_pitch = gaze(frame.coefficients)
    return -yaw, pitch, -roll, -left_yaw, left_pitch, 0.0, -right_yaw, right_pitch, 0.0


def _string(text: str) -> bytes:
    data = text.encode()
    return struct.pack(">i", len(data)) + data


class LiveLinkEncoder:
    """One packet per frame: the 52 shapes in Apple's order, then rotations of head and eyes.

    Parameters
    ----------
    rate : frames per second, written as a fraction of whole numbers.
    subject : the name that Unreal lists.
    device : identity of the sending device, 36 characters; None makes one from `subject`, the same at every start.
    """

    def __init__(self, rate: float, subject: str = "fmg", device: str | None = None):
        device = device or str(uuid.uuid5(uuid.NAMESPACE_OID, f"fmg {subject}")).upper()
        fraction = (round(rate), 1) if rate == round(rate) else (round(1000 * rate), 1000)
        start = bytes([VERSION]) + _string(device) + _string(subject)
        self._packet = bytearray(start + _TIME.pack(0, 0.0, *fraction, N_VALUES) + bytes(4 * N_VALUES))
        self._number_at = len(start)
        self._values = np.frombuffer(self._packet, ">f4", N_VALUES, len(self._packet) - 4 * N_VALUES)

    def encode(self, frame: Frame) -> bytearray:
        """The packet of `frame`, valid until the next call."""
        struct.pack_into(">i", self._packet, self._number_at, frame.index & 0x7FFFFFFF)
        self._values[:N_COEFFICIENTS] = frame.coefficients[_ORDER]
        self._values[N_COEFFICIENTS:] = pose(frame)
        self._values[N_COEFFICIENTS:] += np.float32(0)  # no -0: a head at rest has the bytes of one that never moved
        return self._packet


def decode(datagram: bytes) -> Reading:
    """Decode a packet; one without values means that no face is visible.

    Raises
    ------
    WireError
        Not such a packet, or cut short.
    """
    if datagram[:1] != bytes([VERSION]):
        raise WireError("not a Live Link packet")
    at, texts = 1, []
    for _ in range(2):  # device, subject
        length = int.from_bytes(datagram[at : at + 4], "big", signed=True) if len(datagram) >= at + 4 else -1
        at += 4
        if not 0 <= length <= len(datagram) - at:
            raise WireError("a string is cut short")
        try:
            texts.append(datagram[at : at + length].decode())
        except UnicodeDecodeError:
            raise WireError("a string that is not UTF-8") from None
        at += length
    reading = Reading("livelink", notes=[f"subject {printable(texts[1])}"])
    if len(datagram) - at < _TIME.size:
        return reading
    number, _, numerator, denominator, n_values = _TIME.unpack_from(datagram, at)
    at += _TIME.size
    if n_values != N_VALUES or len(datagram) - at < 4 * N_VALUES:
        raise WireError("not a face")
    reading.notes.append(f"frame {number} at {numerator}/{denominator}")
    values = struct.unpack_from(f">{N_VALUES}f", datagram, at)
    reading.values = dict(zip((*APPLE, *POSE), values, strict=True))
    for name, value in zip(APPLE, values, strict=False):
        reading.put(name, value)
    yaw, pitch, roll = values[N_COEFFICIENTS : N_COEFFICIENTS + 3]
    reading.turn(-yaw, pitch, -roll)
    reading.complete = True
    return reading
