"""Weight files: written and read back alike; whatever else is offered gives one clear WeightsError."""

import json
import os
import pickle
import zipfile

import numpy as np
import pytest
from conftest import random_weights

from fmg_rt import architectures, networks, weights
from fmg_rt.weights import Weights, WeightsError

CONFIG = {"n_stack": 2, "d_input": 4, "d_model": 4, "d_head": 4, "n_lookaheads": 2, "default_lookahead": 800}


def make_weights(**changes):
    rng = np.random.default_rng(0)
    tensors = {name: rng.normal(size=s).astype(np.float32) for name, s in architectures.gru_tensors(CONFIG).items()}
    values = {
        "architecture": "gru",
        "config": CONFIG,
        "lookaheads": (0, 800),
        "mel_mean": np.full(80, -8, np.float32),
        "mel_std": np.ones(80, np.float32),
        "egemaps_mean": np.zeros(88, np.float32),
        "egemaps_std": np.ones(88, np.float32),
        "tensors": tensors,
        "emotion": {},
        "provenance": {"seed": 1, "voices": ["日本", "en"]},
    }
    return Weights(**values | changes)


@pytest.fixture
def arrays(tmp_path):
    """The arrays of a good file, to be spoilt."""
    weights.write(tmp_path / "good.npz", make_weights())
    with np.load(tmp_path / "good.npz") as archive:
        return {name: archive[name] for name in archive.files}


def refused(tmp_path, arrays, *words):
    path = tmp_path / "重み bad.npz"
    np.savez(path, **arrays)
    with pytest.raises(WeightsError) as caught:
        weights.read(path)
    message = str(caught.value)
    assert message.startswith(str(path)) and "\n" not in message
    assert all(word in message for word in words), message


def test_round_trip(tmp_path):
    emotion = {name.removeprefix("emotion."): np.ones(s, np.float32) for name, s in architectures.EMOTION_TENSORS.items()}
    made = make_weights(emotion=emotion)
    sha256 = weights.write(tmp_path / "w.npz", made)
    read = weights.read(tmp_path / "w.npz")
    assert read.sha256 == sha256 and len(sha256) == 64
    assert (read.architecture, dict(read.config), read.lookaheads) == ("gru", CONFIG, (0, 800))
    assert dict(read.provenance) == dict(made.provenance)
    for name in ("mel_mean", "mel_std", "egemaps_mean", "egemaps_std"):
        assert np.array_equal(getattr(read, name), getattr(made, name))
    for group in ("tensors", "emotion"):
        assert set(getattr(read, group)) == set(getattr(made, group))
        for name, value in getattr(read, group).items():
            assert np.array_equal(value, getattr(made, group)[name])
            assert value.dtype == np.float32 and value.flags.c_contiguous and not value.flags.writeable


def test_equal_weights_give_equal_bytes(tmp_path):
    assert weights.write(tmp_path / "a.npz", make_weights()) == weights.write(tmp_path / "b.npz", make_weights())
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.npz", "b.npz"]


def test_what_cannot_be_read_is_not_written(tmp_path):
    (tmp_path / "w.npz").write_bytes(b"old")
    with pytest.raises(WeightsError, match="finite"):
        weights.write(tmp_path / "w.npz", make_weights(mel_mean=np.full(80, np.nan, np.float32)))
    assert (tmp_path / "w.npz").read_bytes() == b"old" and len(list(tmp_path.iterdir())) == 1


def test_missing_file_and_folder(tmp_path):
    for path in (tmp_path / "none.npz", tmp_path):
        with pytest.raises(WeightsError, match="cannot read"):
            weights.read(path)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"RIFF....WAVEfmt ", b"\x00" * 1000, b"<!DOCTYPE html>"])
def test_not_an_archive(tmp_path, content):
    (tmp_path / "w.npz").write_bytes(content)
    with pytest.raises(WeightsError, match="not a weight file"):
        weights.read(tmp_path / "w.npz")


def test_single_array_and_foreign_archive(tmp_path):
    np.save(tmp_path / "w.npy", np.zeros(3))
    with pytest.raises(WeightsError, match="not a weight file"):
        weights.read(tmp_path / "w.npy")
    with zipfile.ZipFile(tmp_path / "w.npz", "w") as archive:
        archive.writestr("readme.txt", "hello")
    with pytest.raises(WeightsError, match="not a weight file"):
        weights.read(tmp_path / "w.npz")


def test_truncated_at_any_length(tmp_path):
    weights.write(tmp_path / "good.npz", make_weights())
    data = (tmp_path / "good.npz").read_bytes()
    for length in range(0, len(data), 97):
        (tmp_path / "w.npz").write_bytes(data[:length])
        with pytest.raises(WeightsError, match="truncated"):
            weights.read(tmp_path / "w.npz")


def test_flipped_bytes_never_escape_as_another_error(tmp_path):
    """Damage inside a compressed member surfaces as zlib.error, NotImplementedError, RuntimeError …"""
    weights.write(tmp_path / "good.npz", make_weights())
    data = (tmp_path / "good.npz").read_bytes()
    rng = np.random.default_rng(1)
    refusals = 0
    for _ in range(600):
        damaged = bytearray(data)
        damaged[rng.integers(len(data))] ^= 1 << rng.integers(8)
        (tmp_path / "w.npz").write_bytes(damaged)
        try:
            weights.read(tmp_path / "w.npz")
        except WeightsError:
            refusals += 1
    assert refusals > 500  # bytes that nobody reads may be flipped


def test_pickle_is_not_run(tmp_path, arrays):
    class Trap:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "ran"),)

    refused(tmp_path, arrays | {"net.input.weight": np.array([Trap()], object)}, "pickled")
    (tmp_path / "w.npz").write_bytes(pickle.dumps(Trap()))
    with pytest.raises(WeightsError, match="pickle"):
        weights.read(tmp_path / "w.npz")
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("name", ["format", "architecture", "meta", "mel.mean", "egemaps.std", "net.gru.bias_hh_l1"])
def test_missing_array(tmp_path, arrays, name):
    del arrays[name]
    refused(tmp_path, arrays, "missing", name)


@pytest.mark.parametrize("name", ["mel.mean", "egemaps.std", "net.head.weight", "net.readout.1.bias"])
@pytest.mark.parametrize(
    "spoil, word",
    [
        (lambda a: a[:-1], "shape"),
        (lambda a: a[None], "shape"),
        (lambda a: a.astype(np.float64), "float64"),
        (lambda a: a.astype(np.int32), "int32"),
        (lambda a: np.where(a == a.max(), np.nan, a), "finite"),
        (lambda a: np.where(a == a.min(), np.float32(-np.inf), a), "finite"),
    ],
)
def test_wrong_array(tmp_path, arrays, name, spoil, word):
    spoilt = spoil(arrays[name])
    refused(tmp_path, arrays | {name: spoilt.astype(np.float32) if word == "finite" else spoilt}, name, word)


def test_unknown_array_and_negative_deviation(tmp_path, arrays):
    refused(tmp_path, arrays | {"net.surplus": np.zeros(1, np.float32)}, "unknown", "net.surplus")
    refused(tmp_path, arrays | {"emotion.weight": np.zeros((9, 88), np.float32)}, "missing", "emotion.bias")
    refused(tmp_path, arrays | {"mel.std": -np.ones(80, np.float32)}, "mel.std", "negative")


@pytest.mark.parametrize("version", [0, 2, 99])
def test_other_format(tmp_path, arrays, version):
    refused(tmp_path, arrays | {"format": np.int64(version)}, f"format {version}", "reads format 1")


def test_unknown_architecture(tmp_path, arrays):
    refused(tmp_path, arrays | {"architecture": np.str_("transformer")}, "transformer", "gru", "cross_attention")


def test_the_old_name_of_an_architecture_is_known(tmp_path):
    path = tmp_path / "old.npz"
    weights.write(path, random_weights("cross_attention", lookaheads=(0,)))
    with np.load(path) as archive:
        old = {name: archive[name] for name in archive.files} | {"architecture": np.str_("predecessor")}
    np.savez(path, **old)
    assert weights.read(path).architecture == "cross_attention"


@pytest.mark.parametrize(
    "change",
    [
        "",
        "[]",
        "{",
        {"config": None},
        {"config": {"d_model": "wide"}},
        {"config": {}},
        {"lookaheads": ["soon", 1]},
        {"lookaheads": []},
        {"lookaheads": [800, 0]},
        {"lookaheads": [0, 0]},
        {"lookaheads": [-160, 0]},
        {"lookaheads": [0]},
        {"lookaheads": [0, float("inf")]},
        {"config": CONFIG | {"d_model": float("inf")}},
        {"provenance": 3},
    ],
)
def test_damaged_meta(tmp_path, arrays, change):
    text = change if isinstance(change, str) else json.dumps(json.loads(arrays["meta"].item()) | change)
    refused(tmp_path, arrays | {"meta": np.str_(text)})


@pytest.mark.parametrize("name", ["format", "architecture", "meta"])
@pytest.mark.parametrize("value", [np.bytes_(b"\xff\xfe"), np.float64(np.inf), np.float32(np.nan), np.zeros(0), np.array([1j])])
def test_metadata_of_another_kind(tmp_path, arrays, name, value):
    refused(tmp_path, arrays | {name: value})


@pytest.mark.parametrize("size", [{"d_model": 6}, {"d_input": 0}, {"d_head": -4}, {"n_stack": 0}, {"n_lookaheads": 0}])
def test_size_that_the_kernels_cannot_take(tmp_path, arrays, size):
    meta = json.loads(arrays["meta"].item())
    text = json.dumps(meta | {"config": meta["config"] | size})
    refused(tmp_path, arrays | {"meta": np.str_(text)}, *size, "multiples of 4")


def test_lookahead_that_the_file_lacks():
    assert networks.build(make_weights()).lookahead == 800  # its default
    assert networks.build(make_weights(), 0).lookahead == 0
    with pytest.raises(WeightsError, match="100 ms.*0, 50 ms"):
        networks.build(make_weights(), 1600)
