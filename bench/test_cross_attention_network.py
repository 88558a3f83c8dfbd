"""The predecessor-size network, one frame: at most 0.45 ms and 1.2 × onnxruntime (aim: 0.25 ms and 0.8 ×)."""

import numpy as np
import pytest
from predecessor_rivals import onnx_rival, torch_rival

from fmg_rt import architectures
from fmg_rt.networks import build
from fmg_rt.weights import Weights


@pytest.fixture(scope="module")
def weights():
    rng = np.random.default_rng(0)
    tensors = {
        name: rng.normal(0, 1 / np.sqrt(shape[-1]), shape).astype(np.float32)
        for name, shape in architectures.cross_attention_tensors({}).items()
    }
    return Weights(
        "cross_attention",
        {},
        (0,),
        np.zeros(80, np.float32),
        np.ones(80, np.float32),
        np.zeros(88, np.float32),
        np.ones(88, np.float32),
        tensors,
    )


@pytest.fixture(scope="module")
def mel():
    return np.random.default_rng(1).standard_normal((7, 80)).astype(np.float32)


def rivals_of(weights, mel, face):
    """Those that are installed, and proof that they compute the same face."""
    egemaps = np.zeros((1, 88), np.float32)
    rivals = {}
    for name, module, make in (("onnxruntime", "onnxruntime", onnx_rival), ("torch", "torch", torch_rival)):
        pytest.importorskip(module)
        forward = make(weights.tensors)
        assert np.abs(forward(mel[None], egemaps)[0] - face).max() < 1e-5
        rivals[name] = (lambda forward=forward: forward(mel[None], egemaps)), 1
    return rivals


def test_one_frame(contest, weights, mel):
    """A new log-mel frame in, a face out; the rivals take a whole window, as they have no other form."""
    network, face = build(weights), np.empty(52, np.float32)
    for frame in mel:
        network.push(frame)
    network.evaluate(network.horizon, face)
    rivals = rivals_of(weights, mel, face)

    def frame_in_face_out():
        network.push(mel[0])
        network.evaluate(network.horizon, face)

    contest(
        "predecessor-size network, one frame", frame_in_face_out, must=450, aim=250, rivals=rivals, limit={"onnxruntime": 1.2}
    )


def test_ten_hops_and_three_faces(contest, weights, mel):
    """What 100 ms of audio cost at 30 faces a second, per face."""
    network, face = build(weights), np.empty(52, np.float32)

    def tenth_of_a_second():
        for i in range(10):
            network.push(mel[i % 7])
            if i in (2, 5, 9):
                network.evaluate(network.horizon, face)

    contest("  the same at 30 Hz, all frames encoded", tenth_of_a_second, must=450, aim=280, per=3, rounds=500)
