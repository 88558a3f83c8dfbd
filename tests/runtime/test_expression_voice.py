"""What the gate measures and decides, against a slow twin; what each of its constants does; the fallback without presence."""

import numpy as np
import pytest
import reference_voice as twin
from expression_signals import RATE, coloured, harmonics, join, noise, scaled, silence

from fmg_rt.expression import gate as gates
from fmg_rt.expression.gate import Floor, RestGate
from fmg_rt.features.logmel import LogMel
from fmg_rt.heard import Heard
from fmg_rt.kernels import expression_voice as kernels

HOP = np.zeros(160, np.float32)


def mel_at(level: float) -> np.ndarray:
    """A log-mel frame (80,) of that level, dB."""
    return np.full(80, np.log(10 ** (level / 10) / 7.8), np.float32)


def glide(seconds: float) -> np.ndarray:
    """A voice of eight harmonics whose pitch wanders between 100 and 300 Hz."""
    t = np.arange(int(seconds * RATE)) / RATE
    phase = 2 * np.pi * np.cumsum(200 + 100 * np.sin(2 * np.pi * 0.7 * t)) / RATE
    return sum(np.sin(k * phase) / k for k in range(1, 9))


def sounds() -> np.ndarray:
    """Silence, a gliding voice, a fan, noise, a fan that is mostly tone, a voice in noise; whole hops."""
    parts = [
        silence(0.2),
        scaled(glide(1.2), -20),
        noise("fan6", 0.6, -30, 3),
        noise("white", 0.4, -35, 4),
        noise("fan30", 1.2, -25, 5),
        scaled(glide(1.0) + 0.3 * coloured(RATE, 1, 6), -26),
    ]
    wave = join(*parts)
    return wave[: len(wave) // 160 * 160].astype(np.float32)


@pytest.fixture(scope="module")
def measured():
    """(hops, 6) level, pitch, fit, misfit, hops of a standing tone and its level, as the kernel and as the twin have them."""
    wave, state, log_mel, judge = sounds(), np.zeros(1, kernels.STATE), LogMel(), twin.Judge()
    ours, theirs = [], []
    low, hops, tone = twin.decimated(wave), 0, (0.0, 0.0, 0.0, 0.0)
    for n, hop in enumerate(wave.reshape(-1, 160), 1):
        if not log_mel.push(hop):
            continue
        if not hops:
            low = twin.decimated(wave[160 * (n - 1) :])  # the kernel begins with the first log-mel frame
        kernels.listen(hop, log_mel.frame, 0.0, state)
        hops += 1
        level = twin.level(log_mel.frame)
        if hops % 2 == 0:
            fit, later, misfit = twin.fits(low, 40 * hops)
            tone = twin.pitch(low, 40 * hops), fit, misfit, later
            judge.follow(later, misfit, level)
        ours.append([state[name][0] for name in ("level", "pitch", "fit", "misfit", "still", "tone")])
        theirs.append([level, *tone[:3], judge.still, judge.tone])
    return np.array(ours, float), np.array(theirs)


@pytest.mark.parametrize(
    "column, name, tolerance", [(0, "level", 1e-3), (1, "pitch", 1e-3), (2, "fit", 2e-5), (3, "misfit", 2e-2)]
)
def test_what_it_measures_equals_its_twin(measured, column, name, tolerance):
    ours, theirs = measured
    assert theirs[:, column].std() > 0.05
    np.testing.assert_allclose(ours[:, column], theirs[:, column], atol=tolerance, rtol=1e-3, err_msg=name)


def test_how_long_a_tone_stands_equals_its_twin(measured):
    ours, theirs = measured
    np.testing.assert_array_equal(ours[:, 4], theirs[:, 4])
    stands = theirs[:, 4] > 0
    assert 40 < stands.sum() < len(stands) - 100 and theirs[:, 4].max() > 80
    np.testing.assert_allclose(ours[stands, 5], theirs[stands, 5], atol=1e-2)


def test_its_constants_are_those_of_its_twin():
    assert {name: pytest.approx(getattr(kernels, name)) for name in twin.CONSTANTS} == twin.CONSTANTS


def moments(n: int, seed: int):
    """(n, 5) presence, level, fit, later fit and misfit that change now and then, and lie about where it matters."""
    rng = np.random.default_rng(seed)
    draw = lambda *values: rng.choice(values) + 0.02 * rng.standard_normal()  # noqa: E731
    out, now = [], None
    for _ in range(n):
        if now is None or rng.random() < 0.02:
            fit, misfit = draw(0.55, 0.65, 0.75, 0.9), max(0.01, draw(0.3, 0.8, 1.5, 1.9, 2.1, 2.4, 4.0))
            now = (
                draw(0.1, 0.45, 0.55, 0.75, 0.85, 0.95),
                rng.choice([-100, -82, -70, -40, -30]),
                fit,
                draw(0.3, 0.4, 0.9),
                misfit,
            )
        presence, level, fit, later, misfit = now
        out.append([np.clip(presence, 0, 1), level + rng.uniform(-9, 9), fit, later, misfit])
    return np.array(out, np.float32).astype(float)


def decisions(rows: np.ndarray) -> list[int]:
    """What the kernel decides in such moments."""
    state, out = np.zeros(1, kernels.STATE), []
    judge = twin.Judge()  # only follows the tone: `follow_tone` measures, and here nothing sounds
    for n, (presence, level, fit, later, misfit) in enumerate(rows):
        if n % 2:
            judge.follow(later, misfit, level)
        for name, value in (("level", level), ("fit", fit), ("misfit", misfit), ("still", judge.still), ("tone", judge.tone)):
            state[name] = value
        out.append(kernels.decide(presence, state))
    return out


def twins_decisions(rows: np.ndarray, **changed: float) -> list[int]:
    judge, out = twin.Judge(**changed), []
    for n, (presence, level, fit, later, misfit) in enumerate(rows):
        if n % 2:
            judge.follow(later, misfit, level)
        out.append(judge.decide(presence, level, fit, misfit))
    return out


@pytest.fixture(scope="module")
def rows():
    return moments(40_000, 1)


def test_what_it_decides_equals_its_twin(rows):
    ours = decisions(rows)
    assert ours == twins_decisions(rows)
    assert min(np.bincount(ours, minlength=3)) > 100


@pytest.mark.parametrize("name", sorted(set(twin.CONSTANTS) - {"VOICED"}))
def test_every_constant_shows_when_it_is_three_tenths_larger(rows, name):
    assert twins_decisions(rows, **{name: 1.3 * twin.CONSTANTS[name]}) != decisions(rows)


def test_a_pitch_begins_at_a_correlation_of_one_half():
    """A tone of which half of the power is noise has one, a third has none; the median of many hops."""
    for share, voiced in ((0.62, True), (0.38, False)):
        t = np.arange(4 * RATE) / RATE
        tone = np.sin(2 * np.pi * 200 * t)
        hiss = np.fft.rfft(np.random.default_rng(2).standard_normal(len(t)))
        hiss[np.fft.rfftfreq(len(t), 1 / RATE) > 1200] = 0
        hiss = np.fft.irfft(hiss, len(t))
        wave = np.sqrt(share) * tone / np.std(tone) + np.sqrt(1 - share) * hiss / np.std(hiss)
        state, pitched = np.zeros(1, kernels.STATE), []
        for hop in (0.1 * wave).astype(np.float32).reshape(-1, 160):
            kernels.listen(hop, mel_at(-30), 0.0, state)
            pitched.append(state["pitch"][0] > 0)
        assert (np.mean(pitched) > 0.5) == voiced


@pytest.mark.parametrize("f0", [85, 130, 210, 330])
def test_pitch_is_that_of_the_sound(f0):
    wave = scaled(harmonics(RATE, f0, 15, 1.0), -20) + noise("white", 1, -40, 7)
    gate, log_mel = RestGate(0), LogMel()
    for hop in wave.reshape(-1, 160):
        gate.listen(Heard(hop, log_mel.frame if log_mel.push(hop) else None, presence=0.0))
    assert gate.pitch == pytest.approx(12 * np.log2(f0 / 55), abs=0.3)


def opened(presence: float = 1.0) -> RestGate:
    """A gate that has heard speech for 200 ms and shows the face at its end, free."""
    gate = RestGate(0)
    for n in range(1, 21):
        gate.listen(Heard(HOP, mel_at(-30), presence=presence))
        gate.advance(160 * n)
    assert gate.mouth == gate.upper == 1.0
    return gate


def samples_until(gate: RestGate, start: int, done) -> int:
    for time in range(start, start + 20_000):
        gate.advance(time)
        if done(gate):
            return time - start
    raise AssertionError("never")


def test_the_hold_and_the_fades_last_as_long_as_they_say():
    """40 ms of hold from the end of the sound on, 90 ms for the mouth, 500 ms for brows and cheeks, 50 ms to open."""
    gate = opened()
    end = 160 * 20
    closing = samples_until(gate, end, lambda g: not g.open)
    assert closing == 640 - 240 + 1  # the newest window ends 15 ms after the sound that it still hears
    assert closing + samples_until(gate, end + closing, lambda g: g.mouth == 0.0) == pytest.approx(closing + 1440, abs=2)
    gate = opened()
    gate.advance(end + 10_000)
    assert gate.mouth == gate.upper == 0.0
    gate = opened()
    start = end + closing
    assert samples_until(gate, start - 1, lambda g: g.upper == 0.0) == pytest.approx(8000, abs=4)
    gate = RestGate(0)
    for _ in range(10):
        gate.listen(Heard(HOP, mel_at(-30), presence=1.0))
    assert samples_until(gate, 0, lambda g: g.mouth == 1.0) == pytest.approx(800, abs=2)


def test_a_machine_closes_at_once_and_in_50_ms():
    gate, fan = opened(0.9), noise("fan30", 0.5, -25, 5).reshape(-1, 160)
    gate.reset()
    closed = None
    for n, hop in enumerate(fan, 1):
        gate.listen(Heard(hop, mel_at(-30), presence=0.85))
        gate.advance(160 * n)
        if not gate.open and n > 15 and closed is None:
            closed = n
    assert closed is not None and 160 * closed <= 0.24 * RATE
    assert gate._release == gates.MACHINE_RELEASE == 800 and gate.mouth == 0.0


@pytest.mark.parametrize("lookahead", [0, 960, 1600])
def test_a_lookahead_opens_the_face_before_the_sound(lookahead):
    gate, first = RestGate(lookahead), None
    for n in range(1, 60):
        gate.listen(Heard(HOP, mel_at(-30), presence=float(n >= 30)))
        gate.advance(max(0, 160 * n - lookahead))
        if gate.open and first is None:
            first = gate._time
    assert first == 160 * 30 - lookahead


@pytest.mark.parametrize("level, rise, opens", [(-40, 0.12, True), (-40, 0.06, False), (-17, 0.12, False)])
def test_a_mouth_that_the_network_opens_for_breath_is_let_open(level, rise, opens):
    """A rise of 0.08 above the usual aperture does; a smaller one does not, nor does a loud sound."""
    gate, opened = RestGate(0), []
    for n in range(200):
        gate.listen(Heard(HOP, mel_at(level), presence=0.1), 0.05 + (rise if n >= 150 else 0.0))
        opened.append(gate.speaking)
    assert not any(opened[100:150]) and any(opened[150:]) == opens
    if opens:
        assert opened.index(True, 150) == 151  # 0.12 (1 - 0.5²) = 0.09, less what has become usual


def test_an_opening_that_lasts_becomes_the_usual_one():
    gate = RestGate(0)
    for _ in range(60):
        gate.listen(Heard(HOP, mel_at(-40), presence=0.1), 0.12)
    assert not gate.speaking


def test_nothing_speaks_below_the_quietest_level():
    for level, answer in ((-84.2, kernels.SILENT), (-83.8, kernels.SPEAKING)):
        assert kernels.listen(HOP, mel_at(level), 1.0, np.zeros(1, kernels.STATE)) == answer


# Without presence: the level above the room's.


def test_the_fallback_opens_at_16_db_above_the_room():
    for above, opens in ((15.5, False), (16.5, True)):
        floor = Floor()
        for _ in range(100):
            floor.above(-70.0)
        sure = floor.above(-70.0 + above)
        assert (sure >= kernels.OPEN) == opens and sure == pytest.approx(above / 20, abs=1e-6)
    assert Floor().above(-30.0) == 0.0, "what sounds first is the room"


def test_the_fallback_takes_a_new_noise_for_the_room_within_1_3_s():
    floor = Floor()
    for _ in range(64):
        floor.above(-70.0)
    sure = [floor.above(-40.0) for _ in range(140)]
    assert sure[0] == 1.0 and all(x > 0.5 for x in sure[:64])
    assert sure[64 + 1] > 0.5 > sure[128], "the minimum of two windows of 640 ms"


def test_the_fallbacks_room_follows_a_fifth_of_each_level():
    floor = Floor()
    floor.above(-40.0)
    floor.above(-60.0)
    assert floor.above(-34.0) == pytest.approx((-34 + 44) / 20, abs=1e-6)


def test_a_network_without_presence_rests_in_silence_and_moves_with_speech():
    """The file of the first stage tells no presence."""
    from pathlib import Path

    import golden_demo

    from fmg_rt import ExpressionSettings, Session, arkit, weights

    file = weights.read(Path(__file__).parents[2] / "weights" / "stage1.npz")
    audio = golden_demo.demo()[: 4 * RATE]
    session = Session(file, settings=ExpressionSettings.off(gate=True), egemaps=False)
    free = Session(file, settings=ExpressionSettings.off(), egemaps=False)
    mouth = arkit.region_indices("jaw", "lips")
    wave = join(silence(1), audio, silence(1))
    ours = np.array([frame.coefficients for frame in session.push(wave)])
    network = np.array([frame.coefficients for frame in free.push(wave)])
    times = np.arange(len(ours)) / 30
    assert not ours[(times < 0.9) | (times > 5.4)][:, mouth].any()
    inside = (times > 1.5) & (times < 4.5)
    assert np.mean(ours[inside][:, mouth] == network[inside][:, mouth]) > 0.8
