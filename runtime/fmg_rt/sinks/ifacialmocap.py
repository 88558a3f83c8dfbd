"""iFacialMocap text frames: see `wire.ifacialmocap`."""

from ..frame import Frame
from ..wire.ifacialmocap import encode
from .receiver import UdpReceiver


class IFacialMocapSink(UdpReceiver):
    """One text per frame, without waiting for a handshake: receivers accept what arrives."""

    def __init__(self, host: str, port: int):
        super().__init__("ifacialmocap", host, port)

    def send(self, frame: Frame) -> None:
        """Send the frame."""
        self.udp.send((encode(frame),))
