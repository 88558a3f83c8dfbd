"""Augmentation: the sound keeps its time, the changes are the ones named, nothing leaves ± 1."""

import numpy as np
import pytest
from scipy import signal

from fmg_train.corpus import augment, items, nonspeech

RATE = 16_000


def vowel(seconds: float = 1.0, f0: float = 120.0, formants: tuple[float, ...] = (700.0, 1200.0, 2600.0)) -> np.ndarray:
    """A steady vowel: pulses through resonances."""
    audio = np.zeros(int(seconds * RATE))
    audio[:: int(RATE / f0)] = 1.0
    for frequency in formants:
        r = np.exp(-np.pi * 80 / RATE)
        audio = signal.lfilter([1 - r], [1, -2 * r * np.cos(2 * np.pi * frequency / RATE), r * r], audio)
    return (audio / np.abs(audio).max()).astype(np.float32)


def peak_near(audio: np.ndarray, low: float, high: float) -> float:
    """Frequency of the strongest smoothed spectral point between `low` and `high`, Hz."""
    frequency, power = signal.welch(audio, RATE, nperseg=4096)
    smooth = np.convolve(np.log(power + 1e-20), np.hanning(61) / 30, "same")
    inside = (frequency > low) & (frequency < high)
    return float(frequency[inside][np.argmax(smooth[inside])])


def test_stft_there_and_back():
    audio = np.random.default_rng(0).standard_normal(5000).astype(np.float32)
    assert np.abs(augment.istft(augment.stft(audio), len(audio)) - audio).max() < 1e-4


@pytest.mark.parametrize("factor", [0.85, 1.2])
def test_formants_move_and_pitch_stays(factor):
    audio = vowel()
    warped = augment.warp_formants(audio, factor)
    before, after = peak_near(audio, 2000, 3400), peak_near(warped, 2000, 3400)
    assert after / before == pytest.approx(factor, rel=0.05)
    lags = [np.argmax(np.correlate(a, a, "full")[len(a) - 1 + 80 : len(a) + 200]) + 80 for a in (audio, warped)]
    assert abs(lags[0] - lags[1]) <= 1
    assert len(warped) == len(audio)


def test_resampling_is_a_tape():
    tone = np.sin(2 * np.pi * 1000 * np.arange(RATE) / RATE).astype(np.float32)
    faster = augment.resample(tone, 1.25)
    assert len(faster) == pytest.approx(RATE / 1.25, abs=2)
    assert peak_near(faster, 500, 2000) == pytest.approx(1250, abs=10)


@pytest.mark.parametrize("change", [augment.room, augment.equalise, lambda a, rng: augment.transmit(a, rng)])
def test_an_impulse_stays_where_it_is(change):
    audio = np.zeros(8000, np.float32)
    audio[3000] = 1.0
    for seed in range(30):
        out = change(audio, np.random.default_rng(seed))
        assert len(out) == len(audio)
        assert np.abs(out[:2990]).max() < 0.05 * np.abs(out).max() + 0.03
        # Within 2 ms; a narrow band may ring a little later.
        assert -5 <= int(np.argmax(np.abs(out))) - 3000 <= 32


def test_room_decays_and_begins_with_the_direct_sound():
    audio = np.zeros(16000, np.float32)
    audio[0] = 1.0
    out = augment.room(audio, np.random.default_rng(4))
    assert out[0] == pytest.approx(1.0, abs=1e-3)
    assert np.square(out[8000:]).sum() < 0.1 * np.square(out[1:8000]).sum()


def test_mu_law_is_the_formula():
    x = np.linspace(-1, 1, 2001).astype(np.float32)
    out = augment.mu_law(x)
    # G.711's continuous law, quantised to 127 steps a side, keeps the relative error below a step.
    assert np.abs(out - x).max() < 0.025
    assert len(np.unique(np.round(out, 7))) <= 255
    assert np.abs(augment.mu_law(-x) + out).max() < 1e-6


@pytest.mark.parametrize("slope", [0.0, 1.0, 2.0])
def test_noise_has_its_slope(slope):
    noise = augment.coloured(10 * RATE, np.random.default_rng(1), slope)
    assert augment.rms(noise) == pytest.approx(1, abs=1e-3)
    frequency, power = signal.welch(noise, RATE, nperseg=2048)
    inside = (frequency > 100) & (frequency < 6000)
    fitted = np.polyfit(np.log(frequency[inside]), np.log(power[inside]), 1)[0]
    assert fitted == pytest.approx(-slope, abs=0.12)


def test_scene_keeps_length_bounds_and_is_a_function_of_the_seed():
    audio = vowel(1.5) * 0.2
    for seed in range(40):
        out = augment.scene(audio, np.random.default_rng(seed), [audio], augment.Limits())
        assert out.dtype == np.float32 and len(out) == len(audio)
        assert np.isfinite(out).all() and 0 < np.abs(out).max() <= 1
        assert np.array_equal(out, augment.scene(audio, np.random.default_rng(seed), [audio], augment.Limits()))


def test_whisper_has_no_pitch_and_the_same_loudness_contour():
    audio = np.concatenate([vowel(0.5), np.zeros(4000, np.float32), vowel(0.5)])
    out = augment.whisper(audio, np.random.default_rng(0))

    def periodicity(a):
        a = a[1000:7000] - a[1000:7000].mean()
        c = np.correlate(a, a, "full")[len(a) - 1 :]
        return c[100:200].max() / c[0]

    assert periodicity(audio) > 0.7 and periodicity(out) < 0.35
    middle = out[8000 + 800 : 12000 - 800]
    assert augment.rms(middle) < 0.02 * augment.rms(out[:8000])


def test_face_and_phones_follow_the_time():
    curve = np.repeat(np.linspace(0, 1, 101, dtype=np.float32)[:, None], 52, 1)
    item = items.Item(np.zeros(RATE, np.float32), [("a", 0.5, 1.0)], curve, "s", "en", "x", "x")
    out = items.retimed(item, np.arange(80) * 1.25 / 100, np.zeros(12800, np.float32))
    assert np.allclose(out.face[:, 0], np.minimum(np.arange(80) * 1.25 / 100, 1), atol=1e-6)
    assert out.phones[0][1:] == pytest.approx((0.4, 0.8), abs=0.011)


@pytest.mark.parametrize("factor", [0.6, 1.0, 1.8])
def test_tempo_keeps_the_pitch(factor):
    tone = np.sin(2 * np.pi * 500 * np.arange(2 * RATE) / RATE).astype(np.float32)
    out = augment.at_tempo(tone, factor)
    assert len(out) == pytest.approx(2 * RATE / factor, abs=2)
    assert peak_near(out, 300, 900) == pytest.approx(500, abs=8)
    assert augment.rms(out) == pytest.approx(augment.rms(tone), rel=0.2)


@pytest.mark.parametrize("semitones", [-6, 6])
@pytest.mark.parametrize("formants", [True, False])
def test_pitch_moves_in_the_same_time(semitones, formants):
    factor = 2 ** (semitones / 12)
    audio = vowel(f0=150.0)
    out = augment.repitch(audio, factor, formants)
    assert len(out) == len(audio)
    part = out[4000:12000]
    correlation = np.correlate(part, part, "full")[len(part) - 1 :]
    expected = RATE / (150.0 * factor)
    low, high = int(0.8 * expected), int(1.25 * expected)
    assert low + np.argmax(correlation[low:high]) == pytest.approx(expected, rel=0.04)
    moved = factor if formants else 1.0
    assert peak_near(out, 2000 * moved, 3400 * moved) / peak_near(audio, 2000, 3400) == pytest.approx(moved, rel=0.1)


def test_a_held_vowel_keeps_its_face():
    rng = np.random.default_rng(0)
    face = np.zeros((100, 52), np.float32)
    face[40:60, 24] = 0.5
    item = items.Item(vowel(), [("m", 0.2, 0.4), ("a", 0.4, 0.6), ("m", 0.6, 0.8)], face, "s", "en", "x", "x")
    held = items.hold(item, rng)
    longer = len(held.audio) / RATE - 1.0
    assert 0.6 < longer < 4.6
    assert (held.face[:, 24] > 0.4).sum() / 100 == pytest.approx(0.2 + longer, abs=0.05)
    name, start, end = held.phones[1]
    assert name == "a" and end - start == pytest.approx(0.2 + longer, abs=0.05)
    middle = held.audio[int((start + 0.15) * RATE) : int((end - 0.15) * RATE)]
    assert augment.rms(middle) > 0.5 * augment.rms(item.audio)
    assert items.hold(items.Item(vowel(), [("s", 0.1, 0.9)], face, "s", "en", "x", "x"), rng).audio is not None


@pytest.mark.parametrize("change", [augment.clip, augment.compress, augment.suppress, augment.opus])
def test_microphones_keep_the_time(change):
    rng = np.random.default_rng(2)
    audio = vowel(2.0) * np.repeat([0.0, 0.9, 0.0, 0.5], RATE // 2).astype(np.float32)
    out = change(audio, rng)
    assert out.shape == audio.shape and out.dtype == np.float32 and np.isfinite(out).all()
    loud, quiet = augment.rms(out[9000:15000]), augment.rms(out[1000:7000])
    assert quiet < 0.1 * loud


def test_copies_keep_face_sound_and_phones_together():
    """A burst in the sound and a bump in the face stay together whatever happens to the recording."""
    audio = np.zeros(32000, np.float32)
    audio[16000:19200] = vowel(0.2)
    face = np.zeros((200, 52), np.float32)
    face[100:120] = 0.5
    item = items.Item(audio, [("a", 1.0, 1.2)], face, "x", "en", "test", "none")
    for seed in range(30):
        rng = np.random.default_rng([seed, 1])
        copy = items.copy(items.other_vocal_tract(item, rng) if seed % 2 else item, rng, [])
        assert copy.augmented
        assert len(copy.face) == round(len(copy.audio) / 160)
        start, end = copy.phones[0][1:]
        moved = copy.face[:, 24] > 0.25
        assert np.flatnonzero(moved)[0] / 100 == pytest.approx(start, abs=0.011)
        assert np.flatnonzero(moved)[-1] / 100 == pytest.approx(end, abs=0.021)
        level = np.square(copy.audio[: len(copy.audio) // 160 * 160].reshape(-1, 160)).mean(1)
        loudest = np.argmax(np.convolve(level, np.ones(15), "same")) / 100
        assert start - 0.03 < loudest < end + 0.06


def test_another_vocal_tract_moves_pitch_and_formants_apart_and_far():
    pitch, formants = [], []
    for seed in range(60):
        throat = items.other_vocal_tract(
            items.Item(vowel(0.5), [], np.zeros((50, 52), np.float32), "x", "en", "test", "none"), np.random.default_rng(seed)
        )
        spectrum = np.abs(np.fft.rfft(throat.audio * np.hanning(len(throat.audio)), 1 << 16))
        hertz = np.arange(len(spectrum)) * 16000 / (1 << 16)
        pitch.append(np.log(0.5 * 16000 / len(throat.audio)))
        near = (hertz > 300) & (hertz < 1600)
        formants.append(np.log((hertz * spectrum)[near].sum() / spectrum[near].sum()) - pitch[-1])
    assert 0.1 < np.std(pitch) < 0.2
    assert np.std(formants) > 0.03
    assert abs(np.corrcoef(pitch, formants)[0, 1]) < 0.5


def test_nonspeech_kinds_are_finite_and_bounded():
    kinds = set()
    for seed in range(120):
        out, kind = nonspeech.nonspeech(16000, np.random.default_rng(seed), [vowel()])
        kinds.add(kind)
        assert out.dtype == np.float32 and out.shape == (16000,)
        assert np.isfinite(out).all() and np.abs(out).max() <= 1
    assert len(kinds) == 13
