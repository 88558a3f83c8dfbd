"""The receivers of a run, started and stopped while it runs: the preview's list of receivers."""

import socket
from collections.abc import Collection
from dataclasses import replace
from typing import Any

import click

from ..app.monitor import line, receive
from ..arkit import ARKIT_NAMES
from ..frame import Frame
from ..sinks import Sink, Sinks
from ..wire.datagram import decode
from ..wire.udp import format_address, listen
from .options import Address, click_options
from .sink_options import ReceiverOptions, build_sinks

_HERE = "127.0.0.1"
_OSC_PORT = 9000
"""The port that most programs expect, for kinds without a default port."""
_ON_LOOPBACK = 0.005
"""Seconds within which a datagram sent on this computer arrives."""


def _kinds() -> dict[str, click.Option]:
    """Option of each kind of receiver, by name: those of `ReceiverOptions` that take an address."""
    return {str(o.name): o for o in click_options(ReceiverOptions) if isinstance(o.type, Address)}


class LiveReceivers:
    """See `preview.Receivers`.

    Parameters
    ----------
    options : receivers that the run was told to send to, and what they get. sinks : what it sends to.
    rate, driven : as for `build_sinks`.
    """

    def __init__(self, options: ReceiverOptions, sinks: Sinks, rate: float, driven: Collection[str] = ARKIT_NAMES):
        self._kinds = _kinds()
        self._options = replace(options, **{kind: self._value(kind, None) for kind in self._kinds})
        self._sinks, self._rate, self._driven = sinks, rate, driven
        self._running: dict[str, tuple[str, tuple[str, int]]] = {}
        """Name of the sink → its kind and address."""
        self._copies: dict[str, tuple[Sink, socket.socket]] = {}
        for kind, option in self._kinds.items():
            value = getattr(options, kind)
            for address in value if option.multiple else [value] if value else []:
                self._running[f"{kind} {format_address(*address)}"] = kind, address

    def state(self) -> dict[str, Any]:
        """``kinds`` and ``running``."""
        return {
            "kinds": {kind: self._usual(kind) for kind in self._kinds},
            "running": [
                {"name": name, "kind": kind, "address": format_address(*address)}
                for name, (kind, address) in self._running.items()
            ],
        }

    def start(self, kind: str, address: str) -> None:
        """Send to one more; ValueError says why not."""
        if kind not in self._kinds:
            raise ValueError(f"there is no receiver '{kind}'")
        option = self._kinds[kind]
        try:
            place = option.type.convert(address, option, None)
            if not option.multiple and any(other == kind for other, _ in self._running.values()):
                raise ValueError(f"{kind} takes one address: stop the other one first")
            if (kind, place) in self._running.values():
                raise ValueError(f"{kind} {format_address(*place)} already receives the face")
            (sink,) = self._build(kind, place)
        except click.ClickException as error:
            raise ValueError(error.message) from None
        self._sinks.add(sink)
        self._running[sink.name] = kind, place

    def stop(self, name: str) -> None:
        """Bring that receiver's face to rest and send no more; ValueError if there is none."""
        if name not in self._running:
            raise ValueError(f"nothing is sent to '{name}'")
        self._sinks.remove(name)
        del self._running[name]
        if name in self._copies:
            sink, catcher = self._copies.pop(name)
            sink.close()
            catcher.close()

    def look(self, name: str, frame: Frame) -> dict[str, Any]:
        """What goes to that receiver for `frame`, a line for each datagram, as ``fmg-rt monitor`` would show it."""
        if name not in self._running:
            raise ValueError(f"nothing is sent to '{name}'")
        if any(sink.name == name and sink.address is None for sink in self._sinks):
            return {"name": name, "lines": ["It holds a connection; there are no datagrams to show."]}
        if name not in self._copies:
            # A second sink with the same options, to our own port: it sends what the receiver gets.
            catcher = listen(_HERE, 0)
            kind, _ = self._running[name]
            (copy,) = self._build(kind, catcher.getsockname())
            if copy.address is None:
                copy.close()
                catcher.close()
                return {"name": name, "lines": ["it receives no datagrams that could be shown"]}
            self._copies[name] = copy, catcher
        copy, catcher = self._copies[name]
        lines = []
        try:
            copy.send(frame)
            while (arrived := receive(catcher, _ON_LOOPBACK)) is not None:
                datagram, _ = arrived
                lines.append(line(decode(datagram), len(datagram), "→"))
        except (OSError, ValueError) as error:
            lines.append(str(error))
        return {"name": name, "lines": lines}

    def options(self) -> dict[str, Any]:
        """Option → the addresses that run now, as texts; None: none."""
        chosen: dict[str, Any] = {}
        for kind, option in self._kinds.items():
            places = [format_address(*place) for other, place in self._running.values() if other == kind]
            chosen[kind.replace("_", "-")] = (places if option.multiple else places[0]) if places else None
        return chosen

    def _build(self, kind: str, place: tuple[str, int]) -> list[Sink]:
        """The one sink of that kind to that place."""
        return build_sinks(replace(self._options, **{kind: self._value(kind, place)}), self._rate, self._driven)

    def _value(self, kind: str, place: tuple[str, int] | None) -> Any:
        """The value of click for an option that names `place`."""
        return ((place,) if place else ()) if self._kinds[kind].multiple else place

    def _usual(self, kind: str) -> str:
        option = self._kinds[kind]
        if isinstance(option.flag_value, str):
            return option.flag_value
        try:
            return format_address(*option.type.convert(_HERE, option, None))
        except click.ClickException:
            return format_address(_HERE, _OSC_PORT)
