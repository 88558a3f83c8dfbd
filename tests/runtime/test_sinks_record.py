"""Recordings: every format read back by an independent reader, and nothing half-written whatever happens."""

import csv
import io
import json
import os
import subprocess
import sys
import time
import tracemalloc

import numpy as np
import pytest
from loopback import faces

from fmg_rt.arkit import ARKIT_NAMES, INDEX
from fmg_rt.frame import Frame
from fmg_rt.sinks import Recorder, RecordError
from fmg_rt.sinks.formats import FORMATS, HEAD
from fmg_rt.wire.names import APPLE, pascal

FRAMES = faces(75)
FRAMES[3] = 0
FRAMES[4] = 1
HEADS = np.random.default_rng(1).normal(0, 0.1, (75, 3)).astype(np.float32)
HEADS[3] = 0


def record(path, name, rate=30.0):
    recorder = Recorder(path, name, rate)
    for k, face in enumerate(FRAMES):
        recorder.send(Frame(k, k / rate, face, HEADS[k]))
    recorder.close()
    assert os.listdir(path.parent) == [path.name]
    return path


def test_csv(tmp_path):
    with open(record(tmp_path / "顔 face.csv", "csv"), newline="", encoding="utf-8") as file:
        header, *rows = csv.reader(file)
    assert header == ["time", *ARKIT_NAMES, *HEAD]
    values = np.array(rows, np.float64)
    np.testing.assert_allclose(values[:, 0], np.arange(75) / 30, atol=5e-7)
    np.testing.assert_array_equal(values[:, 1:53].astype(np.float32), FRAMES)  # bit for bit
    np.testing.assert_array_equal(values[:, 53:].astype(np.float32), HEADS)


def test_jsonl(tmp_path):
    head, *lines = [json.loads(line) for line in open(record(tmp_path / "a.jsonl", "jsonl"), encoding="utf-8")]
    assert head == {"names": list(ARKIT_NAMES), "head": list(HEAD)}  # once
    assert all(list(line) == ["timestamp", "blendshapes", "head"] for line in lines)
    np.testing.assert_allclose([line["timestamp"] for line in lines], np.arange(75) / 30, atol=5e-7)
    np.testing.assert_array_equal(np.array([line["blendshapes"] for line in lines], np.float32), FRAMES)
    np.testing.assert_array_equal(np.array([line["head"] for line in lines], np.float32), HEADS)


def test_npz(tmp_path):
    with np.load(record(tmp_path / "a.npz", "npz"), allow_pickle=False) as archive:
        assert sorted(archive.files) == ["coefficients", "head", "names", "rate", "time"]
        np.testing.assert_array_equal(archive["head"], HEADS)
        np.testing.assert_array_equal(archive["coefficients"], FRAMES)
        np.testing.assert_array_equal(archive["time"], np.arange(75) / 30)
        assert archive["names"].tolist() == list(ARKIT_NAMES) and archive["rate"] == 30
        assert archive["coefficients"].dtype == np.float32


def keys(gltf, node, path):
    """(times (n,), values (n, columns)) of what moves in a file that pygltflib has read: one property of one node."""
    (animation,) = gltf.animations
    (sampler,) = (
        animation.samplers[channel.sampler]
        for channel in animation.channels
        if (channel.target.node, channel.target.path) == (node, path)
    )

    def numbers(index):
        accessor = gltf.accessors[index]
        view = gltf.bufferViews[accessor.bufferView]
        columns = {"SCALAR": 1, "VEC3": 3, "VEC4": 4}[accessor.type]
        assert accessor.componentType == 5126 and view.byteLength == 4 * columns * accessor.count
        return np.frombuffer(gltf.binary_blob(), "<f4", view.byteLength // 4, view.byteOffset), accessor

    (times, about), (values, _) = numbers(sampler.input), numbers(sampler.output)
    assert about.min == [times[0]] and about.max == [times[-1]]
    return times, values.reshape(len(times), -1)


def test_gltf_animation(tmp_path):
    pygltflib = pytest.importorskip("pygltflib", reason="pygltflib is not installed")
    gltf = pygltflib.GLTF2().load(str(record(tmp_path / "a.glb", "glb")))
    (mesh,) = gltf.meshes
    assert mesh.extras["targetNames"] == list(ARKIT_NAMES)
    assert len(mesh.primitives[0].targets) == len(mesh.weights) == 52
    names = {node.name: k for k, node in enumerate(gltf.nodes)}
    times, weights = keys(gltf, names["face"], "weights")
    np.testing.assert_allclose(times, np.arange(75) / 30, atol=1e-6)
    np.testing.assert_array_equal(weights, FRAMES)
    _, turns = keys(gltf, names["head"], "rotation")
    rotation = pytest.importorskip("scipy.spatial.transform", reason="SciPy is not installed").Rotation
    np.testing.assert_allclose(rotation.from_quat(turns).as_euler("YXZ"), HEADS, atol=1e-5)


def test_vrm_animation(tmp_path):
    pygltflib = pytest.importorskip("pygltflib", reason="pygltflib is not installed")
    gltf = pygltflib.GLTF2().load_binary(str(record(tmp_path / "a.vrma", "vrma")))
    about = gltf.extensions["VRMC_vrm_animation"]
    assert about["specVersion"] == "1.0" and gltf.extensionsUsed == ["VRMC_vrm_animation"]
    assert list(about["expressions"]["custom"]) == list(ARKIT_NAMES)
    for k, name in enumerate(ARKIT_NAMES):
        node = about["expressions"]["custom"][name]["node"]
        times, places = keys(gltf, node, "translation")
        assert len(times) == 75 and gltf.nodes[node].name == name
        np.testing.assert_array_equal(places, np.stack((FRAMES[:, k], 0 * FRAMES[:, k], 0 * FRAMES[:, k]), axis=1))


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
    assert (table["BlendshapeCount"] == 61).all()
    # As the app has it: to the own right, down and to the own left is positive (see test_sinks_livelink).
    for name, sign, column in (("HeadYaw", -1, 0), ("HeadPitch", 1, 1), ("HeadRoll", -1, 2)):
        np.testing.assert_allclose(table[name], sign * HEADS[:, column], atol=1e-9)
    looks = FRAMES[:, INDEX["eyeLookInLeft"]] - FRAMES[:, INDEX["eyeLookOutLeft"]]
    np.testing.assert_allclose(table["LeftEyeYaw"], looks * np.radians(31), atol=1e-6)
    assert table["Timecode"][0] == "00:00:00:00.000" and table["Timecode"][74] == "00:00:02:14.000"
    row = (tmp_path / "a.csv").read_text().splitlines()[5]
    assert row.startswith("00:00:00:04.000,61,1.0000000000,")
    rest = (tmp_path / "a.csv").read_text().splitlines()[4]
    assert rest.endswith(",0.0000000000" * 61) and "-" not in rest


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
    text = record(tmp_path / "a.json", "a2f", 60.0).read_text()
    content = json.loads(text)
    assert json.dumps(content) == text  # written bit by bit, yet as by one call
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
    recorder = Recorder(path, name, 30.0, overwrite=True)
    recorder.send(Frame(0, 0.0, FRAMES[0]))
    assert path.read_bytes() == b"yesterday's"
    recorder.close()
    recorder.close()  # harmless
    assert path.read_bytes() != b"yesterday's"
    assert os.listdir(tmp_path) == ["a"] and recorder.notes == []


@pytest.mark.parametrize("name", FORMATS)
def test_what_is_there_is_not_replaced_without_a_word(tmp_path, name):
    path = tmp_path / "a.b"
    path.write_bytes(b"yesterday's")
    first, second = Recorder(path, name, 30.0), Recorder(path, name, 30.0)  # at once, as two programs would
    for recorder, expected in ((first, "a-2.b"), (second, "a-3.b")):
        assert recorder.path.name == expected and recorder.name.endswith(expected)
        assert recorder.notes == [f"{path} is there already or being recorded: this goes to {recorder.path}"]
        recorder.send(Frame(0, 0.0, FRAMES[0]))
    with pytest.raises(RecordError, match="another program is recording to it"):
        Recorder(tmp_path / "a-2.b", name, 30.0, overwrite=True)
    second.close()
    first.close()
    assert sorted(os.listdir(tmp_path)) == ["a-2.b", "a-3.b", "a.b"] and path.read_bytes() == b"yesterday's"


def test_a_file_that_appears_meanwhile_stays(tmp_path):
    recorder = Recorder(tmp_path / "a.csv", "csv", 30.0)
    recorder.send(Frame(0, 0.0, FRAMES[0]))
    (tmp_path / "a.csv").write_text("another's")
    recorder.close()
    assert (tmp_path / "a.csv").read_text() == "another's" and recorder.path == tmp_path / "a-2.csv"
    assert len(recorder.path.read_text().splitlines()) == 2


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


def rows(path, name):
    """The frames of a file, by the reader of its format: (n, 52)."""
    if name in ("csv", "livelink"):
        with open(path, newline="") as file:
            header, *found = csv.reader(file)
        columns = [1 + k for k in range(52)]
        if name == "livelink":
            columns = [header.index(pascal(n)) for n in ARKIT_NAMES]
        return np.array(found, object)[:, columns].astype(np.float32)
    if name == "jsonl":
        return np.array([json.loads(line)["blendshapes"] for line in list(open(path))[1:]], np.float32)
    if name == "npz":
        with np.load(path) as archive:
            return archive["coefficients"]
    content = json.loads(path.read_text())
    assert content["numFrames"] == len(content["weightMat"])
    return np.array(content["weightMat"], np.float32)[:, [list(APPLE).index(n) for n in ARKIT_NAMES]]


PROGRAM = """
import sys, time
import numpy as np
from fmg_rt.frame import Frame
from fmg_rt.sinks import Recorder
recorder = Recorder(sys.argv[1], sys.argv[2], 30.0)
faces = np.random.default_rng(0).random((600, 52), dtype=np.float32)
print(*recorder.notes, "ready", flush=True)
for k in range(int(sys.argv[3])):
    recorder.send(Frame(k, k / 30, faces[k]))
time.sleep(float(sys.argv[4]))
recorder.close()
"""


@pytest.mark.parametrize("name", ["jsonl", "npz", "a2f"])
def test_a_killed_program_leaves_all_but_the_last_second(tmp_path, name):
    path = tmp_path / "take.x"
    program = subprocess.Popen([sys.executable, "-c", PROGRAM, path, name, "300", "60"], stdout=subprocess.PIPE, text=True)
    assert "ready" in program.stdout.readline()
    deadline = time.monotonic() + 10
    part = tmp_path / "take.x.part"
    while time.monotonic() < deadline and (not part.exists() or part.stat().st_size < 300 * 200):
        time.sleep(0.05)
    busy = Recorder(path, name, 30.0)  # while the other records
    assert busy.path.name == "take-2.x"
    busy.discard()
    program.kill()
    program.wait()
    program.stdout.close()
    assert os.listdir(tmp_path) == ["take.x.part"]
    with open(part, "ab") as file:
        file.write(b"0.5,0.25")  # a row that was cut off
    later = Recorder(path, name, 30.0)
    assert later.path.name == "take-2.x"
    assert later.notes[0] == f"an earlier recording that was cut off is in {path}, 300 frames"
    later.close()
    assert sorted(os.listdir(tmp_path)) == ["take-2.x", "take.x"]
    expected = np.random.default_rng(0).random((600, 52), dtype=np.float32)[:300]
    np.testing.assert_allclose(rows(path, name), expected, atol=1e-6)


def test_a_part_that_is_no_use_does_no_harm(tmp_path):
    for k, (left, kept) in enumerate(((b"", 0), (b"time,browDown", 0), (FORMATS["npz"](30.0).heading[:20], 0))):
        path = tmp_path / f"{k}.npz"
        (tmp_path / f"{k}.npz.part").write_bytes(left)
        recorder = Recorder(path, "npz", 30.0)
        recorder.close()
        assert recorder.path == path and len(os.listdir(tmp_path)) == k + 1, kept


def test_a_part_that_cannot_be_finished_is_kept(tmp_path, monkeypatch):
    left = FORMATS["npz"](30.0).heading + bytes(3 * 228)
    (tmp_path / "a.npz.part").write_bytes(left)

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(FORMATS["npz"], "finish", full)
    recorder = Recorder(tmp_path / "a.npz", "csv", 30.0)
    assert "cannot be finished (No space left on device); it is kept as" in recorder.notes[0]
    recorder.close()
    (kept,) = tmp_path.glob("*.kept")
    assert kept.read_bytes() == left


@pytest.mark.parametrize("name", ["csv", "npz"])
def test_on_a_full_disk_what_fits_stays_and_is_named(tmp_path, name):
    """A real one, as far as the program can tell: the system refuses to let the file grow."""
    pytest.importorskip("resource", reason="needs a POSIX file-size limit")
    code = f"""
import numpy as np, os, resource, signal, time
from fmg_rt.frame import Frame
from fmg_rt.sinks import Recorder, Sinks
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
class Live:
    name, live, address, n = "live", True, None, 0
    def send(self, frame): self.n += 1
    def close(self): print(self.n)
sinks = Sinks([Recorder({str(tmp_path / "a")!r}, {name!r}, 30.0), Live()], print)
face = np.random.default_rng(0).random(52, np.float32)
for k in range(500):
    sinks.send(Frame(k, k / 30, face))
    time.sleep(0.003)
sinks.close()
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert run.stderr == ""
    said, frames = run.stdout.splitlines()
    assert frames == "500"
    assert "File too large; the recording ends after" in said
    seconds = float(said.partition("after ")[2].partition(" ")[0])
    if name in ("npz", "a2f"):  # the file itself has no room
        assert os.listdir(tmp_path) == ["a.part"] and said.count("a.part") == 1
        Recorder(tmp_path / "a", name, 30.0).close()
    assert f"is in {tmp_path / 'a'}" in said
    n = len(rows(tmp_path / "a", name))
    assert n > 15 and n / 30 == pytest.approx(seconds, abs=0.051)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no FIFOs")
@pytest.mark.parametrize("overwrite", [False, True])
def test_a_device_is_not_replaced_by_a_file(tmp_path, overwrite):
    """`--record /dev/null --overwrite` as root would otherwise end the device."""
    os.mkfifo(tmp_path / "a.csv")
    with pytest.raises(RecordError, match="it is a device or a pipe"):
        Recorder(tmp_path / "a.csv", "csv", 30.0, overwrite)
    assert os.listdir(tmp_path) == ["a.csv"]


def test_a_disk_that_is_full_from_the_start(tmp_path):
    class Full(io.FileIO):
        def write(self, data):
            raise OSError(28, "No space left on device")

    recorder = Recorder(tmp_path / "a.csv", "csv", 30.0)
    recorder._file.close()
    recorder._file = Full(tmp_path / "a.csv.part", "r+b")
    with pytest.raises(RecordError, match="No space left on device; nothing was recorded"):
        recorder.close()
    assert os.listdir(tmp_path) == []


def test_a_disk_that_hangs_keeps_no_frame_waiting(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "fsync", lambda _: time.sleep(2))
    recorder = Recorder(tmp_path / "a.csv", "csv", 30.0)
    began = time.perf_counter()
    slowest = 0.0
    while time.perf_counter() - began < 1.5:
        before = time.perf_counter()
        recorder.send(Frame(0, 0.0, FRAMES[0]))
        slowest = max(slowest, time.perf_counter() - before)
        time.sleep(0.01)
    assert slowest < 0.5
    monkeypatch.setattr("fmg_rt.sinks.record._MOST_WAITING", 1)
    with pytest.raises(RecordError, match="the disk does not answer"):
        for _ in range(3):
            recorder.send(Frame(0, 0.0, FRAMES[0]))
    recorder.close()


def test_a_file_is_made_without_holding_all_of_it(tmp_path, name="a2f"):
    """6 000 frames are 12 MB as Python's lists; what is needed does not depend on their number."""
    recorder = Recorder(tmp_path / "a", name, 60.0)
    for k in range(6_000):
        recorder.send(Frame(k, k / 60, FRAMES[k % 75]))
    recorder._stop()
    tracemalloc.start()
    recorder._deliver()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1.2e6
    assert len(rows(tmp_path / "a", name)) == 6_000


def test_a_target_that_is_in_use_keeps_the_recording_beside_it(tmp_path, monkeypatch):
    recorder = Recorder(tmp_path / "a.csv", "csv", 30.0)
    recorder.send(Frame(0, 0.0, FRAMES[0]))

    def busy(*_):
        raise PermissionError(13, "The process cannot access the file")

    monkeypatch.setattr(os, "replace", busy)
    with pytest.raises(RecordError, match=r"cannot write .*a\.csv.*it is in .*a\.csv\.part"):
        recorder.close()
    assert os.listdir(tmp_path) == ["a.csv.part"]
