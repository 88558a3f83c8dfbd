"""Receivers: an OSC frame within 15 µs and far below python-osc's 53 messages; what each receiver and all five cost.

The datagrams go to a real socket on loopback that drops what it has no room for.
"""

import socket

import numpy as np
import pytest
from machine import send_as_the_predecessor
from pythonosc.udp_client import SimpleUDPClient

from fmg_rt.frame import Frame
from fmg_rt.sinks import Sinks
from fmg_rt.sinks.ifacialmocap import IFacialMocapSink
from fmg_rt.sinks.livelink import LiveLinkSink
from fmg_rt.sinks.osc import OscSink
from fmg_rt.sinks.vmc import VmcSink
from fmg_rt.sinks.vrchat import VrchatSink

RATE = 30.0
OSC_BUDGET = 15e-6
"""Seconds, from the issue; the aim is 6e-6."""
FIVE_BUDGET = 120e-6
"""Seconds for all five receivers: what a frame's 0.45 ms leaves beside features, network and expression."""

# A mouth that moves and a brow that does not: half of the coefficients change in a frame, as in speech.
_RNG = np.random.default_rng(0)
FACES = np.zeros((256, 52), np.float32)
FACES[:, 22:49] = _RNG.random((256, 27), dtype=np.float32)


@pytest.fixture
def port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(("127.0.0.1", 0))
        yield receiver.getsockname()[1]


def measure(benchmark, send):
    state = {"k": 0}

    def frame():
        k = state["k"] = state["k"] + 1
        send(Frame(k, k / RATE, FACES[k % len(FACES)]))

    benchmark.pedantic(frame, iterations=1, rounds=3000, warmup_rounds=100)
    benchmark.extra_info["p99_us"] = round(1e6 * float(np.percentile(benchmark.stats.stats.data, 99)), 1)
    return benchmark.stats.stats.median


_MEDIANS: dict[str, float] = {}


def test_python_osc_53_messages(benchmark, port):
    client = SimpleUDPClient("127.0.0.1", port)
    _MEDIANS["rival"] = measure(benchmark, lambda frame: send_as_the_predecessor(client, frame.coefficients.tolist()))


def test_osc_frame(benchmark, port, slowness):
    sink = OscSink("127.0.0.1", port, RATE)
    median = measure(benchmark, sink.send)
    sink.close()
    assert median <= OSC_BUDGET * slowness()
    if rival := _MEDIANS.get("rival"):
        benchmark.extra_info["ratio_to_python_osc"] = round(median / rival, 4)
        print(f"\nOSC frame: {1e6 * median:.1f} µs, python-osc's 53 messages: {1e6 * rival:.0f} µs, 1 : {rival / median:.0f}")
        assert median < rival / 10


MAKERS = {
    "vmc": lambda port: VmcSink("127.0.0.1", port),
    "vrchat": lambda port: VrchatSink("127.0.0.1", port, RATE),
    "vrchat binary": lambda port: VrchatSink("127.0.0.1", port, RATE, bits=4),
    "livelink": lambda port: LiveLinkSink("127.0.0.1", port, RATE),
    "ifacialmocap": lambda port: IFacialMocapSink("127.0.0.1", port),
}


@pytest.mark.parametrize("name", MAKERS)
def test_each_receiver(benchmark, port, name, slowness):
    sink = MAKERS[name](port)
    assert measure(benchmark, sink.send) <= FIVE_BUDGET * slowness()
    sink.close()


def test_five_receivers(benchmark, port, slowness):
    receivers = [MAKERS[name](port) for name in ("vmc", "vrchat", "livelink", "ifacialmocap")]
    sinks = Sinks([OscSink("127.0.0.1", port, RATE), *receivers])
    median = measure(benchmark, sinks.send)
    sinks.close()
    assert median <= FIVE_BUDGET * slowness()
