"""What arrives at a port, in words: OSC (VMC and VRChat too), Live Link and iFacialMocap, told apart by their bytes."""

import contextlib
import socket
import struct
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from ..arkit import ARKIT_NAMES, N_COEFFICIENTS
from ..sinks.livelink import N_VALUES, VERSION
from ..wire.names import APPLE, POSE
from ..wire.udp import format_address

_LARGEST = 65_536  # bytes of a datagram
_QUEUE = 1 << 20  # bytes that may wait while the screen is drawn
_NOTE = 72  # characters of a note
BAR = 10  # characters
_CELL = 24 + BAR + 8  # characters: name, bar, value and the space to the next cell


@dataclass
class Arrival:
    """One datagram understood.

    Attributes
    ----------
    kind : ``osc``, ``vmc``, ``vrchat``, ``livelink``, ``ifacialmocap`` or ``unknown``.
    values : name → number, in the order of the datagram.
    notes : what else it says.
    """

    kind: str
    values: dict[str, float] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def decode(datagram: bytes) -> Arrival:
    """Understand one datagram; bytes that nobody knows are ``unknown``, never an error."""
    with contextlib.suppress(ValueError, TypeError, IndexError, struct.error):
        if datagram[:1] == bytes([VERSION]):
            return _live_link(datagram)
        if datagram[:1] == b"/" or datagram.startswith(b"#bundle\0"):
            return _osc(datagram)
        if b"|" in datagram:
            return _ifacialmocap(datagram.decode())
    return Arrival("unknown", notes=[datagram[:24].hex(" ")])


def _live_link(datagram: bytes) -> Arrival:
    at, texts = 1, []
    for _ in range(2):  # device, subject
        (length,) = struct.unpack_from(">i", datagram, at)
        if not 0 <= length <= len(datagram):
            raise ValueError("not a string")
        texts.append(datagram[at + 4 : at + 4 + length].decode())
        at += 4 + length
    arrival = Arrival("livelink", notes=[f"subject {_printable(texts[1])}"])
    if at + 16 >= len(datagram):  # without values: no face is seen
        return arrival
    number, _, numerator, denominator, n_values = struct.unpack_from(">ifiiB", datagram, at)
    if n_values != N_VALUES:
        raise ValueError("not a face")
    arrival.notes.append(f"frame {number} at {numerator}/{denominator}")
    values = struct.unpack_from(f">{N_VALUES}f", datagram, at + 17)
    arrival.values = dict(zip((*APPLE, *POSE), values, strict=True))
    return arrival


def _osc(datagram: bytes) -> Arrival:
    from pythonosc.osc_packet import OscPacket, ParseError

    try:
        messages = [timed.message for timed in OscPacket(datagram).messages]
    except ParseError as error:
        raise ValueError from error
    if not messages:
        return Arrival("osc", notes=["an empty bundle"])
    start = messages[0].address.split("/")[1]
    arrival = Arrival({"VMC": "vmc", "avatar": "vrchat", "tracking": "vrchat"}.get(start, "osc"))
    for message in messages:
        _add(arrival, message.address, message.params)
    return arrival


def _add(arrival: Arrival, address: str, arguments: list) -> None:
    head, _, name = address.rpartition("/")
    if address == "/blendshapes" and len(arguments) == N_COEFFICIENTS:
        arrival.values |= {name: float(value) for name, value in zip(ARKIT_NAMES, arguments, strict=True)}
    elif head == "/blendshape" and name.isdecimal() and int(name) < N_COEFFICIENTS and len(arguments) == 1:
        arrival.values[ARKIT_NAMES[int(name)]] = float(arguments[0])
    elif address == "/VMC/Ext/Blend/Val" and len(arguments) == 2:
        arrival.values[_printable(arguments[0])] = float(arguments[1])
    elif len(arguments) == 1 and isinstance(arguments[0], int | float):
        arrival.values[_printable(address.removeprefix("/avatar/parameters/"))] = float(arguments[0])
    else:
        arrival.notes.append(_printable(" ".join([address, *map(str, arguments)])))


def _ifacialmocap(text: str) -> Arrival:
    shapes, _, pose = text.partition("=")
    arrival = Arrival("ifacialmocap")
    for token in filter(None, shapes.split("|")):
        name, separator, value = token.partition("&" if "&" in token else "-")
        if not separator:
            raise ValueError("not a shape")
        arrival.values[_printable(name)] = int(value) / 100
    arrival.notes += map(_printable, filter(None, pose.split("|")))
    return arrival


def _printable(text: object) -> str:
    """Nothing that comes from outside may steer the terminal."""
    return "".join(c if c.isprintable() else "?" for c in str(text))


def open_port(port: int) -> socket.socket:
    """A socket that hears everything sent to `port`, over IPv6 and IPv4 where the machine has both.

    Raises
    ------
    OSError
        Another program has the port.
    """
    if socket.has_dualstack_ipv6():
        opened = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    else:
        opened = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _QUEUE)
        opened.bind(("", port))
    except OSError:
        opened.close()
        raise
    return opened


def receive(opened: socket.socket, timeout: float) -> tuple[bytes, str] | None:
    """The next datagram and who sent it; None: nothing came within `timeout` seconds."""
    opened.settimeout(timeout)
    try:
        datagram, (host, port, *_) = opened.recvfrom(_LARGEST)
    except (TimeoutError, BlockingIOError):
        return None
    return datagram, format_address(host.removeprefix("::ffff:"), port)


def line(arrival: Arrival, size: int, sender: str) -> str:
    """One datagram as one line: the values that are not 0, and the notes."""
    values = [f"{name} {value:.3g}" for name, value in arrival.values.items() if value]
    said = ", ".join([*values, *(_short(note) for note in arrival.notes)]) or "all values are 0"
    return f"{sender}  {arrival.kind}  {size} B  {said}"


def _short(note: str) -> str:
    return note if len(note) <= _NOTE else note[: _NOTE - 1] + "…"


class Tally:
    """What came of each kind: the newest values, and how much there was since the last look."""

    def __init__(self) -> None:
        self.newest: dict[str, dict[str, float]] = {}
        self.notes: dict[str, list[str]] = {}
        self._datagrams: Counter[str] = Counter()
        self._bytes: Counter[str] = Counter()

    def add(self, arrival: Arrival, size: int) -> None:
        """Count one datagram of `size` bytes."""
        self.newest.setdefault(arrival.kind, {}).update(arrival.values)
        if arrival.notes:
            self.notes[arrival.kind] = arrival.notes
        self._datagrams[arrival.kind] += 1
        self._bytes[arrival.kind] += size

    def screen(self, seconds: float, width: int, height: int) -> list[str]:
        """Lines for a terminal of that size; counts what came in the last `seconds` and starts to count anew."""
        lines: list[str] = []
        for kind, values in self.newest.items():
            rate, load = self._datagrams[kind] / seconds, self._bytes[kind] / seconds / 1000
            notes = "; ".join(_short(note) for note in self.notes.get(kind, []))
            lines += [f"{kind}  {rate:.0f} datagrams/s  {load:.1f} kB/s  {notes}"[: width - 1], *_bars(values, width)]
        self._datagrams.clear()
        self._bytes.clear()
        return lines[: height - 1]


def _bars(values: Mapping[str, float], width: int) -> Iterator[str]:
    """Names, bars and values in as many columns as fit."""
    cells = [
        f"{_fit(name):24}{_bar(value)}{value:6.2f}"[: _CELL - 2].ljust(_CELL) for name, value in values.items()
    ]
    n_columns = max(1, width // _CELL)
    n_rows = -(-len(cells) // n_columns)
    for row in range(n_rows):
        yield "".join(cells[row::n_rows])[: width - 1]


def _fit(name: str) -> str:
    return name if len(name) < 24 else "…" + name[-22:]


def _bar(value: float) -> str:
    full = min(BAR, round(BAR * abs(value))) if abs(value) < 1e6 else 0  # not for NaN and other nonsense
    return ("-" if value < 0 else "#") * full + "." * (BAR - full)


