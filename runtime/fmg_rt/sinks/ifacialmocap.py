"""iFacialMocap text frames: VSeeFace, Warudo, VMagicMirror and others.

References: ifacialmocap.com, "for developer", data version 1.
"""

import numpy as np

from ..frame import Frame
from ..wire.names import FACE_CAP, order, underscored
from .receiver import UdpReceiver

_ORDER = order(FACE_CAP)
_POSE = "=head#" + ",".join(["0.000000"] * 6) + "".join(
    f"|{eye}#" + ",".join(["0.000000"] * 3) for eye in ("rightEye", "leftEye")
) + "|"  # fmt: skip
_TEMPLATE = "".join(f"{underscored(name)}-%d|" for name in FACE_CAP) + _POSE


class IFacialMocapSink(UdpReceiver):
    """One text packet a frame: whole percents, since known receivers parse integers only.

    The order is Face Cap's: it starts with ``browInnerUp``, because a known receiver drops the first entry and misses
    this name anyway. Head and eye rotations stay 0. No handshake is waited for: receivers take what arrives.
    """

    def __init__(self, host: str, port: int):
        super().__init__("ifacialmocap", host, port)

    def send(self, frame: Frame) -> None:
        """Format and send the frame."""
        percents = np.rint(np.float32(100) * frame.coefficients[_ORDER])
        self.udp.send(((_TEMPLATE % tuple(percents.tolist())).encode(),))
