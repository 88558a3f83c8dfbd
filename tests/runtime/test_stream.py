"""FaceStream: any block sizes, right times, reset, bounds."""

import numpy as np
import pytest

from fmg_rt import architectures
from fmg_rt.stream import FaceStream
from fmg_rt.weights import Weights

CONFIG = {"n_stack": 2, "d_input": 16, "d_model": 16, "d_head": 16, "n_lookaheads": 2, "default_lookahead": 800}


@pytest.fixture(scope="module")
def weights() -> Weights:
    rng = np.random.default_rng(1)
    tensors = {n: rng.normal(0, 0.5, s).astype(np.float32) for n, s in architectures.gru_tensors(CONFIG).items()}
    return Weights(
        "gru",
        CONFIG,
        (0, 800),
        np.full(80, -10, np.float32),
        np.full(80, 4, np.float32),
        np.zeros(88, np.float32),
        np.ones(88, np.float32),
        tensors,
    )


@pytest.fixture(scope="module")
def audio() -> np.ndarray:
    rng = np.random.default_rng(2)
    n = 40_000
    return (0.2 * np.sin(np.arange(n) / 3000) * rng.standard_normal(n)).astype(np.float32)


def _whole(stream: FaceStream, audio: np.ndarray) -> np.ndarray:
    frames = [stream.step(hop).copy() for hop in audio.reshape(-1, 160)]
    return np.concatenate([*frames, stream.finish()])


@pytest.mark.parametrize("rate", [1, 24, 30, 59.94, 100, 120])
@pytest.mark.parametrize("lookahead", [0, 800])
def test_one_frame_for_every_moment(weights, audio, rate, lookahead):
    frames = _whole(FaceStream(weights, rate=rate, lookahead=lookahead), audio)
    expected = sum(round(k * 16000 / rate) < len(audio) for k in range(400))
    assert frames.shape == (expected, 52)
    assert np.isfinite(frames).all() and frames.min() >= 0 and frames.max() <= 1 and frames.std() > 0.01


def test_rate_only_samples_the_same_face(weights, audio):
    slow, fast = (_whole(FaceStream(weights, rate=rate), audio) for rate in (25, 100))
    assert np.allclose(slow, fast[::4], atol=1e-6)


def test_reset_equals_new(weights, audio):
    stream = FaceStream(weights)
    for hop in audio[:12_320].reshape(-1, 160):
        stream.step(hop)
    stream.reset()
    assert np.array_equal(_whole(stream, audio), _whole(FaceStream(weights), audio))


def test_no_frame_comes_later_than_the_latency_says(weights, audio):
    for rate in (30, 100):
        stream = FaceStream(weights, rate=rate)
        heard, latest = 0, 0
        for hop in audio.reshape(-1, 160):
            heard += 160
            first = stream.index
            for i in range(len(stream.step(hop))):
                latest = max(latest, heard - round((first + i) * 16000 / rate))
        # A frame's own sample lies up to one hop before the end of the hop that brought it.
        assert latest <= stream.latency + 160
        assert latest >= stream.latency - 320


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e30])
def test_bad_samples_do_no_lasting_harm(weights, audio, bad):
    stream = FaceStream(weights)
    poisoned = audio.copy()
    poisoned[8000:8100] = bad
    frames = _whole(stream, poisoned)
    assert np.isfinite(frames).all() and frames.min() >= 0 and frames.max() <= 1


@pytest.mark.parametrize("rate", [0, 0.5, 121, -30])
def test_rates_out_of_range(weights, rate):
    with pytest.raises(ValueError, match="between 1 and 120"):
        FaceStream(weights, rate=rate)


def test_the_first_face_moves_within_100_ms(weights, audio):
    stream = FaceStream(weights, lookahead=0)
    loud = np.tile(audio[16_000:16_800], 4)
    first = next(i for i, hop in enumerate(loud.reshape(-1, 160)) if len(f := stream.step(hop)) and f.max() > 0)
    assert (first + 1) * 160 <= 1600


@pytest.mark.parametrize(
    "hop", [np.zeros(161, np.float32), np.zeros(1000, np.float32), np.zeros(160), np.zeros((1, 160), np.float32)]
)
def test_a_hop_of_another_size_or_type_is_refused(weights, hop):
    """The kernels check nothing: a longer hop would be written behind the end of an array."""
    with pytest.raises(ValueError, match="a hop is"):
        FaceStream(weights).step(hop)


def test_the_latency_is_the_one_of_the_packaged_network():
    """Look-ahead 60 ms, a step of 20 ms, and 80 samples until the window's hop is whole."""
    from fmg_rt import weights as weight_files

    assert FaceStream(weight_files.read(weight_files.packaged())).latency == 960 + 320 + 80
