"""The eGeMAPS stream: equal bits whatever the blocks, never a NaN, neutral before it knows, light to import."""

import subprocess
import sys

import numpy as np
import pytest

from fmg_rt import AudioError
from fmg_rt.egemaps import FEATURE_NAMES, LLD_NAMES, EGeMAPS, egemaps

RNG = np.random.default_rng(0)


def buzz(seconds, hz=120.0):
    time = np.arange(round(seconds * 16_000)) / 16_000
    wave = sum(np.sin(2 * np.pi * hz * h * time) / h for h in range(1, 20))
    syllables = np.clip(3 * np.sin(2 * np.pi * 2 * time), 0, 1)
    return (0.1 * syllables * wave + 1e-3 * np.random.default_rng(1).normal(size=len(time))).astype(np.float32)


def heard(wave, sizes=None):
    stream, done = EGeMAPS(), 0
    while done < len(wave):
        size = sizes() if sizes else len(wave)
        stream.push(wave[done : done + size])
        done += size
    return stream


def test_names():
    assert len(set(FEATURE_NAMES)) == 88 and len(set(LLD_NAMES)) == len(LLD_NAMES) == 27


@pytest.mark.parametrize("sizes", [lambda: 1, lambda: 159, lambda: 160, lambda: 161, lambda: int(RNG.integers(0, 3000))])
def test_any_block_size_gives_equal_bits(sizes):
    wave = buzz(1.3)
    a, b = heard(wave), heard(wave, sizes)
    np.testing.assert_array_equal(a.functionals(), b.functionals())
    np.testing.assert_array_equal(a.lld, b.lld)


def test_reset_equals_new():
    stream = heard(buzz(7.0, 200))
    stream.reset()
    assert not stream.ready and not stream.lld.any()
    stream.push(buzz(2.0))
    np.testing.assert_array_equal(stream.functionals(), heard(buzz(2.0)).functionals())


def test_neutral_until_half_a_second():
    silence = heard(np.zeros(8000, np.float32))
    assert silence.ready
    stream = EGeMAPS()
    wave = buzz(1.0)
    for size in (0, 1, 7998):
        stream.push(wave[:size])
        assert not stream.ready
        np.testing.assert_array_equal(stream.functionals(), silence.functionals())
    stream.push(wave[:1])
    assert stream.ready and (stream.functionals() != silence.functionals()).any()


SIGNALS = {
    "silence": np.zeros(96_000),
    "offset": np.full(96_000, 0.5),
    "full": np.ones(96_000),
    "clipping": 50 * buzz(6.0),
    "tone": np.sin(np.arange(96_000)),
    "click": np.eye(1, 96_000, 50_000)[0],
    "60 ms": np.r_[np.zeros(40_000), buzz(0.06), np.zeros(40_000)],
    "not a number": np.full(20_000, np.nan),
    "infinite": np.full(20_000, -np.inf),
    "noise": RNG.normal(size=96_000),
    "least bit": RNG.integers(-1, 2, 96_000) / 32_768,
}


@pytest.mark.parametrize("name", SIGNALS)
def test_always_finite(name):
    wave = SIGNALS[name].astype(np.float32)
    stream = EGeMAPS()
    for block in np.array_split(wave, 12):
        stream.push(block)
        assert np.isfinite(stream.functionals()).all() and np.isfinite(stream.lld).all()


def test_what_a_buzz_is():
    stream = heard(buzz(5.0))
    features = dict(zip(FEATURE_NAMES, stream.functionals(), strict=True))
    assert features["F0semitoneFrom27.5Hz_sma3nz_percentile50.0"] == pytest.approx(12 * np.log2(120 / 27.5), abs=0.05)
    assert features["VoicedSegmentsPerSec"] == pytest.approx(2, abs=0.3)
    assert features["loudnessPeaksPerSec"] == pytest.approx(2, abs=0.5)
    stream = heard(buzz(5.2))  # ends in the middle of a syllable
    newest = dict(zip(LLD_NAMES, stream.lld, strict=True))
    assert newest["F0"] == pytest.approx(120, rel=0.01)
    assert newest["F0semitoneFrom27.5Hz"] == pytest.approx(12 * np.log2(newest["F0"] / 27.5), rel=1e-5)
    assert newest["Loudness"] > 0.5 and newest["HNRdBACF"] > 5


def test_window_slides():
    """What has left the window no longer counts, even after the rings have turned many times."""
    wave = np.concatenate([buzz(23.7, 300), buzz(6.3)])[: 30 * 16_000]
    late, fresh = heard(wave), heard(wave[-80_000:])
    a, b = late.functionals(), fresh.functionals()
    np.testing.assert_allclose(a[:6], b[:6], rtol=1e-2)
    np.testing.assert_allclose(a[10:30], b[10:30], rtol=1e-4)
    assert a[87] == pytest.approx(b[87], rel=1e-6)
    short = EGeMAPS(window_s=1.0)
    short.push(wave)
    assert short.functionals()[87] == pytest.approx(heard(wave[-16_000:]).functionals()[87], rel=1e-6)


def test_whole_recording_is_the_stream():
    wave = buzz(6.5)
    rows = egemaps(wave)
    assert rows.shape == (21, 88) and rows.dtype == np.float32
    stream = EGeMAPS()
    for i in range(len(rows)):
        stream.push(wave[4800 * i : 4800 * (i + 1)])
        np.testing.assert_array_equal(rows[i], stream.functionals())
    assert egemaps(wave[:100]).shape == (0, 88)
    assert egemaps(wave, interval=1000).shape == (104, 88)


def test_a_window_must_hold_something():
    with pytest.raises(ValueError, match="at least 0.5 s"):
        EGeMAPS(window_s=0.4)


@pytest.mark.parametrize(
    "samples",
    [np.zeros(160, np.int16), np.zeros((160, 1), np.float32), np.zeros((), np.float32), np.zeros(9, complex), "x", None],
)
def test_what_are_no_samples_is_one_line(samples):
    with pytest.raises(AudioError, match=r"floats of the shape \(samples,\)") as error:
        EGeMAPS().push(samples)
    assert "\n" not in str(error.value)


def test_names_load_no_kernel():
    code = "import sys, fmg_rt.egemaps as e; e.FEATURE_NAMES, e.LLD_NAMES; sys.exit('numba' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
