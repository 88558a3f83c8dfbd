"""Live Link Face: Unreal Engine, VRCFaceTracking's LiveLink module, Warudo.

References: Epic Games, Live Link Face packet version 6 (layout read off public receivers).
"""

import struct
import uuid

import numpy as np

from ..arkit import N_COEFFICIENTS
from ..frame import Frame
from ..wire.names import APPLE, POSE, order
from .receiver import UdpReceiver

VERSION = 6
N_VALUES = N_COEFFICIENTS + len(POSE)  # 61
_ORDER = order(APPLE)


def _string(text: str) -> bytes:
    data = text.encode()
    return struct.pack(">i", len(data)) + data


class LiveLinkSink(UdpReceiver):
    """One packet a frame: the 52 shapes in Apple's order, then head and eye rotations, which stay 0.

    Parameters
    ----------
    rate : frames per second, written as a fraction of whole numbers.
    subject : the name that Unreal lists.
    device : identity of the sending device, 36 characters; None makes one from `subject`, the same at every start.
    """

    def __init__(self, host: str, port: int, rate: float, subject: str = "fmg", device: str | None = None):
        super().__init__("livelink", host, port)
        device = device or str(uuid.uuid5(uuid.NAMESPACE_OID, f"fmg {subject}")).upper()
        fraction = (round(rate), 1) if rate == round(rate) else (round(1000 * rate), 1000)
        start = bytes([VERSION]) + _string(device) + _string(subject)
        self._packet = bytearray(start + struct.pack(">ifiiB", 0, 0.0, *fraction, N_VALUES) + bytes(4 * N_VALUES))
        self._number_at = len(start)
        self._values = np.frombuffer(self._packet, ">f4", N_COEFFICIENTS, len(self._packet) - 4 * N_VALUES)

    def send(self, frame: Frame) -> None:
        """Patch and send the frame."""
        struct.pack_into(">i", self._packet, self._number_at, frame.index & 0x7FFFFFFF)
        self._values[:] = frame.coefficients[_ORDER]
        self.udp.send((self._packet,))
