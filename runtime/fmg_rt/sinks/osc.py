"""Plain OSC: see `wire.plain`."""

from ..frame import Frame
from ..wire.plain import NAMES, PlainEncoder
from .receiver import UdpReceiver


class OscSink(UdpReceiver):
    """The coefficients every frame, the head once it has moved, and the 52 names once a second.

    Parameters
    ----------
    rate : frames per second.
    bundled : False sends ``/blendshape/{i}`` as 52 datagrams, for receivers that cannot read bundles.
    """

    def __init__(self, host: str, port: int, rate: float, bundled: bool = True):
        super().__init__("osc", host, port)
        self._second = max(1, round(rate))  # frames
        self._encoder = PlainEncoder(bundled)

    def send(self, frame: Frame) -> None:
        """Send the frame."""
        if frame.index % self._second == 0:
            self.udp.send([NAMES])
        self.udp.send(self._encoder.encode(frame))
