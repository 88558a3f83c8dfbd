"""A real receiver on loopback for the tests of what goes out, and the vectors' way to write bytes."""

import hashlib
import socket

import numpy as np
from pythonosc.osc_packet import OscPacket

from fmg_rt.arkit import INDEX


class Receiver:
    """A UDP socket on a free port of 127.0.0.1 or ::1."""

    def __init__(self, family: int = socket.AF_INET):
        self.socket = socket.socket(family, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self.socket.bind(("127.0.0.1" if family == socket.AF_INET else "::1", 0))
        self.host, self.port = self.socket.getsockname()[:2]

    def datagrams(self) -> list[bytes]:
        """Everything that has arrived; on loopback a datagram is there when `send` returns."""
        found = []
        self.socket.settimeout(0.5)
        while True:
            try:
                found.append(self.socket.recv(65536))
            except (TimeoutError, BlockingIOError):
                return found
            self.socket.settimeout(0.02)

    def close(self) -> None:
        self.socket.close()


def messages(datagrams: list[bytes]) -> list[tuple]:
    """(address, argument, …) of every OSC message, decoded by python-osc."""
    return [(timed.message.address, *timed.message.params) for data in datagrams for timed in OscPacket(data).messages]


def starts_with_sha256(data: bytes, digits: str) -> bool:
    return hashlib.sha256(data).hexdigest().startswith(digits)


def face(**values: float) -> np.ndarray:
    """A face (52,) at rest but for the coefficients named."""
    coefficients = np.zeros(52, np.float32)
    for name, value in values.items():
        coefficients[INDEX[name]] = value
    return coefficients


def faces(n: int, seed: int = 0) -> np.ndarray:
    """Random faces (n, 52) float32 in [0, 1]."""
    return np.random.default_rng(seed).random((n, 52), dtype=np.float32)
