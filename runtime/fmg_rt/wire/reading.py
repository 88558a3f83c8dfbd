"""The content of a datagram of any format, and the one error of all decoders."""

import math
from dataclasses import dataclass, field

from ..arkit import INDEX
from ..errors import FmgError

_BY_NAME = {name.lower(): i for name, i in INDEX.items()}


class WireError(FmgError, ValueError):
    """Malformed bytes. No decoder of this package raises anything else."""


@dataclass
class Reading:
    """One decoded datagram.

    Attributes
    ----------
    kind : ``osc``, ``vmc``, ``vrchat``, ``livelink``, ``ifacialmocap`` or ``unknown``.
    values : name → number, as the sender spells and sends them, in the order of the datagram.
    notes : what else it says, printable.
    face : position in a 52-vector → coefficient in [0, 1].
    turns : ``Head`` or ``Neck`` → yaw, pitch, roll as in `Frame.head`. Who sends both means their sum.
    complete : the sender's frame ends here.
    """

    kind: str
    values: dict[str, float] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    face: dict[int, float] = field(default_factory=dict)
    turns: dict[str, tuple[float, float, float]] = field(default_factory=dict)
    complete: bool = False

    def put(self, name: str, value: float) -> None:
        """Take the coefficient of an ARKit `name` in any case; other names, and what is not finite, are left out."""
        i = _BY_NAME.get(name.lower())
        if i is not None and math.isfinite(value):
            self.face[i] = min(1.0, max(0.0, value))

    def turn(self, yaw: float, pitch: float, roll: float, bone: str = "Head") -> None:
        """Take a bone's angles in radians, where all are finite and less than half a turn."""
        if all(abs(angle) <= math.pi for angle in (yaw, pitch, roll)):  # NaN is not
            self.turns[bone] = yaw, pitch, roll


def printable(text: object) -> str:
    """Text from the network without control characters, which could control a terminal."""
    return "".join(c if c.isprintable() else "?" for c in str(text))
