"""VMC: bytes against the vector, contents by python-osc, and what models without perfect sync get."""

import numpy as np
import pytest
from loopback import face, faces, messages, starts_with_sha256

from fmg_rt.arkit import ARKIT_NAMES, INDEX
from fmg_rt.frame import Frame
from fmg_rt.sinks.vmc import VmcSink
from fmg_rt.wire.pose import head_angles
from fmg_rt.wire.vmc import VOWELS, vowels


def test_frame_vector(receiver):
    sink = VmcSink(receiver.host, receiver.port, "camel")
    sink.send(Frame(0, 0.0, face()))
    datagrams = receiver.datagrams()
    assert [len(d) for d in datagrams] == [1432, 1156]
    # The vector is the same frame before it is split: one header instead of two.
    whole = datagrams[0] + datagrams[1][16:]
    assert len(whole) == 2572 and starts_with_sha256(whole, "9707d17d4c71de24")
    sink.close()


@pytest.mark.parametrize(("case", "spelt"), [("camel", "jawOpen"), ("pascal", "JawOpen")])
@pytest.mark.parametrize("bundled", [True, False])
def test_frame_contents(receiver, case, spelt, bundled):
    sink = VmcSink(receiver.host, receiver.port, case, bundled=bundled)
    sent = faces(1)[0]
    sink.send(Frame(45, 1.5, sent))
    datagrams = receiver.datagrams()
    assert len(datagrams) == (2 if bundled else 55)
    found = messages(datagrams)
    assert found[:2] == [("/VMC/Ext/OK", 1), ("/VMC/Ext/T", 1.5)]
    assert found[-1] == ("/VMC/Ext/Blend/Apply",)
    assert [m[0] for m in found].count("/VMC/Ext/Blend/Apply") == 1
    assert b"/VMC/Ext/Blend/Apply" in datagrams[-1]
    values = {name: value for _, name, value in found[2:-1]}
    assert len(values) == 52 and values[spelt] == sent[INDEX["jawOpen"]]
    assert [value for _, _, value in found[2:-1]] == sent.tolist()
    assert [name.lower() for name in values] == [name.lower() for name in ARKIT_NAMES]
    sink.close()


def test_every_message_by_the_oracle(receiver):
    events = pytest.importorskip("vmcp.events", reason="python-vmcp is not installed: nox -s receivers")
    kinds = {kind.ADDRESS_PATTERN: kind for kind in vars(events).values() if hasattr(kind, "ADDRESS_PATTERN") and kind.__doc__}
    sink = VmcSink(receiver.host, receiver.port, "camel", with_vowels=True)
    sent, head = faces(1)[0], np.array([0.2, -0.1, 0.05], np.float32)
    sink.send(Frame(45, 1.5, sent, head))
    found = [kinds[name].from_message_data("", name, arguments) for name, *arguments in messages(receiver.datagrams())]
    state, when, *rest, apply = found
    assert (type(state).__name__, state.model_state) == ("StateEvent", state.model_state.LOADED) and when.delta == 1.5
    assert isinstance(apply, events.BlendShapeApplyEvent)
    values = {event.key: event.value for event in rest if isinstance(event, events.BlendShapeEvent)}
    assert [values[name] for name in ARKIT_NAMES] == sent.tolist() and set(VOWELS) <= set(values)
    turns = {event.joint.value: event.rotation for event in rest if isinstance(event, events.BoneTransformEvent)}
    for bone, share in (("Neck", 0.4), ("Head", 0.6)):
        q = turns.pop(bone)
        assert head_angles(q.x, q.y, q.z, q.w) == pytest.approx((share * head).tolist(), abs=1e-6)
    assert not turns
    sink.close()


def test_vowels_come_before_apply(receiver):
    sink = VmcSink(receiver.host, receiver.port, with_vowels=True)
    sent = face(jawOpen=0.6, eyeBlinkLeft=0.5, eyeBlinkRight=0.25)
    sink.send(Frame(0, 0.0, sent))
    datagrams = receiver.datagrams()
    assert all(len(d) <= 1472 for d in datagrams)
    found = messages(datagrams)
    assert found[-1] == ("/VMC/Ext/Blend/Apply",)
    values = {name: value for _, name, value in found[2:-1]}
    assert len(values) == 52 + len(VOWELS)
    assert values["A"] == pytest.approx(0.6)
    assert (values["Blink"], values["Blink_L"], values["Blink_R"]) == (0.25, 0.25, 0.0)
    sink.close()


@pytest.mark.parametrize(
    ("shape", "strongest"),
    [
        (dict(jawOpen=0.7), "A"),
        (dict(jawOpen=0.05, mouthStretchLeft=0.7, mouthStretchRight=0.7), "I"),
        (dict(mouthPucker=0.8, jawOpen=0.1), "U"),
        (dict(jawOpen=0.5, mouthSmileLeft=0.7, mouthSmileRight=0.7), "E"),
        (dict(mouthFunnel=0.7, jawOpen=0.4), "O"),
    ],
)
def test_each_vowel_is_the_strongest_of_its_own_mouth(shape, strongest):
    values = dict(zip(VOWELS, vowels(face(**shape)), strict=True))
    assert max("AIUEO", key=values.get) == strongest


def test_vowels_stay_in_range_and_rest_is_rest():
    assert vowels(face()).tolist() == [0.0] * 8
    for coefficients in (*faces(300), np.ones(52, np.float32)):
        values = vowels(coefficients)
        assert all(0 <= value <= 1 for value in values)
        assert sum(values[:5]) <= 2
    closed = vowels(face(jawOpen=0.5, mouthClose=0.5))
    assert closed[0] == 0  # lips closed over an open jaw


def test_a_mask_leaves_the_rest_unsaid(receiver):
    sink = VmcSink(receiver.host, receiver.port, "camel", True, driven={"jawOpen", "mouthClose"})
    sink.send(Frame(0, 0.0, face(jawOpen=0.75, mouthClose=0.25, browInnerUp=1)))
    found = messages(receiver.datagrams())
    assert found[2:4] == [("/VMC/Ext/Blend/Val", "jawOpen", 0.75), ("/VMC/Ext/Blend/Val", "mouthClose", 0.25)]
    assert [m[1] for m in found[4:-1]] == ["A", "I", "U", "E", "O"]  # no blink: the eyes are another's
    sink.close()
