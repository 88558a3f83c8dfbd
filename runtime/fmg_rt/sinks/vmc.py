"""VMC protocol: VSeeFace, VNyan, Warudo, EVMC4U, VMC4UE, VMC4B and others.

References: sh-akira, Virtual Motion Capture Protocol, performer and marionette specification.
"""

from collections.abc import Callable, Collection

import numpy as np

from ..arkit import ARKIT_NAMES, INDEX
from ..frame import Frame
from ..wire.names import order, pascal
from ..wire.osc import PatchedFrame, message
from .receiver import UdpReceiver

CASES: dict[str, Callable[[str], str]] = {"camel": str, "pascal": pascal}
"""How an avatar's clips may spell the ARKit names: ``jawOpen`` as Apple, ``JawOpen`` as most perfect-sync models."""
VOWELS = dict.fromkeys("AIUEO", "jawOpen") | dict.fromkeys(("Blink", "Blink_L", "Blink_R"), "eyeBlinkLeft")
"""The preset clips of every VRM 0 model that `vowels` drives → a coefficient without which each makes no sense."""

_TAKEN = [
    INDEX[name] for name in (
        "jawOpen", "mouthClose", "mouthPucker", "mouthFunnel", "mouthSmileLeft", "mouthSmileRight",
        "mouthStretchLeft", "mouthStretchRight", "eyeBlinkLeft", "eyeBlinkRight",
    )
]  # fmt: skip


def vowels(coefficients: np.ndarray) -> np.ndarray:
    """The values of `VOWELS`, (8,) in [0, 1], for a face (52,): a rough likeness for models without ARKit clips.

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
    return np.array((
        opening * flat * (1.0 - wide), narrow * flat * wide, pucker * (1.0 - opening), opening * flat * wide,
        max(funnel, pucker * opening), blink, blink_l - blink, blink_r - blink,
    ))  # fmt: skip


class VmcSink(UdpReceiver):
    """One frame: ``/VMC/Ext/OK``, ``/VMC/Ext/T``, 52 × ``/VMC/Ext/Blend/Val``, ``/VMC/Ext/Blend/Apply`` last of all.

    Nothing moves before ``Apply``, so the frame stays whole although it needs two datagrams.

    Parameters
    ----------
    case : one of `CASES`.
    with_vowels : also send `VOWELS`; for models without perfect sync. On a model that has both, mouths open twice.
    bundled : False sends a datagram per message.
    driven : the ARKit names that fmg decides; the others are not sent, so that another tracker's stay.
    """

    def __init__(
        self, host: str, port: int, case: str = "pascal", with_vowels: bool = False, bundled: bool = True,
        driven: Collection[str] = ARKIT_NAMES,
    ):  # fmt: skip
        super().__init__("vmc", host, port)
        ours = [name for name in ARKIT_NAMES if name in driven]
        self._ours = order(ours)
        self._vowels = [i for i, source in enumerate(VOWELS.values()) if with_vowels and source in driven]
        names = [CASES[case](name) for name in ours] + [list(VOWELS)[i] for i in self._vowels]
        self._values = np.zeros(1 + len(names), np.float32)  # time, then one per name
        self._frame = PatchedFrame(
            [
                (message("/VMC/Ext/OK", 1), 0), (message("/VMC/Ext/T", 0.0), 1),
                *((message("/VMC/Ext/Blend/Val", name, 0.0), 1) for name in names),
                (message("/VMC/Ext/Blend/Apply"), 0),
            ],
            bundled,
        )  # fmt: skip

    def send(self, frame: Frame) -> None:
        """Patch and send the frame."""
        self._values[0] = frame.time
        n = 1 + len(self._ours)
        self._values[1:n] = frame.coefficients[self._ours]
        if self._vowels:
            self._values[n:] = vowels(frame.coefficients)[self._vowels]
        self._frame.patch(self._values)
        self.udp.send(self._frame.datagrams)
