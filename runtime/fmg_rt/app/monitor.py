"""Text and bars for what arrives at a port."""

import socket
from collections import Counter
from collections.abc import Iterator, Mapping

from ..wire.reading import Reading
from ..wire.udp import format_address

_LARGEST = 65_536  # bytes of a datagram
_MOST_NAMES = 1000  # of a kind; a valid sender has fewer
_NOTE = 72  # characters of a note
BAR = 10  # characters
_CELL = 24 + BAR + 8  # characters: name, bar, value and the space to the next cell


def receive(opened: socket.socket, timeout: float) -> tuple[bytes, str] | None:
    """The next datagram and who sent it; None: nothing came within `timeout` seconds."""
    opened.settimeout(timeout)
    try:
        datagram, (host, port, *_) = opened.recvfrom(_LARGEST)
    except (TimeoutError, BlockingIOError):
        return None
    return datagram, format_address(host.removeprefix("::ffff:"), port)


def line(arrival: Reading, size: int, sender: str) -> str:
    """One datagram as one line: the values that are not 0, and the notes."""
    values = [f"{name} {value:.3g}" for name, value in arrival.values.items() if value]
    said = ", ".join([*values, *(_short(note) for note in arrival.notes)]) or "all values are 0"
    return f"{sender}  {arrival.kind}  {size} B  {said}"


def _short(note: str) -> str:
    return note if len(note) <= _NOTE else note[: _NOTE - 1] + "…"


class Tally:
    """The newest values of each kind, and the amount since the last screen."""

    def __init__(self) -> None:
        self.newest: dict[str, dict[str, float]] = {}
        self.notes: dict[str, list[str]] = {}
        self._datagrams: Counter[str] = Counter()
        self._bytes: Counter[str] = Counter()

    def add(self, arrival: Reading, size: int) -> None:
        """Count one datagram of `size` bytes."""
        newest = self.newest.setdefault(arrival.kind, {})
        newest.update((n, v) for n, v in arrival.values.items() if n in newest or len(newest) < _MOST_NAMES)
        if arrival.notes:
            self.notes[arrival.kind] = arrival.notes
        self._datagrams[arrival.kind] += 1
        self._bytes[arrival.kind] += size

    def screen(self, seconds: float, width: int, height: int) -> list[str]:
        """Lines for a terminal of that size; counts what came in the last `seconds` and starts to count again."""
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
    cells = [f"{_fit(name):24}{_bar(value)}{value:6.2f}"[: _CELL - 2].ljust(_CELL) for name, value in values.items()]
    n_columns = max(1, width // _CELL)
    n_rows = -(-len(cells) // n_columns)
    for row in range(n_rows):
        yield "".join(cells[row::n_rows])[: width - 1]


def _fit(name: str) -> str:
    return name if len(name) < 24 else "…" + name[-22:]


def _bar(value: float) -> str:
    full = min(BAR, round(BAR * abs(value))) if abs(value) < 1e6 else 0  # not for NaN and other nonsense
    return ("-" if value < 0 else "#") * full + "." * (BAR - full)
