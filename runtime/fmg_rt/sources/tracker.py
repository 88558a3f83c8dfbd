"""Another face tracker as a source of faces: OSC, VMC or Live Link over UDP, told apart by their bytes."""

import contextlib
import math
import socket
import struct
import threading

import numpy as np
from pythonosc.osc_packet import OscPacket, ParseError

from .. import arkit
from ..errors import FmgError
from ..sinks.livelink import N_VALUES, VERSION
from ..wire.names import APPLE, order

_LARGEST = 65_536
_WAIT = 0.2  # s after which the thread looks whether it should end
_BY_NAME = {name.lower(): i for name, i in arkit.INDEX.items()}
_APPLE = order(APPLE)


class TrackerError(FmgError, OSError):
    """The port cannot be listened to; the message is one line that says what to do."""


class FaceDecoder:
    """Datagrams in, faces out.

    Understands ``/blendshapes`` (52 floats, alphabetical), ``/blendshape/0`` … ``/51`` (a datagram is one frame), VMC's
    ``/VMC/Ext/Blend/Val`` with ARKit names in any case (a frame ends at ``…/Apply``), and Live Link packets. The rest it
    ignores; values are clipped to [0, 1], and those that are not finite are dropped.

    Attributes
    ----------
    face : (52,) float32, the newest.
    """

    def __init__(self) -> None:
        self.face = np.zeros(arkit.N_COEFFICIENTS, np.float32)  # (52,)
        self._next = np.zeros(arkit.N_COEFFICIENTS, np.float32)  # (52,)

    def decode(self, datagram: bytes) -> bool:
        """Take one datagram; True when `face` is a new one."""
        # A RecursionError comes from bundles within bundles without end; the others say it is not what it looked like.
        with contextlib.suppress(struct.error, ValueError, IndexError, ParseError, RecursionError):
            if datagram[:1] == bytes([VERSION]):
                return self._live_link(datagram)
            if datagram[:1] == b"/" or datagram.startswith(b"#bundle\0"):
                return self._osc(datagram)
        return False

    def _live_link(self, datagram: bytes) -> bool:
        at = 1
        for _ in range(2):  # device and subject
            (length,) = struct.unpack_from(">i", datagram, at)
            if not 0 <= length <= len(datagram):
                return False
            at += 4 + length
        at += 16  # frame time
        if datagram[at] != N_VALUES:
            return False
        values = np.frombuffer(datagram, ">f4", arkit.N_COEFFICIENTS, at + 1)
        for i, value in zip(_APPLE, values, strict=True):
            self._set(int(i), float(value))
        return self._commit()

    def _osc(self, datagram: bytes) -> bool:
        complete = False
        for timed in OscPacket(datagram).messages:
            address, arguments = timed.message.address, timed.message.params
            if address == "/blendshapes" and len(arguments) == arkit.N_COEFFICIENTS:
                for i, value in enumerate(arguments):
                    self._set(i, value)
                complete = True
            elif address.startswith("/blendshape/") and len(arguments) == 1:
                number = address.removeprefix("/blendshape/")
                if number.isdecimal() and int(number) < arkit.N_COEFFICIENTS:
                    self._set(int(number), arguments[0])
                    complete = True
            elif address == "/VMC/Ext/Blend/Val" and len(arguments) == 2:
                name = str(arguments[0]).lower()
                if name in _BY_NAME:
                    self._set(_BY_NAME[name], arguments[1])
            elif address == "/VMC/Ext/Blend/Apply":
                complete = True
        return self._commit() if complete else False

    def _set(self, i: int, value: object) -> None:
        if isinstance(value, int | float) and math.isfinite(value):
            self._next[i] = min(1.0, max(0.0, value))

    def _commit(self) -> bool:
        self.face = self._next.copy()  # a new array, so a reader never sees half of one
        return True


class TrackerSource:
    """Listens on a UDP port; `read` gives the newest face that came. Satisfies `expression.Tracker`.

    Parameters
    ----------
    port : 0 takes any free one; see `port`.
    host : interface to listen on; empty for all, so that a telephone can send.

    Raises
    ------
    TrackerError
        The port is taken or may not be used.
    """

    def __init__(self, port: int, host: str = ""):
        self._decoder = FaceDecoder()
        self._newest: tuple[int, np.ndarray] = (0, self._decoder.face)
        self._closing = False
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            self._socket.bind((host, port))
        except OSError as error:
            self._socket.close()
            why = error.strerror or error
            raise TrackerError(f"cannot listen for a tracker on port {port} ({why}); choose another port") from None
        self._socket.settimeout(_WAIT)
        self.port: int = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._receive, name="fmg tracker", daemon=True)
        self._thread.start()

    def read(self, out: np.ndarray) -> int:
        """Copy the newest face to `out` (52,) float32; return how many have come, 0 for none yet."""
        count, face = self._newest
        out[:] = face
        return count

    def close(self) -> None:
        """Stop listening."""
        self._closing = True
        self._thread.join()
        self._socket.close()

    def _receive(self) -> None:
        while not self._closing:
            # On Windows an earlier datagram's "nobody listens" arrives here; a time-out only looks for the end.
            with contextlib.suppress(TimeoutError, ConnectionError):
                if self._decoder.decode(self._socket.recv(_LARGEST)):
                    self._newest = self._newest[0] + 1, self._decoder.face
