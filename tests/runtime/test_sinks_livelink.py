"""Live Link: bytes against the vector and PyLiveLinkFace."""

import struct

import numpy as np
import pytest
from loopback import face, faces, starts_with_sha256

from fmg_rt.arkit import INDEX
from fmg_rt.frame import Frame
from fmg_rt.sinks.livelink import LiveLinkSink
from fmg_rt.wire.names import APPLE


def test_packet_vector(receiver):
    sink = LiveLinkSink(receiver.host, receiver.port, 60.0, "fmg", "00000000-0000-0000-0000-000000000001")
    sink.send(Frame(0, 0.0, face(jawOpen=0.5, mouthClose=0.25)))
    (packet,) = receiver.datagrams()
    assert len(packet) == 309 and starts_with_sha256(packet, "f24af105c6bd3a9c")
    assert packet[:65].hex() == (
        "060000002430303030303030302d303030302d303030302d303030302d30303030303030303030303100000003666d67"
        "00000000000000000000003c000000013d"
    )
    assert packet[65:] == bytes(68) + bytes.fromhex("3f0000003e800000") + bytes(168)
    sink.close()


def test_packets_by_the_oracle(receiver):
    oracle = pytest.importorskip("pylivelinkface.pylivelinkface", reason="PyLiveLinkFace is not installed")
    sink = LiveLinkSink(receiver.host, receiver.port, 30.0, "声")
    for k, sent in enumerate(faces(3)):
        sink.send(Frame(k, k / 30, sent))
        (packet,) = receiver.datagrams()
        found, decoded = oracle.PyLiveLinkFace.decode(packet)
        assert found and decoded.name == "声" and decoded.fps == 30 and decoded._frames == k
        for i, name in enumerate(APPLE):
            assert decoded.get_blendshape(oracle.FaceBlendShape(i)) == sent[INDEX[name]], name
        assert decoded._blend_shapes[52:55] == (0.0,) * 3
    sink.close()


def test_head_and_eyes_by_the_oracle(receiver):
    """Signs and size as in recordings of the iPhone app: looking to the own right and down is positive."""
    oracle = pytest.importorskip("pylivelinkface.pylivelinkface", reason="PyLiveLinkFace is not installed")
    sink = LiveLinkSink(receiver.host, receiver.port, 30.0)
    looking = face(eyeLookInLeft=0.0418, eyeLookOutRight=0.0418, eyeLookDownLeft=0.5, eyeLookUpRight=1.0)
    sink.send(Frame(0, 0.0, looking, np.array([0.1, 0.2, 0.3], np.float32)))
    _, decoded = oracle.PyLiveLinkFace.decode(*receiver.datagrams())
    shape = {s.name: decoded.get_blendshape(s) for s in oracle.FaceBlendShape}
    assert (shape["HeadYaw"], shape["HeadPitch"], shape["HeadRoll"]) == pytest.approx((-0.1, 0.2, -0.3))
    assert shape["LeftEyeYaw"] == shape["RightEyeYaw"] == pytest.approx(0.0232, abs=0.001)
    assert shape["LeftEyePitch"] == pytest.approx(0.27, abs=0.01) and shape["RightEyePitch"] == pytest.approx(-0.54, abs=0.01)
    sink.close()


@pytest.mark.parametrize(("rate", "fraction"), [(60.0, (60, 1)), (29.97, (29970, 1000))])
def test_rate_is_a_fraction(receiver, rate, fraction):
    sink = LiveLinkSink(receiver.host, receiver.port, rate)
    sink.send(Frame(7, 7 / rate, faces(1)[0]))
    (packet,) = receiver.datagrams()
    assert struct.unpack(">ifii", packet[48:64]) == (7, 0.0, *fraction)
    sink.close()


def test_device_is_the_same_at_every_start_and_another_for_another_subject(receiver):
    packets = []
    for subject in ("a", "a", "b"):
        sink = LiveLinkSink(receiver.host, receiver.port, 30.0, subject)
        sink.send(Frame(0, 0.0, faces(1)[0]))
        packets += receiver.datagrams()
        sink.close()
    assert packets[0] == packets[1]
    assert packets[0][5:41] != packets[2][5:41]
