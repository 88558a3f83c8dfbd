"""The on-disk form of a data set: what goes in comes out, and nothing half-written counts."""

import numpy as np
import pytest

from fmg_rt import arkit
from fmg_train.datasets import form


def _face(frames: int = 20) -> form.Face:
    rng = np.random.default_rng(0)
    return form.Face(
        rng.random((frames, arkit.N_COEFFICIENTS), np.float32),
        50.0,
        0.25,
        phones=(("p", 0.0, 0.1),),
        aperture=np.linspace(0, 1, frames, dtype=np.float32),
    )


def _write(directory, recording_id="a", audio=None, face=None, split="train"):
    audio = np.linspace(-0.5, 0.5, 8000, dtype=np.float32) if audio is None else audio
    return form.write_recording(
        directory,
        recording_id,
        audio,
        face or _face(),
        split=split,
        speaker="s",
        language="en",
        source="x",
        licence="MIT",
        emotion="joy",
    )


def test_round_trip(tmp_path):
    recording = _write(tmp_path)
    form.write_manifest(tmp_path, [recording])
    assert form.read_manifest(tmp_path) == [recording]
    face = form.read_face(tmp_path, recording)
    assert np.abs(face.coefficients - _face().coefficients).max() < 5e-4
    assert (face.rate, face.start, face.phones) == (50.0, 0.25, (("p", 0.0, pytest.approx(0.1)),))
    assert np.abs(face.aperture - _face().aperture).max() < 5e-4 and face.known.all()
    audio = form.read_audio(tmp_path, recording)
    assert np.abs(audio - np.linspace(-0.5, 0.5, 8000)).max() < 1e-4


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"split": "holdout"}, "unknown split"),
        ({"audio": np.empty(0, np.float32)}, "no audio"),
        ({"face": form.Face(np.zeros((5, 51), np.float32), 50.0)}, r"\(5, 51\)"),
        ({"face": form.Face(np.full((5, 52), 1.5, np.float32), 50.0)}, "outside"),
        ({"face": form.Face(np.full((5, 52), np.nan, np.float32), 50.0)}, "outside"),
    ],
)
def test_refuses(tmp_path, change, message):
    with pytest.raises(form.DatasetError, match=message):
        _write(tmp_path, **change)


def test_without_manifest_it_is_not_there(tmp_path):
    _write(tmp_path / "shard-1")
    assert form.shards(tmp_path) == []
    with pytest.raises(form.DatasetError, match="no data set here"):
        form.read_manifest(tmp_path)
    form.write_manifest(tmp_path / "shard-1", [_write(tmp_path / "shard-1")])
    assert form.shards(tmp_path) == [tmp_path / "shard-1"]


def test_damaged_files_are_named(tmp_path):
    recording = _write(tmp_path)
    form.write_manifest(tmp_path, [recording])
    path = form.face_path(tmp_path, "a")
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(form.DatasetError, match="a.npz"):
        form.read_face(tmp_path, recording)
    form.audio_path(tmp_path, "a").write_bytes(b"no sound")
    with pytest.raises(form.DatasetError, match="a.flac"):
        form.read_audio(tmp_path, recording)
    (tmp_path / "manifest.jsonl").write_text('{"id": 1')
    with pytest.raises(form.DatasetError, match="manifest.jsonl:1"):
        form.read_manifest(tmp_path)
