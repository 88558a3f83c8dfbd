"""Blinks, gaze, breath, accents and mood: the statistics of people, on sample time."""

import numpy as np
import pytest
from expression_signals import MOUTH, RATE, UPPER, Player, feel, join, noise, scaled, silence, slow_aperture, synthesise

from fmg_rt import arkit
from fmg_rt.expression import ExpressionSettings
from fmg_rt.expression.blink import Blink
from fmg_rt.expression.gaze import FULL_ANGLE, LARGEST, Gaze
from fmg_rt.heard import Heard

I = arkit.INDEX  # noqa: E741
NEUTRAL = np.zeros(52, np.float32)


def phrases(minutes: float, seed: int = 0) -> list[tuple[float, float]]:
    """Times of speaking: phrases of 1.5–4 s with pauses of 0.3–1 s between, as in running talk."""
    rng, t, out = np.random.default_rng(seed), 0.0, []
    while t < 60 * minutes:
        length = rng.uniform(1.5, 4.0)
        out.append((t, t + length))
        t += length + rng.uniform(0.3, 1.0)
    return out


def blink_curve(minutes: float, speaking: bool, rate: float = 200.0, seed: int = 0):
    """(times, lid) over `minutes`, and the phrase ends."""
    blink = Blink(rate, seed)
    spans = phrases(minutes) if speaking else []
    times = np.arange(int(minutes * 60 * rate)) / rate
    talking = np.zeros(len(times), bool)
    for a, b in spans:
        talking |= (times >= a) & (times < b)
    lids = np.empty(len(times))
    for k, t in enumerate(times):
        face = NEUTRAL.copy()
        blink.shape(face, round(t * RATE), bool(talking[k]))
        assert face[I["eyeBlinkLeft"]] == face[I["eyeBlinkRight"]]
        lids[k] = face[I["eyeBlinkLeft"]]
    return times, lids, np.array([b for _, b in spans])


def spans_of(mask: np.ndarray) -> np.ndarray:
    """(n, 2) first and one-past-last index of each run of True."""
    return np.flatnonzero(np.diff(np.r_[0, mask.astype(int), 0])).reshape(-1, 2)


def test_blinks_of_ten_speaking_minutes_are_a_persons():
    times, lids, ends = blink_curve(10, speaking=True)
    runs = spans_of(lids > 0)
    onsets = times[runs[:, 0]]
    lasts = (runs[:, 1] - runs[:, 0]) / 200
    assert 0.095 <= lasts.min() and lasts.max() <= 0.155
    for a, b in runs:
        peak = lids[a:b] >= 0.999
        assert peak.any()
        first, last = a + np.flatnonzero(peak)[[0, -1]]
        assert (first - a) < (b - last)  # closing is the faster half
    intervals = np.diff(onsets)
    assert 3.4 <= intervals.mean() <= 4.6
    doubles = intervals < 0.5
    assert 0.03 <= doubles.mean() <= 0.2
    logs = np.log(intervals[~doubles])
    skew = np.mean((intervals - intervals.mean()) ** 3) / np.std(intervals) ** 3
    assert skew > 0.4 and abs(np.mean((logs - logs.mean()) ** 3) / np.std(logs) ** 3) < skew + 0.6
    assert 0.35 <= np.std(logs) <= 1.0
    # More at phrase ends: the density of onsets just after an end against everywhere.
    near = sum(((onsets >= end) & (onsets < end + 0.3)).any() for end in ends) / (0.3 * len(ends))
    assert near > 2.0 * len(onsets) / times[-1]


def test_blinks_of_ten_silent_minutes():
    times, lids, _ = blink_curve(10, speaking=False)
    onsets = times[spans_of(lids > 0)[:, 0]]
    assert 4.0 <= np.diff(onsets).mean() <= 6.5


@pytest.mark.parametrize("rate", [24, 30, 60])
def test_a_blink_is_seen_shut_at_usual_frame_rates(rate):
    _, lids, _ = blink_curve(4, speaking=False, rate=rate)
    peaks = [lids[a:b].max() for a, b in spans_of(lids > 0)]
    assert np.mean(np.array(peaks) > 0.75) > 0.9


def test_blink_times_do_not_depend_on_the_frame_rate():
    starts = []
    for rate in (100.0, 200.0):
        times, lids, _ = blink_curve(2, speaking=False, rate=rate)
        starts.append(times[spans_of(lids > 0)[:, 0]])
    np.testing.assert_allclose(*starts, atol=0.011)


def gaze_curve(minutes: float, speaking: bool, seed: int = 0, rate: int = 500):
    gaze = Gaze(seed)
    n = int(minutes * 60 * rate)
    out = np.empty((n, 2))
    for k in range(n):
        face = NEUTRAL.copy()
        gaze.shape(face, k * RATE // rate, speaking, 1.0)
        left = face[I["eyeLookOutLeft"]] - face[I["eyeLookInLeft"]]
        assert left == face[I["eyeLookInRight"]] - face[I["eyeLookOutRight"]]  # the eyes turn together
        up = face[I["eyeLookUpLeft"]] - face[I["eyeLookDownLeft"]]
        out[k] = left * FULL_ANGLE, up * FULL_ANGLE
    return np.arange(n) / rate, out


@pytest.mark.parametrize("speaking", [True, False])
def test_gaze_is_saccades_and_fixations(speaking):
    times, angles = gaze_curve(5, speaking)
    moving = np.r_[False, np.any(np.abs(np.diff(angles, axis=0)) > 1e-6, axis=1)]
    runs = spans_of(moving)
    sizes = np.array([np.linalg.norm(angles[b - 1] - angles[a - 1]) for a, b in runs])
    lasts = (runs[:, 1] - runs[:, 0]) / 500
    assert np.linalg.norm(angles, axis=1).max() <= LARGEST + 1e-3
    big = sizes > 3
    np.testing.assert_allclose(lasts[big], 0.025 + 0.0024 * sizes[big], atol=0.006)  # the main sequence
    fixations = np.diff(runs[:, 0]) / 500
    assert 0.5 <= np.median(fixations) <= 1.6
    assert np.mean(moving) < 0.08  # eyes mostly rest
    away = np.linalg.norm(angles, axis=1) > 5
    assert (0.08 < away.mean() < 0.35) if speaking else (away.mean() < 0.15)


def test_more_glances_away_when_speaking():
    shares = [np.mean(np.linalg.norm(gaze_curve(5, speaking, 3, 60)[1], axis=1) > 5) for speaking in (True, False)]
    assert shares[0] > 1.4 * shares[1]


def test_lids_follow_the_gaze():
    gaze = Gaze(1)
    lowered = raised = 0
    for k in range(6000):
        face = NEUTRAL.copy()
        gaze.shape(face, k * RATE // 30, True, 1.0)
        down, up = face[I["eyeLookDownLeft"]], face[I["eyeLookUpLeft"]]
        assert face[I["eyeBlinkLeft"]] == face[I["eyeBlinkRight"]] == pytest.approx(0.5 * down)
        assert face[I["eyeWideLeft"]] == pytest.approx(0.3 * up)
        lowered, raised = lowered + (down > 0.1), raised + (up > 0.1)
    assert lowered > 50 and raised > 50


def test_in_silence_only_eyes_and_a_breath_live():
    player = Player(ExpressionSettings(), 30, 800)
    feel(player.expression, joy=1.0)
    _, faces = player.play(silence(60))
    assert (faces[:, MOUTH] == 0.0).all()
    eyes = arkit.region_indices("eyes")
    others = [i for i in UPPER if i not in eyes]
    assert faces[:, others].max() <= 0.02
    breath = faces[:, I["noseSneerLeft"]]
    assert breath.max() > 0.015
    crossings = np.flatnonzero((breath[1:] > 0.01) & (breath[:-1] <= 0.01))
    assert 11 <= len(crossings) <= 18  # breaths a minute
    assert np.abs(np.diff(breath)).max() < 0.002
    assert faces[:, eyes].max() > 0.9


def rising_tone(accents: list[float]) -> np.ndarray:
    """A voiced sound with pitch accents of six semitones at the given seconds."""
    n = 8 * RATE
    t = np.arange(n) / RATE
    semitones = sum(6 * np.exp(-(((t - at) / 0.12) ** 2)) for at in accents)
    semitones = semitones + 0.3 * np.sin(2 * np.pi * 4.1 * t)  # no voice holds quite still
    phase = 2 * np.pi * np.cumsum(130 * 2 ** (semitones / 12)) / RATE
    wave = sum(np.sin(k * phase) / k for k in range(1, 20))
    return scaled(wave * (1 + 0.25 * np.sin(2 * np.pi * 3.7 * t)), -22)


def test_brows_rise_with_pitch_accents():
    at = [2.5, 4.5, 6.5]
    times, faces = Player(ExpressionSettings.off(accents=True), 50, 800).play(rising_tone(at), NEUTRAL)
    brow = faces[:, I["browInnerUp"]]
    for moment in at:
        near = brow[np.abs(times - moment) < 0.25].max()
        between = brow[np.abs(times - moment - 0.95) < 0.15].min()
        assert near > 0.1 and near > 3 * between
    assert brow.max() < 0.5 and np.abs(np.diff(brow)).max() < 0.08
    assert (faces[:, MOUTH] == 0.0).all()


def test_brows_and_squint_follow_loudness():
    t = np.arange(8 * RATE) / RATE
    # A pitch that wanders as a throat's does: one that stands still for seconds is a machine's, and nobody speaks.
    phase = 2 * np.pi * np.cumsum(140 * (1 + 0.03 * np.sin(2 * np.pi * 0.9 * t))) / RATE
    base = sum(np.sin(k * phase) / k for k in range(1, 21))
    burst = sum(np.exp(-(((t - at) / 0.15) ** 2)) for at in (3.0, 6.0))
    wave = 0.02 * base * (1 + 0.2 * np.sin(2 * np.pi * 4 * t)) * 10 ** (10 * burst / 20)
    times, faces = Player(ExpressionSettings.off(accents=True), 50, 800).play(wave, NEUTRAL)
    squint = faces[:, I["eyeSquintLeft"]]
    assert squint[np.abs(times - 3.0) < 0.3].max() > 0.05 > 2 * squint[np.abs(times - 4.5) < 0.3].max()


def test_accents_follow_egemaps_when_it_is_there():
    from fmg_rt.egemaps import LLD_NAMES

    player = Player(ExpressionSettings.off(accents=True), 50, 0)
    lld = np.zeros(len(LLD_NAMES), np.float32)
    lld[LLD_NAMES.index("Loudness")] = 1.0

    def hear(k, expression):
        lld[LLD_NAMES.index("F0semitoneFrom27.5Hz")] = 34.0 if 150 <= k < 165 else 28.0
        expression.listen(Heard(np.zeros(160, np.float32), lld=lld))

    _, faces = player.play(rising_tone([]), NEUTRAL, before_frame=hear)
    brow = faces[:, I["browInnerUp"]]
    assert brow[150:180].max() > 0.1 and brow[100:150].max() < 0.03
    player.expression.listen(Heard(np.zeros(160, np.float32), lld=np.full(len(LLD_NAMES), np.nan, np.float32)))
    face = NEUTRAL.copy()
    player.expression.shape(face, 8 * RATE)
    assert np.isfinite(face).all()


def everything(seed=0, rate=30.0):
    wave = join(silence(1), synthesise("flite:slt", "My mother made plum jam"), silence(1.5), noise("pink", 2, -40))
    network = np.random.default_rng(9).random((400, 52), dtype=np.float32)
    player = Player(ExpressionSettings(), rate, 800, seed)
    feel(player.expression, joy=0.8)
    return player, wave, network


@pytest.mark.parametrize("rate", [1, 12.5, 30, 120])
def test_all_of_it_is_deterministic_bounded_and_new_after_reset(rate):
    player, wave, network = everything(rate=rate)
    _, first = player.play(wave, network)
    assert np.isfinite(first).all() and first.min() >= 0.0 and first.max() <= 1.0
    other, _, _ = everything(rate=rate)
    np.testing.assert_array_equal(first, other.play(wave, network)[1])
    player.expression.reset()
    feel(player.expression, joy=0.8)
    np.testing.assert_array_equal(first, player.play(wave, network)[1])


def test_another_seed_moves_eyes_head_and_sides_and_nothing_that_speaks():
    runs = []
    for seed in (0, 1):
        player, wave, network = everything(seed)
        runs.append(player.play(wave, 0.1 * network)[1])
    eyes = arkit.region_indices("eyes")
    assert not np.array_equal(runs[0][:, eyes], runs[1][:, eyes])
    for name in ("jawOpen", "mouthClose", "mouthPucker", "mouthFunnel", "browInnerUp"):
        np.testing.assert_allclose(runs[0][:, I[name]], runs[1][:, I[name]], atol=2e-3)
    openings = [[slow_aperture(face) for face in faces] for faces in runs]
    np.testing.assert_allclose(*openings, atol=5e-3)


def test_one_part_off_does_not_move_the_others():
    """Each part draws from its own generator."""
    with_all = Player(ExpressionSettings(), 30, 0).play(silence(30))[1]
    without = Player(ExpressionSettings(blink=False), 30, 0).play(silence(30))[1]
    look = arkit.INDEX["eyeLookInLeft"]
    np.testing.assert_array_equal(with_all[:, look], without[:, look])


def test_broken_networks_do_not_leave():
    faces = np.full((90, 52), np.nan, np.float32)
    faces[::3] = np.inf
    faces[1::3] = -np.inf
    for settings in (ExpressionSettings(), ExpressionSettings.off()):
        _, out = Player(settings, 30, 0).play(rising_tone([])[: 3 * RATE], faces)
        assert np.isfinite(out).all() and out.min() >= 0 and out.max() <= 1
