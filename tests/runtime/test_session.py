"""Session: the command's face, any audio, utterances, interruption."""

import asyncio
import subprocess
import sys
from importlib import resources

import numpy as np
import pytest
import soundfile
from conftest import random_weights

import fmg_rt
from fmg_rt import AsyncSession, AudioError, ExpressionSettings, FmgError, Session, arkit, weights
from fmg_rt.audio import to_mono

EYES = arkit.region_indices("eyes")
MOUTH = arkit.region_indices("jaw", "lips")


@pytest.fixture(scope="module")
def packaged():
    return weights.read(weights.packaged())


@pytest.fixture(scope="module")
def demo():
    """The packaged clip, (n,) int16 at 16 kHz."""
    return soundfile.read(str(resources.files("fmg_weights") / "demo.flac"), dtype="int16")[0]


@pytest.fixture
def quick():
    """A small network of random numbers, everything that lives switched on."""
    return Session(random_weights(), egemaps=False)


def faces(frames):
    return np.array([frame.coefficients for frame in frames]).reshape(-1, 52)


def test_three_lines_give_the_face_of_the_command(demo, tmp_path):
    path = tmp_path / "demo.csv"
    subprocess.run(
        [sys.executable, "-m", "fmg_rt", "--input", "demo", "--fast", "--record", path], check=True, capture_output=True
    )
    session = Session()
    frames = session.push(demo) + session.flush()
    recorded = np.loadtxt(path, delimiter=",", skiprows=1)
    assert np.array_equal(faces(frames), recorded[:, 1:53].astype(np.float32))
    np.testing.assert_allclose([frame.head for frame in frames], recorded[:, 53:56], atol=1e-5)
    assert [frame.time for frame in frames] == pytest.approx(recorded[:, 0], abs=1e-6)


def test_every_form_of_the_same_audio_gives_the_same_frames(packaged, demo):
    clip = demo[: 3 * 16000 + 77]
    session = Session(packaged, egemaps=False)
    expected = faces(session.push(clip) + session.flush())
    assert len(expected) == 91  # 3.005 s
    floats = clip.astype(np.float32) / 32768
    for form in (
        clip.tobytes(),
        bytearray(clip.tobytes()),
        memoryview(clip.tobytes()),
        floats,
        floats.astype(np.float64),
        np.stack([floats, floats], 1),
        clip[:, None],
    ):
        session.reset()
        assert np.array_equal(faces(session.push(form) + session.flush()), expected)
    for size in (1, 159, 161, 5000):
        session.reset()
        got = [frame for start in range(0, len(clip), size) for frame in session.push(clip[start : start + size])]
        assert np.array_equal(faces(got + session.flush()), expected)


@pytest.mark.parametrize("sample_rate", [8000, 22050, 44100, 48000])
def test_other_sample_rates_show_the_same_face_at_the_same_time(packaged, demo, sample_rate):
    import soxr

    clip = demo[: 4 * 16000]
    own = Session(packaged, egemaps=False)
    expected = faces(own.push(clip) + own.flush())
    other = soxr.resample(clip.astype(np.float32) / 32768, 16000, sample_rate)
    session = Session(packaged, egemaps=False, sample_rate=sample_rate, channels=2)
    frames = session.push((np.repeat(other, 2) * 32767).astype("<i2").tobytes()) + session.flush()
    assert [frame.time for frame in frames] == [k / 30 for k in range(120)]
    jaw = arkit.INDEX["jawOpen"]
    assert np.corrcoef(faces(frames)[:, jaw], expected[:, jaw])[0, 1] > (0.9 if sample_rate == 8000 else 0.995)


def test_blocks_at_other_rates_do_not_matter(packaged, demo):
    clip = np.repeat(demo[:16000], 3)  # a second and some at 48 kHz
    session = Session(packaged, egemaps=False, sample_rate=48000)
    expected = faces(session.push(clip) + session.flush())
    for size in (480, 4801):
        session.reset()
        got = [frame for start in range(0, len(clip), size) for frame in session.push(clip[start : start + size])]
        assert np.abs(faces(got + session.flush()) - expected).max() < 1e-3


def test_an_utterance_begins_at_zero_and_ends_with_its_audio(packaged, demo):
    session = Session(packaged, egemaps=False)
    first = session.push(demo[:20_000]) + session.flush()
    second = session.push(demo[:20_000]) + session.flush()
    for frames in (first, second):
        assert [frame.time for frame in frames] == [k / 30 for k in range(38)]  # 1.25 s
        assert [frame.index for frame in frames] == list(range(38))
    # What is said does not depend on what was said before; blinks and gaze do go on.
    raw = Session(packaged, egemaps=False, settings=ExpressionSettings.off())
    one = faces(raw.push(demo[:20_000]) + raw.flush())
    assert np.array_equal(faces(raw.push(demo[:20_000]) + raw.flush()), one)
    assert session.flush() == []


def test_flush_waits_for_no_look_ahead():
    quick = Session(random_weights(), egemaps=False, lookahead=1600)
    noise = (0.1 * np.random.default_rng(1).standard_normal(16_000)).astype(np.float32)
    given = quick.push(noise)
    rest = quick.flush()
    assert len(given) + len(rest) == 30 and 2 <= len(rest) <= 5


@pytest.mark.parametrize("rate", [10.0, 30.0, 60.0, 120.0])
@pytest.mark.parametrize("settings", [ExpressionSettings(), ExpressionSettings.off()], ids=["all", "network"])
def test_an_interruption_rests_within_150_ms_without_a_jump(packaged, demo, rate, settings):
    session = Session(packaged, egemaps=False, rate=rate, settings=settings)
    end = 38_000  # in the middle of a word
    spoken = session.push(demo[:end])
    frames = session.interrupt()
    assert 1 <= len(frames) <= 0.15 * rate + 1e-9
    assert frames[0].index == spoken[-1].index + 1
    assert frames[-1].time - spoken[-1].time <= 0.15 + 1e-9
    moved = np.abs(np.diff(faces([spoken[-1], *frames]), axis=0))[:, [i for i in range(52) if i not in EYES]]
    start = faces([spoken[-1]]).max()
    assert start > 0.08 and not faces(frames)[-1, MOUTH].any()
    assert moved.max() <= start * max(1.0, 1.6 / len(frames)) if len(frames) > 1 else True
    assert faces(frames).min() >= 0 and faces(frames).max() <= 1
    # The next utterance begins at 0, from rest.
    again = session.push(demo[:end])
    assert again[0].time == 0.0
    if settings.gate:
        assert not faces(again)[0, MOUTH].any()


def test_an_interruption_before_anything_was_shown_gives_nothing(quick):
    assert quick.interrupt() == []
    quick.push(np.zeros(400, np.int16))
    quick.reset()
    assert quick.interrupt() == []


def test_finish_leaves_the_face_at_rest(packaged, demo):
    session = Session(packaged, egemaps=False)
    frames = session.push(demo[:38_000]) + session.finish()
    assert [frame.index for frame in frames] == list(range(len(frames)))
    assert not frames[-1].coefficients[MOUTH].any() and len(frames) == 72 + 4


def test_reset_equals_new(packaged, demo):
    session = Session(packaged, seed=3)
    session.push(demo[:50_000])
    session.interrupt()
    session.push(demo[:3_333])
    session.reset()
    new = Session(packaged, seed=3)
    assert np.array_equal(faces(session.push(demo[:80_000]) + session.flush()), faces(new.push(demo[:80_000]) + new.flush()))


def test_egemaps_that_join_later_change_nothing_for_who_waits(packaged, demo):
    at_once, later = Session(packaged), Session(packaged, egemaps="later")
    later.wait()
    assert np.array_equal(faces(at_once.push(demo)), faces(later.push(demo)))


@pytest.mark.parametrize(
    "bad, says",
    [
        (np.zeros(160, np.int32), "int16 or float"),
        (np.zeros(160, np.uint8), "int16 or float"),
        ("audio", "not str"),
        ([0.0] * 160, "not list"),
        (np.zeros((2, 3, 4)), "shape"),
        (np.zeros((160, 0), np.float32), "shape"),
        (b"abc", "3 bytes"),
        (np.full(160, 20_000.0), "reach 20000"),
        (np.zeros(160, complex), "int16 or float"),
        (np.zeros((), np.float32), "shape"),
    ],
)
def test_what_is_no_audio_is_refused_in_one_line_and_nothing_is_taken(quick, bad, says):
    noise = (0.1 * np.random.default_rng(1).standard_normal(4_000)).astype(np.float32)
    expected = faces(quick.push(noise))
    quick.reset()
    with pytest.raises(AudioError, match=says) as refusal:
        quick.push(bad)
    assert isinstance(refusal.value, FmgError) and "\n" not in str(refusal.value) and len(str(refusal.value)) < 150
    assert np.array_equal(faces(quick.push(noise)), expected)


def test_interleaved_channels_come_whole():
    with pytest.raises(AudioError, match="2 channels"):
        to_mono(np.zeros(3, np.int16), 2)
    with pytest.raises(AudioError, match=r"2 channel"):
        to_mono(b"\0" * 6, 2)
    assert to_mono(np.array([16384, -16384, 32767, 32767], "<i2").tobytes(), 2) == pytest.approx([0, 1], abs=1e-4)


def test_what_is_not_finite_is_silence(quick):
    broken = (0.1 * np.random.default_rng(1).standard_normal(16_000)).astype(np.float32)
    broken[5000:5003] = np.nan, np.inf, -np.inf
    got = faces(quick.push(broken))
    assert np.isfinite(got).all() and got.min() >= 0 and got.max() <= 1


@pytest.mark.parametrize(
    "options, says",
    [
        ({"rate": 0.5}, "frame rate"),
        ({"rate": float("nan")}, "frame rate"),
        ({"sample_rate": 100}, "sample rate"),
        ({"sample_rate": float("inf")}, "sample rate"),
        ({"channels": 0}, "channels"),
        ({"weights": "nowhere.npz"}, "nowhere.npz"),
        ({"lookahead": 17}, "look-ahead"),
    ],
)
def test_bad_options_say_what_is_wrong(options, says):
    with pytest.raises(FmgError, match=says):
        Session(**{"egemaps": False} | options)


def test_settings_change_from_any_thread(quick):
    wild = ExpressionSettings(mouth=2.0)
    quick.update(wild)
    assert quick.settings is wild


def test_asyncio_gives_the_same(packaged, demo):
    session = Session(packaged, egemaps=False)
    expected = faces(session.push(demo[:48_000]) + session.flush())

    async def blocks():
        for start in range(0, 48_000, 1_600):
            yield demo[start : start + 1_600]

    async def talk():
        session = AsyncSession(weights=packaged, egemaps=False)
        frames = [frame async for frame in session.frames(blocks())]
        await session.push(demo[:20_000])
        return frames, await session.interrupt()

    frames, rest = asyncio.run(talk())
    assert np.array_equal(faces(frames), expected)
    assert not rest[-1].coefficients[MOUTH].any()


def test_a_cancelled_call_and_the_next_one_do_not_meet(packaged, demo):
    session = Session(packaged, egemaps=False)
    expected = faces(session.push(demo[:64_000]) + session.push(demo[64_000:80_000]))

    async def talk():
        session = AsyncSession(weights=packaged, egemaps=False)
        first = asyncio.ensure_future(session.push(demo[:64_000]))
        await asyncio.sleep(0.002)
        first.cancel()
        return await session.push(demo[64_000:80_000])

    rest = faces(asyncio.run(talk()))
    assert np.array_equal(rest, expected[-len(rest) :])


def test_every_public_name_is_there():
    for name in fmg_rt.__all__:
        assert getattr(fmg_rt, name).__doc__
