"""Live Link Face: see `wire.livelink`."""

from ..frame import Frame
from ..wire.livelink import LiveLinkEncoder
from .receiver import UdpReceiver


class LiveLinkSink(UdpReceiver):
    """One packet per frame; the parameters are those of `LiveLinkEncoder`."""

    def __init__(self, host: str, port: int, rate: float, subject: str = "fmg", device: str | None = None):
        super().__init__("livelink", host, port)
        self._encoder = LiveLinkEncoder(rate, subject, device)

    def send(self, frame: Frame) -> None:
        """Send the frame."""
        self.udp.send((self._encoder.encode(frame),))
