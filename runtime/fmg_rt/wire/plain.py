"""Plain OSC, fmg's own format: the 52 coefficients unchanged, in alphabetical order, and the head.

==================  ===============================================================================================
``/blendshapes``    52 floats
``/blendshape/i``   a float, for i from 0 to 51
``/head``           three floats, yaw, pitch and roll in radians as in `Frame.head`
``/fmg/names``      the 52 names
==================  ===============================================================================================
"""

from ..arkit import ARKIT_NAMES, N_COEFFICIENTS
from ..frame import Frame
from .osc import Message, PatchedFrame, message
from .reading import Reading

NAMES = message("/fmg/names", *ARKIT_NAMES)


class PlainEncoder:
    """Frames to datagrams, without allocating their bytes.

    ``/blendshapes`` and the bundle of ``/blendshape/i`` are each whole in one datagram (280 and 1472 bytes), so a receiver
    of either never sees half a face; both in one would be 1756 bytes and be cut in two on the way.

    Parameters
    ----------
    bundled : False gives ``/blendshape/i`` as 52 datagrams, for receivers that cannot read bundles.
    """

    def __init__(self, bundled: bool = True):
        zeros = [0.0] * N_COEFFICIENTS
        self._together = PatchedFrame([(message("/blendshapes", *zeros), N_COEFFICIENTS)], bundled=False)
        self._one_by_one = PatchedFrame([(message(f"/blendshape/{i}", 0.0), 1) for i in range(N_COEFFICIENTS)], bundled=bundled)
        self._head = PatchedFrame([(message("/head", 0.0, 0.0, 0.0), 3)], bundled=False)
        self._datagrams = self._together.datagrams + self._one_by_one.datagrams
        self._turned = False

    def encode(self, frame: Frame) -> list[memoryview]:
        """The datagrams of `frame`, valid until the next call; the head's once it has moved."""
        self._together.patch(frame.coefficients)
        self._one_by_one.patch(frame.coefficients)
        if not self._turned:
            if not frame.head.any():
                return self._datagrams
            self._turned = True
            self._datagrams += self._head.datagrams
        self._head.patch(frame.head)
        return self._datagrams


def read(heard: Message, reading: Reading) -> bool:
    """Add what `heard` says to `reading`; False when it is none of these messages."""
    address, arguments = heard
    numbers = [float(a) for a in arguments if isinstance(a, int | float)]
    if len(numbers) != len(arguments):
        return False
    if address == "/blendshapes" and len(numbers) == N_COEFFICIENTS:
        named = list(zip(ARKIT_NAMES, numbers, strict=True))
    elif address.startswith("/blendshape/") and len(numbers) == 1:
        number = address.removeprefix("/blendshape/")
        if not (number.isascii() and number.isdecimal() and len(number) <= 2 and int(number) < N_COEFFICIENTS):
            return False
        named = [(ARKIT_NAMES[int(number)], numbers[0])]
    elif address == "/head" and len(numbers) == 3:
        yaw, pitch, roll = numbers
        reading.turn(yaw, pitch, roll)
        reading.notes.append("head " + " ".join(f"{number:.3g}" for number in numbers))
        return True
    else:
        return False
    for name, value in named:
        reading.values[name] = value
        reading.put(name, value)
    reading.complete = True
    return True
