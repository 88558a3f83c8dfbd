"""prepare livelink and prepare predecessor: alignment, column orders, timecodes, splits, and bad recordings."""

import json
import re
import struct

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner

from fmg_rt import arkit
from fmg_train.cli import main
from fmg_train.datasets import assemble, form, livelink, timecode

from . import captures
from .claire import speech

JAW = arkit.INDEX["jawOpen"]
TAKES = ["20260101_a/MySlate_1_Phone", "20260101_b/MySlate_2_Phone", "20260102_c/MySlate_3_Phone"]


def _prepare(kind, source, out, code, *more):
    result = CliRunner().invoke(main, ["prepare", kind, str(source), "--out", str(out), *more])
    assert result.exit_code == code and "Traceback" not in result.output, (result.output, result.exception)
    return result.output


def _skipped(out):
    return [json.loads(line) for line in (out / assemble.SKIPPED).read_text().splitlines()]


# Live Link Face


def test_takes_to_data_set(tmp_path):
    truth = captures.write_livelink(tmp_path / "anna", TAKES)
    output = _prepare("livelink", tmp_path / "anna", tmp_path / "out", 0, "--language", "de")
    recordings = form.read_manifest(tmp_path / "out")
    assert [r.id for r in recordings] == [name.replace("/", "-") for name in TAKES]
    assert sorted(r.split for r in recordings) == ["test", "train", "val"]
    assert {(r.speaker, r.language, r.source) for r in recordings} == {("anna", "de", "livelink")}
    for recording, name in zip(recordings, TAKES, strict=True):
        face = form.read_face(tmp_path / "out", recording)
        assert (face.rate, face.start) == (60.0, 0.0) and face.known.all()
        assert np.abs(face.coefficients - truth[name]).max() < 1e-3
        assert len(form.read_audio(tmp_path / "out", recording)) == pytest.approx(3 * 16_000, abs=300)
    found = [int(ms) for ms in re.findall(r"best ([+-]\d+) ms later", output)]
    assert len(found) == 3 and max(map(abs, found)) <= 20


def test_any_order_of_columns_and_either_spelling(tmp_path):
    face = captures.curves(100, 60.0, 0)
    order = [*arkit.ARKIT_NAMES[::-1]]
    captures.write_table(tmp_path / "a.csv", face, captures.timecodes(0, 100), order, "BlendShapeCount")
    _, values, known, _ = livelink.read_table(tmp_path / "a.csv")
    assert np.abs(values - face).max() < 1e-6 and known.all()
    captures.write_table(tmp_path / "b.csv", face, captures.timecodes(0, 100), order[:40])
    _, values, known, _ = livelink.read_table(tmp_path / "b.csv")
    assert known.sum() == 40 and not known[[arkit.INDEX[n] for n in order[40:]]].any()


def test_times_without_a_face_are_bridged(tmp_path):
    face = captures.curves(100, 60.0, 0)
    captures.write_table(tmp_path / "a.csv", face, captures.timecodes(0, 100))
    lines = (tmp_path / "a.csv").read_text().splitlines()
    for row in range(40, 44):
        lines[row] = lines[row].split(",")[0] + ",0"
    (tmp_path / "a.csv").write_text("\n".join(lines))
    times, values, _, _ = livelink.read_table(tmp_path / "a.csv")
    assert len(times) == 96 and len(livelink.uniform(times, values, 60.0, tmp_path)) == 100


def _table(path, change, frames=180, codes=None):
    face = captures.curves(frames, 60.0, 0)
    captures.write_table(path, face, codes or captures.timecodes(0, frames))
    path.write_bytes(change(path.read_text()))
    return face


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.encode("utf-16"),
        lambda text: ("\ufeff" + text).encode(),
        lambda text: text.replace(",", "\t").encode(),
        lambda text: text.replace(",", "\t").replace(".", ",").encode(),
        lambda text: text.replace(",", ";").encode(),
        lambda text: text.replace("Timecode", '"Timecode"').replace("\n", "\r\n").encode(),
        lambda text: text.replace("HeadYaw", "Köpf").encode("latin-1"),
        lambda text: (text + text.splitlines()[-1][:70]).encode(),
        lambda text: (text.rstrip() + "\n" + text.splitlines()[-1] + "\n").encode(),
    ],
)
def test_tables_as_people_have_them(tmp_path, change):
    """Other encodings and marks, decimal commas, quotes, a half-written last row, a row twice."""
    path = tmp_path / "in" / "T.CSV"
    path.parent.mkdir()
    face = _table(path, change)
    assert [p.name for p in livelink._tables(tmp_path / "in")] == ["T.CSV"]
    times, values, known, _ = livelink.read_table(path)
    assert len(times) >= len(face) - 1 and known.all() and (np.diff(times) > 0).all()
    assert np.abs(values[:150] - face[:150]).max() < 1e-6


@pytest.mark.parametrize("rate", [24, 25, 30, 48, 50, 60])
def test_the_frame_numbers_tell_the_rate(tmp_path, rate):
    codes = [f"01:02:{i // rate:02}:{i % rate:02}.000" for i in range(3 * rate)]
    times = timecode.seconds(codes, tmp_path)
    assert np.abs(np.diff(times) - 1 / rate).max() < 1e-6
    slower = timecode.seconds(codes, tmp_path, rate * 1000 / 1001)
    assert np.abs(np.diff(slower) - 1.001 / rate).max() < 1e-6


def test_a_camera_that_counts_30_to_its_29_97_frames_is_told_by_the_sound(tmp_path):
    """Twelve minutes, non-drop: the face would end 0.7 s before its sound. Told by --fps it ends with it."""
    frames, rate = 12 * 60 * 30, 30_000 / 1001
    face = captures.curves(frames, rate, 0)
    codes = [f"10:{i // 1800:02}:{i // 30 % 60:02}:{i % 30:02}.000" for i in range(frames)]
    captures.write_table(tmp_path / "in" / "t.csv", face, codes)
    captures.write_wave(tmp_path / "in" / "t.wav", speech(face[:, JAW], rate), 16_000)
    advice = "720.0 s of face, 720.7 s of sound: if the camera ran at 23.976, 29.97 or 59.94 frames a second, say so by --fps"
    for more, said, stretch in (([], True, 1.001), (["--fps", "29.97"], False, 1.0)):
        output = _prepare("livelink", tmp_path / "in", tmp_path / "-".join(["out", *more]), 1, *more)
        assert (advice in output) is said
        (recording,) = form.read_manifest(tmp_path / "-".join(["out", *more]))
        made = form.read_face(tmp_path / "-".join(["out", *more]), recording)
        times = made.start + np.arange(len(made.coefficients)) / made.rate
        late = times > 700  # of the sound
        truth = np.interp(times[late] * stretch, np.arange(frames) / rate, face[:, JAW])
        assert np.abs(made.coefficients[late, JAW] - truth).mean() < 0.02


def test_too_many_frames_for_the_rate_are_refused(tmp_path):
    with pytest.raises(form.DatasetError, match="at 29.97 frames a second there is none"):
        timecode.seconds(["00:00:00:47"], tmp_path, 29.97)


def test_a_lost_face_parts_the_take(tmp_path):
    """Unseen at the start and for a second in the middle: neither is drawn through, and both sides keep their time."""
    truth = captures.write_livelink(tmp_path / "in", ["a/t"], seconds=6.0)["a/t"]
    path = tmp_path / "in" / "a" / "t.csv"
    lines = path.read_text().splitlines()
    for row in (*range(1, 31), *range(151, 211)):
        lines[row] = lines[row].split(",")[0] + ",0"
    path.write_text("\n".join(lines) + "\n")
    output = _prepare("livelink", tmp_path / "in", tmp_path / "out", 1)
    assert "the face was lost 1 times" in output
    recordings = form.read_manifest(tmp_path / "out")
    assert [r.id for r in recordings] == ["a-t-1", "a-t-2"] and len({r.split for r in recordings}) == 1
    audio = [form.read_audio(tmp_path / "out", r) for r in recordings]
    assert [len(a) / 16_000 for a in audio] == pytest.approx([2.0, 2.5], abs=0.02)
    for recording, first, last in zip(recordings, (30, 210), (150, 360), strict=True):
        face = form.read_face(tmp_path / "out", recording)
        assert np.abs(face.coefficients - truth[first:last]).max() < 1e-3
    whole = assemble.read_sound(path.with_suffix(".wav"))[56_000:]
    assert np.corrcoef(audio[1][:16_000], whole[:16_000])[0, 1] > 0.99
    assert np.corrcoef(audio[1][:16_000], whole[800:16_800])[0, 1] < 0.9


@pytest.mark.parametrize("mark", [":", ";"])
def test_drop_frame_timecodes_run_evenly(tmp_path, mark):
    """Across three minutes: 59.94 frames a second, no step where numbers are left out."""
    names = captures.timecodes(60 * 590, 60 * 200, drop=True, mark=mark)
    assert any(name[6:11] in ("00:04", "00;04") for name in names)
    times = timecode.seconds(names, tmp_path)
    assert np.abs(np.diff(times) - 1001 / 60_000).max() < 1e-6


def test_timecodes_of_whole_rates(tmp_path):
    day = timecode.seconds(captures.timecodes(216_000 * 24 - 90, 180), tmp_path)  # over midnight
    assert np.abs(np.diff(day) - 1 / 60).max() < 1e-6
    slow = timecode.seconds([f"10:00:{f // 30:02}:{f % 30:02}.{500 * h:03}" for f in range(60) for h in (0, 1)], tmp_path)
    assert np.abs(np.diff(slow) - 1 / 60).max() < 1e-6
    assert slow[0] == 36_000
    with pytest.raises(form.DatasetError, match="row 3 begins with 'soon'"):
        timecode.seconds(["10:00:00:00", "soon"], tmp_path)


def test_sound_is_aligned_by_timecode(tmp_path):
    """The sound begins 0.4 s before the face, as its wave file says."""
    face = captures.curves(240, 60.0, 0)
    captures.write_table(tmp_path / "t.csv", face, captures.timecodes(60 * 3_600, 240))
    audio = np.concatenate([np.zeros(17_640, np.float32), speech(face[:, JAW], 60.0, 0, 44_100)])
    captures.write_wave(tmp_path / "t.wav", audio, 44_100, begins=3_600 + 0.25 / 60 - 0.4)
    output = _prepare("livelink", tmp_path, tmp_path / "out", 1)  # one take leaves splits empty
    assert "by timecode" in output and abs(int(re.search(r"best ([+-]\d+) ms", output)[1])) <= 20
    (recording,) = form.read_manifest(tmp_path / "out")
    assert form.read_face(tmp_path / "out", recording).start == pytest.approx(0.0, abs=1e-3)
    assert recording.seconds == pytest.approx(4.0, abs=0.01)


def test_a_films_timecode_track_counts_too(tmp_path):
    """A .wav cut from a .mov has no timecode of its own; the film beside it has."""

    def atom(tag, data):
        return struct.pack(">I4s", 8 + len(data), tag) + data

    media = atom(b"mdat", struct.pack(">I", 60 * 3_600 - 24))
    entry = struct.pack(">I4s6xH", 34, b"tmcd", 1) + struct.pack(">IIIIBx", 0, 0, 60_000, 1_000, 60)
    table = atom(b"stsd", struct.pack(">II", 0, 1) + entry) + atom(b"stco", struct.pack(">III", 0, 1, 8 + 12 + 8))
    track = atom(b"trak", atom(b"mdia", atom(b"minf", atom(b"stbl", table))))
    (tmp_path / "t.mov").write_bytes(atom(b"ftyp", b"qt  " + bytes(8)) + media + atom(b"moov", track))
    soundfile.write(tmp_path / "t.wav", np.zeros(100), 16_000)
    assert timecode.start_of(tmp_path / "t.wav") == pytest.approx(3_600 - 0.4)


def test_a_lag_is_found_and_can_be_taken_out(tmp_path):
    face = captures.curves(300, 60.0, 4)
    captures.write_table(tmp_path / "in" / "t.csv", face, captures.timecodes(0, 300))
    audio = np.concatenate([np.zeros(16_000 * 150 // 1000, np.float32), speech(face[:, JAW], 60.0)])
    captures.write_wave(tmp_path / "in" / "t.wav", audio, 16_000)
    output = _prepare("livelink", tmp_path / "in", tmp_path / "one", 1)
    found = int(re.search(r"best ([+-]\d+) ms later", output)[1])
    assert found == pytest.approx(150, abs=20)
    output = _prepare("livelink", tmp_path / "in", tmp_path / "two", 1, "--offset-ms", str(found))
    assert abs(int(re.search(r"best ([+-]\d+) ms later", output)[1])) <= 10


def test_calibrated_values_come_first_and_poses_are_no_takes(tmp_path):
    truth = captures.write_livelink(tmp_path / "in", ["t/S_1"])
    for suffix in ("cal", "raw", "neutral"):
        captures.write_table(tmp_path / "in" / "t" / f"S_1_{suffix}.csv", 0 * truth["t/S_1"], captures.timecodes(0, 180))
    (tmp_path / "in" / "t" / "frame_log.csv").write_text("frame,time\n1,2\n")
    assert [p.name for p in livelink._tables(tmp_path / "in")] == ["S_1.csv"]
    (tmp_path / "in" / "t" / "S_1.csv").unlink()
    assert [p.name for p in livelink._tables(tmp_path / "in")] == ["S_1_cal.csv"]
    assert livelink._sound(tmp_path / "in" / "t" / "S_1_cal.csv").name == "S_1.wav"


def test_three_speakers_are_held_out_whole(tmp_path):
    names = [f"{who}/take{k}/S_{k}" for who in ("anna", "ben", "cleo") for k in range(2)]
    captures.write_livelink(tmp_path / "in", names, seconds=1.0)
    _prepare("livelink", tmp_path / "in", tmp_path / "out", 0)
    of = {}
    for recording in form.read_manifest(tmp_path / "out"):
        of.setdefault(recording.speaker, set()).add(recording.split)
    assert sorted(of) == ["anna", "ben", "cleo"] and all(len(splits) == 1 for splits in of.values())


def _edit(change):
    def damage(path):
        lines = path.with_suffix(".csv").read_text().splitlines()
        path.with_suffix(".csv").write_text("\n".join(change(lines)))

    return damage


def _swap(lines):
    lines[50], lines[51] = lines[51], lines[50]
    return lines


def _value(text):
    def change(lines):
        fields = lines[20].split(",")
        fields[7] = text
        return [*lines[:20], ",".join(fields), *lines[21:]]

    return _edit(change)


def _film_only(path):
    path.with_suffix(".wav").rename(path.with_suffix(".mov"))
    path.with_suffix(".mov").write_bytes(b"\0\0\0\x14ftypqt  " + bytes(200))


@pytest.mark.parametrize(
    ("damage", "file", "reason"),
    [
        (_edit(_swap), "MySlate_2_Phone.csv", "not after that of the frame before"),
        (_value("nan"), "MySlate_2_Phone.csv", "frame 19 holds no number"),
        (_value("x"), "MySlate_2_Phone.csv", "no number"),
        (_edit(lambda lines: [*lines[:90], lines[90][:60], *lines[91:]]), "MySlate_2_Phone.csv", "row 91 has"),
        (_value("87.5"), "MySlate_2_Phone.csv", "percent"),
        (_edit(lambda lines: [*lines[:90], "23" + lines[90][2:], *lines[91:]]), "MySlate_2_Phone.csv", "jumps by"),
        (_edit(lambda lines: [*lines[:90], "9" * 400 + lines[90], *lines[91:]]), "MySlate_2_Phone.csv", "not with a timecode"),
        (_edit(lambda lines: lines[:2]), "MySlate_2_Phone.csv", "fewer than two frames"),
        (lambda p: p.with_suffix(".wav").unlink(), "MySlate_2_Phone.wav", "the audio is missing"),
        (lambda p: soundfile.write(p.with_suffix(".wav"), np.zeros(24_000), 8_000), "MySlate_2_Phone.wav", "8000 Hz"),
        (lambda p: soundfile.write(p.with_suffix(".wav"), np.zeros(0), 16_000), "MySlate_2_Phone.wav", "empty"),
        (_film_only, "MySlate_2_Phone.mov", 'ffmpeg -i "MySlate_2_Phone.mov" "MySlate_2_Phone.wav"'),
        (lambda p: captures.write_wave(p.with_suffix(".wav"), np.ones(48_000) * 0.1, 16_000, 7.0), "MySlate_2", "overlap"),
    ],
)
def test_bad_takes_are_named_and_the_others_go_on(tmp_path, damage, file, reason):
    captures.write_livelink(tmp_path / "in", [*TAKES, "d/MySlate_4_Phone"])
    damage(tmp_path / "in" / TAKES[1])
    output = _prepare("livelink", tmp_path / "in", tmp_path / "out", 1)
    (line,) = [line for line in output.splitlines() if line.startswith("skipped")]
    assert file in line and reason in line
    assert len(form.read_manifest(tmp_path / "out")) == 3 and len(_skipped(tmp_path / "out")) == 1


def test_no_take_at_all(tmp_path):
    assert "no Live Link Face table" in _prepare("livelink", tmp_path, tmp_path / "out", 1)
    captures.write_livelink(tmp_path / "in", ["a/t"])
    (tmp_path / "in" / "a" / "t.wav").unlink()
    output = _prepare("livelink", tmp_path / "in", tmp_path / "out", 1)
    assert "not one recording could be used" in output and not (tmp_path / "out" / form.MANIFEST).exists()


# The predecessor's recordings

LISTS = {"train": ["r1", "r2"], "val": ["r3"], "test": ["s/r4"]}


def test_recordings_to_data_set(tmp_path):
    truth = captures.write_predecessor(tmp_path / "in", LISTS)
    _prepare("predecessor", tmp_path / "in", tmp_path / "out", 0)
    recordings = form.read_manifest(tmp_path / "out")
    assert [(r.id, r.split) for r in recordings] == [("r1", "train"), ("r2", "train"), ("r3", "val"), ("s-r4", "test")]
    for recording, curves in zip(recordings, truth.values(), strict=True):
        face = form.read_face(tmp_path / "out", recording)
        assert face.rate == pytest.approx(30.0) and len(face.coefficients) == len(curves)
        assert np.abs(face.coefficients - curves).max() < 1e-3


def test_our_own_recordings_name_their_columns_first(tmp_path):
    """As `fmg-rt --record blendshapes.jsonl` writes them; other names are refused."""
    truth = captures.write_predecessor(tmp_path / "in", LISTS)
    for name, names in (("r1", list(arkit.ARKIT_NAMES)), ("r2", list(arkit.ARKIT_NAMES[::-1]))):
        path = tmp_path / "in" / name / "blendshapes.jsonl"
        path.write_text(json.dumps({"names": names, "head": ["a", "b", "c"]}) + "\n" + path.read_text())
    said = _prepare("predecessor", tmp_path / "in", tmp_path / "out", 1)
    assert "blendshapes.jsonl:1: damaged frame (its names are not" in said
    (first,) = (r for r in form.read_manifest(tmp_path / "out") if r.split == "train")
    assert np.abs(form.read_face(tmp_path / "out", first).coefficients - truth["r1"]).max() < 1e-3


def _frames(change):
    def damage(folder):
        lines = (folder / "blendshapes.jsonl").read_text().splitlines()
        (folder / "blendshapes.jsonl").write_text("\n".join(change(lines)))

    return damage


@pytest.mark.parametrize(
    ("damage", "file", "reason"),
    [
        (lambda p: (p / "audio.wav").unlink(), "audio.wav", "the audio is missing"),
        (lambda p: (p / "blendshapes.jsonl").unlink(), "blendshapes.jsonl", "cannot read the frames"),
        (_frames(lambda x: x[:-1] + [x[-1][:40]]), "blendshapes.jsonl:90", "damaged frame"),
        (_frames(_swap), "blendshapes.jsonl", "not after that of the frame before"),
        (_frames(lambda x: [re.sub(r"\[[^,]+", "[NaN", x[0]), *x[1:]]), "blendshapes.jsonl", "frame 0 holds no number"),
        (_frames(lambda x: [x[0].replace("[", "[0.5, "), *x[1:]]), "blendshapes.jsonl:1", "53 coefficients"),
        (lambda p: soundfile.write(p / "audio.wav", np.zeros(24_000), 8_000), "audio.wav", "8000 Hz"),
    ],
)
def test_bad_recordings_are_named_and_the_others_go_on(tmp_path, damage, file, reason):
    captures.write_predecessor(tmp_path / "in", LISTS)
    damage(tmp_path / "in" / "r1")
    output = _prepare("predecessor", tmp_path / "in", tmp_path / "out", 1)
    (line,) = [line for line in output.splitlines() if line.startswith("skipped")]
    assert file in line and reason in line
    assert [r.id for r in form.read_manifest(tmp_path / "out")] == ["r2", "r3", "s-r4"]


def test_manifest_and_folders_must_agree(tmp_path):
    captures.write_predecessor(tmp_path / "in", LISTS)
    path = tmp_path / "in" / "split_manifest.json"
    path.write_text(json.dumps({"train": ["r1", "gone"], "val": [], "test": ["s/r4", "r1"]}))
    output = _prepare("predecessor", tmp_path / "in", tmp_path / "out", 1)
    for part in ("skipped gone:", "skipped r2:", "in no list", "'r1' is listed twice", "the split 'val' is empty"):
        assert part in output
    path.write_text("[")
    assert "cannot read the lists" in _prepare("predecessor", tmp_path / "in", tmp_path / "two", 1)
