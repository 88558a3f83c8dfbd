"""iFacialMocap text frames: VSeeFace, Warudo, VMagicMirror and others.

References: ifacialmocap.com, "for developer", data version 1.
"""

import numpy as np

from ..wire.names import FACE_CAP, order, underscored
from ..wire.udp import Udp, format_address

_ORDER = order(FACE_CAP)
_POSE = "=head#" + ",".join(["0.000000"] * 6) + "".join(
    f"|{eye}#" + ",".join(["0.000000"] * 3) for eye in ("rightEye", "leftEye")
) + "|"  # fmt: skip
_TEMPLATE = "".join(f"{underscored(name)}-%d|" for name in FACE_CAP) + _POSE


class IFacialMocapSink:
    """One text packet a frame: whole percents, since known receivers parse integers only.

    The order is Face Cap's: it starts with ``browInnerUp``, because a known receiver drops the first entry and misses
    this name anyway. Head and eye rotations stay 0. No handshake is waited for: receivers take what arrives.
    """

    def __init__(self, host: str, port: int):
        self.name = f"ifacialmocap {format_address(host, port)}"
        self.udp = Udp(host, port)

    def send(self, index: int, time: float, coefficients: np.ndarray) -> None:
        """Format and send the frame; `coefficients` (52,) float32."""
        percents = np.rint(np.float32(100) * coefficients[_ORDER])
        self.udp.send(((_TEMPLATE % tuple(percents.tolist())).encode(),))

    def close(self) -> None:
        """Close the socket."""
        self.udp.close()
