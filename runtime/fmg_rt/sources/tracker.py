"""Another face tracker as a source of faces: OSC, VMC, Live Link or iFacialMocap over UDP, distinguished by their bytes."""

from typing import NamedTuple

import numpy as np

from .. import arkit
from ..wire.datagram import decode
from ..wire.udp import LOOPBACK
from .listener import Listener


class FaceDecoder:
    """Datagrams in, faces out; see `wire.datagram` for the formats. Others are ignored.

    Attributes
    ----------
    face : (52,) float32 in [0, 1], the newest.
    head : (3,) float32, the newest yaw, pitch and roll as in `Frame.head`; None while nothing was said about it.
    """

    def __init__(self) -> None:
        self.face = np.zeros(arkit.N_COEFFICIENTS, np.float32)  # (52,)
        self.head: np.ndarray | None = None
        self._turns: dict[str, tuple[float, float, float]] = {}
        self._next = np.zeros(arkit.N_COEFFICIENTS, np.float32)  # (52,)

    def decode(self, datagram: bytes) -> bool:
        """Take one datagram; True when `face` is a new one."""
        reading = decode(datagram)
        for i, value in reading.face.items():
            self._next[i] = value
        if reading.turns:
            self._turns |= reading.turns
            self.head = np.array(list(self._turns.values()), np.float32).sum(axis=0)
        if reading.complete:
            self.face = self._next.copy()  # a new array, so a reader never sees half of one
        return reading.complete


class _Heard(NamedTuple):
    n: int
    face: np.ndarray
    head: np.ndarray | None


class TrackerSource:
    """Listens on a UDP port; `read` gives the newest face. Satisfies `expression.Tracker`.

    port, host : as for `listener.Listener`, whose error it raises.
    """

    def __init__(self, port: int, host: str = LOOPBACK):
        self._decoder = FaceDecoder()
        self._newest = _Heard(0, self._decoder.face, None)
        self._listener = Listener("a tracker", port, host)
        self.port, self.close = self._listener.port, self._listener.close
        self._listener.start(self._take)

    def read(self, out: np.ndarray) -> int:
        """Copy the newest face to `out` (52,) float32; return how many have come, 0 for none yet."""
        newest = self._newest
        out[:] = newest.face
        return newest.n

    @property
    def head(self) -> np.ndarray | None:
        """(3,) float32, the newest head as in `Frame.head`; None while none has come. Never written to."""
        return self._newest.head

    def _take(self, datagram: bytes) -> None:
        is_new = self._decoder.decode(datagram)
        self._newest = _Heard(self._newest.n + is_new, self._decoder.face, self._decoder.head)
