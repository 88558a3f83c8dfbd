"""What receivers have in common."""

from ..wire.udp import Udp, format_address


class Away(OSError):
    """The receiver is not there, and the sink looks for it by itself: it is asked again every second."""


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
