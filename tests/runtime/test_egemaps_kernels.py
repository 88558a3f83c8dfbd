"""Each eGeMAPS kernel against its slow float64 twin; outputs and scratch start as NaN."""

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))
import reference_egemaps as reference

from fmg_rt.egemaps import FEATURE_NAMES, tables
from fmg_rt.kernels import (
    egemaps_fft,
    egemaps_formants,
    egemaps_functionals,
    egemaps_jitter,
    egemaps_pitch,
    egemaps_spectral,
    egemaps_split,
    egemaps_voice,
    egemaps_wave,
)


@pytest.fixture(scope="module")
def t():
    return tables.build()


def nans(*shape, dtype=np.float32):
    return np.full(shape, np.nan, dtype)


def voice(n, hz=120.0, seed=0):
    rng = np.random.default_rng(seed)
    time = np.arange(n) / 16_000
    x = sum(np.sin(2 * np.pi * hz * h * time + h) / h for h in range(1, 30))
    return (0.1 * x + 0.001 * rng.normal(size=n)).astype(np.float32)


def short(t, wave, first=0):
    out = nans(2, 257)
    egemaps_split.short_spectrum(
        t.split_plan, t.split_twiddles, t.split_position, t.split_apart, t.root_half, t.hamming, wave, first, nans(2, 256), out
    )
    return out


def test_append_quantises_and_recall_gives_it_back_around_the_end():
    samples = np.array([0.5, -0.5, 1.5, -1.5, np.nan, np.inf, -np.inf, 0.99999, 3e-5], np.float32)
    wave = np.full(16, 99, np.int16)
    egemaps_wave.append(samples, 0, 9, 7, wave)
    expected = np.array([16384, -16384, 32767, -32768, 0, 32767, -32768, 32767, 0]) / 32767
    out = nans(12)
    egemaps_wave.recall(wave, 7, out)
    np.testing.assert_array_equal(out[:9], expected.astype(np.float32))
    np.testing.assert_array_equal(out[9:], np.full(3, np.float32(99) / np.float32(32767)))
    assert (wave[:7] == 99).all()


def test_both_transforms(t):
    wave = voice(4000)
    out, scratch = nans(2, 513), nans(6, 512)
    level = egemaps_fft.spectrum(t.gauss, t.long_cos, t.long_sin, wave, 77, scratch, out)
    frame = np.zeros(1024)
    frame[32:992] = t.gauss.astype(np.float64) * wave[77 : 77 + 960]
    expected = np.fft.rfft(frame)
    np.testing.assert_allclose(out[0] + 1j * out[1], expected, rtol=0, atol=2e-6 * np.abs(expected).max())
    assert level == pytest.approx(np.sqrt(np.mean(frame[32:992] ** 2)), rel=1e-5)

    magnitude = np.abs(expected).astype(np.float32)
    egemaps_fft.autocorrelation(t.long_cos, t.long_sin, magnitude, scratch, out)
    expected = np.fft.irfft(magnitude.astype(np.float64) ** 2, 1024)[:513] * 1024
    np.testing.assert_allclose(out[0], expected, rtol=0, atol=2e-6 * expected[0])

    frame = np.zeros(512)
    frame[96:416] = t.hamming.astype(np.float64) * wave[500:820]
    expected = np.conj(np.fft.rfft(frame))
    got = short(t, wave, 500)
    np.testing.assert_allclose(got[0] + 1j * got[1], expected, rtol=0, atol=2e-6 * np.abs(expected).max())


def test_spectral(t):
    wave = voice(1000)
    before, contours, magnitude = short(t, wave, 0), nans(27, 20), np.zeros(257, np.float32)
    for first, spectrum in ((0, before), (400, short(t, wave, 400))):
        egemaps_spectral.spectral(
            t.mel_first,
            t.mel_falling,
            t.loudness_weights,
            t.dct,
            t.slopes,
            spectrum,
            wave,
            first,
            3,
            magnitude,
            nans(257),
            nans(26),
            contours,
        )
    got = contours[:11, 3]
    expected = reference.spectral(np.hypot(*spectrum.astype(np.float64)), np.hypot(*before.astype(np.float64)))
    np.testing.assert_allclose(got[:10], expected, rtol=2e-4, atol=1e-6)
    assert got[10] == pytest.approx(np.mean(wave[400:720].astype(np.float64) ** 2), rel=1e-5)
    assert np.isnan(contours[11:]).all() and np.isnan(contours[:, 4]).all()


def test_pitch_candidates(t):
    wave = voice(2000, 170.0)
    spectrum = nans(2, 513)
    egemaps_fft.spectrum(t.gauss, t.long_cos, t.long_sin, wave, 0, nans(6, 512), spectrum)
    magnitude, peaks, octaves, out = nans(513), nans(513), nans(513), nans(2, 6)
    egemaps_pitch.peaks_only(spectrum, magnitude, peaks)
    np.testing.assert_allclose(magnitude, np.hypot(*spectrum), rtol=1e-6)
    np.testing.assert_allclose(peaks, reference.peaks_only(magnitude), rtol=1e-5, atol=1e-6)
    egemaps_pitch.to_octaves(t.right, t.tridiagonal, t.node, t.interpolation, peaks, nans(1, 513), octaves)
    expected = reference.to_octaves(peaks.astype(np.float64))
    np.testing.assert_allclose(octaves, expected, rtol=0, atol=1e-5 * expected.max())
    egemaps_pitch.candidates(t.shift, t.decay, octaves, nans(513), out)
    np.testing.assert_allclose(out, reference.candidates(octaves.astype(np.float64)), rtol=1e-4)
    assert out[0, 0] == pytest.approx(170, rel=0.01)


@pytest.mark.parametrize("magnitude", [np.zeros(513), np.r_[1.0, np.zeros(512)], np.arange(513.0)])
def test_few_peaks(magnitude):
    out = nans(513)
    egemaps_pitch.peaks_only(np.stack([magnitude, 0 * magnitude]).astype(np.float32), nans(513), out)
    np.testing.assert_allclose(out, reference.peaks_only(magnitude), rtol=1e-6)


def test_path_is_that_of_a_search_that_keeps_everything():
    rng = np.random.default_rng(3)
    n = 300
    hz = np.zeros((n, 6), np.float32)
    hz[:, 0] = 150 + 30 * np.sin(np.arange(n) / 20) + rng.normal(size=n)
    hz[:, 1:4] = rng.uniform(60, 700, (n, 3))
    voicing = rng.uniform(0.4, 1, (n, 6)).astype(np.float32) * (hz > 0)
    voicing[60:100] *= 0.5
    out, got, decided = nans(48), [], 0
    ring, costs, paths = np.zeros((64, 7), np.float32), np.zeros(8), np.zeros((7, 64), np.int32)
    for t in range(n):
        count = egemaps_pitch.follow(
            np.stack([hz[t], voicing[t]]),
            np.float32(1),
            decided,
            t,
            ring,
            costs,
            paths,
            np.zeros((7, 64), np.int32),
            nans(25, dtype=np.float64),
            out,
        )
        got.extend(out[:count])
        decided += count
        assert t + 1 - 40 <= decided <= t
    expected = reference.best_path(hz.astype(np.float64), voicing.astype(np.float64))
    assert decided > n - 40
    np.testing.assert_allclose(got, expected[:decided], rtol=1e-6)
    assert 0.2 < np.mean(expected > 0) < 1


def test_formants(t):
    wave = voice(1000, seed=2)
    spectrum = short(t, wave, 300)
    x, lags, lpc, z, contours = nans(231), nans(2, 12), nans(11), nans(8, 12, dtype=np.float64), nans(27, 8)
    egemaps_formants.resample(t.resample_cos, t.resample_sin, spectrum, x)
    expected = reference.resample(t.hamming.astype(np.float64) * wave[300:620])
    np.testing.assert_allclose(x[:220], expected, rtol=0, atol=1e-6)
    assert not x[220:].any()

    noise = np.zeros(231, np.float32)
    noise[:220] = np.random.default_rng(1).normal(size=220)
    assert egemaps_formants.predict(noise, lags, lpc) == 1
    np.testing.assert_allclose(lpc, reference.predict(noise[:220].astype(np.float64)), rtol=0, atol=1e-5)
    assert egemaps_formants.predict(0 * noise, lags, lpc) == 0 and not lpc.any()

    egemaps_formants.formants(t.resample_cos, t.resample_sin, t.roots, spectrum, 1, x, lags, lpc, z, contours)
    np.testing.assert_allclose(contours[11:17, 1], reference.formants(lpc).ravel(), rtol=1e-5)


def test_zeros_of_hard_polynomials(t):
    rng = np.random.default_rng(0)
    cases = [rng.normal(size=11), np.r_[np.zeros(10), 1.0], np.r_[1.0, np.zeros(10)], 20 * rng.normal(size=11)]
    for coefficients in (np.asarray(c, np.float32) for c in cases):
        z = nans(8, 12, dtype=np.float64)
        egemaps_formants.roots(t.roots, coefficients, z)
        got = np.sort_complex(np.round(z[0, :11] + 1j * z[1, :11], 6) + 0)
        expected = np.sort_complex(np.round(np.roots(np.r_[1, -coefficients.astype(np.float64)]), 6) + 0)
        for root in expected:
            assert np.abs(got - root).min() < 1e-5


def test_similarity_and_periods():
    wave = voice(4000, 100.0)
    sums, squares = np.zeros(2048), np.zeros(2048)
    sums[1:1001], squares[1:1001] = np.cumsum(wave[2000:3000], dtype=float), np.cumsum(wave[2000:3000].astype(float) ** 2)
    for lag in (144, 160, 170):
        got = egemaps_jitter.similarity(wave, 2000, lag, sums, squares, 10)
        expected = np.corrcoef(wave[2010 : 2010 + lag].astype(float), wave[2010 + lag : 2010 + 2 * lag].astype(float))[0, 1]
        assert got == pytest.approx(expected, abs=1e-6)

    # every other period is a sample longer and 10 % louder: jitter and shimmer are known
    pulse = np.hanning(40)
    wave, at, i = np.zeros(8000, np.float32), 1100, 0
    while at < 7900:
        wave[at : at + 40] += (0.5 * (1.1 if i % 2 else 1.0) * pulse).astype(np.float32)
        at += 160 + i % 2
        i += 1
    state, contours = np.zeros(4, np.float32), nans(27, 60)
    for frame in range(20):
        egemaps_jitter.jitter(
            np.float32(16_000 / 160.5),
            wave,
            1100 + 160 * frame,
            frame,
            state,
            nans(2048, dtype=float),
            nans(2048, dtype=float),
            nans(128, dtype=float),
            contours,
        )
    assert contours[18, 10:20].max() <= 0.02 and contours[18, 10:20].max() > 0.001
    np.testing.assert_allclose(contours[19, 5:20], 20 * np.log10(1 + 0.1 / 1.05), rtol=0.02)


def test_harmonics():
    magnitude = np.full(513, 0.01, np.float32)
    for h in range(1, 40):  # 156.25 Hz: every tenth bin
        magnitude[10 * h] = 1 / h
        magnitude[[10 * h - 1, 10 * h + 1]] = 0.4 / h
    correlation = np.cos(2 * np.pi * np.arange(513) / 102.4).astype(np.float32) * np.linspace(1, 0.5, 513, dtype=np.float32)
    contours = nans(27, 4)
    contours[11:17, 0] = 800, 50, 1600, 50, 2500, 50
    egemaps_voice.voice(np.float32(156.25), magnitude, correlation, 0, nans(4, 100), contours)
    ratio = correlation[102] / (1 - correlation[102])
    assert contours[20, 0] == pytest.approx(10 * np.log10(ratio), rel=1e-5)
    assert contours[21, 0] == pytest.approx(20 * np.log10(3 / 2), abs=0.01)
    assert contours[22, 0] == pytest.approx(20 * np.log10(13 / 2), abs=0.01)  # strongest within a fifth of 2500 Hz: 13th
    np.testing.assert_allclose(contours[23:26, 0], -20 * np.log10([5, 9, 13]), atol=0.01)
    assert contours[17, 0] == pytest.approx(12 * np.log2(156.25 / 27.5), rel=1e-6)
    egemaps_voice.voice(np.float32(0), magnitude, correlation, 0, nans(4, 100), contours)
    np.testing.assert_array_equal(contours[[17, 20, 21, 22, 23, 24, 25, 26], 0], [0, 0, 0, 0, -201, -201, -201, 0])


def test_statistics_and_smoothing():
    rng = np.random.default_rng(0)
    x = (rng.normal(5, 1, 123) * (rng.random(123) > 0.3)).astype(np.float32)
    extended = np.r_[x, x[-1:]]
    y, z, out = nans(123), nans(123), nans(10)
    count = egemaps_functionals.smooth_voiced(extended, 123, y)
    np.testing.assert_allclose(y, reference.smooth_voiced(x), rtol=1e-6)
    assert count == np.count_nonzero(x) == egemaps_functionals.pack(y, 123, z)
    egemaps_functionals.moments(z, count, 0, out)
    egemaps_functionals.percentiles(z, count, 2, nans(123), out)
    np.testing.assert_allclose(out[:6], reference.statistics(z[:count].astype(np.float64)), rtol=1e-5)


def test_slopes_of_a_zigzag():
    x = np.interp(np.arange(101), [0, 20, 50, 80, 100], [0, 4, 1, 7, 3]).astype(np.float32)
    events, out = np.zeros((2, 101), np.int64), nans(4)
    n = egemaps_functionals.extrema(x, 101, events)
    np.testing.assert_array_equal(events[:, :n], [[20, 50, 80], [1, -1, 1]])
    egemaps_functionals.slopes(x, 101, 0, n, events, out)
    rising, falling, trailing = np.array([4 / 0.2, 6 / 0.3]), 3 / 0.3, -4 / 0.2
    mean = (falling + trailing) / 2
    expected = [rising.mean(), rising.std(), mean, np.sqrt((falling - mean) ** 2 / 2)]
    np.testing.assert_allclose(out, expected, rtol=1e-5, atol=1e-5)


def test_segments():
    pitch = np.array([0] * 5 + [30] * 10 + [0] * 8 + [30] * 2 + [0] * 5 + [30] * 6 + [0] + [30] * 6, np.float32)
    out = nans(3, dtype=np.float64)
    egemaps_functionals.segments(pitch, len(pitch), 1, out)
    np.testing.assert_allclose(out, [2, (9 + 12) / 2, 1.5])  # a run that ends counts one less, a gap of one is none
    egemaps_functionals.segments(pitch, 0, 1, out)
    np.testing.assert_allclose(out, 0)


def test_places_in_the_vector_are_those_of_the_names():
    at = {
        "F0semitoneFrom27.5Hz_sma3nz_amean": egemaps_functionals.PITCH,
        "loudness_sma3_amean": egemaps_functionals.LOUDNESSES,
        "spectralFlux_sma3_amean": egemaps_functionals.FRAMES,
        "jitterLocal_sma3nz_amean": egemaps_functionals.PERIODS,
        "alphaRatioV_sma3nz_amean": egemaps_functionals.VOICED,
        "alphaRatioUV_sma3nz_amean": egemaps_functionals.UNVOICED,
        "loudnessPeaksPerSec": egemaps_functionals.PEAKS_PER_S,
        "VoicedSegmentsPerSec": egemaps_functionals.VOICED_PER_S,
        "MeanVoicedSegmentLengthSec": egemaps_functionals.VOICED_S,
        "MeanUnvoicedSegmentLength": egemaps_functionals.UNVOICED_S,
        "equivalentSoundLevel_dBp": egemaps_functionals.SOUND_LEVEL,
    }
    assert {name: FEATURE_NAMES.index(name) for name in at} == at
