"""VRChat parameters: the published vector, every combination against a plain restatement, types, changes, bundles."""

import itertools

import numpy as np
import pytest
from loopback import face, faces, messages

from fmg_rt.arkit import ARKIT_NAMES, REGIONS
from fmg_rt.frame import Frame
from fmg_rt.sinks.vrchat import VrchatSink
from fmg_rt.wire.unified import NAMES, SIGNED, Unified

L, R = "Left", "Right"
ROOT = "/avatar/parameters/"

UNIFIED = set(
    """
EyeSquintRight EyeSquintLeft EyeWideRight EyeWideLeft BrowPinchRight BrowPinchLeft BrowLowererRight
BrowLowererLeft BrowInnerUpRight BrowInnerUpLeft BrowOuterUpRight BrowOuterUpLeft NasalDilationRight
NasalDilationLeft NasalConstrictRight NasalConstrictLeft CheekSquintRight CheekSquintLeft CheekPuffRight
CheekPuffLeft CheekSuckRight CheekSuckLeft JawOpen JawRight JawLeft JawForward JawBackward JawClench
JawMandibleRaise MouthClosed LipSuckUpperRight LipSuckUpperLeft LipSuckLowerRight LipSuckLowerLeft
LipSuckCornerRight LipSuckCornerLeft LipFunnelUpperRight LipFunnelUpperLeft LipFunnelLowerRight
LipFunnelLowerLeft LipPuckerUpperRight LipPuckerUpperLeft LipPuckerLowerRight LipPuckerLowerLeft
MouthUpperUpRight MouthUpperUpLeft MouthUpperDeepenRight MouthUpperDeepenLeft NoseSneerRight NoseSneerLeft
MouthLowerDownRight MouthLowerDownLeft MouthUpperRight MouthUpperLeft MouthLowerRight MouthLowerLeft
MouthCornerPullRight MouthCornerPullLeft MouthCornerSlantRight MouthCornerSlantLeft MouthFrownRight
MouthFrownLeft MouthStretchRight MouthStretchLeft MouthDimpleRight MouthDimpleLeft MouthRaiserUpper
MouthRaiserLower MouthPressRight MouthPressLeft MouthTightenerRight MouthTightenerLeft TongueOut TongueUp
TongueDown TongueRight TongueLeft TongueRoll TongueBendDown TongueCurlUp TongueSquish TongueFlat
TongueTwistRight TongueTwistLeft SoftPalateClose ThroatSwallow NeckFlexRight NeckFlexLeft""".split()
)


def reference(coefficients):
    """Every parameter, written out in float64 from the published tables."""
    a = dict(zip(ARKIT_NAMES, map(float, coefficients), strict=True))
    u = {}
    for s in (L, R):
        u[f"EyeOpen{s}"] = 1 - min(max(a[f"eyeBlink{s}"] + a[f"eyeBlink{s}"] * a[f"eyeSquint{s}"], 0), 1)
        for same in (
            "EyeSquint",
            "EyeWide",
            "BrowOuterUp",
            "CheekSquint",
            "NoseSneer",
            "MouthFrown",
            "MouthDimple",
            "MouthPress",
            "MouthStretch",
            "MouthLowerDown",
            "MouthUpperUp",
        ):
            u[same + s] = a[same[0].lower() + same[1:] + s]
        u[f"BrowInnerUp{s}"] = a["browInnerUp"]
        u[f"BrowPinch{s}"] = u[f"BrowLowerer{s}"] = a[f"browDown{s}"]
        u[f"MouthUpper{s}"] = u[f"MouthLower{s}"] = a[f"mouth{s}"]
        u[f"MouthCornerPull{s}"] = u[f"MouthCornerSlant{s}"] = a[f"mouthSmile{s}"]
        u[f"MouthUpperDeepen{s}"] = a[f"mouthUpperUp{s}"]
        u[f"LipSuckUpper{s}"] = min(1 - a[f"mouthUpperUp{s}"] ** (1 / 6), a["mouthRollUpper"])
        u[f"LipSuckLower{s}"] = a["mouthRollLower"]
        u[f"CheekPuff{s}"] = a["cheekPuff"]
        for lip in ("Upper", "Lower"):
            u[f"LipPucker{lip}{s}"] = a["mouthPucker"]
            u[f"LipFunnel{lip}{s}"] = a["mouthFunnel"]
    for same in ("JawOpen", "JawLeft", "JawRight", "JawForward", "TongueOut"):
        u[same] = a[same[0].lower() + same[1:]]
    u["MouthClosed"] = a["mouthClose"]
    u["MouthRaiserUpper"], u["MouthRaiserLower"] = a["mouthShrugUpper"], a["mouthShrugLower"]
    # Positive is the face's own right, and up.
    u["EyeLeftX"] = a["eyeLookInLeft"] - a["eyeLookOutLeft"]
    u["EyeRightX"] = a["eyeLookOutRight"] - a["eyeLookInRight"]
    for s in (L, R):
        u[f"Eye{s}Y"] = a[f"eyeLookUp{s}"] - a[f"eyeLookDown{s}"]

    v = dict(u)

    def avg(*names):
        return sum(v[n] for n in names) / len(names)

    for s in (L, R):
        v[f"EyeClosed{s}"] = 1 - u[f"EyeOpen{s}"]
        v[f"EyeLid{s}"] = 0.75 * u[f"EyeOpen{s}"] + 0.25 * u[f"EyeWide{s}"]
        v[f"BrowUp{s}"] = 0.6 * u[f"BrowOuterUp{s}"] + 0.4 * u[f"BrowInnerUp{s}"]
        v[f"BrowDown{s}"] = 0.75 * u[f"BrowLowerer{s}"] + 0.25 * u[f"BrowPinch{s}"]
        v[f"BrowExpression{s}"] = min(1, 0.5 * u[f"BrowInnerUp{s}"] + 0.5 * u[f"BrowOuterUp{s}"]) - v[f"BrowDown{s}"]
        v[f"CheekPuffSuck{s}"] = u[f"CheekPuff{s}"]
        v[f"MouthTightenerStretch{s}"] = -u[f"MouthStretch{s}"]
        v[f"MouthCornerY{s}"] = u[f"MouthCornerSlant{s}"] - u[f"MouthFrown{s}"]
        v[f"MouthSmile{s}"] = 0.8 * u[f"MouthCornerPull{s}"] + 0.2 * u[f"MouthCornerSlant{s}"]
        v[f"MouthSad{s}"] = max(u[f"MouthFrown{s}"], u[f"MouthStretch{s}"])
        v[f"SmileFrown{s}"] = v[f"MouthSmile{s}"] - u[f"MouthFrown{s}"]
        v[f"SmileSad{s}"] = v[f"MouthSmile{s}"] - v[f"MouthSad{s}"]
        v[f"LipPucker{s}"] = avg(f"LipPuckerUpper{s}", f"LipPuckerLower{s}")
        for lip in ("Upper", "Lower"):
            v[f"LipSuckFunnel{lip}{s}"] = u[f"LipSuck{lip}{s}"] - u[f"LipFunnel{lip}{s}"]
    for name in (
        "EyeOpen",
        "EyeClosed",
        "EyeLid",
        "BrowUp",
        "BrowDown",
        "BrowInnerUp",
        "BrowOuterUp",
        "BrowExpression",
        "CheekSquint",
        "CheekPuffSuck",
        "MouthUpperUp",
        "MouthLowerDown",
        "MouthStretch",
        "MouthPress",
        "MouthDimple",
        "NoseSneer",
        "MouthTightenerStretch",
        "MouthCornerY",
        "MouthSmile",
        "MouthSad",
        "SmileFrown",
        "SmileSad",
    ):
        v[name] = avg(name + L, name + R)
    for stem, lip in itertools.product(("LipSuck", "LipFunnel", "LipPucker"), ("Upper", "Lower")):
        v[stem + lip] = avg(f"{stem}{lip}{L}", f"{stem}{lip}{R}")
    for lip in ("Upper", "Lower"):
        v[f"LipSuckFunnel{lip}"] = v[f"LipSuck{lip}"] - v[f"LipFunnel{lip}"]
        v[f"Mouth{lip}X"] = u[f"Mouth{lip}Right"] - u[f"Mouth{lip}Left"]
    for stem in ("LipSuck", "LipFunnel", "LipPucker"):
        v[stem] = avg(*(f"{stem}{lip}{s}" for lip in ("Upper", "Lower") for s in (L, R)))
    v["MouthOpen"] = avg("MouthUpperUpLeft", "MouthUpperUpRight", "MouthLowerDownLeft", "MouthLowerDownRight")
    v["MouthX"] = avg("MouthUpperRight", "MouthLowerRight") - avg("MouthUpperLeft", "MouthLowerLeft")
    v["JawX"], v["JawZ"] = u["JawRight"] - u["JawLeft"], u["JawForward"]
    v["EyeX"], v["EyeY"] = avg("EyeLeftX", "EyeRightX"), avg("EyeLeftY", "EyeRightY")
    v["EyeWide"] = max(u["EyeWideLeft"], u["EyeWideRight"])
    v["EyeSquint"] = v["EyesSquint"] = max(u["EyeSquintLeft"], u["EyeSquintRight"])
    return v


def mapped(coefficients):
    return dict(zip(NAMES, Unified().map(coefficients).tolist(), strict=False))  # those of version 2


def test_published_vector():
    sent = face(
        jawOpen=0.5,
        mouthClose=0.25,
        eyeBlinkLeft=0.5,
        eyeSquintLeft=0.5,
        mouthSmileLeft=0.8,
        mouthRollUpper=0.4,
        mouthUpperUpLeft=0.015625,
    )
    found = mapped(sent)
    expected = {
        "JawOpen": 0.5,
        "MouthClosed": 0.25,
        "EyeOpenLeft": 0.25,
        "EyeOpenRight": 1,
        "EyeSquintLeft": 0.5,
        "EyeLidLeft": 0.1875,
        "EyeLidRight": 0.75,
        "MouthCornerPullLeft": 0.8,
        "MouthCornerSlantLeft": 0.8,
        "MouthUpperUpLeft": 0.015625,
        "MouthUpperDeepenLeft": 0.015625,
        "LipSuckUpperLeft": 0.4,
        "LipSuckUpperRight": 0.4,
    }
    for name, value in expected.items():
        assert found[name] == pytest.approx(value, abs=1e-7), name
    assert {name for name in UNIFIED if found.get(name, 0) != 0} == set(expected) & UNIFIED


def test_names_are_those_of_the_tables():
    assert set(NAMES) == set(reference(face()))
    assert len(UNIFIED & set(NAMES)) == 60  # the base shapes that 52 coefficients reach
    assert len(NAMES) == len(set(NAMES))


@pytest.mark.parametrize("seed", range(20))
def test_every_parameter_of_random_faces(seed):
    sent = faces(1, seed)[0]
    if seed % 2:
        sent[sent < 0.6] = 0
    found, expected = mapped(sent), reference(sent)
    for name in NAMES:
        assert found[name] == pytest.approx(expected[name], abs=1e-6), name
        assert -1 <= found[name] <= 1


def test_each_coefficient_alone_and_the_signs():
    lowest = np.zeros(len(NAMES))
    for name in ARKIT_NAMES:
        sent = face(**{name: 1.0})
        found, expected = mapped(sent), reference(sent)
        assert found == pytest.approx(expected, abs=1e-6), name
        lowest = np.minimum(lowest, [found[n] for n in NAMES])
    assert [bool(low < 0) for low in lowest] == list(SIGNED[: len(NAMES)])


def test_floats_eyes_and_switches(receiver):
    sink = VrchatSink(receiver.host, receiver.port, 30.0)
    sent = face(
        jawOpen=0.5, eyeLookUpLeft=1, eyeLookInLeft=1, eyeLookUpRight=1, eyeLookOutRight=1, eyeBlinkLeft=1, eyeBlinkRight=0.5
    )
    sink.send(Frame(0, 0.0, sent))
    datagrams = receiver.datagrams()
    assert all(len(d) <= 1472 and d.startswith(b"#bundle\0") for d in datagrams)
    found = {m[0]: m[1:] for m in messages(datagrams)}
    for name in ("LipTrackingActive", "ExpressionTrackingActive", "EyeTrackingActive"):
        assert found[ROOT + name] == (True,)
    assert found["/tracking/eye/EyesClosedAmount"] == (0.75,)
    # Looking up and to the own right: pitch is positive downwards, yaw to the right.
    assert found["/tracking/eye/LeftRightPitchYaw"] == (-45.0, 45.0, -45.0, 45.0)
    for name, value in mapped(sent).items():
        assert found[f"{ROOT}v2/{name}"] == (value,)
    assert len(found) == 3 + 2 + len(NAMES)
    sink.close()


@pytest.mark.parametrize(("prefix", "root"), [("FT/", "FT/v2/"), ("/FT", "FT/v2/"), ("", "v2/")])
def test_prefix(receiver, prefix, root):
    sink = VrchatSink(receiver.host, receiver.port, 30.0, prefix)
    sink.send(Frame(0, 0.0, face(jawOpen=0.5)))
    found = dict(m for m in messages(receiver.datagrams()) if len(m) == 2)
    assert found[f"{ROOT}{root}JawOpen"] == 0.5
    assert found[f"{ROOT}LipTrackingActive"] is True  # never prefixed
    sink.close()


def test_only_changes_and_everything_once_a_second(receiver):
    sink = VrchatSink(receiver.host, receiver.port, 10.0)
    still, moved = face(jawOpen=0.5), face(jawOpen=0.5, tongueOut=0.25)
    counts = []
    for k in range(21):
        sink.send(Frame(k, k / 10, moved if k == 5 else still))
        datagrams = receiver.datagrams() if k in (0, 1, 5, 6, 7, 10, 11, 20) else []
        counts.append(messages(datagrams))
        if k not in (0, 1, 5, 6, 7, 10, 11, 20):
            assert counts[-1] == []
    everything = 3 + 2 + len(NAMES)
    assert [len(counts[k]) for k in (0, 10, 20)] == [everything] * 3
    assert counts[5] == [(f"{ROOT}v2/TongueOut", 0.25)]
    assert counts[6] == [(f"{ROOT}v2/TongueOut", 0.0)]
    assert counts[1] == counts[7] == counts[11] == []
    sink.close()


def test_what_changed_can_always_be_rebuilt(receiver):
    sink = VrchatSink(receiver.host, receiver.port, 30.0, bits=3)
    known = {}
    rng = np.random.default_rng(5)
    sent = faces(1)[0]
    for k in range(40):
        sent[rng.integers(0, 52, 3)] = rng.random(3)
        sink.send(Frame(k, k / 30, sent))
        known |= {m[0]: m[1:] for m in messages(receiver.datagrams())}
        for name, value in mapped(sent).items():
            assert known[f"{ROOT}v2/{name}"] == (value,)
    sink.close()


def bits_of(found, name, bits):
    return [found[f"{ROOT}v2/{name}{2**bit}"] for bit in range(bits)]


@pytest.mark.parametrize(
    ("bits", "value", "expected"),
    [
        (3, 0.5, [False, False, True]),
        (3, 0.999999, [True] * 3),
        (3, 1.0, [True] * 3),
        (3, 0.0, [False] * 3),
        (2, 0.3, [True, False]),
        (1, 0.5, [True]),
        (8, 1.0, [True] * 8),
    ],
)
def test_binary(receiver, bits, value, expected):
    sink = VrchatSink(receiver.host, receiver.port, 30.0, bits=bits)
    sink.send(Frame(0, 0.0, face(jawOpen=value, jawLeft=value)))
    found = dict(m for m in messages(receiver.datagrams()) if len(m) == 2)
    assert bits_of(found, "JawOpen", bits) == expected
    assert bits_of(found, "JawX", bits) == expected  # of |−value|
    assert found[f"{ROOT}v2/JawXNegative"] is (value > 0)
    assert f"{ROOT}v2/JawOpenNegative" not in found  # never negative
    assert f"{ROOT}v2/JawOpen{2**bits}" not in found
    assert found[f"{ROOT}v2/JawOpen"] == np.float32(value)  # floats go out as well
    sink.close()


def test_close_gives_the_mouth_back(receiver):
    sink = VrchatSink(receiver.host, receiver.port, 30.0)
    sink.send(Frame(0, 0.0, face()))
    receiver.datagrams()
    sink.close()
    assert messages(receiver.datagrams()) == [
        (ROOT + name, False) for name in ("LipTrackingActive", "ExpressionTrackingActive", "EyeTrackingActive")
    ]


def test_without_bundles(receiver):
    sink = VrchatSink(receiver.host, receiver.port, 30.0, bundled=False)
    sink.send(Frame(0, 0.0, face(jawOpen=0.5)))
    datagrams = receiver.datagrams()
    assert len(datagrams) == 5 + len(NAMES)
    jaw = "2f6176617461722f706172616d65746572732f76322f4a61774f70656e0000002c6600003f000000"
    assert bytes.fromhex(jaw) in datagrams
    sink.close()


@pytest.mark.parametrize("bits", [None, 2])
@pytest.mark.parametrize(
    ("regions", "active", "native"),
    [(("jaw", "lips"), {"Lip", "Expression"}, False), (("brows", "cheeks"), {"Expression"}, False), (("eyes",), {"Eye"}, True)],
)
def test_a_mask_leaves_the_rest_to_another_tracker(receiver, regions, active, native, bits):
    driven = {name for region in regions for name in REGIONS[region]}
    sink = VrchatSink(receiver.host, receiver.port, 30.0, bits=bits, driven=driven)
    sink.send(Frame(0, 0.0, face()))
    found = {m[0] for m in messages(receiver.datagrams())}
    assert {a for a in ("Lip", "Expression", "Eye") if f"{ROOT}{a}TrackingActive" in found} == active
    assert any(address.startswith("/tracking/eye/") for address in found) is native
    # A parameter is said exactly when one of the coefficients that move it is ours.
    moved = set()
    for name in driven:
        for other in ({}, {"mouthRollUpper": 0.9}, {"eyeBlinkLeft": 0.4, "eyeBlinkRight": 0.4}):
            moved |= {n for n, v in mapped(face(**(other | {name: 0.5}))).items() if v != mapped(face(**other))[n]}
    assert {a.removeprefix(ROOT + "v2/") for a in found if a.startswith(ROOT + "v2/")} & set(NAMES) == moved
    if bits:
        assert {a.removeprefix(ROOT + "v2/")[:-1] for a in found if a.endswith("1")} == moved
    sink.close()
    left = {m[0] for m in messages(receiver.datagrams())}
    assert left == {f"{ROOT}{a}TrackingActive" for a in active}
