"""Emotions, chosen, heard and keyed; the read-out; the head; sides that differ."""

import json

import numpy as np
import pytest
from expression_signals import (
    MOUTH,
    RATE,
    UPPER,
    Player,
    faces_of,
    feel,
    feeling,
    harmonics,
    scaled,
    silence,
    slow_aperture,
    talk,
)

from fmg_rt import architectures, arkit, emotions, spec
from fmg_rt.expression import Expression, ExpressionSettings, KeyframeError, SettingsError, parse_mask, read_keyframes
from fmg_rt.expression.emotion import DIRECTIONS
from fmg_rt.heard import Heard
from fmg_rt.networks.emotion import LARGEST_SHARE, USUAL_SECONDS, EmotionReadout

I = arkit.INDEX  # noqa: E741
NEUTRAL = np.zeros(52, np.float32)
BOTH = tuple(i for i, name in enumerate(arkit.ARKIT_NAMES) if not name.endswith("Right"))
SEVEN = ("joy", "anger", "sadness", "fear", "disgust", "surprise", "calm")


def voice(seconds: float) -> np.ndarray:
    """A voiced sound whose pitch and level wander as a throat's do."""
    t = np.arange(int(seconds * RATE)) / RATE
    semitones = 2 * np.sin(2 * np.pi * 0.7 * t) + 0.5 * np.sin(2 * np.pi * 4.1 * t)
    phase = 2 * np.pi * np.cumsum(130 * 2 ** (semitones / 12)) / RATE
    wave = sum(np.sin(k * phase) / k for k in range(1, 20))
    return scaled(wave * (1 + 0.25 * np.sin(2 * np.pi * 3.7 * t)), -22)


def shown(emotion: dict, face=NEUTRAL, frames: int = 90, **settings) -> tuple[np.ndarray, Expression]:
    """(frames, 52) with a chosen emotion and no other part, and what made them."""
    expression = Expression(ExpressionSettings.off(emotion_strength=1.0, emotion=emotion, **settings), 30, 0)
    out = np.tile(np.asarray(face, np.float32), (frames, 1))
    for k, row in enumerate(out):
        expression.shape(row, round(k * RATE / 30))
    return out, expression


# --- chosen ---


@pytest.mark.parametrize(
    "text, means",
    [
        ("joy=0.6,anger=0.2", {"joy": 0.6, "anger": 0.2}),
        (" Amazement = 0.5 ", {"surprise": 0.5}),
        ("happy", {"joy": 1.0}),
        ("", {}),
        ("neutral", {}),
        ("joy=0.7,happy=0.7", {"joy": 1.0}),
    ],
)
def test_a_choice_is_written_as_names_and_values(text, means):
    assert emotions.parse(text) == means


def test_every_name_of_nvidia_is_an_emotion():
    assert len(emotions.NVIDIA_NAMES) == 10
    assert {emotions.canonical(name) for name in emotions.NVIDIA_NAMES} < set(emotions.NAMES)
    assert set(emotions.ALIASES.values()) <= set(emotions.NAMES)


@pytest.mark.parametrize("chosen", [{"joy": 1.5}, {"joy": float("nan")}, {"joy": True}, {"envy": 0.5}])
def test_an_emotion_that_cannot_be_says_so(chosen):
    with pytest.raises(emotions.EmotionError):
        ExpressionSettings(emotion=chosen)


def test_a_chosen_emotion_takes_half_a_second_and_never_jumps():
    out, expression = shown({"joy": 1.0}, frames=60)
    smile = out[:, I["mouthSmileLeft"]]
    reached = np.flatnonzero(smile >= 0.9 * smile[-1])[0] / 30
    assert 0.3 <= reached <= 1.0 and (np.diff(smile) >= -1e-6).all() and np.diff(smile).max() < 0.15
    assert expression.emotion == {"joy": pytest.approx(1.0, abs=0.01)}
    expression.update(ExpressionSettings.off(emotion_strength=1.0))
    after = np.zeros((60, 52), np.float32)
    for k, row in enumerate(after):
        expression.shape(row, round((60 + k) * RATE / 30))
    assert np.abs(np.diff(np.r_[smile[-1:], after[:, I["mouthSmileLeft"]]])).max() < 0.15
    assert after[-1, I["mouthSmileLeft"]] < 0.01 and expression.emotion == {}


@pytest.mark.parametrize("rate", [12.5, 30, 120])
def test_emotions_move_alike_at_any_frame_rate(rate):
    expression = Expression(ExpressionSettings.off(emotion_strength=1.0, emotion={"anger": 1.0}), rate, 0)
    for k in range(round(0.4 * rate) + 1):
        face = NEUTRAL.copy()
        expression.shape(face, round(k * RATE / rate))
    assert face[I["browDownLeft"]] == pytest.approx(0.85 * (1 - (1 + 3.2) * np.exp(-3.2)), abs=1e-3)


def test_seven_emotions_are_told_apart_by_the_whole_face():
    """No two directions are alike, and each has what its action units say, above and below."""
    faces = {name: shown({name: 1.0})[0][-1] for name in SEVEN} | {"neutral": NEUTRAL}
    for a in faces:
        for b in faces:
            if a < b:
                largest = np.abs(faces[a] - faces[b])[list(BOTH)].max()
                assert largest >= (0.12 if "calm" in (a, b) else 0.3), (a, b, largest)
    unit = DIRECTIONS / np.linalg.norm(DIRECTIONS, axis=1, keepdims=True)
    alike = unit @ unit.T - np.eye(len(unit))
    seven = [emotions.INDEX[name] for name in SEVEN]
    assert alike[np.ix_(seven, seven)].max() < 0.75
    for name, high in (
        ("joy", ("mouthSmileLeft", "cheekSquintLeft")),
        ("anger", ("browDownLeft", "noseSneerLeft")),
        ("sadness", ("browInnerUp", "mouthFrownLeft")),
        ("fear", ("eyeWideLeft", "mouthStretchLeft")),
        ("disgust", ("noseSneerLeft", "mouthUpperUpLeft")),
        ("surprise", ("browOuterUpLeft", "jawOpen")),
    ):
        assert all(faces[name][I[coefficient]] > 0.14 for coefficient in high), name
    for name in SEVEN[:6]:
        assert np.abs(faces[name][MOUTH]).max() > 0.09 and np.abs(faces[name][UPPER]).max() > 0.3


@pytest.mark.parametrize("name", emotions.NAMES)
def test_lips_close_in_every_emotion(name):
    openings = talk(240, 30.0) + 0.1
    openings[[100, 101, 160, 161]] = 0.0
    settings = ExpressionSettings.off(lips=True, emotion_strength=1.0, emotion={name: 1.0})
    expression = Expression(settings, 30, 0)
    out = faces_of(openings)
    for k, face in enumerate(out):
        expression.shape(face, round(k * RATE / 30))
    assert max(slow_aperture(out[k]) for k in (100, 101, 160, 161)) < 1e-6
    assert out.min() >= 0 and out.max() <= 1


def test_strength_scales_and_a_rounded_mouth_yields():
    half = shown({"joy": 1.0}, NEUTRAL)[0][-1]
    expression = Expression(ExpressionSettings.off(emotion_strength=0.5, emotion={"joy": 1.0}), 30, 0)
    for k in range(90):
        face = NEUTRAL.copy()
        expression.shape(face, round(k * RATE / 30))
    np.testing.assert_allclose(face, 0.5 * half, atol=0.01)
    rounded = NEUTRAL.copy()
    rounded[I["mouthPucker"]] = 1.0
    assert shown({"joy": 1.0}, rounded)[0][-1][I["mouthSmileLeft"]] == pytest.approx(0.4 * half[I["mouthSmileLeft"]], rel=0.02)


# --- heard ---


def test_a_heard_emotion_comes_slowly_as_strong_as_it_is_sure_and_rests_with_the_face():
    def mean_face(**classes):
        player = Player(ExpressionSettings.off(emotion_strength=1.0, gate=True), 30, 800)
        feel(player.expression, **classes)
        times, faces = player.play(np.r_[voice(6), silence(2)], NEUTRAL)
        assert np.abs(np.diff(faces[times < 5.9], axis=0)).max() < 0.1
        assert faces[(times > 0.1) & (times < 0.5)].max() < 0.35 * faces.max() + 1e-6  # over seconds
        assert (faces[times > 6.4][:, MOUTH] == 0).all()
        return faces[(times > 4) & (times < 5.8)].mean(axis=0)

    sure, likely, unsure = mean_face(joy=0.97), mean_face(joy=0.51), mean_face(joy=0.49)
    assert sure[I["mouthSmileLeft"]] > 0.6 and sure[I["cheekSquintRight"]] > 0.5
    assert 0.3 < likely[I["mouthSmileLeft"]] < 0.6 and (unsure == 0).all()
    assert mean_face(anger=0.9)[I["browDownLeft"]] > 0.5 and mean_face(sadness=0.9)[I["browInnerUp"]] > 0.5
    assert (mean_face(boredom=1.0) == 0).all() and (mean_face(joy=np.nan) == 0).all()


def test_hysteresis_keeps_what_shows_until_it_is_unlikely():
    expression = Expression(ExpressionSettings.off(emotion_strength=1.0), 30, 0)

    def after(probability: float, k: list = [0]) -> float:  # noqa: B006
        feel(expression, joy=probability)
        for _ in range(120):
            face = NEUTRAL.copy()
            expression.shape(face, round(k[0] * RATE / 30))
            k[0] += 1
        return face[I["mouthSmileLeft"]]

    assert after(0.48) < 0.01 and after(0.7) > 0.3 and after(0.48) > 0.1 and after(0.24) < 0.01


def test_a_single_reading_shows_nothing_and_a_second_of_them_does():
    def smile(times: int) -> float:
        expression = Expression(ExpressionSettings.off(emotion_strength=1.0), 30, 0)
        feel(expression, times, joy=1.0)
        for k in range(150):
            face = NEUTRAL.copy()
            expression.shape(face, round(k * RATE / 30))
        return face[I["mouthSmileLeft"]]

    assert smile(1) == 0 and smile(2) > 0.6


def test_what_may_be_joy_is_not_shown_as_anger():
    def brow_and_smile(**classes: float) -> tuple[float, float]:
        expression = Expression(ExpressionSettings.off(emotion_strength=1.0), 30, 0)
        feel(expression, **classes)
        for k in range(150):
            face = NEUTRAL.copy()
            expression.shape(face, round(k * RATE / 30))
        return face[I["browDownLeft"]], face[I["mouthSmileLeft"]]

    assert brow_and_smile(anger=0.6)[0] > 0.6
    assert brow_and_smile(anger=0.62, joy=0.2)[0] > 0.4
    assert brow_and_smile(anger=0.6, joy=0.3) == (0, 0)
    assert brow_and_smile(anger=0.3, joy=0.6)[1] > 0.5


def test_chosen_replaces_heard_as_far_as_the_mix_says():
    def both(mix: float) -> np.ndarray:
        expression = Expression(ExpressionSettings.off(emotion_strength=1.0, emotion={"joy": 0.5}, emotion_mix=mix), 30, 0)
        for k in range(300):
            feel(expression, 1, anger=1.0)
            face = NEUTRAL.copy()
            expression.shape(face, round(k * RATE / 30))
        return face

    assert both(1.0)[I["browDownLeft"]] == 0 and both(1.0)[I["mouthSmileLeft"]] > 0.3
    assert both(0.0)[I["browDownLeft"]] > 0.6 > both(0.5)[I["browDownLeft"]] > 0.1
    with pytest.raises(SettingsError, match="emotion_mix"):
        ExpressionSettings(emotion_mix=1.5)


def test_a_heard_emotion_comes_back_after_a_pause_without_a_jump():
    player = Player(ExpressionSettings.off(emotion_strength=1.0, gate=True), 30, 800)
    player.feeling = feeling(sadness=1.0)
    times, faces = player.play(np.r_[voice(4), silence(1), voice(3), silence(0.4), voice(2)], NEUTRAL)
    brow = faces[:, I["browInnerUp"]]
    assert (brow[(times > 4.8) & (times < 5)] == 0).all() and brow[(times > 6) & (times < 7)].min() > 0.7
    assert brow[(times > 8.2) & (times < 8.5)].min() < 0.3 and brow[-1] > 0.7
    assert np.diff(faces, axis=0).max() < 0.1


@pytest.mark.parametrize("gate", [True, False])
def test_what_was_heard_is_forgotten_in_a_long_silence(gate):
    """As much as a reading's window holds; else the first words of a calm voice would show the mood of a scene before."""

    def brow_after(pause: float) -> float:
        player = Player(ExpressionSettings.off(emotion_strength=1.0, gate=gate), 30, 800)
        player.feeling = feeling(anger=1.0)

        def stop(k: int, _: Expression) -> None:
            if k == 120:
                player.feeling = None

        times, faces = player.play(np.r_[voice(4), silence(pause), voice(2)], NEUTRAL, before_frame=stop)
        assert faces[(times > 3) & (times < 3.9), I["browDownLeft"]].min() > 0.6
        return faces[times > 4.5 + pause, I["browDownLeft"]].max()

    assert brow_after(2) > 0.6 and brow_after(8) < 0.02


@pytest.mark.parametrize(
    "change", [{"emotion": {"joy": 0.5}}, {"emotion": {"joy": 0.5}, "emotion_strength": 2.0}, {"emotion_strength": 0.0}]
)
def test_other_settings_let_no_emotion_jump(change):
    expression = Expression(ExpressionSettings.off(emotion_strength=1.0), 30, 0)
    faces = np.zeros((240, 52), np.float32)
    for k, face in enumerate(faces):
        feel(expression, 1, anger=1.0)
        if k == 120:
            assert expression.emotion["anger"] > 0.9
            expression.update(ExpressionSettings.off(**{"emotion_strength": 1.0, **change}))
        expression.shape(face, round(k * RATE / 30))
    assert np.abs(np.diff(faces, axis=0)).max() < 0.11 and faces[-1, I["browDownLeft"]] == 0
    assert set(expression.emotion) == set(change.get("emotion", {}))


def test_after_a_reset_the_settings_of_before_are_not_left():
    expression = Expression(ExpressionSettings.off(emotion_strength=1.0), 30, 0)
    expression.shape(NEUTRAL.copy(), 0)
    expression.update(ExpressionSettings.off(emotion_strength=0.5, emotion={"joy": 1.0}))
    expression.reset()
    fresh = Expression(expression.settings, 30, 0)
    for k in range(30):
        face, expected = NEUTRAL.copy(), NEUTRAL.copy()
        expression.shape(face, round(k * RATE / 30))
        fresh.shape(expected, round(k * RATE / 30))
        np.testing.assert_array_equal(face, expected)


class _Weights:
    """A read-out whose every number differs."""

    rng = np.random.default_rng(0)
    n = len(architectures.EMOTIONS) + 2
    egemaps_mean = rng.normal(0, 1, spec.N_EGEMAPS).astype(np.float32)
    egemaps_std = rng.uniform(0.5, 2, spec.N_EGEMAPS).astype(np.float32)
    emotion = {
        "weight": rng.normal(0, 0.1, (n, spec.N_EGEMAPS)).astype(np.float32),
        "bias": rng.normal(0, 0.3, n).astype(np.float32),
    }


def test_the_read_out_is_standardised_linear_and_in_the_order_of_the_file():
    """Swapped mean and deviation, swapped arousal and valence, and a missing bias are all seen."""
    features = np.random.default_rng(1).normal(0, 1, spec.N_EGEMAPS).astype(np.float32)
    got = EmotionReadout(_Weights)(features, 0.0)
    x = np.clip((features.astype(float) - _Weights.egemaps_mean) / _Weights.egemaps_std, -5, 5)
    z = _Weights.emotion["weight"].astype(float) @ x + _Weights.emotion["bias"]
    np.testing.assert_allclose(got.classes, np.exp(z[:7]) / np.exp(z[:7]).sum(), rtol=1e-4)
    assert got.arousal == pytest.approx(np.tanh(z[7]), abs=1e-5) and got.valence == pytest.approx(np.tanh(z[8]), abs=1e-5)
    assert abs(got.arousal - got.valence) > 0.1
    broken = EmotionReadout(_Weights)(np.full(spec.N_EGEMAPS, np.nan, np.float32), 1.0)
    assert np.isfinite(broken.classes).all() and np.isfinite(broken.arousal)


def test_the_read_out_learns_how_a_speaker_usually_sounds():
    features = np.random.default_rng(2).normal(0, 1, spec.N_EGEMAPS).astype(np.float32)
    readout = EmotionReadout(_Weights)
    first = readout(features, 0.0).arousal
    for _ in range(400):
        last = readout(features, 0.3).arousal
    bias = float(_Weights.emotion["bias"][7])
    share = LARGEST_SHARE * 120 / (120 + USUAL_SECONDS)
    assert np.arctanh(last) - bias == pytest.approx((1 - share) * (np.arctanh(first) - bias), rel=1e-3)
    readout.reset()
    assert readout(features, 0.0).arousal == first


def test_a_mood_of_half_a_minute_is_not_unlearnt():
    features = np.random.default_rng(2).normal(0, 1, spec.N_EGEMAPS).astype(np.float32)
    readout = EmotionReadout(_Weights)
    departures = [np.arctanh(readout(features, 0.3).arousal) - float(_Weights.emotion["bias"][7]) for _ in range(2000)]
    assert 0.75 < departures[100] / departures[0] < 0.9 and 0.4 < departures[-1] / departures[0] < 0.5


# --- keyed ---


@pytest.mark.parametrize(
    "content",
    [
        {"emotions": [{"time": 0, "joy": 0}, {"time": 2, "joy": 1}]},
        {"emotion_with_timecode_list": [{"time_code": 0, "emotion": {"joy": 0}}, {"time_code": 2, "emotion": {"joy": 1}}]},
        {"emotion_with_timecode1": None, "emotions": {"a": {"time": 0, "joy": 0}, "b": {"time": 2, "happy": 1}}},
        [{"time": 0, "joy": 0}, {"time_code": 2, "emotion": {"joy": 1}}],
    ],
)
def test_keyframes_are_read_in_every_form_and_followed(tmp_path, content):
    path = tmp_path / "emotions.json"
    path.write_text(json.dumps(content))
    keys = read_keyframes(path)
    assert keys == ((0.0, {"joy": 0.0}), (2.0, {"joy": 1.0}))
    out, _ = shown({}, frames=120, keyframes=keys)
    smile = out[:, I["mouthSmileLeft"]] / out[-1, I["mouthSmileLeft"]]
    np.testing.assert_allclose(smile[45], 0.5 * (1.5 - 0.25), atol=0.03)  # a line, a quarter of a second late
    assert smile[0] == 0 and smile[90] > 0.97 and np.abs(np.diff(smile)).max() < 0.03


@pytest.mark.parametrize(
    "text, says",
    [
        ("nothing", "is not JSON"),
        ("{}", "not of the form"),
        ("[]", "not of the form"),
        ("[3]", "not of the form"),
        ('[{"time": 1, "joy": 2}]', "between 0 and 1"),
        ('[{"time": 1, "envy": 1}]', "there is no emotion"),
        ('[{"joy": 1}]', "its time must be"),
        ('[{"time": -1, "joy": 1}]', "its time must be"),
        ('[{"time": 1, "joy": 1}, {"time": 1, "joy": 0}]', "must come after"),
        ('[{"time": 1, "emotion": 3}]', "between 0 and 1"),
    ],
)
def test_bad_keyframes_give_one_clear_line(tmp_path, text, says):
    path = tmp_path / "emotions.json"
    path.write_text(text)
    with pytest.raises(KeyframeError, match=says) as raised:
        read_keyframes(path)
    assert "\n" not in str(raised.value) and "emotions.json" in str(raised.value)
    with pytest.raises(KeyframeError, match="cannot read"):
        read_keyframes(tmp_path / "none.json")


# --- head, sides ---


def heads(wave: np.ndarray, rate: float = 50.0, **more) -> np.ndarray:
    player = Player(ExpressionSettings.off(**{"head": 1.0, **more}), rate, 0, seed=more.pop("seed", 0))
    got = []
    player.play(wave, NEUTRAL, before_frame=lambda k, expression: got.append(expression.head.copy()))
    return np.degrees(np.array(got))


def test_the_head_moves_by_a_few_degrees_below_2_hz_and_less_in_silence():
    speaking, silent = heads(voice(60)), heads(silence(60))
    for moving, low, high in ((speaking, (1.2, 0.6, 0.5), (4.5, 3.0, 3.0)), (silent, (0.3, 0.15, 0.15), (1.8, 1.2, 1.2))):
        spread = moving.std(0)
        assert (spread > low).all() and (spread < high).all(), spread
        assert np.abs(moving).max() < 14
        power = np.abs(np.fft.rfft(moving - moving.mean(0), axis=0)) ** 2
        f = np.fft.rfftfreq(len(moving), 1 / 50)
        assert power[f < 2].sum() > 0.97 * power.sum()
        assert np.abs(np.diff(moving, axis=0)).max() < 0.8  # 40 degrees/s
    assert (speaking.std(0) > 1.5 * silent.std(0)).all()


def test_the_head_nods_with_accents_and_is_the_same_again():
    wave = voice(8)
    np.testing.assert_array_equal(heads(wave), heads(wave))
    strong = heads(wave, head=2.0)
    np.testing.assert_allclose(strong, 2 * heads(wave), rtol=1e-4, atol=1e-5)
    assert (heads(wave, head=0.0) == 0).all()
    loud = silence(8) + 0
    t = np.arange(len(loud)) / RATE
    semitones = sum(8 * np.exp(-(((t - at) / 0.15) ** 2)) for at in (3.0, 5.0))
    phase = 2 * np.pi * np.cumsum(130 * 2 ** ((semitones + 0.3 * np.sin(2 * np.pi * 4.1 * t)) / 12)) / RATE
    accented = scaled(sum(np.sin(k * phase) / k for k in range(1, 20)) * (1 + 0.25 * np.sin(2 * np.pi * 3.7 * t)), -22)
    nods = heads(accented)[:, 1]
    at = lambda s: nods[round(50 * s)]  # noqa: E731
    assert max(at(3.2) - at(2.9), at(5.2) - at(4.9)) > 0.8


class _Tracker:
    def __init__(self, head=None):
        self.count, self.head = 0, head

    def read(self, out):
        self.count += 1
        out[:] = 0.5
        return self.count


def test_a_trackers_head_wins_and_a_mask_without_brows_keeps_it_still():
    wave = voice(4)
    for settings, tracker in (
        (ExpressionSettings.off(head=1.0), _Tracker()),
        (ExpressionSettings.off(head=1.0, mask=parse_mask("lips")), None),
    ):
        player, got = Player(settings, 30, 0, tracker=tracker), []
        player.play(wave, NEUTRAL, before_frame=lambda k, expression, got=got: got.append(expression.head.copy()))
        assert (np.array(got)[30:] == 0).all()
    assert np.abs(heads(wave, mask=parse_mask("upper"))).max() > 0.5
    theirs = np.array([0.2, -0.1, 0.05], np.float32)
    player, got = Player(ExpressionSettings.off(head=1.0), 30, 0, tracker=_Tracker(theirs)), []
    player.play(wave, NEUTRAL, before_frame=lambda k, expression: got.append(expression.head.copy()))
    np.testing.assert_allclose(got[30:], np.broadcast_to(theirs, (len(got) - 30, 3)), atol=1e-6)


def test_sides_differ_a_little_slowly_and_cost_no_opening():
    wave, n = voice(40), 1200
    faces = faces_of(talk(n, 30.0) + 0.05)
    for name in ("mouthSmile", "browOuterUp"):
        faces[:, I[name + "Left"]] = faces[:, I[name + "Right"]] = 0.3
    _, out = Player(ExpressionSettings.off(asymmetry=True), 30, 0).play(wave, faces)
    difference = (out[:, I["browOuterUpLeft"]] - out[:, I["browOuterUpRight"]]) / 0.3
    assert 0.02 < np.abs(difference).mean() < 0.4 and np.abs(np.diff(difference)).max() < 0.03
    np.testing.assert_allclose([slow_aperture(f) for f in out[:n]], [slow_aperture(f) for f in faces], atol=2e-3)
    for name in ("jawLeft", "jawRight", "mouthLeft", "mouthRight"):
        assert 0.005 < out[:, I[name]].max() < 0.1, name
    _, still = Player(ExpressionSettings.off(asymmetry=True), 30, 0).play(wave, NEUTRAL)
    assert still.max() < 0.02


def test_hiss_brings_the_chin_forward_and_silent_closures_puff_the_cheeks():
    hiss = np.diff(np.random.default_rng(4).standard_normal(RATE // 6), n=2)
    wave = np.r_[voice(2), scaled(hiss, -25), voice(1)]
    times, out = Player(ExpressionSettings.off(asymmetry=True), 30, 0).play(wave, NEUTRAL)
    forward = out[:, I["jawForward"]]
    assert forward[(times > 2.05) & (times < 2.2)].max() > 0.08 > 0.03 > forward[(times > 0.5) & (times < 1.9)].max()

    def puffed(gap: np.ndarray) -> float:
        openings = np.full(120, 0.4)
        openings[60:64] = 0.0
        wave = np.r_[voice(2), gap, voice(1)]
        player = Player(ExpressionSettings.off(asymmetry=True, lips=True), 30, 0)
        return player.play(wave, faces_of(openings))[1][58:68, I["cheekPuff"]].max()

    stop, hum = silence(0.12), scaled(harmonics(int(0.12 * RATE), 130, 4, 1.5), -26)
    assert puffed(stop) > 0.05 > 2 * puffed(hum)


def test_one_ear_hears_everything():
    expression = Expression(ExpressionSettings(), 30, 0)
    expression.listen(Heard(np.zeros(160, np.float32)))
    assert not any(hasattr(expression, name) for name in ("hear", "feel")) and not expression.speaking
