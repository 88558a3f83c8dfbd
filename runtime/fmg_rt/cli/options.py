"""Options as fields of frozen dataclasses: each is declared once, with its type, and a command takes whole groups of them."""

import dataclasses
import functools
import inspect
import math
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import click

from ..wire.udp import LOOPBACK

_OPTION = "option"
_Group = TypeVar("_Group")


def option(*names: str, **attributes: Any) -> Any:
    """The field of a dataclass that `click.option` with these arguments fills; it is called as click calls the value."""
    return dataclasses.field(metadata={_OPTION: (names, attributes)})


def click_options(group: type) -> list[click.Option]:
    """The options of a dataclass, in the order of its fields."""
    return [click.Option(names, **attributes) for names, attributes in _declared(group)]


def fill(group: type[_Group], values: Mapping[str, Any]) -> _Group:
    """An instance of a dataclass of options from the values that click gives to a command."""
    return group(**{field.name: values[field.name] for field in dataclasses.fields(group)})  # type: ignore[arg-type]


def grouped(command: Callable[..., Any]) -> Callable[..., Any]:
    """Decorator: each parameter whose annotation is a dataclass of options adds these options, and takes their values."""
    signature = inspect.signature(command, eval_str=True)
    groups = {name: each.annotation for name, each in signature.parameters.items() if _is_group(each.annotation)}

    @functools.wraps(command)
    def filled(*args: Any, **values: Any) -> Any:
        rest = dict(values)
        for group in groups.values():
            for field in dataclasses.fields(group):
                del rest[field.name]
        return command(*args, **rest, **{name: fill(group, values) for name, group in groups.items()})

    for group in reversed(groups.values()):
        for names, attributes in reversed(_declared(group)):
            filled = click.option(*names, **attributes)(filled)
    return filled


def _is_group(annotation: Any) -> bool:
    return dataclasses.is_dataclass(annotation) and all(_OPTION in each.metadata for each in dataclasses.fields(annotation))


def _declared(group: type) -> list[tuple[tuple[str, ...], dict[str, Any]]]:
    return [field.metadata[_OPTION] for field in dataclasses.fields(group)]


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
