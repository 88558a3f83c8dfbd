"""Plain OSC: bytes against the vectors, python-osc's builder and two independent decoders."""

import time

import numpy as np
import pytest
from loopback import faces, messages, starts_with_sha256
from pythonosc.osc_message_builder import OscMessageBuilder

from fmg_rt.arkit import ARKIT_NAMES
from fmg_rt.frame import Frame
from fmg_rt.sinks.osc import OscSink
from fmg_rt.wire.osc import BUNDLE_HEADER, DATAGRAM_LIMIT, PatchedFrame, element, fill, message


def built(address, *arguments):
    builder = OscMessageBuilder(address)
    for argument in arguments:
        builder.add_arg(argument)
    return builder.build().dgram


@pytest.mark.parametrize(
    ("address", "arguments", "hexadecimal"),
    [
        ("/VMC/Ext/OK", (1,), "2f564d432f4578742f4f4b002c69000000000001"),
        ("/VMC/Ext/T", (1.5,), "2f564d432f4578742f5400002c6600003fc00000"),
        ("/VMC/Ext/Blend/Val", ("jawOpen", 0.25), "2f564d432f4578742f426c656e642f56616c00002c7366006a61774f70656e003e800000"),
        ("/VMC/Ext/Blend/Apply", (), "2f564d432f4578742f426c656e642f4170706c79000000002c000000"),
        (
            "/avatar/parameters/v2/JawOpen",
            (0.5,),
            "2f6176617461722f706172616d65746572732f76322f4a61774f70656e0000002c6600003f000000",
        ),
        (
            "/avatar/parameters/LipTrackingActive",
            (True,),
            "2f6176617461722f706172616d65746572732f4c6970547261636b696e67416374697665000000002c540000",
        ),
        (
            "/avatar/parameters/FT/v2/JawOpen",
            (0.5,),
            "2f6176617461722f706172616d65746572732f46542f76322f4a61774f70656e000000002c6600003f000000",
        ),
        (
            "/tracking/eye/EyesClosedAmount",
            (1.0,),
            "2f747261636b696e672f6579652f45796573436c6f736564416d6f756e7400002c6600003f800000",
        ),
        ("/blendshape/24", (0.25,), "2f626c656e6473686170652f323400002c6600003e800000"),
    ],
)
def test_message_vectors(address, arguments, hexadecimal):
    assert message(address, *arguments).hex() == hexadecimal
    assert message(address, *arguments) == built(address, *arguments)


def test_message_of_every_string_length():
    for n in range(9):
        assert message("/" + "a" * n, "b" * n, False, -n, n / 4) == built("/" + "a" * n, "b" * n, False, -n, n / 4)


def test_bundle_vector():
    frame = PatchedFrame([(message("/VMC/Ext/Blend/Val", "jawOpen", 0.0), 1), (message("/VMC/Ext/Blend/Apply"), 0)])
    frame.patch(np.array([0.25], np.float32))
    assert [bytes(d).hex() for d in frame.datagrams] == [
        "2362756e646c65000000000000000001000000242f564d432f4578742f426c656e642f56616c00002c7366006a61774f70656e003e800000"
        "0000001c2f564d432f4578742f426c656e642f4170706c79000000002c000000"
    ]


def test_fill_respects_the_limit_and_loses_nothing():
    rng = np.random.default_rng(1)
    for _ in range(50):
        sizes = (4 * rng.integers(4, 90, 60)).tolist()
        counts = fill(sizes)
        assert sum(counts) == len(sizes)
        start = 0
        for i, count in enumerate(counts):
            bundle = sum(sizes[start : start + count])
            assert len(BUNDLE_HEADER) + bundle <= DATAGRAM_LIMIT
            start += count
            if i + 1 < len(counts):  # the next one would not have fitted
                assert len(BUNDLE_HEADER) + bundle + sizes[start] > DATAGRAM_LIMIT


def test_blendshapes_vector(receiver):
    sink = OscSink(receiver.host, receiver.port, 30.0)
    sink.send(Frame(1, 1 / 30, np.array([round(i / 51, 6) for i in range(52)], np.float32)))
    together, one_by_one = receiver.datagrams()
    assert together[72:] == np.array([round(i / 51, 6) for i in range(52)], ">f4").tobytes()  # see docs/receivers/godot.md
    assert len(together) == 280 and starts_with_sha256(together, "c83edc060f7cb86b")
    assert len(one_by_one) == DATAGRAM_LIMIT
    sink.close()


@pytest.mark.parametrize("bundled", [True, False])
def test_frames_arrive_as_sent(receiver, bundled):
    sink = OscSink(receiver.host, receiver.port, 30.0, bundled)
    for k, face in enumerate(faces(3), start=1):
        sink.send(Frame(k, k / 30, face))
        datagrams = receiver.datagrams()
        assert len(datagrams) == (2 if bundled else 53)
        assert all(len(d) <= DATAGRAM_LIMIT for d in datagrams)
        found = messages(datagrams)
        assert found[0] == ("/blendshapes", *face.tolist())
        assert found[1:] == [(f"/blendshape/{i}", value) for i, value in enumerate(face.tolist())]
    sink.close()


def test_datagrams_by_another_decoder(receiver):
    parser = pytest.importorskip("oscpy.parser", reason="oscpy is not installed")
    sink = OscSink(receiver.host, receiver.port, 30.0)
    face = faces(1)[0]
    sink.send(Frame(1, 0.0, face))
    found = [(a, v) for data in receiver.datagrams() for a, _, v, _ in parser.read_packet(data)]
    assert found[0] == (b"/blendshapes", face.tolist())
    assert found[1:] == [(b"/blendshape/%d" % i, [value]) for i, value in enumerate(face.tolist())]
    sink.close()


def test_names_once_a_second(receiver):
    sink = OscSink(receiver.host, receiver.port, 29.97)
    sent = []
    for k in range(61):
        sink.send(Frame(k, k / 29.97, faces(1)[0]))
        sent.append([m for m in messages(receiver.datagrams()) if m[0] == "/fmg/names"] if k % 30 < 2 else [])
    assert [k for k, found in enumerate(sent) if found] == [0, 30, 60]
    assert sent[0] == [("/fmg/names", *ARKIT_NAMES)]
    sink.close()


def test_element_is_size_and_message():
    assert element(b"abcd") == b"\0\0\0\4abcd"


def test_a_second_of_frames_reaches_a_python_osc_server(receiver):
    from pythonosc.dispatcher import Dispatcher
    from pythonosc.osc_server import ThreadingOSCUDPServer

    heard = []
    dispatcher = Dispatcher()
    dispatcher.map("/blendshapes", lambda address, *values: heard.append(values))
    with ThreadingOSCUDPServer(("127.0.0.1", 0), dispatcher) as server:
        import threading

        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        sink = OscSink("127.0.0.1", server.server_address[1], 30.0)
        sent = faces(30)
        for k, face in enumerate(sent):
            sink.send(Frame(k, k / 30, face))
            time.sleep(0.003)
        deadline = time.monotonic() + 5
        while len(heard) < 30 and time.monotonic() < deadline:
            time.sleep(0.01)
        server.shutdown()
        thread.join(5)
        sink.close()
    assert sorted(heard) == sorted(tuple(face.tolist()) for face in sent)
