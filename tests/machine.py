"""How fast the machine is just now, told by a rival: python-osc's 53 messages, as the predecessor sends a frame."""

import socket
import statistics
import time
from collections.abc import Sequence

from pythonosc.udp_client import SimpleUDPClient

QUIET = 253e-6
"""Seconds that they take on the machine that budgets were set on (README) when nothing else runs there."""
_ROUNDS = 60


def send_as_the_predecessor(client: SimpleUDPClient, face: Sequence[float]) -> None:
    """One face in 53 messages: all 52 in one, then each in its own."""
    client.send_message("/blendshapes", face)
    for i, value in enumerate(face):
        client.send_message(f"/blendshape/{i}", value)


def slowness() -> float:
    """How many times longer everything takes here and now than on that machine, at least 1."""
    face = [i / 52 for i in range(52)]
    taken = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as unread:
        unread.bind(("127.0.0.1", 0))
        client = SimpleUDPClient(*unread.getsockname())
        for _ in range(_ROUNDS):
            start = time.perf_counter()
            send_as_the_predecessor(client, face)
            taken.append(time.perf_counter() - start)
    return max(1.0, statistics.median(taken) / QUIET)
