"""Everything that can go wrong at once, against the command itself: two streams that behave lose no frame."""

import contextlib
import io
import json
import socket
import struct
import threading
import time

import browser
import numpy as np
import psutil
import pytest
import soundfile

grpc = pytest.importorskip("grpc")
pytest.importorskip("aiohttp")

import a2f_client as a2f  # noqa: E402
from click.testing import CliRunner  # noqa: E402

from fmg_rt.app.stop import Stop  # noqa: E402
from fmg_rt.cli.serve import serve  # noqa: E402

pytestmark = pytest.mark.slow

PIECES, PIECE = 300, 0.03
RESET = struct.pack("ii", 1, 0)
"""SO_LINGER: a close that resets."""


def speech(seconds, sample_rate=16000):
    t = np.arange(int(seconds * sample_rate)) / sample_rate
    tone = sum(np.sin(2 * np.pi * 130 * k * t) / k for k in range(1, 20))
    return (3000 * tone * np.sin(2 * np.pi * 2 * t) ** 2).astype("<i2").tobytes()


@pytest.fixture
def server(program, weight_file):
    limits = ["--idle-seconds", "2", "--max-message", str(1 << 20), "--token", "secret", "--drain-seconds", "1"]
    running = program(
        "serve", "--grpc", "127.0.0.1:0", "--http", "127.0.0.1:0", "--no-egemaps", "--weights", weight_file, *limits
    )
    for line in running.process.stdout:
        if line.startswith("gRPC"):
            running.grpc = line.split()[-1]
        if line.startswith("page: "):
            running.http = line.split("/")[2]
            return running
    raise AssertionError(running.end())


TOKEN = [("authorization", "Bearer secret")]


def websocket(server, start, **options):
    host, port = server.http.split(":")
    client = browser.WebSocket(host, int(port), "/v1/stream?token=secret", **options)
    if start is not None:
        client.send(json.dumps({"type": "start", **start}))
    return client


class Good(threading.Thread):
    """A live stream, from the first fault to the last one: what came of it."""

    def __init__(self, server):
        super().__init__(daemon=True)
        self.server, self.frames = server, []
        self.over = threading.Event()
        self.pieces = 0

    def paced(self):
        data, start = speech(PIECES * PIECE), time.monotonic()
        step = len(data) // PIECES
        while not self.over.is_set() or self.pieces < 10:
            time.sleep(max(0.0, start + self.pieces * PIECE - time.monotonic()))
            at = self.pieces % PIECES * step
            self.pieces += 1
            yield data[at : at + step]

    def finish(self):
        self.over.set()
        self.join(30)
        assert not self.is_alive()
        assert self.frames == list(range(round(self.pieces * PIECE * 30 + 0.499))), len(self.frames)


class GoodGrpc(Good):
    def run(self):
        def talk():
            yield a2f.header()
            yield from map(a2f.piece, self.paced())
            yield a2f.end()

        self.frames = [round(30 * at) for at, _ in a2f.ask(self.server.grpc, talk(), metadata=TOKEN).frames]


class GoodWebSocket(Good):
    def run(self):
        client = websocket(self.server, {"frames": "packed"})
        assert json.loads(client.receive())["type"] == "ready"

        def talk():
            for piece in self.paced():
                client.send(piece, opcode=2)
            client.send('{"type": "end"}')

        threading.Thread(target=talk, daemon=True).start()
        while isinstance(message := client.receive(), bytes):
            self.frames += [struct.unpack_from("<II", message, at)[1] for at in range(0, len(message), 228)]


# ---- the faults ----------------------------------------------------------------------------------------------------------


def wrong_requests(server):
    """Headers, audio and tokens that are none: each call is refused."""
    odd = [
        [],
        [a2f.piece(b"\0\0")],
        [a2f.header(), a2f.header()],
        [a2f.header(bits=8), a2f.end()],
        [a2f.header(channels=2), a2f.end()],
        [a2f.header(sample_rate=8000), a2f.end()],
        [a2f.header(), a2f.piece(b"\0\0\0"), a2f.end()],
        [a2f.header(), a2f.piece(bytes(10 << 20)), a2f.end()],
    ]
    for messages in odd:
        with pytest.raises(grpc.RpcError):
            a2f.ask(server.grpc, messages, metadata=TOKEN, timeout=20)
    with pytest.raises(grpc.RpcError):
        a2f.ask(server.grpc, a2f.requests(speech(0.1)), metadata=[("authorization", "Bearer other")], timeout=20)
    empty = [a2f.header(), a2f.piece(b""), a2f.piece(speech(0.5)), a2f.piece(b"")]  # and no end: a half-close
    assert len(a2f.ask(server.grpc, empty, metadata=TOKEN, timeout=20).frames) == 15


def wrong_messages(server):
    for first in ("{", '{"type": "end"}', '{"type": "start", "sample_rate": -1}'):
        client = websocket(server, None)
        client.send(first)
        assert json.loads(client.receive())["reason"] == "invalid"
    client = websocket(server, {"format": "float32", "frames": "packed"})
    client.receive()
    client.send(np.full(16000, np.nan, "<f4").tobytes(), opcode=2)
    client.send(b"", opcode=2)
    assert np.isfinite(np.frombuffer(client.receive(), "<f4")).all()
    client.send(b"\0\0\0", opcode=2)
    client.send('{"type": "end"}')
    while isinstance(message := client.receive(), bytes):
        pass
    assert json.loads(message)["reason"] == "invalid"
    client = websocket(server, {})
    with contextlib.suppress(OSError):
        client.send(bytes(10 << 20), opcode=2)
        while (message := client.receive()) is not None:
            assert json.loads(message).get("reason") in (None, "too big")
    with pytest.raises(ConnectionError, match="403"):
        websocket(server, {}, headers=["Origin: https://evil.example"])
    host, port = server.http.split(":")
    with pytest.raises(ConnectionError, match="401"):
        browser.WebSocket(host, int(port), "/v1/stream?token=other")


def silent_and_deaf(server):
    """Who sends and does not read, over both ways, and who never sends: all are sent away when their time is over."""
    deaf = websocket(server, {"format": "float32"}, receive_buffer=4096, timeout=0.5)
    with contextlib.suppress(OSError):
        for _ in range(3000):
            deaf.send(bytes(32000), opcode=2)
    channel = grpc.insecure_channel(server.grpc)
    stop = threading.Event()

    def flood():
        yield a2f.header()
        while not stop.is_set():
            yield a2f.piece(bytes(32000))

    call = a2f.method(channel)(flood(), metadata=TOKEN)
    silent = [websocket(server, None), websocket(server, {}), socket.create_connection(server.http.split(":"))]
    time.sleep(3.0)
    stop.set()
    call.cancel()
    channel.close()
    for each in silent[:2]:
        while (message := each.receive()) is not None and json.loads(message)["type"] == "ready":
            pass
        assert message is None or json.loads(message)["reason"] == "idle"


def dropped(server):
    """A thousand connections each way, with and without a piece of a request, closed or reset."""
    starts = {
        server.grpc: b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0",
        server.http: b"GET /v1/stream HTTP/1.1\r\nHost: x\r\n",
    }
    for address, start in starts.items():
        host, port = address.split(":")
        for i in range(1000):
            with socket.create_connection((host, int(port))) as connection:
                connection.sendall(start[: i % (len(start) + 1)])
                if i % 2:
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)


def killed(server):
    """In the middle of their speech: connections that are cut, reset, or whose call is cancelled."""
    for i in range(20):
        client = websocket(server, {})
        client.send(speech(1.0), opcode=2)
        client._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET if i % 2 else struct.pack("ii", 0, 0))
        client._socket.close()
        with socket.create_connection(server.http.split(":")) as bake:
            sound = io.BytesIO()
            soundfile.write(sound, np.zeros(160_000), 16_000, "PCM_16", format="WAV")
            head = (
                f"POST /v1/bake HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer secret\r\nContent-Length: {sound.tell()}\r\n\r\n"
            )
            bake.sendall(head.encode() + sound.getvalue())
        with grpc.insecure_channel(server.grpc) as channel:
            call = a2f.method(channel)(a2f.requests(speech(3.0)), metadata=TOKEN)
            next(call)
            if i % 2:
                call.cancel()


def second_server(server):
    for options in (["--grpc", "off", "--http", server.http], ["--grpc", server.grpc, "--http", "off"]):
        second = CliRunner().invoke(serve, [*options, "--no-egemaps"], obj=Stop())
        assert second.exit_code == 1 and second.stderr.count("\n") == 1 and "cannot listen" in second.stderr


FAULTS = (wrong_requests, wrong_messages, silent_and_deaf, dropped, killed, second_server)


def streams(server):
    host, port = server.http.split(":")
    with socket.create_connection((host, int(port))) as connection:
        connection.sendall(b"GET /metrics HTTP/1.0\r\nAuthorization: Bearer secret\r\n\r\n")
        text = b"".join(iter(lambda: connection.recv(65536), b"")).decode()
    return sum(float(line.split()[-1]) for line in text.splitlines() if line.startswith("fmg_streams{"))


def test_faults_are_nobody_else_s(server):
    """Twice all of them; the second time leaves nothing behind, neither streams nor memory nor files."""
    process = psutil.Process(server.process.pid)
    sizes, files = [], []
    for _ in range(2):
        good = [GoodGrpc(server), GoodWebSocket(server)]
        for each in good:
            each.start()
        for fault in FAULTS:
            fault(server)
        for each in good:
            each.finish()
        end = time.monotonic() + 20
        while streams(server) and time.monotonic() < end:
            time.sleep(0.1)
        assert streams(server) == 0
        sizes.append(process.memory_info().rss)
        files.append(process.num_fds())
    print(f"memory {[round(size / 1e6) for size in sizes]} MB, open files {files}")
    assert sizes[1] - sizes[0] < 8e6 and files[1] <= files[0] + 5
    server.process.terminate()
    code, _, error = server.end(20)
    assert code == 0 and not error, error
