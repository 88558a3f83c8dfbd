"""The common part of receivers."""

from ..wire.udp import Udp, format_address


class Away(OSError):
    """The receiver is absent, and the sink searches for it by itself: `Sinks` tries again every second."""


class UdpReceiver:
    """Base of the sinks that send datagrams to ``host:port``. They are `Sink`s once they have a `send`.

    Parameters
    ----------
    kind : first word of the sink's name, e.g. ``osc``.
    """

    live = True

    def __init__(self, kind: str, host: str, port: int):
        self.name = f"{kind} {format_address(host, port)}"
        self.address: tuple[str, int] | None = (host, port)
        self.udp = Udp(host, port)

    def close(self) -> None:
        """Close the socket."""
        self.udp.close()
