"""The command line for given values of options."""

import shlex
import subprocess
import sys
from collections.abc import Iterable, Mapping
from typing import Any

import click

from ..wire.udp import format_address


def command_line(options: Iterable[click.Parameter], params: Mapping[str, Any], leave_out: Iterable[str] = ()) -> str:
    """``fmg-rt`` with every option whose value is not its default, quoted for this system's shell.

    Parameters
    ----------
    options : of the command. params : their values by name, as click gives them or as a config file writes them.
    leave_out : names of options to omit.
    """
    words = ["fmg-rt"]
    for option in options:
        if not isinstance(option, click.Option) or option.name in leave_out or option.name not in params:
            continue
        value = params[option.name]
        if value is None or value == option.default or value in ((), {}):
            continue
        if isinstance(value, bool):
            words += option.opts[:1] if value else option.secondary_opts[:1]
        elif value == option.flag_value:
            words.append(option.opts[0])
        else:
            for one in value if option.multiple else [value]:
                words += [option.opts[0], _text(one)]
    return subprocess.list2cmdline(words) if sys.platform == "win32" else shlex.join(words)


def _text(value: Any) -> str:
    match value:
        case Mapping():
            return ",".join(f"{name}={size:g}" for name, size in value.items())
        case (str(host), int(port)):
            return format_address(host, port)
        case (str(name), (low, high)):
            return f"{name}={low:g}:{high:g}"
        case float():
            return f"{value:g}"
    return str(value)
