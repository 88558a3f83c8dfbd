"""VRChat avatar parameters: see `wire.vrchat`."""

from collections.abc import Collection

from ..arkit import ARKIT_NAMES
from ..frame import Frame
from ..wire.vrchat import VrchatEncoder, usual
from .receiver import UdpReceiver

PORT = 9000


class VrchatSink(UdpReceiver):
    """Sends what changed, and everything once a second: datagrams get lost and avatars get changed.

    Parameters
    ----------
    rate : frames per second.
    prefix, bits : see `wire.vrchat.usual`.
    bundled, driven : see `VrchatEncoder`.
    """

    def __init__(self, host: str, port: int, rate: float, prefix: str = "", bits: int | None = None, bundled: bool = True,
                 driven: Collection[str] = ARKIT_NAMES):  # fmt: skip
        super().__init__("vrchat", host, port)
        self._encoder = VrchatEncoder(usual(prefix, bits), bundled=bundled, driven=driven)
        self._second = max(1, round(rate))  # frames
        self._until_all = 0  # frames

    def send(self, frame: Frame) -> None:
        """Map the face and send the parameters that changed."""
        self.udp.send(self._encoder.encode(frame.coefficients, everything=self._until_all == 0))
        self._until_all = (self._until_all or self._second) - 1

    def close(self) -> None:
        """Give the avatar's mouth and eyes back to VRChat and close the socket."""
        try:
            self.udp.send(self._encoder.release())
        except OSError:  # unreachable to the last: it has been reported
            pass
        super().close()
