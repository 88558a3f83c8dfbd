"""Datagram sockets: one that sends to a receiver, never blocks and ignores that no program listens; and one that listens."""

import socket
import threading
import time
from collections.abc import Iterable
from typing import Any

START_WAIT = 1.0
"""Seconds that the start-up waits for a host name; a slower name server is waited for in the background."""
RENEWED = 60.0
"""Seconds after which a host name is looked up again."""


def format_address(host: str, port: int) -> str:
    """``host:port``, an IPv6 address in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


LOOPBACK = "127.0.0.1"
"""The default address to listen at: only programs of this computer can send there."""
EVERYWHERE = "*"
"""Every address of this computer, over IPv6 and IPv4 where it has both."""


def listen(host: str, port: int, queue: int | None = None) -> socket.socket:
    """A datagram socket that receives what is sent to `port` at the address `host` of this computer.

    Parameters
    ----------
    host : a name, an address, or `EVERYWHERE`. port : 0 takes any free one.
    queue : bytes that may wait unread; None leaves it to the system.

    Raises
    ------
    OSError
        Another program has the port, or the address is not this computer's.
    """
    dual = host == EVERYWHERE and socket.has_dualstack_ipv6()
    if host == EVERYWHERE:
        host = "::" if dual else "0.0.0.0"
    found = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)
    family, _, _, _, address = min(found, key=lambda f: f[0] != socket.AF_INET)
    opened = socket.socket(family, socket.SOCK_DGRAM)
    try:
        if dual:
            opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        if queue is not None:
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, queue)
        opened.bind(address)
    except OSError:
        opened.close()
        raise
    return opened


class Udp:
    """Sends datagrams to ``host:port``; IPv4, IPv6 and host names (IPv4 first, since most receivers listen there).

    The name is looked up again every `RENEWED` seconds and whenever sending failed, since names move and computers change
    their network. All of that happens on a thread. `send` raises OSError while there is no way to the receiver; its caller
    decides how often to retry.
    """

    def __init__(self, host: str, port: int):
        self.host, self.port = host, port
        self._socket: socket.socket | None = None
        self._found: socket.socket | OSError | None = None  # by the thread, for `send`
        self._looked = 0.0
        self._look_up()
        self._lookup.join(START_WAIT)

    def _look_up(self) -> None:
        self._looked = time.monotonic()
        self._lookup = threading.Thread(target=self._find, name=f"fmg look-up of {self.host}", daemon=True)
        self._lookup.start()

    def _find(self) -> None:
        """The thread: a socket that is connected to the receiver, or why there is none."""
        try:
            found = socket.getaddrinfo(self.host, self.port, type=socket.SOCK_DGRAM)
        except (OSError, UnicodeError) as error:
            self._found = OSError(f"no such host: {self.host} ({error})")
            return
        family, kind, protocol, _, address = min(found, key=lambda f: f[0] != socket.AF_INET)
        try:
            self._found = _connected(family, kind, protocol, address)
        except OSError as error:
            self._found = error

    def _renew(self) -> None:
        """Take the thread's result, and start the next look-up when it is due."""
        found, self._found = self._found, None
        if isinstance(found, socket.socket):
            if self._socket is not None and _way(self._socket) == _way(found):
                found.close()
            else:
                self.close()
                self._socket = found
        if self._socket is None:
            self._look_up()
            raise found if isinstance(found, OSError) else OSError(f"{self.host} is being looked up")
        if time.monotonic() - self._looked > RENEWED:
            self._look_up()

    def send(self, datagrams: Iterable[bytes | bytearray | memoryview]) -> None:
        """Send each datagram, or drop it if the system's buffer is full or no program listens.

        Raises
        ------
        OSError
            The host name is unknown or not found yet, or the network cannot reach the host.
        """
        if not self._lookup.is_alive():
            self._renew()
        if self._socket is None:
            raise OSError(f"the address of {self.host} is still being looked up")
        try:
            for datagram in datagrams:
                try:
                    self._socket.send(datagram)
                except ConnectionError:  # "nobody listened" to an earlier one; this one was not sent
                    try:
                        self._socket.send(datagram)
                    except ConnectionError:
                        pass
                except BlockingIOError:
                    pass
        except OSError:
            self.close()
            raise

    def close(self) -> None:
        """Close the socket; the next `send` opens a new one."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None


def _connected(family: int, kind: int, protocol: int, address: Any) -> socket.socket:
    opened = socket.socket(family, kind, protocol)
    try:
        opened.setblocking(False)
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        opened.connect(address)
    except OSError:
        opened.close()
        raise
    return opened


def _way(opened: socket.socket) -> tuple[str, Any] | None:
    """From which address of this computer to whom; None when the network that it was opened on is gone."""
    try:
        return opened.getsockname()[0], opened.getpeername()
    except OSError:
        return None
