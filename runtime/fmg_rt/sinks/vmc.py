"""VMC protocol: see `wire.vmc`."""

from collections.abc import Collection

from ..arkit import ARKIT_NAMES
from ..frame import Frame
from ..wire.vmc import VmcEncoder
from .receiver import UdpReceiver


class VmcSink(UdpReceiver):
    """One frame after another; the parameters are those of `VmcEncoder`."""

    def __init__(
        self,
        host: str,
        port: int,
        case: str = "pascal",
        with_vowels: bool = False,
        bundled: bool = True,
        driven: Collection[str] = ARKIT_NAMES,
    ):
        super().__init__("vmc", host, port)
        self._encoder = VmcEncoder(case, with_vowels, bundled, driven)

    def send(self, frame: Frame) -> None:
        """Send the frame."""
        self.udp.send(self._encoder.encode(frame))
