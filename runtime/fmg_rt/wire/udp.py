"""Datagram sockets: one to a receiver, which never blocks and never minds that nobody listens; and one to listen with."""

import socket
import threading
from collections.abc import Iterable

START_WAIT = 1.0
"""Seconds that the start-up waits for a host name; a slower name server is waited for in the background."""


def format_address(host: str, port: int) -> str:
    """``host:port``, an IPv6 address in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


LOOPBACK = "127.0.0.1"
"""Where is listened unless told otherwise: only programs of this computer can send there."""
EVERYWHERE = "*"
"""Every address of this computer, over IPv6 and IPv4 where it has both."""


def listen(host: str, port: int, queue: int | None = None) -> socket.socket:
    """A datagram socket that hears what is sent to `port` at the address `host` of this computer.

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

    Host names are looked up outside the frame loop. `send` raises OSError while there is no way to the receiver and
    starts again at the next call, so the caller decides how often to retry.
    """

    def __init__(self, host: str, port: int):
        self.host, self.port = host, port
        self._socket: socket.socket | None = None
        self._found: list | OSError = []
        self._lookup = self._look_up()
        self._lookup.join(START_WAIT)

    def _look_up(self) -> threading.Thread:
        def run():
            try:
                self._found = socket.getaddrinfo(self.host, self.port, type=socket.SOCK_DGRAM)
            except (OSError, UnicodeError) as error:
                self._found = OSError(f"no such host: {self.host} ({error})")

        thread = threading.Thread(target=run, name=f"fmg look-up of {self.host}", daemon=True)
        thread.start()
        return thread

    def _connect(self) -> socket.socket:
        if self._lookup.is_alive():
            raise OSError(f"the address of {self.host} is still being looked up")
        if isinstance(self._found, OSError):
            error, self._lookup = self._found, self._look_up()
            raise error
        family, kind, protocol, _, address = min(self._found, key=lambda found: found[0] != socket.AF_INET)
        opened = socket.socket(family, kind, protocol)
        try:
            opened.setblocking(False)
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
            opened.connect(address)
        except OSError:
            opened.close()
            raise
        return opened

    def send(self, datagrams: Iterable[bytes | bytearray | memoryview]) -> None:
        """Send each datagram, or drop it where the system has no room for it or nobody listens.

        Raises
        ------
        OSError
            The host name is unknown or not found yet, or the network cannot reach the host.
        """
        if self._socket is None:
            self._socket = self._connect()
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
