"""The predecessor's network in the runtime equals PyTorch and the slow reference."""

import shutil
import subprocess

import numpy as np
import pytest
import reference_cross_attention as reference

from fmg_rt import architectures, networks, spec, weights
from fmg_rt.features.logmel import log_mel
from fmg_rt.weights import Weights

TOLERANCE = 1e-5


def lively_tensors(seed=0):
    """Random tensors on which the output moves over the whole of [0, 1]."""
    rng = np.random.default_rng(seed)
    tensors = {}
    for name, shape in architectures.cross_attention_tensors({}).items():
        spread = 1.0 if name == "base_embeddings" else 0.3 if len(shape) == 1 else 2.0 / np.sqrt(shape[-1])
        tensors[name] = rng.normal(0, spread, shape).astype(np.float32)
    for name in (
        "audio_encoder.mel_encoder.1",
        "audio_encoder.egemaps_encoder.1",
        "cross_attention.layer_norm",
        "blendshape_mlp.mlp.1",
        "blendshape_mlp.mlp.5",
    ):
        tensors[f"{name}.weight"] += 1
    return tensors


@pytest.fixture(scope="module")
def lively():
    rng = np.random.default_rng(7)
    statistics = (rng.normal(-8, 2, 80), rng.uniform(1, 4, 80), rng.normal(0, 9, 88), rng.uniform(0.1, 9, 88))
    return Weights("cross_attention", {}, (0,), *(s.astype(np.float32) for s in statistics), lively_tensors())


def standard_mel(weights, mel):
    return (mel - weights.mel_mean) / (weights.mel_std + np.float32(spec.STD_OFFSET))


def standard_egemaps(weights, features):
    standard = (features - weights.egemaps_mean) / (weights.egemaps_std + np.float32(spec.STD_OFFSET))
    return np.clip(standard, -spec.EGEMAPS_LIMIT, spec.EGEMAPS_LIMIT)


def run(network, mel, functionals=None):
    """Faces after each frame, (n, 52)."""
    faces = np.full((len(mel), 52), np.nan, np.float32)
    for j, frame in enumerate(mel):
        if functionals is not None:
            network.set_egemaps(functionals[j])
        network.push(frame)
        network.evaluate(network.horizon, faces[j])
    return faces


def pulses(seconds):
    """Log-mel of pulses in noise with pauses, (frames, 80)."""
    rng = np.random.default_rng(2)
    t = np.arange(int(16000 * seconds)) / 16000
    wave = np.sign(np.sin(2 * np.pi * 110 * t)) * np.maximum(0, np.sin(7 * t)) * 0.4
    return log_mel((wave + 1e-3 * rng.standard_normal(len(t))).astype(np.float32))


def speech(tmp_path):
    """Log-mel of some 12 s of a synthetic voice, (frames, 80)."""
    soundfile = pytest.importorskip("soundfile")
    signal = pytest.importorskip("scipy.signal")
    if shutil.which("espeak-ng") is None:
        pytest.skip("espeak-ng is not installed")
    text = "Peter Piper picked a peck of pickled peppers. How much wood would a woodchuck chuck? " * 3
    subprocess.run(["espeak-ng", "-w", tmp_path / "voice.wav", text], check=True, timeout=60)
    wave, rate = soundfile.read(tmp_path / "voice.wav")
    return log_mel(signal.resample_poly(wave, 320, rate * 320 // 16000).astype(np.float32))


@pytest.mark.parametrize("source", ["random", "real"])
def test_equals_torch_over_a_thousand_frames(lively, source, tmp_path):
    torch = pytest.importorskip("torch")
    from fmg_train.models.cross_attention import CrossAttentionNet

    net = CrossAttentionNet().eval()
    net.load_state_dict({name: torch.from_numpy(value) for name, value in lively.tensors.items()})
    rng = np.random.default_rng(1)
    n = 1006
    mel = lively.mel_mean + lively.mel_std * rng.standard_normal((n, 80))
    mel = speech(tmp_path)[:n] if source == "real" else mel.astype(np.float32)
    functionals = (lively.egemaps_mean + 2 * lively.egemaps_std * rng.standard_normal((n, 88))).astype(np.float32)
    assert len(mel) == n

    faces = run(networks.build(lively), mel, functionals)[6:]
    windows = torch.from_numpy(standard_mel(lively, mel)).unfold(0, 7, 1).transpose(1, 2)  # (1000, 7, 80)
    with torch.inference_mode():
        expected = net(windows, torch.from_numpy(standard_egemaps(lively, functionals)[6:])).numpy()
    assert np.abs(faces - expected).max() <= TOLERANCE
    assert expected.std(0).mean() > 0.05 and np.ptp(expected) > 0.7  # the inputs did move the face


def test_equals_the_slow_reference(lively):
    rng = np.random.default_rng(3)
    mel, functionals = pulses(1)[:9], (lively.egemaps_mean + rng.standard_normal((9, 88))).astype(np.float32)
    faces = run(networks.build(lively), mel, functionals)
    for j in (6, 7, 8):
        window, features = standard_mel(lively, mel[j - 6 : j + 1]), standard_egemaps(lively, functionals[j])
        expected = reference.forward(lively.tensors, window, features)
        assert np.abs(faces[j] - expected).max() <= TOLERANCE


def test_silence_stands_for_frames_before_the_first(lively):
    mel = pulses(1)[:8]
    silence = np.full((7, 80), np.log(np.float32(1e-10)))
    assert np.array_equal(run(networks.build(lively), mel), run(networks.build(lively), np.vstack([silence, mel]))[7:])
    faces = run(networks.build(lively), mel)
    assert np.abs(np.diff(faces, axis=0)).max(1).min() > 0  # it moves with the first frame and with every other


def test_reset_equals_new_and_functionals_are_forgotten(lively):
    mel = pulses(1)
    network = networks.build(lively)
    run(network, mel[:30], np.tile(lively.egemaps_mean + 3 * lively.egemaps_std, (30, 1)))
    network.reset()
    fresh = networks.build(lively)
    assert network.horizon == fresh.horizon
    assert np.array_equal(run(network, mel[30:50]), run(fresh, mel[30:50]))


def test_no_functionals_are_their_mean(lively):
    mel = pulses(1)[:10]
    mean = np.tile(lively.egemaps_mean, (10, 1))
    assert np.array_equal(run(networks.build(lively), mel), run(networks.build(lively), mel, mean))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e30])
def test_bad_functionals_stay_harmless(lively, bad):
    mel = pulses(1)[:10]
    features = lively.egemaps_mean.copy()
    features[[0, 44]] = bad
    limited = lively.egemaps_mean.copy()
    if not np.isnan(bad):
        limited[[0, 44]] += np.sign(bad) * 6 * lively.egemaps_std[[0, 44]]
    faces = run(networks.build(lively), mel, np.tile(features, (10, 1)))
    assert ((faces >= 0) & (faces <= 1)).all()
    assert np.array_equal(faces, run(networks.build(lively), mel, np.tile(limited, (10, 1))))


def test_constant_features_do_not_explode(lively):
    """A band that never varied in training has deviation 0 and is divided by 1e-10."""
    flat = Weights(
        **vars(lively)
        | {
            "mel_std": np.where(np.arange(80) < 3, 0, lively.mel_std).astype(np.float32),
            "egemaps_std": np.zeros(88, np.float32),
        }
    )
    mel = pulses(1)[:10]
    mel[:, :3] = flat.mel_mean[:3]
    faces = run(networks.build(flat), mel, np.tile(flat.egemaps_mean, (10, 1)))
    for j in (7, 9):
        expected = reference.forward(flat.tensors, standard_mel(flat, mel[j - 6 : j + 1]), np.zeros(88))
        assert np.abs(faces[j] - expected).max() <= TOLERANCE


@pytest.mark.parametrize("lookahead", [0, 800])
def test_horizon_is_the_end_of_what_was_heard_less_the_lookahead(lively, lookahead):
    network = networks.build(Weights(**vars(lively) | {"lookaheads": (lookahead,)}))
    assert network.lookahead == lookahead and network.step_length == 160
    for j, frame in enumerate(pulses(1)[:10]):
        network.push(frame)
        assert network.horizon + network.lookahead == 160 * j + 400


def test_streams_share_weights_but_no_state(lively, tmp_path):
    weights.write(tmp_path / "w.npz", lively)
    loaded = weights.read(tmp_path / "w.npz")
    mel = pulses(1)[:20]
    alone = run(networks.build(loaded), mel)
    one, other = networks.build(loaded), networks.build(loaded)
    faces, ignored = np.empty((20, 52), np.float32), np.empty(52, np.float32)
    for j, frame in enumerate(mel):
        one.push(frame)
        other.push(mel[-1 - j])
        one.evaluate(one.horizon, faces[j])
        other.evaluate(other.horizon, ignored)
    assert np.array_equal(faces, alone)
