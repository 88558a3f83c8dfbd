"""prepare claire: the three kinds of cache, voices, eyes, emotions, and everything that can be wrong with them."""

import json

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner

from fmg_rt import arkit
from fmg_train.cli import main
from fmg_train.datasets import assemble, form, maya_cache

from . import claire

SHOTS = {"cp1_neutral": 30, "cp2_anger": 24, "cp3_grief": 27, "cp4_joy": 21}


def _prepare(source, out, code):
    result = CliRunner().invoke(main, ["prepare", "claire", str(source), "--out", str(out), "--language", "en"])
    assert result.exit_code == code and "Traceback" not in result.output, (result.output, result.exception)
    return result.output


@pytest.fixture
def source(tmp_path):
    claire.write_claire(tmp_path / "data" / "claire", SHOTS, voices=("v2",))
    return tmp_path / "data" / "claire"


def test_layout_to_data_set(tmp_path):
    truth = claire.write_claire(tmp_path / "data" / "claire", SHOTS, voices=("v2",))
    _prepare(tmp_path, tmp_path / "out", 0)  # the folder above data/claire will do
    recordings = {r.id: r for r in form.read_manifest(tmp_path / "out")}
    assert set(recordings) == {*SHOTS, *(f"{shot}-v2" for shot in SHOTS)}
    assert {r.split for r in recordings.values()} == set(form.SPLITS)
    eyes = [i for i, name in enumerate(arkit.ARKIT_NAMES) if name.startswith("eyeLook")]
    for shot, frames in SHOTS.items():
        one, other = recordings[shot], recordings[f"{shot}-v2"]
        assert one.split == other.split and (one.speaker, other.speaker) == ("claire", "v2")
        face = form.read_face(tmp_path / "out", one)
        assert (face.rate, face.start, len(face.coefficients)) == (30.0, 0.0, frames) and face.known.all()
        rest = np.setdiff1d(np.arange(52), eyes)
        assert np.abs(face.coefficients[:, rest] - truth[shot][:, rest]).mean() < 0.005
        looks = dict(zip(arkit.ARKIT_NAMES, face.coefficients[0], strict=True))
        expected = {"eyeLookDownLeft": 0.3, "eyeLookDownRight": 0.3, "eyeLookOutLeft": 0.5, "eyeLookInRight": 0.5}
        for i in eyes:
            name = arkit.ARKIT_NAMES[i]
            assert looks[name] == pytest.approx(expected.get(name, 0), abs=1e-3)
        assert np.array_equal(face.coefficients, form.read_face(tmp_path / "out", other).coefficients)
        assert len(form.read_audio(tmp_path / "out", one)) == frames * 16_000 // 30
    assert [recordings[s].emotion for s in SHOTS] == ["neutral", "anger", None, "joy"]
    assert (tmp_path / "out" / assemble.SKIPPED).read_text() == ""


def test_caches_of_one_mesh_agree(tmp_path):
    mesh = np.random.default_rng(0).standard_normal((7, 11, 3)).astype(np.float32)
    for double in (False, True):
        xml = tmp_path / f"{double}.xml"
        claire.write_maya(xml, {"one": mesh, "other": -mesh[:, :5]}, double)
        assert maya_cache.describe(xml) == maya_cache.Description(7, 30.0, ("one", "other"))
        for t, channels in enumerate(maya_cache.frames(xml)):
            assert np.array_equal(channels["one"], mesh[t]) and np.array_equal(channels["other"], -mesh[t, :5])


def test_a_skin_in_two_channels(tmp_path):
    from fmg_train.datasets import meshes

    mesh = np.random.default_rng(0).standard_normal((4, 10, 3)).astype(np.float32)
    claire.write_maya(tmp_path / "s.xml", {"left": mesh[:, :6], "right": mesh[:, 6:]})
    assert np.array_equal(np.concatenate(list(meshes.read(tmp_path / "s.xml", 10).blocks)), mesh)


def _cut_mc(root):
    path = root / "cache" / "skin" / "cp1_neutral" / "cp1_neutral.mc"
    path.write_bytes(path.read_bytes()[:-100])


def _drop_frame_of_mc(root):
    path = root / "cache" / "skin" / "cp1_neutral" / "cp1_neutral.mc"
    data = path.read_bytes()
    path.write_bytes(data[: data.rindex(b"FOR4")])


def _lose_mc(root):
    (root / "cache" / "skin" / "cp1_neutral" / "cp1_neutral.mc").unlink()


def _cut_pc2(root):
    path = root / "cache" / "skin" / "cp2_anger.pc2"
    path.write_bytes(path.read_bytes()[:-100])


def _cut_npy(root):
    path = root / "cache" / "skin" / "cp3_grief.npy"
    path.write_bytes(path.read_bytes()[:-100])


def _other_mesh(root):
    np.save(root / "cache" / "skin" / "cp3_grief.npy", np.zeros((27, 199, 3), np.float32))


def _nan(root):
    path = root / "cache" / "skin" / "cp3_grief.npy"
    mesh = np.load(path)
    mesh[5, 7] = np.nan
    np.save(path, mesh)


def _no_audio(root):
    (root / "audio" / "cp2_anger.wav").unlink()


def _eight_khz(root):
    soundfile.write(root / "audio" / "cp2_anger.wav", np.zeros(8000), 8000)


def _no_cache(root):
    (root / "cache" / "skin" / "cp3_grief.npy").unlink()


def _no_sound_file(root):
    (root / "audio" / "cp2_anger.wav").write_bytes(b"RIFF")


def _short_eyes(root):
    path = root / "xform" / "eye_rotations_all.npz"
    with np.load(path) as archive:
        turns = dict(archive)
    turns["cp2_anger"] = turns["cp2_anger"][:-3]
    np.savez(path, **turns)


@pytest.mark.parametrize(
    ("damage", "file", "reason"),
    [
        (_cut_mc, "cp1_neutral.mc", "truncated in frame 29"),
        (_drop_frame_of_mc, "cp1_neutral.mc", "truncated before frame 29 of 30"),
        (_lose_mc, "cp1_neutral.mc", "cannot read the cache"),
        (_cut_pc2, "cp2_anger.pc2", "truncated (23 of 24 frames)"),
        (_cut_npy, "cp3_grief.npy", "truncated"),
        (_other_mesh, "cp3_grief.npy", "199 vertices, the rig has 200"),
        (_nan, "cp3_grief.npy", "frame 5 holds a coordinate that is not a number"),
        (_no_audio, "cp2_anger.wav", "the audio is missing"),
        (_eight_khz, "cp2_anger.wav", "8000 Hz; at least 16000 Hz"),
        (_no_cache, "cp3_grief", "no cache"),
        (_no_sound_file, "cp2_anger.wav", "cannot read the audio"),
        (_short_eyes, "eye_rotations_all.npz", "its mesh has 24 frames"),
    ],
)
def test_bad_shots_are_named_and_the_others_go_on(source, tmp_path, damage, file, reason):
    damage(source)
    output = _prepare(source, tmp_path / "out", 1)
    line = next(line for line in output.splitlines() if line.startswith("skipped"))
    assert file in line and reason in line
    left_out = [json.loads(s) for s in (tmp_path / "out" / assemble.SKIPPED).read_text().splitlines()]
    assert left_out and left_out[0]["reason"] in line
    recordings = form.read_manifest(tmp_path / "out")
    assert len(recordings) == 2 * len(SHOTS) - len([s for s in left_out if not s["recording"].startswith("split")])
    assert len(recordings) >= 6


def test_without_a_usable_rig_nothing_is_written(source, tmp_path):
    (source / "bs_data" / "bs_skin_config.json").write_text("{}")
    output = _prepare(source, tmp_path / "out", 1)
    assert "bs_skin_config.json: cannot read the solver settings" in output and output.count("\n") == 1
    assert not (tmp_path / "out").exists()
    (source / "bs_data" / "bs_skin.npz").write_bytes(b"PK")
    assert "bs_skin.npz: cannot read the rig" in _prepare(source, tmp_path / "out", 1)


def test_no_such_layout(tmp_path):
    assert "not NVIDIA's layout" in _prepare(tmp_path, tmp_path / "out", 1)


def test_one_shot_leaves_splits_empty(tmp_path):
    claire.write_claire(tmp_path / "in", {"cp1_neutral": 20})
    output = _prepare(tmp_path / "in", tmp_path / "out", 1)
    assert "the split 'val' is empty" in output and "the split 'test' is empty" in output
    assert len(form.read_manifest(tmp_path / "out")) == 1


def test_a_data_set_is_not_overwritten(source, tmp_path):
    _prepare(source, tmp_path / "out", 0)
    assert "there is a data set already" in _prepare(source, tmp_path / "out", 1)


def test_a_full_disk_is_one_line_and_leaves_no_data_set(source, tmp_path, monkeypatch):
    real = form.write_beside
    calls = []

    def full(path, data):
        calls.append(path)
        if len(calls) > 3:
            raise OSError(28, "No space left on device")
        return real(path, data)

    monkeypatch.setattr(form, "write_beside", full)
    output = _prepare(source, tmp_path / "out", 1)
    assert output.splitlines() == [f"Error: cannot write to {tmp_path / 'out'}: No space left on device"]
    assert not (tmp_path / "out" / form.MANIFEST).exists() and not list((tmp_path / "out").rglob("*.part"))


def test_splits_are_the_predecessors_where_there_are_enough():
    chosen = assemble.splits(f"shot{i}" for i in range(41))
    assert [list(chosen.values()).count(split) for split in form.SPLITS] == [32, 2, 7]
    assert chosen == assemble.splits(f"shot{i}" for i in reversed(range(41)))
    assert sorted(assemble.splits("abc").values()) == ["test", "train", "val"]
