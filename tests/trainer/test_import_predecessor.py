"""Checkpoints of the predecessor become weight files; what could run code is refused."""

import collections
import os
import pickle
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from click.testing import CliRunner  # noqa: E402

from fmg_rt import networks, spec, weights  # noqa: E402
from fmg_train import predecessor_checkpoint  # noqa: E402
from fmg_train.cli import main  # noqa: E402
from fmg_train.models.cross_attention import CrossAttentionNet  # noqa: E402


class Trap:
    """Unpickled, it would create a file."""

    def __init__(self, path: Path):
        self.path = str(path)

    def __reduce__(self):
        return os.mkdir, (self.path,)


def statistics(**changes):
    rng = np.random.default_rng(1)
    content = {
        "mel": {"mean": rng.normal(-8, 2, spec.N_MELS), "std": rng.uniform(1, 4, spec.N_MELS)},
        "egemaps": {"mean": rng.normal(0, 9, spec.N_EGEMAPS), "std": rng.uniform(0.1, 9, spec.N_EGEMAPS)},
    }
    return content | changes


@pytest.fixture
def files(tmp_path):
    """A checkpoint and its statistics as the predecessor writes them."""
    torch.manual_seed(3)
    net = CrossAttentionNet()
    torch.save(
        {
            "epoch": 7,
            "model_state_dict": net.state_dict(),
            "optimizer_state_dict": {},
            "val_loss": 0.1,
            "config": {"model": {"d_model": 256}, "lr": 1e-4},
        },
        tmp_path / "best.pth",
    )
    (tmp_path / "stats.pkl").write_bytes(pickle.dumps(statistics()))
    return net.eval(), tmp_path / "best.pth", tmp_path / "stats.pkl", tmp_path / "顔 out.npz"


def run(checkpoint, stats, out):
    return CliRunner().invoke(main, ["import-predecessor", str(checkpoint), "--stats", str(stats), "-o", str(out)])


def refused(result, out, *words):
    assert result.exit_code == 1 and isinstance(result.exception, SystemExit), result.output
    assert len(result.output.strip().splitlines()) == 1
    assert all(word in result.output for word in words), result.output
    assert not out.exists() and not [p for p in out.parent.iterdir() if p.suffix in (".part", ".npz") or p.is_dir()]


def test_imported_checkpoint_equals_torch(files):
    net, checkpoint, stats, out = files
    result = run(checkpoint, stats, out)
    assert result.exit_code == 0, result.output
    assert float(result.output.split("PyTorch ")[1].split(",")[0]) <= 1e-5
    loaded = weights.read(out)
    assert loaded.architecture == "cross_attention" and loaded.lookaheads == (0,)
    assert loaded.provenance["imported_from"] == "best.pth" and loaded.provenance["config"]["lr"] == 1e-4

    rng = np.random.default_rng(5)
    network = networks.build(loaded)
    mel = (loaded.mel_mean + loaded.mel_std * rng.standard_normal((7, 80))).astype(np.float32)
    functionals = (loaded.egemaps_mean + loaded.egemaps_std * rng.standard_normal(88)).astype(np.float32)
    network.set_egemaps(functionals)
    for frame in mel:
        network.push(frame)
    out52 = np.empty(52, np.float32)
    network.evaluate(network.horizon, out52)
    frames = torch.tensor((mel - loaded.mel_mean) / (loaded.mel_std + 1e-10))
    standard = torch.tensor((functionals - loaded.egemaps_mean) / (loaded.egemaps_std + 1e-10))
    with torch.no_grad():
        expected = net(frames[None], standard[None])
    assert np.abs(out52 - expected[0].numpy()).max() <= 1e-5


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_statistics_of_any_protocol_and_shape(files, protocol):
    """Arrays, numpy 1's module names, column vectors, lists and scalars are what a run of the predecessor may leave."""
    stats = files[2]
    content = collections.OrderedDict(statistics())
    content["mel"] = {"mean": content["mel"]["mean"].astype(np.float32)[:, None], "std": list(content["mel"]["std"])}
    data = pickle.dumps(content, protocol=protocol)
    if protocol < 4:  # there the names are lines of text
        data = data.replace(b"numpy._core.", b"numpy.core.")
    stats.write_bytes(data)
    read = predecessor_checkpoint.read_statistics(stats)
    for name, value in vars(read).items():
        group, part = name.split("_")
        assert value.dtype == np.float32 and np.array_equal(value, statistics()[group][part].astype(np.float32))


def test_code_in_the_statistics_is_refused(files, tmp_path):
    _, checkpoint, stats, out = files
    stats.write_bytes(pickle.dumps(statistics(extra=Trap(tmp_path / "ran"))))
    refused(run(checkpoint, stats, out), out, "stats.pkl", "mkdir", "only arrays and plain containers")


def test_code_inside_an_object_array_is_refused(files, tmp_path):
    _, checkpoint, stats, out = files
    stats.write_bytes(pickle.dumps(statistics(extra=np.array([Trap(tmp_path / "ran")], object))))
    refused(run(checkpoint, stats, out), out, "mkdir")


@pytest.mark.parametrize("encoding", ["zip", "rot13", "utf-7"])
def test_decompressing_pickle_is_refused(files, encoding):
    _, checkpoint, stats, out = files
    stats.write_bytes(b"c_codecs\nencode\n(Vx\nV" + encoding.encode() + b"\ntR.")
    refused(run(checkpoint, stats, out), out, encoding)


def test_code_in_the_checkpoint_is_refused(files, tmp_path):
    net, checkpoint, stats, out = files
    torch.save({"model_state_dict": net.state_dict(), "config": Trap(tmp_path / "ran")}, checkpoint)
    refused(run(checkpoint, stats, out), out, "best.pth", "refused")


@pytest.mark.parametrize("name", ["best.pth", "stats.pkl"])
@pytest.mark.parametrize("damage", ["missing", "truncated", "empty", "text"])
def test_damaged_files(files, name, damage):
    _, checkpoint, stats, out = files
    path = checkpoint.with_name(name)
    if damage == "missing":
        path.unlink()
    else:
        data = path.read_bytes()
        path.write_bytes({"truncated": data[: len(data) // 2], "empty": b"", "text": b"hello, world\n"}[damage])
    refused(run(checkpoint, stats, out), out, name)


@pytest.mark.parametrize(
    "content, word",
    [
        ({}, "mel"),
        ([1, 2], "mel"),
        (statistics(mel={"mean": np.zeros(80)}), "std"),
        (statistics(mel={"mean": np.zeros(79), "std": np.ones(80)}), "79"),
        (statistics(egemaps={"mean": np.full(88, np.nan), "std": np.ones(88)}), "finite"),
        (statistics(egemaps={"mean": np.zeros(88), "std": -np.ones(88)}), "negative"),
        (statistics(egemaps={"mean": ["a"] * 88, "std": np.ones(88)}), "mean"),
    ],
)
def test_unusable_statistics(files, content, word):
    _, checkpoint, stats, out = files
    stats.write_bytes(pickle.dumps(content))
    refused(run(checkpoint, stats, out), out, "stats.pkl", word)


def test_other_architecture_shape_and_nan(files):
    net, checkpoint, stats, out = files
    state = net.state_dict()
    torch.save({"model_state_dict": {f"encoder.{k}": v for k, v in state.items()}}, checkpoint)
    refused(run(checkpoint, stats, out), out, "another architecture")
    torch.save({"model_state_dict": state | {"base_embeddings": torch.zeros(51, 64)}}, checkpoint)
    refused(run(checkpoint, stats, out), out, "base_embeddings", "(51, 64)")
    torch.save({"model_state_dict": state | {"base_embeddings": torch.full((52, 64), torch.nan)}}, checkpoint)
    refused(run(checkpoint, stats, out), out, "base_embeddings", "finite")
    torch.save(state, checkpoint)
    refused(run(checkpoint, stats, out), out, "model_state_dict")


def test_old_file_stays_when_the_new_one_is_refused(files):
    _, checkpoint, stats, out = files
    out.write_bytes(b"precious")
    stats.write_bytes(b"")
    assert run(checkpoint, stats, out).exit_code == 1
    assert out.read_bytes() == b"precious"


def test_unwritable_output(files):
    _, checkpoint, stats, out = files
    result = run(checkpoint, stats, out.parent / "nowhere" / "out.npz")
    assert result.exit_code == 1 and "cannot write" in result.output and len(result.output.splitlines()) == 1
