"""Another face tracker as a source of faces: OSC, VMC, Live Link or iFacialMocap over UDP, distinguished by their bytes."""

import contextlib
import threading
from typing import NamedTuple

import numpy as np

from .. import arkit
from ..errors import FmgError
from ..wire.datagram import decode
from ..wire.udp import LOOPBACK, format_address, listen

_LARGEST = 65_536
_WAIT = 0.2  # s after which the thread checks whether it should end


class TrackerError(FmgError, OSError):
    """The port is not available; the message is one line that says what to do."""


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

    Parameters
    ----------
    port : 0 takes any free one; see `port`.
    host : address of this computer to listen at; `wire.udp.EVERYWHERE` is all of them, so that a telephone can send.

    Raises
    ------
    TrackerError
        The port is taken or may not be used.
    """

    def __init__(self, port: int, host: str = LOOPBACK):
        self._decoder = FaceDecoder()
        self._newest = _Heard(0, self._decoder.face, None)
        self._closing = False
        try:
            self._socket = listen(host, port)
        except (OSError, UnicodeError) as error:
            why = getattr(error, "strerror", None) or error
            raise TrackerError(
                f"cannot listen for a tracker on port {port}: {format_address(host, port)} says {why}; choose another"
            ) from None
        self._socket.settimeout(_WAIT)
        self.port: int = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._receive, name="fmg tracker", daemon=True)
        self._thread.start()

    def read(self, out: np.ndarray) -> int:
        """Copy the newest face to `out` (52,) float32; return how many have come, 0 for none yet."""
        newest = self._newest
        out[:] = newest.face
        return newest.n

    @property
    def head(self) -> np.ndarray | None:
        """(3,) float32, the newest head as in `Frame.head`; None while none has come. Never written to."""
        return self._newest.head

    def close(self) -> None:
        """Stop listening."""
        self._closing = True
        self._thread.join()
        self._socket.close()

    def _receive(self) -> None:
        while not self._closing:
            # On Windows an earlier datagram's "nobody listens" arrives here; a time-out only looks for the end.
            with contextlib.suppress(TimeoutError, ConnectionError):
                is_new = self._decoder.decode(self._socket.recv(_LARGEST))
                self._newest = _Heard(self._newest.n + is_new, self._decoder.face, self._decoder.head)
