"""OSC 1.0, just what a face needs: messages encoded once, then patched in place and sent every frame.

References: Open Sound Control specification 1.0 (Wright, 2002).
"""

import struct
from collections.abc import Iterable, Sequence

import numpy as np

DATAGRAM_LIMIT = 1472
"""Bytes that fit one Ethernet frame: 1500 less the IPv4 and UDP headers. A longer datagram is cut into fragments,
and one lost fragment loses all."""
BUNDLE_HEADER = b"#bundle\0" + struct.pack(">Q", 1)
"""Start of a bundle; time tag 1 means "at once"."""
TRUE, FALSE = (int.from_bytes(tag, "big") for tag in (b",T\0\0", b",F\0\0"))
"""Type-tag words of the two truth values: a bool message is patched in its tag, since it has no argument bytes."""


def _string(text: str) -> bytes:
    data = text.encode() + b"\0"
    return data + bytes(-len(data) % 4)


def message(address: str, *arguments: float | int | str | bool) -> bytes:
    """One encoded message; Python's types choose the tags ``f``, ``i``, ``s``, ``T`` and ``F``."""
    tags, data = ",", b""
    for argument in arguments:
        if isinstance(argument, bool):
            tags += "T" if argument else "F"
        elif isinstance(argument, int):
            tags, data = tags + "i", data + struct.pack(">i", argument)
        elif isinstance(argument, float):
            tags, data = tags + "f", data + struct.pack(">f", argument)
        else:
            tags, data = tags + "s", data + _string(argument)
    return _string(address) + _string(tags) + data


def element(encoded: bytes) -> bytes:
    """A message as it stands in a bundle: its size, then itself."""
    return struct.pack(">i", len(encoded)) + encoded


def fill(sizes: Iterable[int], limit: int = DATAGRAM_LIMIT) -> list[int]:
    """Number of elements, in order, that go into each bundle so that none exceeds `limit` bytes."""
    counts: list[int] = []
    room = -1
    for size in sizes:
        if size > room:
            counts.append(0)
            room = limit - len(BUNDLE_HEADER)
        counts[-1] += 1
        room -= size
    return counts


class PatchedFrame:
    """The datagrams of one frame, encoded once; each frame only overwrites the values.

    Parameters
    ----------
    messages : sequence of (encoded message, number of words)
        The last *n* 32-bit words of each message are its values.
    bundled : bool
        True: as few bundles as fit `DATAGRAM_LIMIT`; False: one datagram per message.
    """

    def __init__(self, messages: Sequence[tuple[bytes, int]], bundled: bool = True):
        counts = fill(len(encoded) + 4 for encoded, _ in messages) if bundled else [1] * len(messages)
        data = bytearray()
        ends: list[int] = []
        places: list[int] = []
        remaining = iter(messages)
        for count in counts:
            data += BUNDLE_HEADER if bundled else b""
            for _, (encoded, n_words) in zip(range(count), remaining, strict=False):
                data += element(encoded) if bundled else encoded
                places += range(len(data) // 4 - n_words, len(data) // 4)
            ends.append(len(data))
        self._words = np.frombuffer(data, ">f4")
        self._places = np.array(places, np.intp)
        view = memoryview(data)
        self.datagrams = [view[start:end] for start, end in zip([0, *ends], ends, strict=False)]
        """Views of the frame as it is now, each at most `DATAGRAM_LIMIT` bytes."""

    def patch(self, values: np.ndarray) -> None:
        """Write `values`, (number of words,) float32 in the order of the messages."""
        self._words[self._places] = values
