"""Many paced clients in a process of its own, so that they and the server share nothing but the machine.

    python bench/serve_clients.py grpc|websocket HOST:PORT CLIENTS SECONDS LATENCY

Prints JSON: frames, frames that came more than 33 ms after the audio that decides them was sent, percentiles of that, ms.
"""

import asyncio
import json
import struct
import sys
import time

import numpy as np

PIECE = 1 / 30
"""Seconds of audio in one message."""
RATE = 16_000
LATE = 0.033


def speech(seconds: float) -> bytes:
    """int16 that swells and fades as syllables do."""
    t = np.arange(int(seconds * RATE)) / RATE
    tone = sum(np.sin(2 * np.pi * 130 * k * t) / k for k in range(1, 20))
    return (3000 * tone * np.sin(2 * np.pi * 2 * t) ** 2).astype("<i2").tobytes()


class Clock:
    """When each frame of one client is due and when it came."""

    def __init__(self, latency: float) -> None:
        self.latency = latency
        self.sent: list[float] = []
        self.late: list[float] = []

    def came(self, index: int) -> None:
        piece = int(np.ceil((index / 30 + self.latency) / PIECE - 1e-6)) - 1
        if piece < len(self.sent):  # the last frames are decided by the end of the audio
            self.late.append(time.perf_counter() - self.sent[max(0, piece)])


async def pieces(data: bytes, clock: Clock, start: float):
    step = 2 * round(PIECE * RATE)
    for k, at in enumerate(range(0, len(data), step)):
        await asyncio.sleep(start + k * PIECE - time.perf_counter())
        clock.sent.append(time.perf_counter())
        yield data[at : at + step]


async def over_grpc(channel, data: bytes, clock: Clock, start: float) -> None:
    from fmg_rt.serve import protocol

    call = channel.stream_stream(
        f"/{protocol.A2F_SERVICE}/ProcessAudioStream",
        protocol.AudioStream.SerializeToString,
        protocol.AnimationDataStream.FromString,
    )

    async def talk():
        first = protocol.AudioStream()
        audio = first.audio_stream_header.audio_header
        audio.samples_per_second, audio.channel_count, audio.bits_per_sample = RATE, 1, 16
        yield first
        async for piece in pieces(data, clock, start):
            message = protocol.AudioStream()
            message.audio_with_emotion.audio_buffer = piece
            yield message

    async for message in call(talk()):
        for frame in message.animation_data.skel_animation.blend_shape_weights:
            clock.came(round(frame.time_code * 30))


async def over_websocket(session, url: str, data: bytes, clock: Clock, start: float) -> None:
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
    import grpc

    clocks = [Clock(latency) for _ in range(clients)]
    data = speech(seconds)
    start = time.perf_counter() + 1.0 + clients / 50
    starts = [start + PIECE * k / clients for k in range(clients)]  # clients of a service do not keep step
    if way == "grpc":
        async with grpc.aio.insecure_channel(address) as channel:
            await asyncio.gather(*(over_grpc(channel, data, *each) for each in zip(clocks, starts, strict=True)))
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
            }
        )
    )


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4]), float(sys.argv[5])))
