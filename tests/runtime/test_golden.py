"""The packaged network's numbers where torch is absent: against a slow twin in NumPy, and against frames kept in a file."""

import golden_demo
import numpy as np
import pytest
import reference_gru

from fmg_rt import ExpressionSettings, Session, arkit, weights

NETWORK_TOLERANCE = 1e-4
"""Rounding of float32 on any processor; two kinds of x86-64 differ by 1e-6."""
FACE_TOLERANCE = 2e-3
"""The expression decides (closure or none, voice or none) and filters what it decided, which makes rounding grow."""


@pytest.fixture(scope="module")
def audio():
    return golden_demo.demo()


@pytest.fixture(scope="module")
def packaged():
    return weights.read(weights.packaged())


def test_the_network_equals_its_twin_in_numpy(audio, packaged):
    """From the sound on: log-mel, two layers, every read-out, interpolation; three seconds of the clip."""
    assert packaged.architecture == "gru"
    part = audio[32_000:80_000]
    for lookahead in packaged.lookaheads:
        session = Session(packaged, lookahead=lookahead, settings=ExpressionSettings.off(), egemaps=False)
        frames = session.push(part)
        ours = np.array([frame.coefficients for frame in frames])
        times = [round(frame.index * 16000 / 30) for frame in frames]
        expected = reference_gru.faces(packaged, part, times, lookahead)
        assert expected.std() > 0.01
        assert np.abs(ours - expected).max() <= NETWORK_TOLERANCE, lookahead


@pytest.mark.parametrize(
    "name, settings, tolerance",
    [("network", ExpressionSettings.off(), NETWORK_TOLERANCE), ("face", ExpressionSettings(), FACE_TOLERANCE)],
)
def test_the_demo_is_what_it_was(audio, packaged, name, settings, tolerance):
    with np.load(golden_demo.FILE) as golden:
        assert str(golden["sha256"]) == packaged.sha256, "the weights are new: python tests/runtime/golden_demo.py"
        expected = golden[name]
    assert expected.shape == (30, 52) and expected.std() > 0.01
    worst = np.abs(golden_demo.faces(audio, settings) - expected).max()
    assert worst <= tolerance, f"{worst:.1e}; if that is meant: python tests/runtime/golden_demo.py"


def test_the_calm_demo_looks_neither_worried_nor_glad(audio, packaged):
    """Means while the mouth is open, all parts on, moods heard too: accents rise from rest and return."""
    session = Session(packaged)
    face = np.array([frame.coefficients for frame in session.push(audio) + session.flush()])
    spoken = face[face[:, arkit.INDEX["jawOpen"]] > 0.02]
    assert len(spoken) > 200
    for name in ("browInnerUp", "browDown", "browOuterUp", "eyeSquint", "cheekSquint", "noseSneer", "mouthFrown", "mouthSmile"):
        sides = [arkit.INDEX[full] for full in (name, f"{name}Left", f"{name}Right") if full in arkit.INDEX]
        assert spoken[:, sides].mean() <= 0.05, name
    assert spoken[:, arkit.INDEX["browInnerUp"]].max() > 0.05  # no mask either


@pytest.mark.parametrize("lookahead", [0, 800, 960, 1600])
def test_latency_is_the_longest_wait_to_the_sample(packaged, lookahead):
    """A frame rate that no hop is a multiple of meets every phase; one hop more or less would be seen."""
    if lookahead not in packaged.lookaheads:
        pytest.skip("these weights have no such read-out")
    session = Session(packaged, rate=99.7, lookahead=lookahead, settings=ExpressionSettings.off(), egemaps=False)
    waits = []
    for n, hop in enumerate(np.zeros((2000, 160), np.float32), 1):
        waits += [160 * n - round(frame.index * 16000 / 99.7) for frame in session.push(hop)]
    assert max(waits) <= 16000 * session.latency < max(waits) + 8
