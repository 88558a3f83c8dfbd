"""Any datagram that may hold a face: OSC (VMC and VRChat too), Live Link, iFacialMocap, distinguished by their bytes."""

from . import ifacialmocap, livelink, plain, vmc, vrchat
from . import osc as osc_packets
from .reading import Reading, WireError, printable


def decode(datagram: bytes) -> Reading:
    """Decode one datagram. Never raises: an unknown format has the kind ``unknown``."""
    try:
        if datagram[:1] == bytes([livelink.VERSION]):
            return livelink.decode(datagram)
        if datagram[:1] == b"/" or datagram.startswith(b"#bundle\0"):
            return _osc(osc_packets.decode(datagram))
        if b"|" in datagram:
            return ifacialmocap.decode(datagram)
    except WireError:
        pass
    return Reading("unknown", notes=[datagram[:24].hex(" ")])


def _osc(messages: list[osc_packets.Message]) -> Reading:
    if not messages:
        return Reading("osc", notes=["an empty bundle"])
    start = messages[0].address.split("/")[1]
    reading = Reading({"VMC": "vmc", "avatar": "vrchat", "tracking": "vrchat"}.get(start, "osc"))
    for heard in messages:
        if not (plain.read(heard, reading) or vmc.read(heard, reading) or vrchat.read(heard, reading)):
            _note(heard, reading)
    return reading


def _note(heard: osc_packets.Message, reading: Reading) -> None:
    """A datagram of no known format."""
    address, arguments = heard
    if len(arguments) == 1 and isinstance(arguments[0], int | float):
        reading.values[printable(address)] = float(arguments[0])
    else:
        reading.notes.append(printable(" ".join([address, *map(str, arguments)])))
