"""Groups of options that several commands share."""

import math
from collections.abc import Callable
from typing import Any

import click

from ..wire.udp import LOOPBACK


def together(*options: Callable) -> Callable[[Callable], Callable]:
    """One decorator that adds all these `click.option`, shown in this order."""

    def decorator(command: Callable) -> Callable:
        for option in reversed(options):
            command = option(command)
        return command

    return decorator


class Number(click.FloatRange):
    """A range of numbers; click itself lets ``nan`` through, which lies in none."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        number = super().convert(value, param, ctx)
        if math.isnan(number):
            self.fail(f"'{value}' is not a number.", param, ctx)
        return number


class Address(click.ParamType):
    """``HOST:PORT`` → (host, port): a name, an IPv4 address or an IPv6 address in brackets.

    Parameters
    ----------
    port : taken where only a host is given; None demands one.
    """

    name = "host:port"

    def __init__(self, port: int | None = None):
        self._port = port

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, int]:
        if isinstance(value, tuple):
            return value
        text = str(value).strip()
        if text.startswith("["):
            host, closed, rest = text[1:].partition("]")
            if not closed or (rest and not rest.startswith(":")):
                self.fail(f"'{text}' is not HOST:PORT; write an IPv6 address as [::1]:9000", param, ctx)
            port = rest[1:] if rest else None
        else:
            if text.count(":") > 1:
                self.fail(f"'{text}' is not HOST:PORT; write an IPv6 address in brackets, as [::1]:9000", param, ctx)
            host, colon, port = text.partition(":")
            port = port if colon else None
        if not host or any(character.isspace() for character in host):
            self.fail(f"'{text}' names no host; write HOST:PORT, such as 127.0.0.1:9000", param, ctx)
        if port is None:
            if self._port is None:
                self.fail(f"'{text}' names no port; write HOST:PORT, such as {host}:9000", param, ctx)
            return host, self._port
        if not (port.isascii() and port.isdigit() and len(port) <= 5 and 1 <= int(port) <= 65535):
            self.fail(f"'{port}' is not a port; it must be a number from 1 to 65535", param, ctx)
        return host, int(port)


class ListenAddress(click.ParamType):
    """``PORT`` or ``HOST:PORT`` → (host, port) to listen at; the host is an address of this computer or ``*`` for all."""

    name = "port"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, int]:
        if isinstance(value, tuple):
            return value
        text = str(value).strip()
        return Address().convert(text if ":" in text else f"{LOOPBACK}:{text}", param, ctx)
