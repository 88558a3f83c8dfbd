"""Log-mel: equal to its definition and to librosa, bit-equal however it is fed, and hard to upset."""

import shutil
import subprocess
from math import gcd

import numpy as np
import pytest
import reference_logmel as reference

from fmg_rt.features import tables
from fmg_rt.features.logmel import LogMel, log_mel
from fmg_rt.kernels import logmel as kernels


def synthetic_speech(seconds=3.0, seed=0):
    """Pulses at a moving pitch through moving resonances, pauses, a little noise: (n,) float32."""
    rng = np.random.default_rng(seed)
    n = int(16000 * seconds)
    t = np.arange(n) / 16000
    phase = np.cumsum(120 + 40 * np.sin(3 * t)) / 16000
    resonance = 700 + 400 * np.sin(5 * t)
    wave = sum(np.cos(2 * np.pi * h * phase) / (1 + ((h * 120 - resonance) / 300) ** 2) for h in range(1, 40))
    wave = wave * (np.sin(4 * t) > -0.5) + 1e-4 * rng.standard_normal(n)
    return (0.7 * wave / np.abs(wave).max()).astype(np.float32)


def spoken(engine, tmp_path):
    """A sentence from a speech engine as (n,) float32 at 16 kHz."""
    signal = pytest.importorskip("scipy.signal")
    soundfile = pytest.importorskip("soundfile")
    if shutil.which(engine) is None:
        pytest.skip(f"{engine} is not installed")
    text, path = "The quick brown fox jumps over the lazy dog; she sells sea shells.", tmp_path / "speech.wav"
    command = {"espeak-ng": ["espeak-ng", "-w", path, text], "flite": ["flite", "-t", text, "-o", path]}[engine]
    subprocess.run(command, check=True, timeout=60)
    wave, rate = soundfile.read(path)
    common = gcd(rate, 16000)
    wave = signal.resample_poly(wave, 16000 // common, rate // common)
    return np.clip(wave, -1, 1).astype(np.float32)


def stream(wave):
    """Frames of whole hops, from a new stream."""
    log = LogMel()
    return np.array([log.frame.copy() for hop in wave[: len(wave) // 160 * 160].reshape(-1, 160) if log.push(hop)])


@pytest.mark.parametrize("gain", [1.0, 1e-3])
def test_equals_its_definition(gain):
    wave = synthetic_speech() * np.float32(gain)
    assert np.abs(log_mel(wave) - reference.log_mel(wave)).max() < 1e-5


@pytest.mark.parametrize("frequency", [0, 40, 62.5, 1000, 3999, 7960, 8000])
def test_tones_at_the_edges_of_the_bands(frequency):
    wave = np.cos(2 * np.pi * frequency * np.arange(4000) / 16000).astype(np.float32)
    # A tone leaves the other bands to float32's rounding of the wave itself, which both see alike.
    assert np.abs(log_mel(wave) - reference.log_mel(wave)).max() < 1e-5


@pytest.mark.parametrize("engine", ["synthetic", "espeak-ng", "flite"])
@pytest.mark.parametrize("peak", [1.0, 0.05])
def test_equals_librosa(engine, peak, tmp_path):
    librosa = pytest.importorskip("librosa")
    wave = synthetic_speech() if engine == "synthetic" else spoken(engine, tmp_path)
    wave = (wave * (peak / np.abs(wave).max())).astype(np.float32)
    mel = librosa.feature.melspectrogram(y=wave, sr=16000, n_fft=400, hop_length=160, n_mels=80, center=False)
    expected = np.log(mel + 1e-10).T
    ours = log_mel(wave)
    assert ours.shape == expected.shape and ours.dtype == np.float32
    assert np.abs(ours - expected).max() <= 1e-3 / 20  # the issue asks for 1e-3; float64 sums give 4e-6


def test_tables_equal_the_slow_ones():
    assert np.abs(tables.mel_filters(16000, 400, 80) - reference.filters()).max() < 1e-9
    assert (tables.mel_filters(16000, 400, 80).sum(1) > 0).all()
    assert np.abs(tables.hann_window(400) - (0.5 - 0.5 * np.cos(np.pi * np.arange(400) / 200))).max() < 1e-15


@pytest.mark.parametrize("n", [0, 1, 399, 400, 401, 559, 560, 639, 640, 641, 4799, 4880])
def test_number_of_frames_and_independence_of_what_follows(n):
    wave = synthetic_speech(1.0)
    frames = log_mel(wave[:n])
    assert frames.shape == (max(0, 1 + (n - 400) // 160), 80)
    assert np.array_equal(frames, log_mel(wave)[: len(frames)])


def test_stream_is_bit_equal_to_offline():
    wave = synthetic_speech(2.0)
    frames = stream(wave)
    assert np.array_equal(frames, log_mel(wave)[: len(frames)])
    assert len(frames) == len(wave) // 160 - 2  # ready with the third hop


def test_reset_equals_new():
    wave = synthetic_speech(1.0)
    log = LogMel()
    for hop in wave[:1600].reshape(-1, 160):
        log.push(hop)
    log.reset()
    fresh = LogMel()
    assert np.array_equal(log.frame, fresh.frame)
    for hop in wave[1600:4800].reshape(-1, 160):
        assert log.push(hop) == fresh.push(hop)
        assert np.array_equal(log.frame, fresh.frame)


def test_silence_and_clipping():
    assert np.array_equal(log_mel(np.zeros(1600, np.float32)), np.full((8, 80), np.log(np.float32(1e-10))))
    wave = synthetic_speech(1.0)
    assert np.array_equal(log_mel(100 * wave), log_mel(np.clip(100 * wave, -1, 1)))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 3e38])
def test_bad_samples_are_forgotten(bad):
    wave = synthetic_speech(1.0)
    upset, silent = wave.copy(), wave.copy()
    upset[3200 + 77] = bad
    silent[3200:3360] = 0
    if np.isfinite(bad):
        silent = np.clip(upset, -1, 1)
    frames = log_mel(upset)
    assert np.isfinite(frames).all()
    assert np.array_equal(frames, log_mel(silent))
    assert np.array_equal(frames[21:], log_mel(wave)[21:])  # frame 20 starts at the bad hop
    assert not np.array_equal(frames[18:21], log_mel(wave)[18:21])


def test_buffers_carry_nothing_over():
    log, upset = LogMel(), LogMel()
    for hop in synthetic_speech(1.0)[:3200].reshape(-1, 160):
        for buffer in (upset._scratch, upset._memory[kernels.N_SAMPLES :], upset.frame):
            buffer[:] = np.nan
        if log.push(hop) & upset.push(hop):
            assert np.array_equal(upset.frame, log.frame) and np.isfinite(upset._memory).all()


def test_wrong_input_is_refused():
    log = LogMel()
    for hop in (np.zeros(160), np.zeros(320, np.float32)[::2], [0.0] * 160):
        with pytest.raises(TypeError):
            log.push(hop)
    for hop in (np.zeros((1, 160), np.float32), np.zeros(480, np.float32)):
        with pytest.raises(ValueError, match="a hop is"):
            log.push(hop)


def test_transform_is_the_definition():
    """Every bin by its place, not only what the bands show of it."""
    log = LogMel()
    rng = np.random.default_rng(4)
    wave = rng.uniform(-1, 1, 480).astype(np.float32)
    for hop in wave.reshape(3, 160):
        log.push(hop)
    power = np.abs(np.fft.rfft(wave[:400] * tables.hann_window(400))) ** 2
    starts, places, gains = tables.sparse_bands(np.eye(201, dtype=np.float32), 16, 25, 32)
    assert np.array_equal(starts, np.arange(202)) and (gains == 1).all()
    assert np.allclose(log._memory[kernels.N_SAMPLES :][places], power, rtol=1e-6, atol=1e-9)
    assert kernels.N_ROWS * kernels.N_COLUMNS == 400
