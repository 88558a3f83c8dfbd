"""VTube Studio over its WebSocket: see `wire.vtubestudio`. Everything that may block runs on a thread."""

import contextlib
import threading
import time
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

from ..arkit import ARKIT_NAMES
from ..files import written_whole
from ..frame import Frame
from ..wire import vtubestudio as api
from ..wire.reading import WireError
from ..wire.udp import format_address
from .receiver import Away

if TYPE_CHECKING:
    from websockets.sync.client import ClientConnection

PORT = 8001
_SHORTEST = 1 / 60
"""Seconds between two frames; it draws no more than that."""
_LONGEST = 0.5
"""Seconds after which the last frame is sent again: VTube Studio drops parameters that are not set once a second."""
_ANSWER, _CLICK = 5.0, 600.0
"""Seconds that an answer may take; and the user's answer to the request for permission."""
_RETRY = 2.0
"""Seconds between two tries to connect."""
_DENIED = 50
"""Error of the API: the user denied or revoked the permission."""


class VtubeStudioSink:
    """Sets VTube Studio's tracking parameters, 60 times a second at most, and connects again whenever that is lost.

    The first time, VTube Studio asks its user for permission and gives a token, which is kept in `token_file`.

    Parameters
    ----------
    token_file : read at the start; written, for this user only, when there is a new token.
    custom : also create the 52 coefficients as parameters (``FmgJawOpen`` …) and set them.
    driven : the ARKit names that fmg decides; parameters made of others are left to VTube Studio's own tracker.
    """

    live = True
    address: tuple[str, int] | None = None  # it takes no datagrams

    def __init__(self, host: str, port: int, token_file: Path, custom: bool = False, driven: Collection[str] = ARKIT_NAMES):
        self.name = f"vtubestudio {format_address(host, port)}"
        self._url = f"ws://{format_address(host, port)}"
        self._token_file, self._custom, self._driven = token_file, custom, frozenset(driven)
        self._turned = False
        self._newest: dict[str, float] = {}
        self._has_news, self._ends = threading.Event(), threading.Event()
        self._trouble = ""  # the error of the last try
        self._thread = threading.Thread(target=self._run, name="fmg vtubestudio", daemon=True)
        self._thread.start()

    def send(self, frame: Frame) -> None:
        """Pass the frame to the thread; only the newest one is sent.

        Raises
        ------
        Away
            There is no connection, with what the last try said.
        """
        self._turned |= bool(frame.head.any())
        self._newest = api.parameters(frame, self._driven, self._turned)
        self._has_news.set()
        if self._trouble:
            raise Away(self._trouble)

    def close(self) -> None:
        """Send the last frame, if that is quick, and disconnect."""
        self._ends.set()
        self._has_news.set()
        self._thread.join(1.0)

    def _run(self) -> None:
        from websockets.exceptions import WebSocketException
        from websockets.sync.client import connect

        while not self._ends.is_set():
            try:
                with connect(self._url, open_timeout=_ANSWER, close_timeout=0.2, max_size=1 << 22, proxy=None) as connection:
                    known = self._begin(connection)
                    self._trouble = ""
                    self._set(connection, known)
            except (OSError, WebSocketException, WireError) as error:
                self._trouble = f"{error or type(error).__name__}; is VTube Studio running, with its plugin API switched on?"
            self._ends.wait(_RETRY)

    def _begin(self, connection: "ClientConnection") -> set[str]:
        """Authenticate; return the parameters that there are."""
        token = ""
        with contextlib.suppress(OSError, UnicodeDecodeError):
            token = self._token_file.read_text("ascii").strip()
        if not (token and self._is_allowed(connection, token)):
            self._trouble = "allow fmg in VTube Studio's window"
            token = str(self._ask(connection, api.request("AuthenticationToken", api.PLUGIN), _CLICK)["authenticationToken"])
            if not self._is_allowed(connection, token):
                raise WireError("VTube Studio does not take the token that it gave")
            self._keep(token)
        if self._custom:
            for name, source in api.CUSTOM.items():
                if source in self._driven:
                    self._ask(connection, api.create(name))
        return api.parameter_names(self._ask(connection, api.request("InputParameterList")))

    def _is_allowed(self, connection: "ClientConnection", token: str) -> bool:
        data = api.PLUGIN | {"authenticationToken": token}
        return self._ask(connection, api.request("Authentication", data)).get("authenticated") is True

    def _keep(self, token: str) -> None:
        try:
            self._token_file.parent.mkdir(parents=True, exist_ok=True)
            with written_whole(self._token_file) as file:
                file.write(token.encode())
            self._token_file.chmod(0o600)
        except OSError:  # VTube Studio asks again the next time
            pass

    def _ask(self, connection: "ClientConnection", request: str, seconds: float = _ANSWER) -> dict:
        """Send a request and return the data of its answer."""
        connection.send(request)
        end = time.monotonic() + seconds
        while True:
            if self._ends.is_set():
                raise WireError("the run is over")
            with contextlib.suppress(TimeoutError):
                kind, data = api.answer(connection.recv(timeout=min(0.2, _ANSWER)))
                if kind == "APIError":
                    if data.get("errorID") == _DENIED:
                        raise WireError("its user does not allow fmg")
                    raise WireError(f"{data.get('message', 'an error')} (error {data.get('errorID')})")
                return data
            if time.monotonic() > end:
                raise WireError("it does not answer")

    def _set(self, connection: "ClientConnection", known: set[str]) -> None:
        """Set the parameters of each frame that comes, until the connection is lost or the run is over."""
        while True:
            self._has_news.wait(_LONGEST)
            self._has_news.clear()
            ending = self._ends.is_set()
            values = {name: value for name, value in self._newest.items() if name in known}
            if values:
                connection.send(api.inject(values))
                kind, data = api.answer(connection.recv(timeout=_ANSWER))
                if kind == "APIError":
                    raise WireError(f"{data.get('message', 'an error')} (error {data.get('errorID')})")
            if ending:
                return
            self._ends.wait(_SHORTEST)
