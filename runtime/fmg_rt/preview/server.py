"""A page and its WebSockets on the loopback interface, served by one thread.

Whoever publishes never waits: a message replaces the older one of its slot, and each connection takes the newest
when its socket has room. What must arrive whole and in order, the sound, has a socket of its own, which sends from a
short ring. A reader that does not read costs one kernel buffer, nothing more.

References: RFC 9112 (HTTP/1.1), RFC 6455 (WebSocket).
"""

import asyncio
import base64
import hashlib
import json
import socket
import struct
import threading
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

LIVE_PATH, SOUND_PATH = "/live", "/sound"
_RING = 64
"""Messages of the sound that wait for a page at most; what a slower one misses is gone."""
_MAX_CONNECTIONS = 256
_MAX_HEAD = 16_384
_MAX_MESSAGE = 65_536
_REQUEST_TIMEOUT = 10.0
# Kernel buffer of one connection, bytes: about half a second of frames, so that a slow reader sees no old ones.
_SEND_BUFFER = 4_096
_WEBSOCKET_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_TEXT, _BINARY, _CLOSE, _PING, _PONG = 1, 2, 8, 9, 10

_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
}
_REASONS = {
    200: "OK",
    400: "Bad Request",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    426: "Upgrade Required",
    431: "Request Header Fields Too Large",
    503: "Service Unavailable",
}


class _Refused(Exception):
    """A request that gets an error instead of an answer."""

    def __init__(self, status: int) -> None:
        super().__init__(_REASONS[status])
        self.status = status


class PageServer:
    """Serve the files of one folder and WebSockets at `LIVE_PATH` and `SOUND_PATH`, on 127.0.0.1 only.

    Parameters
    ----------
    directory : its files are read once, here; sub-folders are not served. ``index.html`` is also ``/`` and ``/face``.
    avatar : bytes of a .glb or .vrm, served as ``/avatar``; None: there is none.
    port : 0 takes any free one.
    receive : called on the server's thread with each text that a page sends, whatever it holds; must not raise.

    Raises
    ------
    OSError
        The port is taken or not allowed.
    """

    def __init__(self, directory: Path, port: int, receive: Callable[[str], None], avatar: bytes | None = None) -> None:
        # A look-up in this table is all that a request can reach: there is no path to traverse.
        self._files = {
            f"/{path.name}": (_TYPES[path.suffix], path.read_bytes()) for path in directory.iterdir() if path.suffix in _TYPES
        }
        self._files["/"] = self._files["/face"] = self._files["/index.html"]
        if avatar is not None:
            self._files["/avatar"] = "model/gltf-binary", avatar
        self._receive = receive
        self._slots: dict[str, bytes] = {}
        self._sound: deque[tuple[int, bytes]] = deque(maxlen=_RING)
        self._sounded = 0
        self._events: dict[str, set[asyncio.Event]] = {LIVE_PATH: set(), SOUND_PATH: set()}
        self._came = False
        self._tasks: set[asyncio.Task] = set()
        self._wake_pending = False
        self._stopping = False
        listener = socket.create_server(("127.0.0.1", port), backlog=_MAX_CONNECTIONS)
        self.port: int = listener.getsockname()[1]
        self._hosts = {f"127.0.0.1:{self.port}", f"localhost:{self.port}"}
        self._origins = {f"http://{host}" for host in self._hosts}
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._thread = threading.Thread(target=self._run, args=(listener,), name="fmg-preview", daemon=True)
        self._thread.start()

    @property
    def watched(self) -> bool:
        """Whether any page is connected."""
        return bool(self._events[LIVE_PATH])

    @property
    def followed(self) -> bool:
        """Whether any page takes the sound."""
        return bool(self._events[SOUND_PATH])

    @property
    def left(self) -> bool:
        """A page was connected, and none is any more."""
        return self._came and not self.watched

    def publish(self, slot: str, message: bytes | dict[str, Any]) -> None:
        """Give every page the newest message of a slot: bytes as they are, a dict as JSON text. Never waits."""
        if isinstance(message, dict):
            self._slots[slot] = _websocket_frame(_TEXT, json.dumps(message, ensure_ascii=False).encode("utf-8", "replace"))
        else:
            self._slots[slot] = _websocket_frame(_BINARY, message)
        if self.watched:
            self._ask_to_wake()

    def sound(self, message: bytes) -> None:
        """Give every page that takes the sound this message too, in order. Never waits."""
        self._sounded += 1
        self._sound.append((self._sounded, _websocket_frame(_BINARY, message)))
        if self.followed:
            self._ask_to_wake()

    def later(self, seconds: float, function: Callable[[], None]) -> None:
        """Call `function` on the server's thread after some time; for that thread alone."""
        self._loop.call_later(seconds, function)

    def close(self) -> None:
        """Hand out what was published last, say goodbye, stop."""
        self.call(self._stop.set)
        self._thread.join(2.0)

    def call(self, function: Callable[[], None]) -> None:
        """Call `function` on the server's thread, soon. Any thread may ask; once the server has ended nothing happens."""
        try:
            self._loop.call_soon_threadsafe(function)
        except RuntimeError:  # the loop has ended
            pass

    def _ask_to_wake(self) -> None:
        if not self._wake_pending:
            self._wake_pending = True
            self.call(self._wake)

    def _wake(self) -> None:
        # First the flag: what is published from here on asks for another wake.
        self._wake_pending = False
        for events in self._events.values():
            for event in events:
                event.set()

    def _run(self, listener: socket.socket) -> None:
        try:
            self._loop.run_until_complete(self._main(listener))
        finally:
            self._loop.close()

    async def _main(self, listener: socket.socket) -> None:
        server = await asyncio.start_server(self._connection, sock=listener, limit=_MAX_HEAD)
        await self._stop.wait()
        server.close()
        self._stopping = True  # from here on nothing is published that a page could miss
        self._wake()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=0.5)
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            await self._answer(reader, writer)
        # What a browser does to a connection is no fault of ours: it may leave at any byte.
        except (OSError, EOFError, asyncio.TimeoutError, asyncio.CancelledError):  # noqa: UP041, they differ in 3.10
            pass
        finally:
            self._tasks.discard(task)
            writer.transport.abort() if self._stopping else writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if len(self._tasks) > _MAX_CONNECTIONS:
                raise _Refused(503)
            path, headers = await asyncio.wait_for(_read_head(reader), _REQUEST_TIMEOUT)
            # Other sites can make a browser knock here, under their own name (Origin) or one that they point
            # at this machine (Host, "DNS rebinding").
            if headers.get("host", "").lower() not in self._hosts:
                raise _Refused(403)
            if "origin" in headers and headers["origin"].lower() not in self._origins:
                raise _Refused(403)
            if path in self._events:
                accept = _websocket_accept(headers)
            elif path in self._files:
                accept = ""
            else:
                raise _Refused(404)
        except _Refused as refused:
            writer.write(_http_answer(refused.status, "text/plain", str(refused).encode(), ""))
            await asyncio.wait_for(writer.drain(), _REQUEST_TIMEOUT)
            return
        if accept:
            writer.write(
                b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                b"Sec-WebSocket-Accept: " + accept.encode() + b"\r\n\r\n"
            )
            await self._live(reader, writer, path)
        else:
            kind, body = self._files[path]
            writer.write(_http_answer(200, kind, body, headers["host"]))
            await asyncio.wait_for(writer.drain(), _REQUEST_TIMEOUT)

    async def _live(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, path: str) -> None:
        transport = writer.transport
        transport.set_write_buffer_limits(high=0)  # drain() then waits until the kernel has taken all
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER)
        event = asyncio.Event()
        event.set()
        events = self._events[path]
        events.add(event)
        self._came |= path == LIVE_PATH
        listening = asyncio.ensure_future(self._listen(reader, writer, event))
        news = self._newest() if path == LIVE_PATH else self._following()
        try:
            while not (listening.done() or (self._stopping and not event.is_set())):
                await event.wait()
                event.clear()
                for message in next(news):
                    writer.write(message)
                    await writer.drain()
            writer.write(_websocket_frame(_CLOSE, struct.pack(">H", 1001)))
            await writer.drain()
        finally:
            events.discard(event)
            listening.cancel()

    def _newest(self) -> Iterator[list[bytes]]:
        """Each time: of every slot the newest message, where it is another one than the last time."""
        sent: dict[str, bytes] = {}
        while True:
            slots = dict(self._slots)
            yield [message for slot, message in slots.items() if sent.get(slot) is not message]
            sent = slots

    def _following(self) -> Iterator[list[bytes]]:
        """Each time: the messages of the sound since the last time, from now on."""
        last = self._sounded
        while True:
            news = [(number, message) for number, message in tuple(self._sound) if number > last]
            if news:
                last = news[-1][0]
            yield [message for _, message in news]

    async def _listen(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, event: asyncio.Event) -> None:
        try:
            while True:
                opcode, payload = await _read_frame(reader)
                if opcode == _CLOSE:
                    return
                if opcode == _PING and len(payload) < 126:
                    writer.write(_websocket_frame(_PONG, payload))
                    await writer.drain()
                elif opcode == _TEXT:
                    self._receive(payload.decode("utf-8", "replace"))
                # A flood that is in the buffer already would be read without ever letting the others in.
                await asyncio.sleep(0)
        except (OSError, EOFError, ValueError):
            pass
        finally:
            event.set()  # lets the sending side see that nobody is there


async def _read_head(reader: asyncio.StreamReader) -> tuple[str, dict[str, str]]:
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.LimitOverrunError:
        raise _Refused(431) from None
    request, *lines = head[:-4].decode("latin-1").split("\r\n")
    words = request.split(" ")
    if len(words) != 3 or not words[2].startswith("HTTP/1."):
        raise _Refused(400)
    if words[0] != "GET":
        raise _Refused(405)
    headers: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or (name.lower() in headers and name.lower() in ("host", "origin")):
            raise _Refused(400)
        headers[name.lower()] = value.strip()
    return words[1].partition("?")[0], headers


def _http_answer(status: int, kind: str, body: bytes, host: str) -> bytes:
    # blob: and data: are the textures of a person's own avatar, which never leaves the browser.
    policy = (
        (
            f"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
            f"connect-src 'self' ws://{host} blob: data:; base-uri 'none'; form-action 'none'; "
            "frame-ancestors 'none'"
        )
        if host
        else "default-src 'none'"
    )
    head = (
        f"HTTP/1.1 {status} {_REASONS[status]}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n"
        f"Content-Security-Policy: {policy}\r\nX-Content-Type-Options: nosniff\r\n"
        "Cross-Origin-Resource-Policy: same-origin\r\nReferrer-Policy: no-referrer\r\n"
        "Cache-Control: no-cache\r\nConnection: close\r\n\r\n"
    )
    return head.encode("latin-1") + body


def _websocket_accept(headers: dict[str, str]) -> str:
    key = headers.get("sec-websocket-key", "")
    if headers.get("upgrade", "").lower() != "websocket" or headers.get("sec-websocket-version") != "13" or not key:
        raise _Refused(426)
    # RFC 6455 section 4.2.2 asks for SHA-1; it protects nothing here.
    digest = hashlib.sha1(key.encode("latin-1") + _WEBSOCKET_GUID, usedforsecurity=False).digest()
    return base64.b64encode(digest).decode()


def _websocket_frame(opcode: int, payload: bytes) -> bytes:
    """One whole message in one unmasked frame (RFC 6455 section 5.2)."""
    size = len(payload)
    if size < 126:
        head = struct.pack(">BB", 0x80 | opcode, size)
    elif size < 65_536:
        head = struct.pack(">BBH", 0x80 | opcode, 126, size)
    else:
        head = struct.pack(">BBQ", 0x80 | opcode, 127, size)
    return head + payload


async def _read_frame(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    """Opcode and payload of a page's next frame; ValueError for one that a page has no reason to send."""
    first, second = await reader.readexactly(2)
    size = second & 0x7F
    if size == 126:
        (size,) = struct.unpack(">H", await reader.readexactly(2))
    elif size == 127:
        (size,) = struct.unpack(">Q", await reader.readexactly(8))
    # Pages send short single frames, masked as the standard demands (section 5.1).
    if first & 0xF0 != 0x80 or not second & 0x80 or size > _MAX_MESSAGE:
        raise ValueError("unexpected frame")
    mask = await reader.readexactly(4)
    payload = await reader.readexactly(size)
    # XOR as one big number: a loop over bytes would hold the interpreter.
    key = int.from_bytes((mask * (size // 4 + 1))[:size], "big")
    return first & 0x0F, (int.from_bytes(payload, "big") ^ key).to_bytes(size, "big")
