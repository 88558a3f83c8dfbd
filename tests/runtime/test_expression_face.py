"""The per-frame arithmetic against slow twins in plain Python."""

import math

import numpy as np
import pytest

from fmg_rt import arkit
from fmg_rt.expression.asymmetry import Asymmetry
from fmg_rt.expression.smooth import Smoothing
from fmg_rt.kernels import expression_face as kernels

SECONDS = 1 / 30


def test_accents_are_their_definition():
    """Usual pitch and level are means over 2.5 s of speech, at first over all, their spreads over 5 s.

    1.5 to 3 deviations above are an accent.
    """
    rng = np.random.default_rng(0)
    exact, amounts = np.zeros(kernels.N_EXACT), np.zeros(3, np.float32)
    exact[[kernels.USUAL_PITCH, kernels.USUAL_LEVEL]] = math.nan
    exact[kernels.SINCE_END] = math.inf
    usual, spread, accent, effort, was, ended = [math.nan, math.nan], [2.0, 3.3], 0.0, 0.0, False, math.inf
    spoken = 0.0
    seen = np.zeros(3)
    for n in range(600):
        speaking = n % 100 < 70
        now = (
            rng.choice([0.0, rng.uniform(5, 30), 60.0], p=[0.45, 0.45, 0.1]),
            rng.choice([rng.uniform(-60, -10), math.nan], p=[0.95, 0.05]),
        )
        kernels.weigh_accents(SECONDS, *now, speaking, exact, amounts)
        above = [0.0, 0.0]
        spoken += SECONDS if speaking else 0.0
        for k, least in enumerate((1.5, 2.5)):
            if speaking and (now[0] > 0 or (k == 1 and math.isnan(usual[1]))) and math.isfinite(now[k]):
                if math.isnan(usual[k]):
                    usual[k] = now[k]
                else:
                    far, learning = now[k] - usual[k], 1 - math.exp(-SECONDS / min(2.5, max(0.15, spoken)))
                    above[k] = min(1.0, max(0.0, (far / spread[k] - 1.5) / 1.5))
                    usual[k] += far * learning
                    spread[k] = max(spread[k] + (min(1.25 * abs(far), 12.0) - spread[k]) * 0.5 * learning, least)
        ended = SECONDS if was and not speaking else ended + SECONDS
        was = speaking
        excess = 0.65 * above[0] + 0.35 * above[1] - accent
        accent += excess * (1 - math.exp(-SECONDS / (0.06 if excess > 0 else 0.18)))
        excess = above[1] - effort
        effort += excess * (1 - math.exp(-SECONDS / (0.06 if excess > 0 else 0.18)))
        end = 0.06 * math.sin(math.pi * ended / 0.4) if ended < 0.4 else 0.0
        assert amounts == pytest.approx([accent, effort, end], abs=1e-6)
        seen = np.maximum(seen, amounts)
    assert (seen > [0.5, 0.5, 0.05]).all()


def test_the_gain_follows_the_ninth_decile():
    rng = np.random.default_rng(1)
    exact = np.zeros(kernels.N_EXACT)
    exact[kernels.LOG_LEVEL], exact[kernels.GAIN] = math.log(0.4), 1.0
    level = math.log(0.4)
    for _ in range(3000):
        gap = np.float32(rng.uniform(0, 0.3))
        kernels.follow_level(gap, SECONDS, exact)
        if gap >= 0.02:
            level += 0.5 * SECONDS * (0.9 if math.log(gap) > level else -0.1)
            level = min(max(level, math.log(0.4 / 1.8) - 0.1), math.log(0.4 / 0.6) + 0.1)
            assert exact[kernels.GAIN] == pytest.approx(min(max(0.4 / math.exp(level), 0.6), 1.8), abs=1e-9)
    assert 0.25 < math.exp(level) < 0.3


def test_smoothing_is_one_filter_a_region():
    """Algorithm 1 of the paper, with the fastest coefficient of a region for all of it."""
    members, tuning, value, speed = Smoothing().arrays(2.0)
    rng = np.random.default_rng(2)
    ends = np.cumsum(members[:4])
    assert sorted(members[4:]) == list(range(arkit.N_COEFFICIENTS))
    filtered, rate, passed = np.zeros(52), np.zeros(52), 0.0
    for _ in range(60):
        face = rng.random(52).astype(np.float32)
        raw = face.astype(np.float64)
        kernels.one_euro(members, tuning, passed, face, value, speed)
        for row, (start, end) in enumerate(zip([0, *ends[:-1]], ends, strict=True)):
            which = members[4 + start : 4 + end]
            lowest, gained, of_speed = tuning[row].astype(np.float64)
            if not passed:
                filtered[which] = raw[which]
                continue
            share = 2 * math.pi * of_speed * passed
            rate[which] += share / (1 + share) * ((raw[which] - filtered[which]) / passed - rate[which])
            share = 2 * math.pi * (lowest + gained * np.abs(rate[which]).max()) * passed
            filtered[which] += share / (1 + share) * (raw[which] - filtered[which])
        assert np.allclose(face, filtered, atol=1e-5)
        passed = SECONDS


def test_a_hiss_moves_the_jaw_and_silence_behind_closed_lips_the_cheeks():
    exact = np.zeros(kernels.N_EXACT)
    moved = Asymmetry(0, exact).arrays[2]
    hiss, flat = np.full(80, -5, np.float32), np.full(80, -5, np.float32)
    hiss[60:] += 3  # 13 dB
    forward = puff = 0.0
    share = 1 - math.exp(-SECONDS / 0.06)
    for n in range(30):
        face = np.zeros(52, np.float32)
        sounds, closed = (-20.0, 0.0) if n < 15 else (-60.0, 1.0)
        mel = hiss if n < 15 else flat
        kernels.stir(moved, 1.0, SECONDS, closed, True, sounds, 1.0, mel, exact, face)
        forward += share * ((n < 15) - forward)
        puff += share * (closed - puff)
        assert face[arkit.INDEX["jawForward"]] == pytest.approx(0.18 * forward, abs=1e-6)
        assert face[arkit.INDEX["cheekPuff"]] == pytest.approx(0.15 * puff, abs=1e-6)
        assert face[arkit.INDEX["mouthShrugUpper"]] == pytest.approx(0.1 * puff, abs=1e-6)
    assert np.count_nonzero(face) == 3
    face[:] = 0
    face[arkit.INDEX["jawOpen"]] = 0.5
    kernels.stir(moved, -1.0, SECONDS, 0.0, False, -60.0, 0.0, flat, exact, face)
    assert face[arkit.INDEX["jawRight"]] == pytest.approx(0.06) and face[arkit.INDEX["mouthLeft"]] == pytest.approx(0.03)
    assert face[arkit.INDEX["jawLeft"]] == face[arkit.INDEX["mouthRight"]] == 0


def test_a_head_follows_its_posture_and_nods():
    """A critically damped spring in closed form; the nod goes on top of the pitch alone."""
    posture, value, speed, out = (np.zeros(3, np.float32) for _ in range(4))
    posture[:] = 0.05, -0.02, 0.01
    for n in range(1, 60):
        kernels.move_head(4.5, SECONDS, 0.03, 2.0, posture, value, speed, out)
        t = n * SECONDS
        there = posture * (1 - (1 + 4.5 * t) * math.exp(-4.5 * t))
        assert np.allclose(out, 2 * (there + [0, 0.03, 0]), atol=1e-5)
