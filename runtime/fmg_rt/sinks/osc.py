"""Plain OSC: the 52 coefficients as they are, in alphabetical order."""

from ..arkit import ARKIT_NAMES, N_COEFFICIENTS
from ..frame import Frame
from ..wire.osc import PatchedFrame, message
from .receiver import UdpReceiver


class OscSink(UdpReceiver):
    """``/blendshapes`` with 52 floats, then ``/blendshape/0`` … ``/blendshape/51`` in one bundle, every frame.

    Each of the two is whole in one datagram (280 and 1472 bytes), so a receiver of either never sees half a face; both
    in one bundle would be 1756 bytes and be cut in two on the way. ``/fmg/names``, the 52 names, follows once a second.

    Parameters
    ----------
    rate : frames per second.
    bundled : False sends ``/blendshape/{i}`` as 52 datagrams, for receivers that cannot read bundles.
    """

    def __init__(self, host: str, port: int, rate: float, bundled: bool = True):
        super().__init__("osc", host, port)
        self._second = max(1, round(rate))  # frames
        self._names = [message("/fmg/names", *ARKIT_NAMES)]
        zeros = [0.0] * N_COEFFICIENTS
        self._together = PatchedFrame([(message("/blendshapes", *zeros), N_COEFFICIENTS)], bundled=False)
        self._one_by_one = PatchedFrame(
            [(message(f"/blendshape/{i}", 0.0), 1) for i in range(N_COEFFICIENTS)], bundled=bundled
        )
        self._datagrams = self._together.datagrams + self._one_by_one.datagrams

    def send(self, frame: Frame) -> None:
        """Patch and send the frame."""
        if frame.index % self._second == 0:
            self.udp.send(self._names)
        self._together.patch(frame.coefficients)
        self._one_by_one.patch(frame.coefficients)
        self.udp.send(self._datagrams)
