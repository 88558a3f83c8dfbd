"""VMC protocol: VSeeFace, VNyan, Warudo, EVMC4U, VMC4UE, VMC4B and others.

References: sh-akira, Virtual Motion Capture Protocol, performer and marionette specification.
"""

from collections.abc import Callable, Collection

import numpy as np

from ..arkit import ARKIT_NAMES, INDEX
from ..frame import Frame
from .names import order, pascal
from .osc import Message, PatchedFrame, message
from .pose import head_angles, unity_quaternion
from .reading import Reading, printable

CASES: dict[str, Callable[[str], str]] = {"camel": str, "pascal": pascal}
"""How an avatar's clips may spell the ARKit names: ``jawOpen`` as Apple, ``JawOpen`` as most perfect-sync models."""
VOWELS = dict.fromkeys("AIUEO", "jawOpen") | dict.fromkeys(("Blink", "Blink_L", "Blink_R"), "eyeBlinkLeft")
"""The preset clips of every VRM 0 model that `vowels` drives → a coefficient without which each makes no sense."""
BONES = {"Neck": 0.4, "Head": 0.6}
"""The bones that turn, and the share of the head's angles for each; all others are left to other senders."""
_LENGTH = 0.1
"""Metres above its parent at which a bone is said to sit. Receivers for other avatars than the sender's own take the
rotation only; where one takes both (EVMC4U's "bone position synchronize") zero would pull the head into the chest."""

_TAKEN = [
    INDEX[name]
    for name in (
        "jawOpen",
        "mouthClose",
        "mouthPucker",
        "mouthFunnel",
        "mouthSmileLeft",
        "mouthSmileRight",
        "mouthStretchLeft",
        "mouthStretchRight",
        "eyeBlinkLeft",
        "eyeBlinkRight",
    )
]


def vowels(coefficients: np.ndarray) -> np.ndarray:
    """The values of `VOWELS`, (8,) in [0, 1], for a face (52,): an approximation for models without ARKit clips.

    Roundness takes from the open vowels what it gives to O and U, so that the clips do not add up to more than a mouth.
    ``Blink`` is what both eyes share; the sides only add what one of them has more.
    """
    taken = coefficients[_TAKEN].tolist()
    jaw, close, pucker, funnel, smile_l, smile_r, stretch_l, stretch_r, blink_l, blink_r = taken
    opening = max(jaw - close, 0.0)
    rounding = max(pucker, funnel)
    wide = max(smile_l + smile_r, stretch_l + stretch_r) / 2
    blink = min(blink_l, blink_r)
    flat, narrow = 1.0 - rounding, max(1.0 - 2.0 * opening, 0.0)
    return np.array(
        (
            opening * flat * (1.0 - wide),
            narrow * flat * wide,
            pucker * (1.0 - opening),
            opening * flat * wide,
            max(funnel, pucker * opening),
            blink,
            blink_l - blink,
            blink_r - blink,
        )
    )


class VmcEncoder:
    """One frame: ``OK``, ``T``, the bones, a ``Blend/Val`` for each clip, and ``Blend/Apply`` last of all.

    Nothing moves before ``Apply``, so the frame stays whole although it needs two datagrams. Bones are sent from the frame
    on in which the head first moves: a head that never moves is left to another tracker.

    Parameters
    ----------
    case : one of `CASES`.
    with_vowels : also send `VOWELS`; for models without perfect sync. On a model that has both, mouths open twice.
    bundled : False gives a datagram per message.
    driven : the ARKit names that fmg decides; the others are not sent, so that another tracker's stay.
    """

    def __init__(
        self, case: str = "pascal", with_vowels: bool = False, bundled: bool = True, driven: Collection[str] = ARKIT_NAMES
    ):
        ours = [name for name in ARKIT_NAMES if name in driven]
        self._ours = order(ours)
        self._vowels = [i for i, source in enumerate(VOWELS.values()) if with_vowels and source in driven]
        self._names = [CASES[case](name) for name in ours] + [list(VOWELS)[i] for i in self._vowels]
        self._bundled = bundled
        self._prepare(())

    def _prepare(self, bones: Collection[str]) -> None:
        self._bones = bones
        self._values = np.zeros(1 + 4 * len(bones) + len(self._names), np.float32)  # time, rotations, one per name
        self._frame = PatchedFrame(
            [
                (message("/VMC/Ext/OK", 1), 0),
                (message("/VMC/Ext/T", 0.0), 1),
                *((message("/VMC/Ext/Bone/Pos", name, 0.0, _LENGTH, 0.0, *[0.0] * 4), 4) for name in bones),
                *((message("/VMC/Ext/Blend/Val", name, 0.0), 1) for name in self._names),
                (message("/VMC/Ext/Blend/Apply"), 0),
            ],
            self._bundled,
        )

    def encode(self, frame: Frame) -> list[memoryview]:
        """The datagrams of `frame`, valid until the next call."""
        if not self._bones and frame.head.any():
            self._prepare(BONES)
        self._values[0] = frame.time
        n = 1
        for bone in self._bones:
            self._values[n : n + 4] = unity_quaternion(frame.head, BONES[bone])
            n += 4
        self._values[n : n + len(self._ours)] = frame.coefficients[self._ours]
        if self._vowels:
            self._values[n + len(self._ours) :] = vowels(frame.coefficients)[self._vowels]
        self._frame.patch(self._values)
        return self._frame.datagrams


def read(heard: Message, reading: Reading) -> bool:
    """Add what `heard` says to `reading`; False when it says nothing of the face."""
    address, arguments = heard
    if not address.startswith("/VMC/"):
        return False
    if address == "/VMC/Ext/Blend/Val" and len(arguments) >= 2:
        name, value = arguments[:2]
        if isinstance(name, str) and isinstance(value, int | float):
            reading.values[printable(name)] = float(value)
            reading.put(name, float(value))
            return True
    elif address == "/VMC/Ext/Blend/Apply":
        reading.complete = True
    elif address == "/VMC/Ext/Bone/Pos" and len(arguments) >= 8 and arguments[0] in BONES:
        numbers = [float(a) for a in arguments[4:8] if isinstance(a, int | float)]
        if len(numbers) == 4:
            reading.turn(*head_angles(*numbers), str(arguments[0]))
    return False
