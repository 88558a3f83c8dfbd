"""The receivers' orders against the published permutations, and each name against its source."""

from pathlib import Path

import numpy as np

from fmg_rt import arkit
from fmg_rt.wire import names

# fmt: off
TO_APPLE = [8, 10, 12, 14, 16, 18, 20, 9, 11, 13, 15, 17, 19, 21, 22, 23, 25, 24, 26, 31, 37, 32, 38, 43, 44, 29, 30,
            27, 28, 45, 46, 39, 40, 41, 42, 35, 36, 33, 34, 47, 48, 0, 1, 2, 3, 4, 5, 6, 7, 49, 50, 51]
TO_FACE_CAP = [2, 0, 1, 3, 4, 16, 17, 10, 11, 12, 13, 14, 15, 8, 9, 18, 19, 20, 21, 5, 6, 7, 49, 50, 24, 22, 23, 25, 31,
               37, 32, 38, 40, 39, 42, 41, 26, 43, 44, 29, 30, 27, 28, 47, 48, 33, 34, 35, 36, 45, 46, 51]
# fmt: on
FACE_CAP = """
browInnerUp browDown_L browDown_R browOuterUp_L browOuterUp_R eyeLookUp_L eyeLookUp_R eyeLookDown_L
eyeLookDown_R eyeLookIn_L eyeLookIn_R eyeLookOut_L eyeLookOut_R eyeBlink_L eyeBlink_R eyeSquint_L eyeSquint_R
eyeWide_L eyeWide_R cheekPuff cheekSquint_L cheekSquint_R noseSneer_L noseSneer_R jawOpen jawForward jawLeft
jawRight mouthFunnel mouthPucker mouthLeft mouthRight mouthRollUpper mouthRollLower mouthShrugUpper
mouthShrugLower mouthClose mouthSmile_L mouthSmile_R mouthFrown_L mouthFrown_R mouthDimple_L mouthDimple_R
mouthUpperUp_L mouthUpperUp_R mouthLowerDown_L mouthLowerDown_R mouthPress_L mouthPress_R mouthStretch_L
mouthStretch_R tongueOut""".split()


def test_orders_are_the_published_permutations():
    assert names.order(names.APPLE).tolist() == TO_APPLE
    assert names.order(names.FACE_CAP).tolist() == TO_FACE_CAP


def test_every_order_holds_every_name_once():
    for each in (names.APPLE, names.LIVE_LINK_CSV, names.FACE_CAP):
        assert sorted(each) == list(arkit.ARKIT_NAMES)


def test_csv_order_swaps_two_pairs_only():
    differing = [i for i in range(52) if names.APPLE[i] != names.LIVE_LINK_CSV[i]]
    assert differing == [15, 16, 21, 22]
    assert [names.LIVE_LINK_CSV[i] for i in differing] == ["jawRight", "jawLeft", "mouthRight", "mouthLeft"]


def test_face_cap_spelling():
    assert [names.underscored(name) for name in names.FACE_CAP] == FACE_CAP


def test_apple_order_by_the_oracle():
    import pytest

    oracle = pytest.importorskip("pylivelinkface.pylivelinkface", reason="PyLiveLinkFace is not installed")
    listed = [shape.name for shape in oracle.FaceBlendShape]
    assert [names.pascal(name) for name in names.APPLE] + list(names.POSE) == listed


def test_order_moves_values_by_name():
    ours = np.arange(52, dtype=np.float32)
    moved = ours[names.order(names.APPLE)]
    assert moved[names.APPLE.index("jawOpen")] == arkit.INDEX["jawOpen"]


def test_the_page_for_godot_has_them_in_their_order():
    page = (Path(__file__).parents[2] / "docs" / "receivers" / "godot.md").read_text("utf-8")
    assert tuple(page.split('"""')[1].split()) == arkit.ARKIT_NAMES
