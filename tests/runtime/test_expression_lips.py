"""The lip guarantee and the smoothing: closures that are reached, held, on time and without flutter."""

import numpy as np
import pytest
from expression_signals import RATE, Player, faces_of, silence, slow_aperture, synthesise, talk

from fmg_rt import arkit
from fmg_rt.expression import Expression, ExpressionSettings, aperture
from fmg_rt.heard import Heard

LIPS = ExpressionSettings.off(lips=True)
SMOOTH = ExpressionSettings.off(smoothing=1.0)
I = arkit.INDEX  # noqa: E741


def shaped(settings, faces, rate=30.0, **more):
    expression = Expression(settings, rate, 0, **more)
    out = np.array(faces, np.float32)
    for k, face in enumerate(out):
        expression.shape(face, round(k * RATE / rate))
    return out


def test_aperture_is_the_formula():
    for face in np.random.default_rng(0).random((200, 52), dtype=np.float32):
        assert aperture(face) == pytest.approx(slow_aperture(face), abs=1e-6)


def test_mouth_close_never_exceeds_jaw_open():
    faces = np.random.default_rng(1).random((2000, 52), dtype=np.float32)
    for settings in (LIPS, ExpressionSettings.off(lips=True, smoothing=1.0, mouth=1.5), ExpressionSettings()):
        out = shaped(settings, faces)
        assert (out[:, I["mouthClose"]] <= out[:, I["jawOpen"]]).all()


@pytest.mark.parametrize("rate", [30, 60, 120])
def test_a_closure_that_is_nearly_reached_is_reached_and_held(rate):
    """One low frame among open ones becomes a whole closure: of one frame, and of 20 ms at least."""
    openings = talk(3 * rate, rate, 0.2) + 0.1
    dips = [rate, 2 * rate, 2 * rate + rate // 2]
    openings[dips] = 0.02  # 5 % of the opening: the network saw a closure, but not quite
    out = shaped(LIPS, faces_of(openings), rate)
    shut = np.array([slow_aperture(face) for face in out]) <= 1e-6
    runs = np.flatnonzero(np.diff(np.r_[0, shut.astype(int), 0])).reshape(-1, 2)
    assert runs[:, 0].tolist() == dips
    lengths = runs[:, 1] - runs[:, 0]
    assert (lengths / rate >= 0.0199).all() and (lengths / rate <= 0.05).all()


def test_open_vowels_are_not_closed():
    openings = talk(300, 30.0) + 0.1
    out = shaped(LIPS, faces_of(openings))
    np.testing.assert_array_equal(out, faces_of(openings))


def test_trembling_at_the_threshold_does_not_flutter():
    """Lips are drawn together in part, not switched: what trembles goes on trembling little."""
    rng = np.random.default_rng(2)
    openings = np.r_[np.full(120, 0.5), 0.05 + 0.004 * rng.standard_normal(400)]
    faces = faces_of(openings)
    apertures = lambda some: np.array([slow_aperture(face) for face in some[160:]])  # noqa: E731
    out = shaped(LIPS, faces, 120.0)
    assert 0.0 < apertures(out).mean() < apertures(faces).mean()
    assert np.abs(np.diff(apertures(out))).max() <= 3.0 * np.abs(np.diff(apertures(faces))).max()


def test_funnel_and_parted_lips_close_as_well():
    faces = faces_of(np.full(40, 0.4))
    faces[20:22, I["jawOpen"]] = 0.3
    faces[20:22, I["mouthClose"]] = 0.3
    faces[20:22, [I["mouthLowerDownLeft"], I["mouthLowerDownRight"]]] = 0.02
    faces[20:22, I["mouthFunnel"]] = 0.1
    out = shaped(LIPS, faces)
    assert all(slow_aperture(face) <= 0.002 for face in out[20:22])
    assert out[20, I["jawOpen"]] == faces[20, I["jawOpen"]]  # the jaw may stay low behind closed lips


@pytest.mark.parametrize("rate", [30, 60, 120])
def test_smoothing_adds_no_lag_to_closures(rate):
    """With smoothing on, every closure begins on the very frame on which the network shows it."""
    openings = talk(8 * rate, rate)
    for k in range(rate // 3, len(openings) - rate // 6, rate // 2):
        openings[k : k + max(2, rate // 15)] = 0.01
    faces = faces_of(openings)
    plain = shaped(LIPS, faces, rate)
    smooth = shaped(ExpressionSettings.off(lips=True, smoothing=1.0), faces, rate)
    shut = lambda out: np.array([slow_aperture(face) <= 1e-6 for face in out])  # noqa: E731
    begins = lambda s: np.flatnonzero(s[1:] & ~s[:-1])  # noqa: E731
    np.testing.assert_array_equal(begins(shut(smooth)), begins(shut(plain)))
    assert len(begins(shut(plain))) >= 12


@pytest.mark.parametrize("rate", [25, 30, 50, 60, 100])
def test_a_closure_between_two_frames_is_shown_by_the_next_one(rate):
    """Steps of 20 ms, of which one is shut: at every rate the first frame from it on is shut, and none 20 ms later."""
    for shift in range(0, 320, 40):
        expression = Expression(LIPS, rate, 0)
        shut_at = 16_000 + shift
        steps, shut = shift % 320, []
        for k in range(2 * rate):
            time = round(k * RATE / rate)
            while steps <= time + 319:
                face = faces_of(np.array([0.0 if steps == shut_at else 0.4]))[0]
                expression.listen(Heard(np.zeros(160, np.float32), face=face, time=steps))
                steps += 320
            face = faces_of(np.array([0.4]))[0]
            expression.shape(face, time)
            if slow_aperture(face) < 0.01:
                shut.append(time)
        assert shut, (rate, shift)
        assert 0 <= shut[0] - shut_at <= RATE / rate + 1
        assert shut[-1] - shut[0] < 0.02 * RATE


@pytest.mark.parametrize("rate", [25, 30, 50])
def test_a_closure_that_a_frame_shows_is_not_shown_again_by_the_next_one(rate):
    """Steps of 20 ms, the one at a frame's own time is shut: the next frame is as open as the network has it."""
    expression = Expression(LIPS, rate, 0)
    shut_at = round(rate * RATE / rate)
    shut = []
    for k in range(2 * rate):
        time = round(k * RATE / rate)
        for step in range(time - RATE // 50, time + RATE // 50 + 1, RATE // 50):
            opening = 0.0 if abs(step - shut_at) < RATE // 50 else 0.4
            expression.listen(Heard(np.zeros(160, np.float32), face=faces_of(np.array([opening]))[0], time=step))
        face = faces_of(np.array([0.0 if time == shut_at else 0.4]))[0]
        expression.shape(face, time)
        if slow_aperture(face) < 0.01:
            shut.append(time)
    assert shut == [shut_at]


def test_what_mouth_close_has_too_much_of_closes_the_lips_all_the_same():
    face = faces_of(np.array([0.2]))[0]
    face[I["mouthClose"]] = 0.25
    before = slow_aperture(face)
    out = shaped(LIPS, face[None])[0]
    assert slow_aperture(out) == pytest.approx(before, abs=1e-6) and out[I["mouthClose"]] == out[I["jawOpen"]]


@pytest.mark.parametrize("rate", [30, 60])
def test_smoothing_calms_jitter_and_hardly_delays_speech(rate):
    n = 20 * rate
    rng = np.random.default_rng(3)
    jitter = 0.02 * rng.standard_normal(n)
    still = shaped(SMOOTH, faces_of(np.clip(0.3 + jitter, 0, 1)), rate)[rate:, I["jawOpen"]]
    assert np.std(still) <= 0.95 * np.std(jitter)
    for f in (2.0, 4.0):  # syllables
        clean = talk(n, rate, f)
        out = shaped(SMOOTH, faces_of(clean), rate)[:, I["jawOpen"]]
        spectrum = [
            np.dot(x[rate:] - x[rate:].mean(), np.exp(-2j * np.pi * f * np.arange(rate, n) / rate)) for x in (clean, out)
        ]
        delay = np.angle(spectrum[0] / spectrum[1]) / (2 * np.pi * f)
        assert 0.0 <= delay <= 0.004
        assert abs(spectrum[1]) >= 0.93 * abs(spectrum[0])


def test_smoothing_follows_the_papers_algorithm():
    """A float64 twin of Casiez's algorithm 1, with one cut-off a region as the module says."""
    rate, cut, slope, speed_cut = 30.0, 12.0, 60.0, 12.0
    rng = np.random.default_rng(4)
    faces = rng.random((200, 52), dtype=np.float32)
    region = arkit.region_indices("jaw", "lips")
    alpha = lambda f: 1 / (1 + 1 / (2 * np.pi * f) * rate)  # noqa: E731
    x = faces[0, region].astype(float)
    speed = np.zeros(len(region))
    expected = [x.copy()]
    for face in faces[1:, region].astype(float):
        speed += alpha(speed_cut) * ((face - x) * rate - speed)
        x = x + alpha(cut + slope * np.abs(speed).max()) * (face - x)
        expected.append(x.copy())
    out = shaped(SMOOTH, faces, rate)[:, region]
    # Sample times are rounded to whole samples, so a frame is 1/30 s only to 1/500.
    np.testing.assert_allclose(out, expected, atol=2e-3)


def test_the_one_euro_kernel_equals_a_twin_in_float64():
    """Frames at irregular times, a start in between, coefficients that no region has; every value and every speed."""
    from fmg_rt.kernels.expression_face import one_euro

    rng = np.random.default_rng(8)
    region = rng.integers(-1, 3, 52).astype(np.int32)
    places = [np.flatnonzero(region == r) for r in range(3)]
    members = np.concatenate(([len(some) for some in places], *places)).astype(np.int32)
    tuning = np.array([[12, 60, 12], [2, 2, 3], [3, 4, 3]], np.float32)
    value, speed = np.zeros(52, np.float32), np.zeros(52, np.float32)
    x, v = np.zeros(52), np.zeros(52)
    for k in range(300):
        seconds = 0.0 if k in (0, 150) else float(np.float32(rng.uniform(0.005, 0.05)))
        face = rng.random(52, dtype=np.float32)
        expected = face.astype(float)
        for r, (lowest, slope, of_speed) in enumerate(tuning.astype(float)):
            mine = region == r
            if seconds == 0.0:
                x[mine] = expected[mine]
                continue
            share = lambda hertz: 1 / (1 + 1 / (2 * np.pi * hertz * seconds))  # noqa: B023, E731
            v[mine] += share(of_speed) * ((expected[mine] - x[mine]) / seconds - v[mine])
            x[mine] += share(lowest + slope * np.abs(v[mine]).max()) * (expected[mine] - x[mine])
            expected[mine] = x[mine]
        one_euro(members, tuning, seconds, face, value, speed)
        np.testing.assert_allclose(face, expected, atol=2e-6)
        np.testing.assert_allclose(speed[region >= 0], v[region >= 0], atol=2e-4)


def test_smoothing_strength_calms_more():
    jitter = np.clip(0.3 + 0.02 * np.random.default_rng(5).standard_normal(600), 0, 1)
    spread = [
        np.std(shaped(ExpressionSettings.off(smoothing=s), faces_of(jitter))[30:, I["jawOpen"]]) for s in (0.0, 0.5, 1.0, 2.0)
    ]
    assert spread == sorted(spread, reverse=True) and spread[0] > 1.1 * spread[-1]


def test_a_closing_gate_ends_exactly_at_rest_whatever_smoothing_remembers():
    word = synthesise("flite:slt", "seven ships")[: int(0.55 * RATE)]  # cut off in the middle
    wave = np.concatenate([silence(0.3), word, silence(1)])
    _, faces = Player(ExpressionSettings.off(gate=True, lips=True, smoothing=1.0), 60, 0).play(wave)
    assert faces.max() > 0.3
    assert (faces[-20:] == 0.0).all()
