"""What one server allows, and its refusals."""

import hmac
import math
from dataclasses import dataclass, fields
from enum import Enum

from ..errors import FmgError


class LimitError(FmgError, ValueError):
    """A limit that cannot be; the message says which one."""


class Reason(Enum):
    """Why a server says no; each way in has its own code for each."""

    INVALID = "invalid"
    TOO_BIG = "too big"
    TOO_LONG = "too long"
    FULL = "full"
    IDLE = "idle"
    LEAVING = "leaving"
    TOKEN = "token"
    ORIGIN = "origin"
    FAILED = "failed"


class Refusal(FmgError):
    """The server does not do this; the message is one sentence for the client."""

    def __init__(self, reason: Reason, sentence: str) -> None:
        super().__init__(sentence)
        self.reason = reason


@dataclass(frozen=True)
class Limits:
    """What one server allows.

    Attributes
    ----------
    max_streams : streams at once, over all its processes.
    max_seconds : of audio in one stream or one sound file.
    idle_seconds : without a message from the client, or with one that it does not take.
    max_message : bytes of one message.
    max_upload : bytes of a sound file sent for a bake.
    """

    max_streams: int = 100
    max_seconds: float = 3600.0
    idle_seconds: float = 60.0
    max_message: int = 4 << 20
    max_upload: int = 64 << 20

    def __post_init__(self) -> None:
        for each in fields(self):
            value = getattr(self, each.name)
            if not (math.isfinite(value) and value > 0):
                raise LimitError(f"{each.name} must be above 0, not {value:g}")


def check_token(wanted: str | None, header: str | None) -> None:
    """Raise `Refusal` unless ``Authorization: Bearer TOKEN`` is the one wanted; compared in constant time."""
    if wanted is None:
        return
    scheme, _, given = (header or "").partition(" ")
    right = hmac.compare_digest(given.strip().encode(), wanted.encode())
    if scheme.lower() != "bearer" or not right:
        raise Refusal(Reason.TOKEN, "this server wants 'authorization: Bearer TOKEN' with its token")


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches that address."""
    import ipaddress

    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
