"""VRChat avatar parameters: see `wire.vrchat`."""

from collections.abc import Collection

from ..arkit import ARKIT_NAMES
from ..frame import Frame
from ..wire.udp import Udp
from ..wire.vrchat import VrchatEncoder, usual
from .receiver import UdpReceiver
from .vrchat_query import Avatar, VrchatQuery

PORT = 9000


class VrchatSink(UdpReceiver):
    """Sends what changed, and everything once a second: datagrams get lost and avatars get changed.

    Parameters
    ----------
    rate : frames per second.
    prefix, bits : see `wire.vrchat.usual`.
    bundled, driven : see `VrchatEncoder`.
    asks : find VRChat on the network and ask its avatar; then only what that has is sent, where VRChat says.
    """

    def __init__(
        self,
        host: str,
        port: int,
        rate: float,
        prefix: str = "",
        bits: int | None = None,
        bundled: bool = True,
        driven: Collection[str] = ARKIT_NAMES,
        asks: bool = False,
    ):
        super().__init__("vrchat", host, port)
        self._bundled, self._driven = bundled, driven
        self._encoder = VrchatEncoder(usual(prefix, bits), bundled=bundled, driven=driven)
        self._query = VrchatQuery() if asks else None
        self._avatar: Avatar | None = None
        self._second = max(1, round(rate))  # frames
        self._until_all = 0  # frames

    def send(self, frame: Frame) -> None:
        """Map the face and send the parameters that changed."""
        if self._query is not None and self._query.avatar is not self._avatar:
            self._change(self._query.avatar)
        self.udp.send(self._encoder.encode(frame.coefficients, everything=self._until_all == 0))
        self._until_all = (self._until_all or self._second) - 1

    def _change(self, avatar: Avatar | None) -> None:
        """The avatar has changed, or VRChat was found at another address."""
        if avatar is None:
            return
        self._avatar = avatar
        if (avatar.host, avatar.port) != self.address:
            self.udp.close()
            self.address = avatar.host, avatar.port
            self.udp = Udp(avatar.host, avatar.port)
        self._encoder = VrchatEncoder(avatar.parameters, avatar.switches, self._bundled, self._driven)
        self._until_all = 0

    def close(self) -> None:
        """Give the avatar's mouth and eyes back to VRChat and close the socket."""
        if self._query is not None:
            self._query.close()
        try:
            self.udp.send(self._encoder.release())
        except OSError:  # still unreachable: already reported
            pass
        super().close()
