"""OSC that chooses emotions while the program runs.

=====================  =================================================================
``/emotion/NAME``      a number from 0 to 1, of any name in `emotions.NAMES` or an alias
``/emotion/none``      nothing is chosen any more; its arguments are ignored
``/emotion/strength``  a number from 0 to 3, of every emotion
``/emotion/mix``       a number from 0 to 1: how far chosen emotions replace heard ones
=====================  =================================================================
"""

from . import osc
from .reading import WireError, printable

START = "/emotion/"


def decode(datagram: bytes) -> list[tuple[str, float]]:
    """(what stands behind ``/emotion/``, its number) of each such message, in their order; others are left out.

    Raises
    ------
    WireError
        Not OSC, or a message of these without its number.
    """
    found = []
    for address, arguments in osc.decode(datagram):
        if not address.startswith(START):
            continue
        name = address.removeprefix(START)
        if name == "none":
            found.append((name, 0.0))
            continue
        if len(arguments) != 1 or isinstance(arguments[0], bool) or not isinstance(arguments[0], int | float):
            raise WireError(f"{printable(address)} takes one number")
        found.append((name, float(arguments[0])))
    return found
