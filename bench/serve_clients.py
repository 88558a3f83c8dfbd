"""Many paced clients in a process of its own, so that they and the server share nothing but the machine.

    python bench/serve_clients.py grpc|websocket HOST:PORT CLIENTS SECONDS LATENCY

Each client has a connection of its own. gRPC is spoken on bare sockets (HTTP/2, RFC 9113): a general client costs as much as
the server, and it is the server that is measured. Prints JSON: frames, frames that came more than 33 ms after the audio that
decides them was sent, percentiles of that, ms, and the processor time that the clients themselves took, s.
"""

import asyncio
import json
import math
import struct
import sys
import time

import numpy as np

from fmg_rt.serve import protocol

RATE = 16_000
STEP = 533
"""Samples of audio in one message."""
PIECE = STEP / RATE
"""The same in seconds, about a frame's."""
LATE = 0.033


def speech(seconds: float) -> bytes:
    """int16 that swells and fades as syllables do."""
    t = np.arange(int(seconds * RATE)) / RATE
    tone = sum(np.sin(2 * np.pi * 130 * k * t) / k for k in range(1, 20))
    return (3000 * tone * np.sin(2 * np.pi * 2 * t) ** 2).astype("<i2").tobytes()


class Clock:
    """When each frame of one client is due and when it came.

    latency : most seconds from a sound to its frame. pieces : of audio that will be sent.
    """

    def __init__(self, latency: float, pieces: int) -> None:
        self.latency, self.pieces = latency, pieces
        self.sent: list[float] = []
        self.late: list[float] = []

    def came(self, index: int) -> None:
        piece = math.ceil((index / 30 + self.latency) / PIECE - 1e-6) - 1
        if piece >= self.pieces:  # the last frames are decided by the end of the audio
            return
        early = piece >= len(self.sent)  # a frame may be decided sooner than the longest latency
        self.late.append(0.0 if early else time.perf_counter() - self.sent[piece])


async def pieces(messages: list[bytes], clock: Clock, start: float):
    for k, message in enumerate(messages):
        await asyncio.sleep(start + k * PIECE - time.perf_counter())
        clock.sent.append(time.perf_counter())
        yield message


DATA, HEADERS, RESET, SETTINGS, PING, GO_AWAY, WINDOW_UPDATE = 0, 1, 3, 4, 6, 7, 8
END_STREAM, ACK, END_HEADERS = 1, 1, 4
_OPEN = 1 << 30
"""Bytes of the windows that the server gets: nothing holds back what it sends."""


def frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return struct.pack(">I", len(payload) << 8 | kind) + struct.pack(">BI", flags, stream) + payload


def fields(pairs: dict[str, str]) -> bytes:
    """HPACK without a table: every name and value as it is (RFC 7541, 6.2.2)."""
    texts = [text.encode() for pair in pairs.items() for text in pair]
    parts = [bytes([len(text)]) + text for text in texts]
    return b"".join(b"\0" + name + value for name, value in zip(parts[::2], parts[1::2], strict=True))


class GrpcCall(asyncio.Protocol):
    """One call on one connection. `came` takes each message, as bytes."""

    def __init__(self, path: str, came) -> None:
        self._path, self._came = path, came
        self._bytes, self._message = bytearray(), bytearray()
        self._windows = {0: 65_535, 1: 65_535}  # of the connection and of the stream, RFC 9113, 6.9
        self._stream_window = 65_535
        self.over: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport) -> None:
        self._transport = transport
        head = {":method": "POST", ":scheme": "http", ":path": self._path, ":authority": "localhost", "te": "trailers"}
        transport.write(
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
            + frame(SETTINGS, 0, 0, struct.pack(">HI", 4, _OPEN))
            + frame(WINDOW_UPDATE, 0, 0, struct.pack(">I", _OPEN))
            + frame(HEADERS, END_HEADERS, 1, fields(head | {"content-type": "application/grpc"}))
        )

    def send(self, message: bytes, *, last: bool = False) -> None:
        data = struct.pack(">BI", 0, len(message)) + message
        for stream in self._windows:
            self._windows[stream] -= len(data)
            assert self._windows[stream] >= 0, "the server has not read seconds of audio"
        self._transport.write(frame(DATA, END_STREAM * last, 1, data))

    def data_received(self, data: bytes) -> None:
        self._bytes += data
        while len(self._bytes) >= 9:
            head, flags, stream = struct.unpack_from(">IBI", self._bytes)
            size, kind = head >> 8, head & 255
            if len(self._bytes) < 9 + size:
                return
            payload = bytes(self._bytes[9 : 9 + size])
            del self._bytes[: 9 + size]
            self._take(kind, flags, stream, payload)

    def _take(self, kind: int, flags: int, stream: int, payload: bytes) -> None:
        if kind == DATA:
            self._message += payload
            while len(self._message) >= 5 and len(self._message) >= (size := 5 + int.from_bytes(self._message[1:5], "big")):
                self._came(bytes(self._message[5:size]))
                del self._message[:size]
        elif kind == WINDOW_UPDATE:
            self._windows[stream] += int.from_bytes(payload, "big")
        elif kind == PING and not flags & ACK:
            self._transport.write(frame(PING, ACK, 0, payload))
        elif kind == SETTINGS and not flags & ACK:
            for name, value in struct.iter_unpack(">HI", payload):
                if name == 4:
                    self._windows[1] += value - self._stream_window
                    self._stream_window = value
            self._transport.write(frame(SETTINGS, ACK, 0, b""))
        elif kind in (RESET, GO_AWAY):
            self.connection_lost(ConnectionError(f"the server ended the call: {payload!r}"))
        if kind in (DATA, HEADERS) and flags & END_STREAM and not self.over.done():
            self.over.set_result(None)

    def connection_lost(self, error: Exception | None) -> None:
        if not self.over.done():
            self.over.set_exception(error or ConnectionError("the server hung up"))


async def over_grpc(address: str, data: list[bytes], clock: Clock, start: float) -> None:
    def came(message: bytes) -> None:
        animation = protocol.AnimationDataStream.FromString(message).animation_data
        for weights in animation.skel_animation.blend_shape_weights:
            clock.came(round(weights.time_code * 30))

    host, port = address.rsplit(":", 1)
    path = f"/{protocol.A2F_SERVICE}/ProcessAudioStream"
    loop = asyncio.get_running_loop()
    transport, call = await loop.create_connection(lambda: GrpcCall(path, came), host, int(port))
    first = protocol.AudioStream()
    audio = first.audio_stream_header.audio_header
    audio.samples_per_second, audio.channel_count, audio.bits_per_sample = RATE, 1, 16
    call.send(first.SerializeToString())
    async for message in pieces(data, clock, start):
        call.send(message)
    end = protocol.AudioStream()
    end.end_of_audio.SetInParent()
    call.send(end.SerializeToString(), last=True)
    await call.over
    transport.close()


def as_message(piece: bytes) -> bytes:
    message = protocol.AudioStream()
    message.audio_with_emotion.audio_buffer = piece
    return message.SerializeToString()


async def over_websocket(session, url: str, data: list[bytes], clock: Clock, start: float) -> None:
    async with session.ws_connect(url) as socket:
        await socket.send_json({"type": "start", "frames": "packed"})
        await socket.receive()

        async def talk():
            async for piece in pieces(data, clock, start):
                await socket.send_bytes(piece)
            await socket.send_json({"type": "end"})

        talking = asyncio.ensure_future(talk())
        async for message in socket:
            if isinstance(message.data, str):
                break
            for at in range(0, len(message.data), 228):
                clock.came(struct.unpack_from("<I", message.data, at + 4)[0])
        await talking


async def main(way: str, address: str, clients: int, seconds: float, latency: float) -> None:
    import aiohttp

    sound = speech(seconds)
    data = [sound[at : at + 2 * STEP] for at in range(0, len(sound), 2 * STEP)]
    clocks = [Clock(latency, len(data)) for _ in range(clients)]
    start = time.perf_counter() + 1.0 + clients / 50
    starts = [start + PIECE * k / clients for k in range(clients)]  # clients of a service do not keep step
    before = time.process_time()
    if way == "grpc":
        data = [as_message(piece) for piece in data]
        await asyncio.gather(*(over_grpc(address, data, *each) for each in zip(clocks, starts, strict=True)))
    else:
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
            url = f"ws://{address}/v1/stream"
            await asyncio.gather(*(over_websocket(session, url, data, *each) for each in zip(clocks, starts, strict=True)))
    late = np.concatenate([clock.late for clock in clocks])
    print(
        json.dumps(
            {
                "frames": len(late),
                "late": int((late > LATE).sum()),
                "median": 1000 * float(np.median(late)),
                "p99": 1000 * float(np.percentile(late, 99)),
                "own": time.process_time() - before,
            }
        )
    )


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4]), float(sys.argv[5])))
