"""The HTTP side of a server: the page, health, metrics, a bake of one file, and the way into the WebSocket.

aiohttp and not a framework above an ASGI server: one package speaks HTTP and WebSocket on the loop that gRPC runs on, waits in
`send` for clients that do not read, and needs no process manager.
"""

import io
import json
from collections.abc import Awaitable, Callable, Iterator
from importlib import resources
from socket import SO_SNDBUF, SOL_SOCKET
from typing import Any

from aiohttp import web

from .. import arkit
from ..frame import Frame
from .limits import Reason, Refusal, check_token
from .streams import Stream, Streams
from .websocket import Call, as_json, make_socket

STATUS = {
    Reason.INVALID: 400,
    Reason.TOO_BIG: 413,
    Reason.TOO_LONG: 413,
    Reason.FULL: 503,
    Reason.IDLE: 408,
    Reason.LEAVING: 503,
    Reason.TOKEN: 401,
    Reason.ORIGIN: 403,
    Reason.FAILED: 500,
}
_TYPES = {".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", ".txt": "text/plain"}
_FACE = ("face.js", "avatar.js", "three.js", "three.LICENSE.txt", "meshopt.js", "meshopt.LICENSE.txt", "icon.svg")
"""Files of the preview that the page of this server shows its face with."""
_SEND_BUFFER = 1 << 17
"""Bytes of frames that the kernel keeps for a client."""
_BLOCK = 1 << 14
"""Samples read from a sound file at once."""


class Site:
    """Everything that is served over HTTP.

    Parameters
    ----------
    streams : of this process.
    token : that a client must show for streams and bakes, or None.
    origins : of other sites whose pages may come in, such as ``https://example.org``; ``*`` is any.
    """

    def __init__(self, streams: Streams, token: str | None, origins: tuple[str, ...]) -> None:
        self._streams, self._token = streams, token
        self._origins = {origin.rstrip("/").lower() for origin in origins}
        self._files = dict(_read_files())

    def application(self, extend: Callable[[web.Application], None] | None = None) -> web.Application:
        """The routes, after those that `extend` adds."""
        # Connections that say nothing are closed by aiohttp; what says something is bounded here.
        app = web.Application(client_max_size=self._streams.limits.max_upload, middlewares=[self._guard])
        if extend is not None:
            extend(app)
        app.router.add_get("/v1/health/live", self._live)
        app.router.add_get("/v1/health/ready", self._ready)
        app.router.add_get("/metrics", self._metrics)
        app.router.add_get("/v1/stream", self._stream)
        app.router.add_post("/v1/bake", self._bake)
        app.router.add_get("/", self._file)
        app.router.add_get("/{name}", self._file)
        return app

    @web.middleware
    async def _guard(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        """Foreign pages stay out; refusals become answers; who leaves in the middle is no fault of ours."""
        try:
            origin = self._check_origin(request)
            response = web.Response(status=204) if request.method == "OPTIONS" else await handler(request)
        except Refusal as refusal:
            self._streams.metrics.count(f"refused {refusal.reason.value}")
            origin = None
            response = web.json_response({"error": str(refusal)}, status=STATUS[refusal.reason])
            if refusal.reason is Reason.TOKEN:
                response.headers["WWW-Authenticate"] = "Bearer"
        except ConnectionError:  # the client left: nobody reads this answer
            origin, response = None, web.Response(status=400)
        if not response.prepared:
            response.headers["X-Content-Type-Options"] = "nosniff"
            if origin is not None:
                response.headers["Access-Control-Allow-Origin"] = origin
                response.headers["Access-Control-Allow-Headers"] = "Authorization, Content-Type"
        return response

    def _check_origin(self, request: web.Request) -> str | None:
        """The origin of the page that asks, if it is another site's that may."""
        origin = request.headers.get("Origin", "").lower()
        if not origin or origin == f"{request.scheme}://{request.host}".lower():
            return None
        if "*" not in self._origins and origin not in self._origins:
            raise Refusal(Reason.ORIGIN, f"pages of {origin} may not use this server; --origin names those that may")
        return origin

    async def _live(self, _request: web.Request) -> web.Response:
        return web.json_response({"status": "live"})

    async def _ready(self, _request: web.Request) -> web.Response:
        if self._streams.leaving:
            return web.json_response({"status": "leaving"}, status=503)
        return web.json_response({"status": "ready"})

    async def _metrics(self, _request: web.Request) -> web.Response:
        return web.Response(text=self._streams.metrics.text(), headers={"Content-Type": "text/plain; version=0.0.4"})

    async def _file(self, request: web.Request) -> web.Response:
        name = request.match_info.get("name", "index.html")
        if name not in self._files:
            return web.json_response({"error": f"there is no {request.path} here"}, status=404)
        kind, body = self._files[name]
        policy = (
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
            "connect-src 'self' ws: wss: blob: data:; base-uri 'none'; form-action 'none'; "
            "frame-ancestors 'none'"
        )
        return web.Response(
            body=body,
            content_type=kind,
            charset="utf-8",
            headers={"Content-Security-Policy": policy, "Cache-Control": "no-cache"},
        )

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        # A browser's WebSocket cannot send a header of its own: there the token comes in the address.
        query = request.query.get("token")
        check_token(self._token, f"Bearer {query}" if query is not None else request.headers.get("Authorization"))
        if self._streams.leaving:
            raise Refusal(Reason.LEAVING, "this server is about to leave; connect again to reach another one")
        socket = make_socket(self._streams.limits)
        if not socket.can_prepare(request):
            raise Refusal(Reason.INVALID, "this address speaks WebSocket")
        await socket.prepare(request)
        if request.transport is not None:  # what a client does not read waits here, then with the client's audio
            request.transport.get_extra_info("socket").setsockopt(SOL_SOCKET, SO_SNDBUF, _SEND_BUFFER)
        await Call(socket, self._streams).run()
        return socket

    async def _bake(self, request: web.Request) -> web.StreamResponse:
        """A sound file to frames, a line each, sent as they are made."""
        check_token(self._token, request.headers.get("Authorization"))
        form = request.query.get("format", "jsonl")
        if form not in ("jsonl", "csv"):
            raise Refusal(Reason.INVALID, f"format must be jsonl or csv, not {form}")
        try:
            rate = float(request.query.get("rate", "30"))
        except ValueError:
            raise Refusal(Reason.INVALID, f"rate must be a number, not {request.query['rate']}") from None
        try:
            data = await request.read()
        except web.HTTPRequestEntityTooLarge:
            sentence = f"a sound file may have {self._streams.limits.max_upload} bytes here"
            raise Refusal(Reason.TOO_BIG, sentence) from None
        with _open(data) as sound:
            if len(sound) / sound.samplerate > self._streams.limits.max_seconds:
                raise Refusal(Reason.TOO_LONG, f"a sound may have {self._streams.limits.max_seconds:g} s here")
            options = {"sample_rate": sound.samplerate, "channels": sound.channels, "rate": rate}
            async with self._streams.open("bake", **options) as stream:
                response = web.StreamResponse(headers={"Content-Type": "application/jsonl" if form == "jsonl" else "text/csv"})
                await response.prepare(request)
                if form == "csv":
                    await response.write(",".join(("time", *arkit.ARKIT_NAMES)).encode() + b"\n")
                line = _json_line if form == "jsonl" else _csv_line
                async for frames in _frames(stream, sound):
                    await response.write(b"".join(map(line, frames)))
                await response.write_eof()
        return response


async def _frames(stream: Stream, sound: Any) -> Any:
    while len(block := sound.read(_BLOCK, dtype="float32", always_2d=True)):
        async for frames in stream.hear(block):
            yield frames
    yield await stream.flush()


def _open(data: bytes) -> Any:
    import soundfile

    if not data:
        raise Refusal(Reason.INVALID, "the body must be a sound file; it is empty")
    try:
        return soundfile.SoundFile(io.BytesIO(data))
    except soundfile.LibsndfileError as error:
        raise Refusal(Reason.INVALID, f"not a sound file that libsndfile can read ({error.error_string})") from None


def _json_line(frame: Frame) -> bytes:
    return json.dumps(as_json(frame)).encode() + b"\n"


def _csv_line(frame: Frame) -> bytes:
    return ",".join((f"{frame.time:.6f}", *(f"{value:.6g}" for value in frame.coefficients))).encode() + b"\n"


def _read_files() -> Iterator[tuple[str, tuple[str, bytes]]]:
    """Name → (type, bytes) of all that can be fetched: a look-up in this table, so there is no path to traverse."""
    own = resources.files("fmg_rt.serve").joinpath("static")
    face = resources.files("fmg_rt.preview").joinpath("static")
    for folder, names in ((own, [each.name for each in own.iterdir()]), (face, _FACE)):
        for name in names:
            suffix = name[name.rfind(".") :]
            if suffix in _TYPES:
                yield name, (_TYPES[suffix], folder.joinpath(name).read_bytes())
