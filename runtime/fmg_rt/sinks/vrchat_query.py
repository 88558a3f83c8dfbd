"""Finds VRChat on the network by mDNS and asks which parameters its avatar has; all of it on threads."""

import http.client
import threading
from dataclasses import dataclass

from ..wire import oscquery
from ..wire.reading import WireError
from ..wire.vrchat import ACTIVE, ROOT, Parameter, matched

_SERVICE = "_oscjson._tcp.local."
_NAME = "VRChat-Client"
_EVERY = 2.0
"""Seconds between two queries of the avatar."""
_WAIT = 2.0
"""Seconds that an answer may take."""


@dataclass(frozen=True)
class Avatar:
    """The parameters of an avatar, and the address that receives them."""

    host: str
    port: int
    parameters: tuple[Parameter, ...]
    switches: tuple[str, ...]


class VrchatQuery:
    """Searches for VRChat and keeps `avatar` up to date.

    Attributes
    ----------
    avatar : the newest; None until VRChat was found. A new object only where something changed.
    """

    def __init__(self) -> None:
        self.avatar: Avatar | None = None
        self._place: tuple[str, int] | None = None
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._run, name="fmg vrchat", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop searching."""
        self._ends.set()
        self._thread.join(1.0)

    def _run(self) -> None:
        from zeroconf import ServiceBrowser, Zeroconf

        try:
            zeroconf = Zeroconf()
        except OSError:  # no network
            return
        try:
            ServiceBrowser(zeroconf, _SERVICE, handlers=[self._heard])
            while not self._ends.wait(0.2 if self._place is None else _EVERY):
                if (place := self._place) is not None:
                    self._ask(*place)
        finally:
            zeroconf.close()

    def _heard(self, zeroconf, service_type: str, name: str, state_change) -> None:  # type: ignore[no-untyped-def]
        """Called by zeroconf, with these argument names, for every service that appears, changes or disappears."""
        if not name.startswith(_NAME) or state_change.name == "Removed":
            return
        info = zeroconf.get_service_info(service_type, name, 1000)
        if info is not None and info.port and info.parsed_addresses():
            self._place = info.parsed_addresses()[0], info.port

    def _ask(self, host: str, port: int) -> None:
        try:
            types = oscquery.types(_get(host, port, ROOT.rstrip("/")))
            osc_host, osc_port = oscquery.osc_address(_get(host, port, "/?HOST_INFO"))
        except (OSError, http.client.HTTPException, WireError):  # it is loading, or gone: keep the last state
            return
        switches = tuple(name for name in ACTIVE if types.get(ROOT + name, "") in ("T", "F"))
        avatar = Avatar(host if osc_host in (None, "0.0.0.0") else str(osc_host), osc_port, tuple(matched(types)), switches)
        if avatar != self.avatar:
            self.avatar = avatar


def _get(host: str, port: int, path: str) -> bytes:
    connection = http.client.HTTPConnection(host, port, timeout=_WAIT)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        if answer.status != 200:
            raise WireError(f"HTTP status {answer.status}")
        return answer.read(oscquery.LARGEST)
    finally:
        connection.close()
