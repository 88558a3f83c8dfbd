"""The rest guarantee: exactly at rest without a voice, never in its way with one."""

import numpy as np
import pytest
from expression_signals import (
    HALF,
    JAW,
    MOUTH,
    RATE,
    UPPER,
    Player,
    coloured,
    harmonics,
    join,
    noise,
    scaled,
    silence,
    synthesise,
)

from fmg_rt import arkit
from fmg_rt.expression import ExpressionSettings

GATE = ExpressionSettings.off(gate=True)
ENGINES = ("espeak-ng:en-us", "espeak-ng:ja", "flite:slt", "flite:rms")
TEXT = {"ja": "きょうはとてもいいてんきですね"}
ENGLISH = "Seven soft ships are leaving the harbour with some fresh tape"


def speech(engine: str) -> np.ndarray:
    return synthesise(engine, TEXT.get(engine.partition(":")[2], ENGLISH))


def mouth_at_rest(faces: np.ndarray) -> np.ndarray:
    return np.all(faces[:, MOUTH] == 0.0, axis=1)


@pytest.mark.parametrize("lookahead", [0, 1600])
@pytest.mark.parametrize("level", [-50, -35, -20])
@pytest.mark.parametrize("kind", ["white", "pink", "brown", "hum50", "hum60", "hum100", "hum120", "fan-12", "fan-3"])
def test_steady_noise_rests_within_300_ms_of_its_start_and_stays(kind, level, lookahead):
    """Also for a noise that nobody has heard before: the stream begins with it."""
    for seed in (1, 2):
        times, faces = Player(GATE, 60, lookahead).play(noise(kind, 5, level, seed))
        assert mouth_at_rest(faces[times >= 0.3]).all(), times[~mouth_at_rest(faces)].max()


@pytest.mark.parametrize("kind", ["white", "pink", "hum60", "fan-3"])
def test_a_noise_that_starts_in_silence_rests_again_within_300_ms(kind):
    times, faces = Player(GATE, 60, 0).play(join(silence(2), noise(kind, 4, -25)))
    assert mouth_at_rest(faces[(times < 2) | (times >= 2.3)]).all()


@pytest.mark.parametrize("level", [-50, -35, -20])
@pytest.mark.parametrize("kind", ["fan3", "fan6", "fan10", "fan20", "fan30"])
def test_a_fan_that_is_mostly_tone_rests_within_300_ms_and_for_good(kind, level):
    """The hardest case: pitched like a voice, and it begins in the middle of a hop."""
    for seed in (0, 1, 2):
        times, faces = Player(GATE, 60, 0).play(join(silence(1.003), noise(kind, 6, level, seed)))
        assert mouth_at_rest(faces[times >= 1.303]).all(), times[~mouth_at_rest(faces)].max()


def blades(seed: int, seconds: float) -> np.ndarray:
    """Any fan: 50 to 1500 Hz, 1 to 8 harmonics, 0 to 30 dB above its air, half of them swelling and fading."""
    rng = np.random.default_rng([seed, 50])
    n = int(seconds * RATE)
    f0, t = np.exp(rng.uniform(np.log(50), np.log(1500))), np.arange(n) / RATE
    tone = harmonics(n, f0, max(1, min(int(rng.integers(1, 9)), int(7500 / f0))), rng.uniform(0.3, 2), seed)
    if rng.random() < 0.5:
        tone *= 1 + rng.uniform(0.05, 0.5) * np.sin(2 * np.pi * (rng.uniform(0.2, 3) * t + rng.random()))
    air = coloured(n, rng.choice([0, 1, 2]), seed)
    mix = air / np.std(air) + 10 ** (rng.uniform(0, 30) / 20) * tone / np.std(tone)
    return scaled(mix, rng.uniform(-50, -20))


@pytest.mark.parametrize("softer", [None, 10, 20])
def test_fans_of_any_pitch_start_suddenly_and_rest_within_300_ms(softer):
    """In silence, or over the air of another fan, 10 or 20 dB softer. One in fifty may take longer."""
    in_time = []
    for seed in range(20):
        fan = blades(seed, 2.5)
        before = silence(1.004) if softer is None else noise("pink", 1.004, 20 * np.log10(np.std(fan)) - softer, seed)
        times, faces = Player(GATE, 60, 0).play(join(before, fan))
        in_time.append(mouth_at_rest(faces[times >= 1.304]).all())
    assert np.mean(in_time) >= 0.95, np.flatnonzero(~np.array(in_time))


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("rate,lookahead", [(30, 0), (30, 1600), (120, 800)])
def test_a_voice_moves_the_mouth_from_its_first_to_its_last_sound(engine, rate, lookahead):
    """From a soft beginning to the end of the word the gate is open; the look-ahead opens it before."""
    wave = speech(engine)
    times, faces = Player(GATE, rate, lookahead).play(join(silence(1.5), wave, silence(1)))
    end = 1.5 + len(wave) / RATE
    late = 0.10 if lookahead == 0 else 0.02
    inside = (times >= 1.5 + late) & (times <= end)
    assert (faces[inside][:, JAW] == 0.5).all()
    assert mouth_at_rest(faces[times <= 1.5 - lookahead / RATE - 0.02]).all()
    assert mouth_at_rest(faces[times >= end + 0.3]).all()


@pytest.mark.parametrize("engine", ENGINES)
def test_speech_36_db_down_opens_it_too(engine):
    wave = speech(engine) * np.float32(10 ** (-36 / 20))
    times, faces = Player(GATE, 30, 800).play(join(silence(1), wave, silence(1)))
    inside = (times >= 1.1) & (times <= 1 + len(wave) / RATE)
    assert np.mean(faces[inside][:, JAW]) > 0.97 * 0.5
    assert mouth_at_rest(faces[times >= 1.3 + len(wave) / RATE]).all()


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("kind", ["white", "pink", "fan-3"])
def test_speech_10_db_above_noise_opens_and_the_noise_after_it_rests(engine, kind):
    wave = speech(engine)
    level = 20 * np.log10(np.sqrt(np.mean(wave**2))) - 10
    background = noise(kind, 3.5 + len(wave) / RATE, level, 5)
    mix = background.copy()
    mix[int(2 * RATE) : int(2 * RATE) + len(wave)] += wave
    times, faces = Player(GATE, 30, 800).play(mix)
    end = 2 + len(wave) / RATE
    moving = faces[:, JAW] > 0.25
    assert moving[(times > 2) & (times < 2.2)].any()
    assert np.mean(moving[(times > 2.1) & (times < end)]) > 0.85
    assert mouth_at_rest(faces[(times > 0.3) & (times < 1.9)]).all()
    assert mouth_at_rest(faces[times >= end + 0.3]).all()


def test_a_muted_microphone_rests_within_300_ms():
    wave = speech("flite:slt")[: int(1.2 * RATE)]  # cut in the middle of a word
    times, faces = Player(GATE, 120, 0).play(join(silence(0.5), wave, silence(1)))
    assert mouth_at_rest(faces[times >= 0.5 + 1.2 + 0.3]).all()


def test_a_held_note_with_vibrato_stays_open():
    """Four seconds of a sung vowel: a pitch that a voice cannot hold quite still keeps it from being a machine."""
    t = np.arange(4 * RATE) / RATE
    phase = 2 * np.pi * np.cumsum(180 * (1 + 0.012 * np.sin(2 * np.pi * 5.2 * t))) / RATE
    vowel = sum(np.exp(-(((k * 180 - 700) / 500) ** 2)) * np.sin(k * phase) for k in range(1, 20))
    wave = scaled(vowel + 0.02 * coloured(len(t), 1, 3), -20)
    times, faces = Player(GATE, 30, 800).play(join(silence(0.5), wave))
    assert (faces[times > 0.6][:, JAW] == 0.5).all()


def held_vowel(f0: float, jitter: float, drift: float, formants: tuple, seconds: float, seed: int) -> np.ndarray:
    """A vowel held as still as a person can: glottal pulses whose periods differ, through three resonances.

    jitter : standard deviation of a period against the next, of its length (healthy voices: 0.3 to 0.7 %).
    drift : standard deviation of the slow wander of pitch below 5 Hz (healthy voices: about 1 %).
    """
    rng = np.random.default_rng(seed)
    rate = 4 * RATE
    n = int(seconds * rate)
    wander = np.fft.rfft(rng.standard_normal(n // 320))
    wander[np.fft.rfftfreq(n // 320, 1 / 200) > 5] = 0
    wander = np.fft.irfft(wander, n // 320)
    wander *= drift / np.std(wander)
    pulses, at = 0.004 * rng.standard_normal(n), 0.0
    while at < n - 1:
        pulses[int(at)] += 1 + 0.03 * rng.standard_normal()
        at += rate / (f0 * (1 + wander[min(int(at / 320), len(wander) - 1)])) * (1 + jitter * rng.standard_normal())
    spectrum, f = np.fft.rfft(pulses), np.fft.rfftfreq(n, 1 / rate)
    for centre, width in zip(formants, (80, 100, 140), strict=True):
        spectrum /= 1 - (f / centre) ** 2 + 1j * f * width / centre**2
    spectrum *= (f < 7000) / (1 + 1j * f / 100)
    vowel = np.fft.irfft(spectrum, n)[::4]
    return scaled(vowel * np.minimum(1, np.arange(len(vowel)) / (0.06 * RATE)), -20)


@pytest.mark.parametrize("formants", [(730, 1090, 2440), (270, 2290, 3010), (300, 870, 2240)])
@pytest.mark.parametrize("f0", [98, 147, 220, 311])
def test_a_vowel_held_for_three_seconds_stays_open(f0, formants):
    wave = held_vowel(f0, 0.005, 0.008, formants, 3, int(f0))
    times, faces = Player(GATE, 60, 0).play(join(silence(0.5), wave))
    assert (faces[times > 0.62][:, JAW] == 0.5).all(), times[faces[:, JAW] < 0.5][-1]


@pytest.mark.parametrize("engine,text", [("espeak-ng:en-us", "aaaaaaaaaaaa"), ("espeak-ng:ja", "ああああああああ")])
def test_held_vowels_of_a_speech_engine_stay_open(engine, text):
    wave = synthesise(engine, text)
    times, faces = Player(GATE, 60, 0).play(join(silence(0.5), wave))
    assert (faces[(times > 0.65) & (times < 0.5 + len(wave) / RATE)][:, JAW] == 0.5).all()


def test_the_noise_floor_follows_a_louder_noise_under_speech():
    """A fan is switched on while somebody talks: soon after the talk the face rests."""
    wave = join(*[speech("flite:slt"), silence(0.4)] * 2)
    fan = noise("pink", len(wave) / RATE + 4, -40)
    fan[: RATE // 2] = 0
    fan[: len(wave)] += wave
    times, faces = Player(GATE, 30, 800).play(fan)
    assert mouth_at_rest(faces[times >= len(wave) / RATE - 0.4 + 0.7]).all()


@pytest.mark.parametrize("rate", [25, 60, 120])
def test_it_fades_and_never_steps(rate):
    times, faces = Player(GATE, rate, 800).play(join(silence(0.5), speech("flite:slt"), silence(1)))
    # Steepest slope of x²(3 − 2x) is 1.5; the mouth's fastest fade takes 50 ms.
    assert np.abs(np.diff(faces[:, JAW])).max() <= 0.5 * 1.5 / (rate * 0.05) + 1e-6
    assert np.abs(np.diff(faces[:, UPPER], axis=0)).max() <= 0.5 * 1.5 / (rate * 0.05) + 1e-6
    assert ((faces[:, JAW] > 0) & (faces[:, JAW] < 0.5)).sum() >= 2


def test_it_rests_before_any_audio_and_after_the_upper_face_has_settled():
    player = Player(GATE, 30, 800)
    face = HALF.copy()
    player.expression.shape(face, 0)
    assert (face == 0.0).all()
    times, faces = player.play(join(silence(0.3), speech("flite:slt"), silence(1.2)))
    assert (faces[-5:] == 0.0).all()


def test_an_open_gate_and_a_gate_that_is_off_leave_every_bit():
    wave = speech("flite:slt")
    rng = np.random.default_rng(0)
    network = rng.random((400, 52), dtype=np.float32)
    _, off = Player(ExpressionSettings.off(), 30, 800).play(wave, network)
    np.testing.assert_array_equal(off, network[: len(off)])
    _, on = Player(GATE, 30, 800).play(join(silence(0.1), wave), network)
    middle = slice(20, len(on) - 5)
    np.testing.assert_array_equal(on[middle], network[middle])


def test_broken_audio_is_silence():
    wave = join(silence(0.2), speech("flite:slt"))
    wave[RATE : RATE + 400] = np.nan
    wave[RATE + 800 : RATE + 900] = np.inf
    _, faces = Player(GATE, 30, 800).play(join(wave, silence(1)))
    assert np.isfinite(faces).all()
    assert mouth_at_rest(faces[-10:]).all()
    assert (faces[len(faces) - 50, JAW]) == 0.5  # and it hears again afterwards


def test_clicks_and_dc_do_not_hold_it_open():
    wave = silence(4)
    wave[::RATE] = 0.9
    wave += np.float32(0.05)
    times, faces = Player(GATE, 60, 800).play(wave)
    assert np.mean(mouth_at_rest(faces[times > 0.5])) > 0.6


def test_hum_under_speech_does_not_count_as_voice():
    wave = speech("espeak-ng:en-us")
    hum = scaled(harmonics(len(wave) + 4 * RATE, 50, 12, 1.0), -45)
    hum[2 * RATE : 2 * RATE + len(wave)] += wave
    times, faces = Player(GATE, 30, 800).play(hum)
    end = 2 + len(wave) / RATE
    assert mouth_at_rest(faces[(times > 0.3) & (times < 1.9)]).all()
    assert (faces[(times > 2.05) & (times < end)][:, JAW] > 0.25).mean() > 0.97
    assert mouth_at_rest(faces[times > end + 0.3]).all()


@pytest.mark.parametrize("kind", ["white", "pink"])
@pytest.mark.parametrize("level", [-30, -20, -10])
def test_a_noise_that_has_just_begun_is_no_breath(kind, level):
    """The packaged network opens its mouth a little in loud noise, as before a word; what leaves is at rest all the same."""
    from fmg_rt import Session

    mouth = arkit.region_indices("jaw", "lips")
    session = Session(egemaps=False)
    for seed in range(3):
        noise = np.random.default_rng(100 + seed).standard_normal(2 * 16_000)
        if kind == "pink":
            spectrum = np.fft.rfft(noise)
            spectrum[1:] /= np.sqrt(np.arange(1, len(spectrum)))
            noise = np.fft.irfft(spectrum)
        noise *= 10 ** (level / 20) / np.sqrt(np.mean(noise**2))
        session.reset()
        frames = session.push(np.clip(noise, -1, 1).astype(np.float32))
        assert max((f.time for f in frames if f.coefficients[mouth].any()), default=0.0) <= 0.3
