"""The scores on hand-made faces whose answers are known."""

import numpy as np
import pytest

from fmg_rt import arkit
from fmg_train.evaluate import scores

RATE = 100.0


def _face(frames=1, **curves):
    face = np.zeros((frames, arkit.N_COEFFICIENTS), np.float32)
    for name, curve in curves.items():
        for column in (name, f"{name}Left", f"{name}Right"):
            if column in arkit.INDEX:
                face[:, arkit.INDEX[column]] = curve
    return face


def test_aperture_is_the_formula():
    face = _face(
        jawOpen=0.5,
        mouthClose=0.1,
        mouthLowerDown=0.2,
        mouthUpperUp=0.1,
        mouthFunnel=0.3,
        mouthRollLower=0.1,
        mouthRollUpper=0.05,
        mouthPress=0.2,
    )
    expected = 0.5 - 0.1 + 0.4 * 0.2 + 0.3 * 0.1 + 0.2 * 0.3 - 0.2 * 0.15 - 0.2 * 0.2
    assert scores.aperture(face)[0] == pytest.approx(expected, abs=1e-6)


def test_aperture_averages_the_sides_and_never_goes_below_zero():
    face = _face()
    face[0, arkit.INDEX["mouthLowerDownLeft"]] = 1.0
    assert scores.aperture(face)[0] == pytest.approx(0.2)
    assert scores.aperture(_face(mouthClose=0.5, mouthPress=1.0))[0] == 0.0


def test_rounding_is_the_formula():
    assert scores.rounding(_face(mouthPucker=0.4, mouthFunnel=0.2))[0] == pytest.approx(0.5)


def test_aperture_r_is_the_mean_over_recordings_and_skips_unknown_frames():
    wave = np.sin(np.arange(50.0))
    gapped = wave.copy()
    gapped[10:20] = np.nan
    pairs = [(wave, 3 * gapped + 1), (wave, -wave), (wave, np.full(50, 0.3)), (np.zeros(50), wave)]
    # 1, −1, left out (nothing was measured to move), 0 (the face did not move)
    assert scores.aperture_r(pairs) == pytest.approx(0.0, abs=1e-9)
    assert scores.aperture_r(pairs[:1]) == pytest.approx(1.0)
    assert np.isnan(scores.aperture_r([]))


def _opening():
    """1 s open at 0.4, closed in 0.30…0.36 s and in 0.60…0.70 s."""
    curve = np.full(100, 0.4)
    curve[30:37] = 0.0
    curve[60:71] = 0.0
    return curve


def test_closure_counts_bilabials_with_their_lead_and_open_vowels_in_their_middle():
    phones = [
        ("p", 0.38, 0.45),  # closes only within the 30 ms before it
        ("bʲ", 0.62, 0.66),  # marks do not matter
        ("m", 0.80, 0.90),  # never closes
        ("t", 0.30, 0.36),  # does not count
        ("aː", 0.55, 0.75),  # closed in its middle
        ("ɛ", 0.70, 0.90),  # closed only in its first quarter
        ("i", 0.60, 0.70),  # no open vowel
    ]
    assert scores.closure(_opening(), RATE, phones) == (2, 3, 1, 2)


def test_closure_follows_the_recordings_own_size_and_start():
    tenth = _opening() * 0.5
    tenth[60:71] = 0.021  # above 10 % of 0.2
    assert scores.closure(tenth, RATE, [("b", 0.62, 0.66)]) == (0, 1, 0, 0)
    tenth[60:71] = 0.019
    assert scores.closure(tenth, RATE, [("b", 0.62, 0.66)]) == (1, 1, 0, 0)
    assert scores.closure(tenth, RATE, [("b", 2.62, 2.66)], start=2.0) == (1, 1, 0, 0)


def test_closure_of_nothing_and_of_a_phone_shorter_than_a_frame():
    assert scores.closure(np.zeros(0), RATE, [("p", 0, 1)]) == (0, 0, 0, 0)
    assert scores.closure(_opening(), RATE, [("ɑ", 0.651, 0.653)]) == (0, 0, 1, 1)


def test_auc_against_all_pairs():
    rng = np.random.default_rng(0)
    a, b = rng.integers(0, 9, 40), rng.integers(0, 7, 30)
    pairs = np.mean([(x > y) + 0.5 * (x == y) for x in a for y in b])
    assert scores.auc(a, b) == pytest.approx(pairs)
    assert np.isnan(scores.auc(a, np.zeros(0)))


def test_rounding_values_take_the_middle_half():
    curve = np.zeros(100)
    curve[25:36] = 1.0
    rounded, spread = scores.rounding_values(curve, RATE, [("u", 0.20, 0.40), ("s", 0.5, 0.6), ("a", 0.2, 0.4)])
    assert rounded == [pytest.approx(1.0)]
    assert spread == [0.0]


def test_errors_by_group():
    teacher, ours = _face(10), _face(10, jawOpen=0.2, browInnerUp=0.1)
    table = scores.errors(ours, teacher)
    assert table["jaw"] == (pytest.approx(0.2 / 4), pytest.approx(0.04 / 4))
    assert table["brows"][0] == pytest.approx(0.1 / 5)
    assert table["lips"] == table["eyes"] == (0.0, 0.0)
    assert table["all"][0] == pytest.approx(0.3 / 52)
    known = np.zeros(52, bool)
    known[arkit.INDEX["jawOpen"]] = True
    assert scores.errors(ours, teacher, known)["jaw"][0] == pytest.approx(0.2)
    assert np.isnan(scores.errors(ours, teacher, known)["brows"][0])


def test_groups_hold_every_coefficient_once():
    members = [i for regions in scores.GROUPS.values() for i in arkit.region_indices(*regions)]
    assert sorted(members) == list(range(52))


def test_rest_is_the_largest_departure():
    assert scores.rest(_face(5)) == 0.0
    assert scores.rest(_face(5, cheekPuff=0.03)) == pytest.approx(0.03)


def test_tremble_keeps_what_is_faster_than_eight_hertz():
    time = np.arange(200) / RATE
    slow, fast = 0.3 + 0.2 * np.cos(2 * np.pi * 3 * time), 0.1 * np.sin(2 * np.pi * 20 * time)
    one = scores.tremble(_face(200, jawOpen=slow + fast), RATE)
    assert one == pytest.approx(0.1 / np.sqrt(2) / np.sqrt(52), rel=0.03)
    assert scores.tremble(_face(200, jawOpen=slow), RATE) < one / 20
    ratio = scores.jitter(_face(200, jawOpen=slow + 2 * fast), _face(200, jawOpen=slow + fast), RATE)
    assert ratio == pytest.approx(2.0, rel=0.03)
