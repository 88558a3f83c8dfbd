"""The recurrent network in Numba against PyTorch, state carried over ten minutes."""

from dataclasses import replace

import numpy as np
import pytest

from fmg_rt import spec
from fmg_rt.networks import build
from fmg_rt.networks.gru import bfloat16
from fmg_rt.weights import Weights, WeightsError

torch = pytest.importorskip("torch")

CONFIG = {"n_stack": 2, "d_input": 64, "d_model": 96, "d_head": 64, "n_lookaheads": 3, "default_lookahead": 800, "speech": 1}


@pytest.fixture(scope="module")
def pair():
    """(weights, torch network), larger than life so that the gates saturate."""
    from fmg_train.models.gru import GRUNet

    torch.manual_seed(3)
    net = GRUNet(CONFIG).eval()
    with torch.no_grad():
        for value in net.parameters():
            value.mul_(2.0)
            if value.ndim == 2:
                value.copy_(value.bfloat16())  # as a weight file has them
    rng = np.random.default_rng(3)
    mean, std = rng.normal(-8, 3, spec.N_MELS).astype(np.float32), rng.uniform(1, 4, spec.N_MELS).astype(np.float32)
    tensors = {name: value.detach().numpy() for name, value in net.state_dict().items()}
    zeros, ones = np.zeros(spec.N_EGEMAPS, np.float32), np.ones(spec.N_EGEMAPS, np.float32)
    return Weights("gru", CONFIG, (0, 800, 1600), mean, std, zeros, ones, tensors), net


def _speechlike_mel(frames: int) -> np.ndarray:
    """Log-mel of noise with speech's slow rise and fall, pauses of silence included, by the runtime's own code."""
    from fmg_rt.features.logmel import log_mel

    rng = np.random.default_rng(5)
    n = 160 * (frames + 2)
    level = np.clip(np.sin(np.arange(n) / 16000 * 2 * np.pi * 3), 0, 1) * (np.sin(np.arange(n) / 16000) > -0.5)
    return log_mel((0.3 * level * rng.standard_normal(n)).astype(np.float32))[:frames]


def test_equals_torch_over_ten_minutes(pair):
    weights, net = pair
    mel = _speechlike_mel(60_000)
    standardised = (mel - weights.mel_mean) / (weights.mel_std + spec.STD_OFFSET)
    with torch.no_grad():
        out = net(torch.from_numpy(standardised)[None]).numpy()[0]
    for i, lookahead in enumerate((0, 800, 1600)):
        expected, spoken = out[:, i, :52].clip(0, 1), 1 / (1 + np.exp(-out[:, i, 52]))
        assert expected.std() > 0.05 and spoken.std() > 0.02
        network = build(weights, lookahead)
        ours = np.full_like(expected, np.nan)
        for j, frame in enumerate(mel):
            network.push(frame)
            if j % 2:
                assert network.horizon == 160 * j + 400 - lookahead
                network.evaluate(network.horizon, ours[j // 2])
                assert abs(network.presence - spoken[j // 2]) <= 1e-5
            elif j == 0:
                assert network.presence == 0.0, "nothing was heard yet"
        assert np.abs(ours - expected).max() <= 1e-5, lookahead


def test_reset_equals_new(pair):
    weights, _ = pair
    used, fresh = build(weights), build(weights)
    mel = _speechlike_mel(300)
    for frame in mel[:151]:
        used.push(frame)
    used.reset()
    out, other = np.empty(52, np.float32), np.empty(52, np.float32)
    for frame in mel:
        used.push(frame)
        fresh.push(frame)
        assert used.horizon == fresh.horizon
        used.evaluate(used.horizon, out)
        fresh.evaluate(fresh.horizon, other)
        assert np.array_equal(out, other)


def test_between_two_steps_the_face_is_interpolated(pair):
    weights, _ = pair
    network = build(weights, 0)
    out = [np.empty(52, np.float32) for _ in range(3)]
    for frame in _speechlike_mel(40):
        network.push(frame)
    for time, face in zip((320, 160, 0), out, strict=True):
        network.evaluate(network.horizon - time, face)
    raw = network._faces[:, :52]
    assert np.array_equal(out[2], raw[1].clip(0, 1)) and np.array_equal(out[0], raw[0].clip(0, 1))
    assert np.allclose(out[1], ((raw[0] + raw[1]) / 2).clip(0, 1), atol=1e-6)


def test_matrices_are_rounded_as_torch_rounds():
    rng = np.random.default_rng(4)
    values = np.concatenate(
        [
            (rng.standard_normal(10_000) * 10.0 ** rng.integers(-20, 20, 10_000)).astype(np.float32),
            np.arange(0x3F7F0000, 0x3F830000, 0x800, dtype=np.uint32).view(np.float32),
        ]
    )
    ours = (bfloat16(values).astype(np.uint32) << 16).view(np.float32)
    assert np.array_equal(ours, torch.from_numpy(values).bfloat16().float().numpy())
    assert np.array_equal(bfloat16(ours), bfloat16(values)) and (ours != values).any()


def test_a_file_without_the_read_out_does_not_tell_speech(pair):
    weights, _ = pair
    config = {name: n for name, n in CONFIG.items() if name != "speech"}
    tensors = {name: value for name, value in weights.tensors.items() if not name.startswith("speech")}
    silent, telling = build(replace(weights, config=config, tensors=tensors)), build(weights)
    out, other = np.empty(52, np.float32), np.empty(52, np.float32)
    for frame in _speechlike_mel(40):
        silent.push(frame)
        telling.push(frame)
    silent.evaluate(silent.horizon, out)
    telling.evaluate(telling.horizon, other)
    assert silent.presence is None and 0.0 < telling.presence < 1.0
    assert np.array_equal(out, other), "the face is the same"


def test_unknown_lookahead_is_refused(pair):
    with pytest.raises(WeightsError, match="they offer: 0, 50, 100 ms"):
        build(pair[0], 480)
    assert build(pair[0]).lookahead == 800
