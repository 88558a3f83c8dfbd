"""The packaged network: one hop, one frame at 30 Hz, and its share of the predecessor's network."""

import time
from importlib.resources import as_file, files

import numpy as np
import pytest

from fmg_rt import architectures, networks, weights


def _packaged() -> weights.Weights:
    with as_file(files("fmg_weights") / "best.npz") as path:
        return weights.read(path)


def _predecessor() -> weights.Weights:
    rng = np.random.default_rng(0)
    shapes = architectures.cross_attention_tensors({})
    tensors = {name: rng.normal(0, 0.1, shape).astype(np.float32) for name, shape in shapes.items()}
    zeros, ones = np.zeros(80, np.float32), np.ones(80, np.float32)
    return weights.Weights(
        "cross_attention", {}, (800,), zeros, ones, np.zeros(88, np.float32), np.ones(88, np.float32), tensors
    )


def _second(network, mel: np.ndarray, out: np.ndarray) -> None:
    """100 hops, 30 frames."""
    frames = 0
    for j, frame in enumerate(mel):
        network.push(frame)
        while frames * 100 / 30 <= j:
            network.evaluate(network.horizon, out)
            frames += 1


@pytest.fixture
def mel() -> np.ndarray:
    return np.random.default_rng(1).standard_normal((100, 80)).astype(np.float32)


def test_hop_and_frame(benchmark, mel, slowness):
    network = networks.build(_packaged())
    out = np.empty(52, np.float32)
    benchmark.pedantic(_second, (network, mel, out), rounds=60, warmup_rounds=5)
    second = benchmark.stats.stats.median
    print(f"\nrecurrent network: {1e6 * second / 100:.1f} µs a hop, {1e6 * second / 30:.1f} µs a 30 Hz frame")
    slower = slowness()
    assert second / 100 <= 20e-6 * slower
    assert second / 30 <= 60e-6 * slower


def test_against_the_predecessors_network(benchmark, mel):
    ours = networks.build(_packaged())
    theirs = networks.build(_predecessor())
    out = np.empty(52, np.float32)
    ratios = []

    def both() -> None:
        start = time.perf_counter()
        _second(ours, mel, out)
        middle = time.perf_counter()
        _second(theirs, mel, out)
        ratios.append((middle - start) / (time.perf_counter() - middle))

    benchmark.pedantic(both, rounds=40, warmup_rounds=3)
    ratio = float(np.median(ratios))
    print(f"\nrecurrent network: {ratio:.3f} of the predecessor's network on the same audio")
    assert ratio <= 0.2
