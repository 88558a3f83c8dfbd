"""What other programs send to a UDP port: a thread that hands each datagram on."""

import contextlib
import threading
from collections.abc import Callable

from ..errors import FmgError
from ..wire.udp import LOOPBACK, format_address, listen

_LARGEST = 65_536
_WAIT = 0.2  # s after which the thread checks whether it should end


class ListenError(FmgError, OSError):
    """The port is not available; the message is one line that says what to do."""


class Listener:
    """Has a UDP port until it is closed; what comes before `start` waits.

    Parameters
    ----------
    purpose : what for, as the message of an error says it: "cannot listen for …".
    port : 0 takes any free one; see `port`.
    host : address of this computer to listen at; `wire.udp.EVERYWHERE` is all of them, so that a telephone can send.

    Raises
    ------
    ListenError
        The port is taken or may not be used.
    """

    def __init__(self, purpose: str, port: int, host: str = LOOPBACK):
        self._purpose = purpose
        self._closing = False
        self._thread: threading.Thread | None = None
        try:
            self._socket = listen(host, port)
        except (OSError, UnicodeError) as error:
            why = getattr(error, "strerror", None) or error
            raise ListenError(
                f"cannot listen for {purpose} on port {port}: {format_address(host, port)} says {why}; choose another"
            ) from None
        self._socket.settimeout(_WAIT)
        self.host, self.port = self._socket.getsockname()[:2]

    def start(self, take: Callable[[bytes], None]) -> None:
        """Call `take` with each datagram, on a thread of its own; it must not raise."""
        name = f"fmg listens for {self._purpose}"
        self._thread = threading.Thread(target=self._receive, args=(take,), name=name, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop listening."""
        self._closing = True
        if self._thread is not None:
            self._thread.join()
        self._socket.close()

    def _receive(self, take: Callable[[bytes], None]) -> None:
        while not self._closing:
            # On Windows an earlier datagram's "nobody listens" arrives here; a time-out only looks for the end.
            with contextlib.suppress(TimeoutError, ConnectionError):
                take(self._socket.recv(_LARGEST))
