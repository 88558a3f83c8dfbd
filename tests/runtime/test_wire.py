"""Decoders: our own datagrams back to faces and heads, and whatever else may arrive within bounds of time and memory.

``FMG_FUZZ=1000000`` sets the number of datagrams that are tried.
"""

import math
import os
import random
import struct
import time
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from loopback import face, faces
from pythonosc.osc_message_builder import OscMessageBuilder
from pythonosc.osc_packet import OscPacket

from fmg_rt.arkit import ARKIT_NAMES, INDEX
from fmg_rt.frame import Frame
from fmg_rt.sources.tracker import FaceDecoder
from fmg_rt.wire import ifacialmocap, livelink, osc, plain, vmc
from fmg_rt.wire.datagram import decode
from fmg_rt.wire.osc import BUNDLE_HEADER, DEEPEST, element, message
from fmg_rt.wire.pose import head_angles, unity_quaternion
from fmg_rt.wire.reading import WireError

N_FUZZED = int(os.environ.get("FMG_FUZZ", "4000"))
HEAD = np.array([0.2, -0.1, 0.05], np.float32)
HANG = bytes.fromhex("2362756e646c65000000000000000001fffffffc")
"""A bundle whose element has the size -4; python-osc 1.8 reads it forever."""


def encoded(frame):
    """The datagrams of a frame in each format."""
    return {
        "plain": plain.PlainEncoder().encode(frame),
        "vmc": vmc.VmcEncoder("camel").encode(frame),
        "vmc pascal": vmc.VmcEncoder(bundled=False).encode(frame),
        "livelink": [livelink.LiveLinkEncoder(30.0, "声").encode(frame)],
        "ifacialmocap": [ifacialmocap.encode(frame)],
    }


@pytest.mark.parametrize("name", encoded(Frame(0, 0.0, face())))
def test_every_format_gives_the_face_and_the_head_back(name):
    for k, sent in enumerate(faces(5)):
        decoder = FaceDecoder()
        for datagram in encoded(Frame(k, k / 30, sent, HEAD))[name]:
            decoder.decode(bytes(datagram))
        np.testing.assert_allclose(decoder.face, sent, atol=0.0051 if name == "ifacialmocap" else 0)
        np.testing.assert_allclose(decoder.head, HEAD, atol=2e-6)


@pytest.mark.parametrize("name", encoded(Frame(0, 0.0, face())))
def test_a_still_head_is_not_said_or_is_zero_and_one_that_moved_comes_back(name):
    decoder = FaceDecoder()
    for datagram in encoded(Frame(0, 0.0, face(jawOpen=0.5)))[name]:
        decoder.decode(bytes(datagram))
    assert decoder.head is None or not decoder.head.any()
    assert name in ("livelink", "ifacialmocap") or decoder.head is None
    encoder = {"plain": plain.PlainEncoder, "vmc": vmc.VmcEncoder}.get(name)
    if encoder:
        encoder = encoder()
        for head in (HEAD, 0 * HEAD):
            for datagram in encoder.encode(Frame(0, 0.0, face(), head)):
                decoder.decode(bytes(datagram))
            np.testing.assert_allclose(decoder.head, head, atol=1e-6)


def test_vmc_bones_are_local_rotations_in_unitys_axes():
    """Unity: x to the own right, y up, z forward, left-handed. Each turn against what Unity's documentation says of it."""
    for head, turned in (((0.4, 0, 0), (-1, 0, 0)), ((0, 0.4, 0), (0, -1, 0)), ((0, 0, 0.4), None)):
        q = np.array(unity_quaternion(head))
        forward, up = rotate(q, (0, 0, 1)), rotate(q, (0, 1, 0))
        if turned is not None:  # to the own left; down
            assert np.dot(forward, turned) == pytest.approx(math.sin(0.4))
        else:  # the top of the head goes to the own right
            assert up[0] == pytest.approx(math.sin(0.4)) and forward[2] == pytest.approx(1)
    frame = vmc.VmcEncoder().encode(Frame(0, 0.0, face(), HEAD))
    bones = [m for d in frame for m in osc.decode(bytes(d)) if m.address == "/VMC/Ext/Bone/Pos"]
    assert [m.arguments[0] for m in bones] == ["Neck", "Head"]
    for bone, share in zip(bones, (0.4, 0.6), strict=True):
        assert np.linalg.norm(bone.arguments[4:]) == pytest.approx(1)
        assert head_angles(*bone.arguments[4:]) == pytest.approx((share * HEAD).tolist(), abs=1e-6)
    assert all(len(d) <= osc.DATAGRAM_LIMIT for d in frame) and len(frame) == 2


def rotate(q, v):
    """A vector by a quaternion x, y, z, w, component by component the same in left- and right-handed axes."""
    u, w = q[:3], q[3]
    return np.array(v) + 2 * np.cross(u, np.cross(u, v) + w * np.array(v))


@given(st.tuples(*[st.floats(-1.4, 1.4)] * 3))
def test_angles_survive_the_quaternion(head):
    assert head_angles(*unity_quaternion(head)) == pytest.approx(head, abs=1e-6)


def test_the_recorded_frame_of_ifacialmocap():
    """Of VRC_iFacialMocap's documentation: version 2, eyes to the own left, a little up."""
    text = (
        b"browDown_R&50|eyeLookIn_R&23|eyeLookIn_L&1|eyeLookOut_R&0|eyeLookOut_L&9|eyeLookUp_R&2|eyeLookUp_L&2|"
        b"browInnerUp&0|=head#10.57,-19.4,15.17,-0.005667,-0.087206,0.0|rightEye#-0.51,6.96,0.0|leftEye#-0.51,2.75,0.0|"
    )
    reading = ifacialmocap.decode(text)
    assert reading.face[INDEX["eyeLookInRight"]] == 0.23
    assert np.degrees(reading.turns["Head"]) == pytest.approx([-19.4, 10.57, 15.17])
    ours = np.zeros(52, np.float32)
    for i, value in reading.face.items():
        ours[i] = value
    pose = ifacialmocap.encode(Frame(0, 0.0, ours)).decode().partition("=")[2]
    right = [float(n) for n in pose.split("|")[1].partition("#")[2].split(",")]
    assert right == pytest.approx([-0.51, 6.96, 0.0], abs=0.2)


def test_osc_against_python_osc():
    builder = OscMessageBuilder("/a/b")
    for value, tag in (
        (1, "i"),
        (2.5, "f"),
        ("text", "s"),
        (b"blob!", "b"),
        (True, "T"),
        (False, "F"),
        (None, "N"),
        (2**40, "h"),
        (0.1, "d"),
    ):
        builder.add_arg(value, tag)
    data = builder.build().dgram
    assert osc.decode(data) == [("/a/b", (1, 2.5, "text", b"blob!", True, False, None, 2**40, 0.1))]
    bundle = BUNDLE_HEADER + element(data) + element(BUNDLE_HEADER + element(message("/c", "d")))
    assert [m.address for m in osc.decode(bundle)] == ["/a/b", "/c"]
    theirs = [(m.message.address, m.message.params) for m in OscPacket(bundle).messages]
    assert sorted(theirs) == sorted((m.address, list(m.arguments)) for m in osc.decode(bundle))


@pytest.mark.parametrize(
    "broken",
    [
        b"",
        b"x",
        b"#bundle",
        b"#bundle\0",
        b"#bundle\0" + bytes(7),
        HANG,
        BUNDLE_HEADER + b"\0\0",
        b"/a",
        b"/a\0\0x\0\0\0",
        BUNDLE_HEADER + b"\0\0\0\0",
        BUNDLE_HEADER + b"\x7f\xff\xff\xff" + bytes(8),
        b"/a\0\0,f\0\0\0",
        b"/a\0\0,?\0\0",
        b"/a\0\0,b\0\0\xff\xff\xff\xff",
        b"/a\0\0,b\0\0\0\0\0\x7f",
        b"/\xff\0\0",
        b"/a\0\0,s\0\0abcd",
        b"a\0\0\0,\0\0\0",
    ],
)
def test_what_is_not_osc_is_one_kind_of_error(broken):
    with pytest.raises(WireError):
        osc.decode(broken)
    assert decode(broken).kind == "unknown"


def test_bundles_are_followed_so_deep_and_no_deeper():
    data = message("/a", 1)
    for depth in range(DEEPEST + 1):
        if depth <= DEEPEST:
            assert len(osc.decode(data)) == 1
        data = BUNDLE_HEADER + element(data)
    with pytest.raises(WireError, match="nested"):
        osc.decode(data)
    for _ in range(3000):
        data = BUNDLE_HEADER + element(data)
    with pytest.raises(WireError, match="nested"):
        osc.decode(data)


def test_the_largest_datagrams_take_bounded_time_and_memory():
    empty = BUNDLE_HEADER + element(BUNDLE_HEADER) * 3200
    small = BUNDLE_HEADER + element(message("/")) * 4090
    tags = b"/\0\0\0," + b"T" * 65_000 + bytes(4)
    text = b"a-1|" * 16_000
    tracemalloc.start()
    for data in (empty, small, tags, text, b"|" * 65_000, b"\6" + b"\0\0\0\0" * 16_000, HANG):
        began = time.perf_counter()
        decode(data)
        assert time.perf_counter() - began < 2
    assert tracemalloc.get_traced_memory()[1] < 50e6
    tracemalloc.stop()


@settings(max_examples=300)
@given(st.binary(max_size=200))
def test_any_bytes(data):
    check(data)


def check(data):
    """Nothing that arrives is an error, and nothing but sound faces come of it."""
    for decoder in (osc.decode, livelink.decode, ifacialmocap.decode):
        try:
            decoder(data)
        except WireError:
            pass
    reading = decode(data)
    assert all(0 <= i < 52 and 0 <= value <= 1 for i, value in reading.face.items())  # NaN is not
    assert all(abs(angle) <= math.pi for turn in reading.turns.values() for angle in turn)
    assert all(text.isprintable() for text in (*reading.values, *reading.notes))


def test_mutated_datagrams():
    """Valid ones with bytes flipped, sizes and lengths overwritten, ends cut off, pieces doubled and swapped."""
    rng = random.Random(int(os.environ.get("FMG_FUZZ_SEED", "0")))
    valid = [bytes(d) for sent in faces(2) for found in encoded(Frame(1, 0.1, sent, HEAD)).values() for d in found[:6]]
    valid += [HANG, message("/x", 1.0, 2, "three", True), BUNDLE_HEADER + element(message("/head", *HEAD.tolist()))]
    faced = 0
    decoder = FaceDecoder()
    for _ in range(N_FUZZED):
        data = bytearray(rng.choice(valid))
        for _ in range(rng.randint(1, 4)):
            at = rng.randrange(len(data) + 1)
            match rng.randrange(5):
                case 0:
                    data[at : at + 1] = bytes([rng.randrange(256)])
                case 1:
                    data[at & ~3 : (at & ~3) + 4] = struct.pack(">i", rng.choice((-1, -4, 0, 1, 2**31 - 1, -(2**31), 8)))
                case 2:
                    del data[at:]
                case 3:
                    data[at:at] = data[at // 2 : at]
                case 4:
                    data[at : at + 4] = rng.choice((b"\x7f\xc0\0\0", b"\x7f\x80\0\0", b"#bundle\0", b",[[[", b"-9|"))
            data = data[:70_000] or bytearray(b"/")
        check(bytes(data))
        faced += decoder.decode(bytes(data))
    assert faced > 0 and np.isfinite(decoder.face).all()


def test_names_in_any_case_and_values_out_of_range():
    decoder = FaceDecoder()
    for name, value in (("JAWOPEN", 3.0), ("browinnerup", -1.0), ("TongueOut", math.nan), ("nose", 1.0)):
        decoder.decode(message("/VMC/Ext/Blend/Val", name, value))
    assert not decoder.face.any()
    assert decoder.decode(message("/VMC/Ext/Blend/Apply"))
    assert decoder.face[INDEX["jawOpen"]] == 1 and decoder.face.sum() == 1
    assert set(ARKIT_NAMES) == set(INDEX)
