"""OSC 1.0: messages encoded once, then patched in place and sent every frame; and a strict decoder of any datagram.

References: Open Sound Control specification 1.0 (Wright, 2002).
"""

import math
import struct
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from .reading import WireError

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
    """A message as an element of a bundle: its size, then its bytes."""
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


DEEPEST = 8
"""Bundles within bundles that `decode` follows."""

Argument = float | int | str | bytes | bool | None
_NUMBERS = {
    "i": struct.Struct(">i"),
    "f": struct.Struct(">f"),
    "h": struct.Struct(">q"),
    "d": struct.Struct(">d"),
    "t": struct.Struct(">Q"),
    "r": struct.Struct(">I"),
    "c": struct.Struct(">I"),
    "m": struct.Struct(">I"),
}
_CONSTANTS: dict[str, Argument] = {"T": True, "F": False, "N": None, "I": math.inf}


class Message(NamedTuple):
    """One message. Arrays are flattened; a colour, character or MIDI message is its 32-bit number."""

    address: str
    arguments: tuple[Argument, ...]


def decode(datagram: bytes) -> list[Message]:
    """Every message of a datagram, those of bundles in their order; time tags are ignored.

    Time and memory are bounded by the length: each byte is looked at once, sizes are checked before they are believed.

    Raises
    ------
    WireError
        Not OSC, cut short, or bundles nested deeper than `DEEPEST`.
    """
    return list(_packet(datagram, 0, len(datagram), 0))


def _packet(data: bytes, at: int, end: int, depth: int) -> Iterator[Message]:
    """The messages of a packet that is the bytes from `at` to `end`."""
    if data[at : at + 8] != BUNDLE_HEADER[:8]:
        yield _message(data, at, end)
        return
    if depth == DEEPEST:
        raise WireError("bundles are nested too deeply")
    at += len(BUNDLE_HEADER)
    if at > end:
        raise WireError("the bundle is cut short")
    while at < end:
        if end - at < 4:
            raise WireError("the bundle is cut short")
        size = int.from_bytes(data[at : at + 4], "big", signed=True)
        at += 4
        if size <= 0 or size % 4 or size > end - at:
            raise WireError(f"the size of an element is {size} with {end - at} bytes left")
        yield from _packet(data, at, at + size, depth + 1)
        at += size


def _message(data: bytes, at: int, end: int) -> Message:
    address, at = _text(data, at, end)
    if not address.startswith("/"):
        raise WireError("an address starts with /")
    if at == end:  # old senders omit the type tags of a message without arguments
        return Message(address, ())
    tags, at = _text(data, at, end)
    if not tags.startswith(","):
        raise WireError("the type tags are missing")
    arguments: list[Argument] = []
    for tag in tags[1:]:
        if tag in _NUMBERS:
            number = _NUMBERS[tag]
            if end - at < number.size:
                raise WireError("an argument is cut short")
            arguments.append(number.unpack_from(data, at)[0])
            at += number.size
        elif tag in _CONSTANTS:
            arguments.append(_CONSTANTS[tag])
        elif tag in "sS":
            text, at = _text(data, at, end)
            arguments.append(text)
        elif tag == "b":
            size = int.from_bytes(data[at : at + 4], "big", signed=True) if end - at >= 4 else -1
            at += 4
            if not 0 <= size <= end - at:
                raise WireError("a blob is cut short")
            arguments.append(bytes(data[at : at + size]))
            at = min(end, at + size + -size % 4)
        elif tag not in "[]":
            raise WireError("an unknown type tag")
    return Message(address, tuple(arguments))


def _text(data: bytes, at: int, end: int) -> tuple[str, int]:
    """A string and where the next item begins."""
    stop = data.find(b"\0", at, end)
    if stop < 0:
        raise WireError("a string without an end")
    try:
        return data[at:stop].decode(), min(end, stop + 4 - (stop - at) % 4)
    except UnicodeDecodeError:
        raise WireError("a string that is not UTF-8") from None
