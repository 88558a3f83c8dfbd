"""Recordings: every format read back by an independent reader, and nothing half-written whatever happens."""

import csv
import json
import os
import subprocess
import sys

import numpy as np
import pytest
from loopback import faces

from fmg_rt.arkit import ARKIT_NAMES, INDEX
from fmg_rt.frame import Frame
from fmg_rt.sinks import Recorder, RecordError
from fmg_rt.sinks.record import FORMATS
from fmg_rt.wire.names import APPLE, pascal

FRAMES = faces(75)
FRAMES[3] = 0
FRAMES[4] = 1


def record(path, name, rate=30.0):
    recorder = Recorder(path, name, rate)
    for k, face in enumerate(FRAMES):
        recorder.send(Frame(k, k / rate, face))
    recorder.close()
    assert os.listdir(path.parent) == [path.name]
    return path


def test_csv(tmp_path):
    with open(record(tmp_path / "顔 face.csv", "csv"), newline="", encoding="utf-8") as file:
        header, *rows = csv.reader(file)
    assert header == ["time", *ARKIT_NAMES]
    values = np.array(rows, np.float64)
    np.testing.assert_allclose(values[:, 0], np.arange(75) / 30, atol=5e-7)
    np.testing.assert_array_equal(values[:, 1:].astype(np.float32), FRAMES)  # bit for bit


def test_jsonl(tmp_path):
    lines = [json.loads(line) for line in open(record(tmp_path / "a.jsonl", "jsonl"), encoding="utf-8")]
    assert all(list(line) == ["timestamp", "blendshapes"] for line in lines)
    np.testing.assert_allclose([line["timestamp"] for line in lines], np.arange(75) / 30, atol=5e-7)
    np.testing.assert_array_equal(np.array([line["blendshapes"] for line in lines], np.float32), FRAMES)


def test_npz(tmp_path):
    with np.load(record(tmp_path / "a.npz", "npz"), allow_pickle=False) as archive:
        assert sorted(archive.files) == ["coefficients", "names", "rate", "time"]
        np.testing.assert_array_equal(archive["coefficients"], FRAMES)
        np.testing.assert_array_equal(archive["time"], np.arange(75) / 30)
        assert archive["names"].tolist() == list(ARKIT_NAMES) and archive["rate"] == 30
        assert archive["coefficients"].dtype == np.float32


def test_live_link_csv(tmp_path):
    pandas = pytest.importorskip("pandas", reason="pandas is not installed")
    table = pandas.read_csv(record(tmp_path / "a.csv", "livelink"))
    assert len(table.columns) == 63
    assert list(table.columns[:2]) == ["Timecode", "BlendshapeCount"]
    assert list(table.columns[16:20]) == ["JawForward", "JawRight", "JawLeft", "JawOpen"]
    assert list(table.columns[22:26]) == ["MouthPucker", "MouthRight", "MouthLeft", "MouthSmileLeft"]
    assert list(table.columns[-9:-6]) == ["HeadYaw", "HeadPitch", "HeadRoll"] and table.columns[-1] == "RightEyeRoll"
    for name in ARKIT_NAMES:
        np.testing.assert_allclose(table[pascal(name)], FRAMES[:, INDEX[name]], atol=1e-9)
    assert (table["BlendshapeCount"] == 61).all() and (table["HeadYaw"] == 0).all()
    assert table["Timecode"][0] == "00:00:00:00.000" and table["Timecode"][74] == "00:00:02:14.000"
    row = (tmp_path / "a.csv").read_text().splitlines()[5]
    assert row.startswith("00:00:00:04.000,61,1.0000000000,")


@pytest.mark.parametrize(
    ("rate", "index", "timecode"),
    [(60.0, 216_059, "01:00:00:59.000"), (29.97, 30, "00:00:01:00.030"), (30.0, 30 * 86_400, "00:00:00:00.000")],
)
def test_live_link_timecode(tmp_path, rate, index, timecode):
    recorder = Recorder(tmp_path / "a.csv", "livelink", rate)
    recorder.send(Frame(index, index / rate, FRAMES[0]))
    recorder.close()
    assert (tmp_path / "a.csv").read_text().splitlines()[1].startswith(timecode + ",61,")


def test_a2f_json(tmp_path):
    content = json.loads(record(tmp_path / "a.json", "a2f", 60.0).read_text())
    assert content["exportFps"] == 60.0 and content["numFrames"] == 75 and content["numPoses"] == 52
    assert content["facsNames"] == list(APPLE)
    weights = np.array(content["weightMat"])
    assert weights.shape == (75, 52)
    for i, name in enumerate(content["facsNames"]):
        np.testing.assert_allclose(weights[:, i], FRAMES[:, INDEX[name]], atol=1e-6)


@pytest.mark.parametrize("name", FORMATS)
def test_no_frames_still_make_a_readable_file(tmp_path, name):
    Recorder(tmp_path / "empty", name, 30.0).close()
    assert os.listdir(tmp_path) == ["empty"]
    if name == "npz":
        with np.load(tmp_path / "empty") as archive:
            assert archive["coefficients"].shape == (0, 52)
    if name == "a2f":
        assert json.loads((tmp_path / "empty").read_text())["weightMat"] == []


@pytest.mark.parametrize("name", FORMATS)
def test_the_file_appears_only_when_it_is_whole(tmp_path, name):
    path = tmp_path / "a"
    path.write_bytes(b"yesterday's")
    recorder = Recorder(path, name, 30.0)
    recorder.send(Frame(0, 0.0, FRAMES[0]))
    assert path.read_bytes() == b"yesterday's"
    recorder.close()
    recorder.close()  # harmless
    assert path.read_bytes() != b"yesterday's"
    assert os.listdir(tmp_path) == ["a"]


def test_discard_leaves_nothing(tmp_path):
    recorder = Recorder(tmp_path / "a.csv", "csv", 30.0)
    recorder.send(Frame(0, 0.0, FRAMES[0]))
    recorder.discard()
    recorder.close()
    assert os.listdir(tmp_path) == []


def test_unwritable_paths_are_one_clear_line(tmp_path):
    with pytest.raises(RecordError, match="missing.*No such file or directory"):
        Recorder(tmp_path / "missing" / "a.csv", "csv", 30.0)
    with pytest.raises(RecordError, match="it is a folder"):
        Recorder(tmp_path, "csv", 30.0)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("name", FORMATS)
def test_a_full_disk_is_one_error_and_leaves_nothing(tmp_path, name):
    """A real one, as far as the program can tell: the system refuses to let the file grow."""
    pytest.importorskip("resource", reason="needs a POSIX file-size limit")
    code = f"""
import numpy as np, resource, signal
from fmg_rt.frame import Frame
from fmg_rt.sinks import Recorder, RecordError
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
recorder = Recorder({str(tmp_path / "a")!r}, {name!r}, 30.0)
face = np.random.default_rng(0).random(52, np.float32)
try:
    for k in range(500):
        recorder.send(Frame(k, k / 30, face))
    recorder.close()
except RecordError as error:
    print(error)
recorder.close()
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert run.stderr == ""
    assert run.stdout.count("\n") == 1 and "File too large; the recording is lost" in run.stdout
    assert os.listdir(tmp_path) == []


def test_a_target_that_is_in_use_keeps_the_recording_beside_it(tmp_path, monkeypatch):
    recorder = Recorder(tmp_path / "a.csv", "csv", 30.0)
    recorder.send(Frame(0, 0.0, FRAMES[0]))

    def busy(*_):
        raise PermissionError(13, "The process cannot access the file")

    monkeypatch.setattr(os, "replace", busy)
    with pytest.raises(RecordError, match=r"cannot replace .*a\.csv.*a\.csv\.part"):
        recorder.close()
    assert os.listdir(tmp_path) == ["a.csv.part"]
