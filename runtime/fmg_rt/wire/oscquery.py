"""OSCQuery, as far as VRChat needs it: the tree of an avatar's parameters, and where its OSC port is.

References: Vidvox, OSCQuery proposal; VRChat documentation, "OSCQuery".
"""

import json
from typing import Any

from .reading import WireError

LARGEST = 4 << 20
"""Bytes of an answer that is read."""
_MOST = 10_000
"""Nodes of a tree."""


def types(text: bytes) -> dict[str, str]:
    """Address → OSC type of every node of a tree that has one.

    Raises
    ------
    WireError
        No such tree.
    """
    found: dict[str, str] = {}
    waiting = [_object(text)]
    n = 0
    while waiting:
        node = waiting.pop()
        n += 1
        if n > _MOST:
            raise WireError("the tree has too many nodes")
        address, type = node.get("FULL_PATH"), node.get("TYPE")
        if isinstance(address, str) and isinstance(type, str) and address.isprintable() and len(address) < 256 and type:
            found[address] = type
        contents = node.get("CONTENTS")
        if isinstance(contents, dict):
            waiting += [inner for inner in contents.values() if isinstance(inner, dict)]
    return found


def osc_address(text: bytes) -> tuple[str | None, int]:
    """(host or None, port) of the OSC receiver, from an answer to ``/?HOST_INFO``.

    Raises
    ------
    WireError
        No such answer.
    """
    info = _object(text)
    host, port = info.get("OSC_IP"), info.get("OSC_PORT")
    if not isinstance(port, int) or not 0 < port < 65_536:
        raise WireError("no OSC port")
    return host if isinstance(host, str) and host else None, port


def _object(text: bytes) -> dict[str, Any]:
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        raise WireError("not JSON") from None
    if not isinstance(content, dict):
        raise WireError("not an object")
    return content
