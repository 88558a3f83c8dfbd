"""The commands of docs/own-data.md, run as they stand there, on tiny data in exactly the sources' formats."""

import re
import shlex
from pathlib import Path

import pytest
import torch
import yaml
from click.testing import CliRunner

from fmg_rt import weights as weight_files
from fmg_rt.cli import main as run_main
from fmg_train import config as configuration
from fmg_train.cli import main as train_main
from fmg_train.corpus import holdouts, shards, validation, vtl
from fmg_train.datasets import form
from fmg_train.fit import checkpoint as checkpoints
from fmg_train.fit import export as exporting
from fmg_train.fit.training import Fit, with_data

from . import captures, claire, films, painted
from .conftest import SMALL

ROOT = Path(__file__).parents[2]
TINY = {**SMALL, "optim": {"batch": 4, "steps_per_epoch": 2, "epochs": 2, "warmup_steps": 1, "rate": 0.001}}


def commands(name: str) -> list[list[str]]:
    text = (ROOT / "docs" / "own-data.md").read_text(encoding="utf-8")
    block = re.search(rf"<!-- command: {name} -->\n```bash\n(.*?)```", text, re.DOTALL)
    assert block is not None
    return [shlex.split(line) for line in block[1].splitlines()]


@pytest.fixture(scope="module")
def init(bursts, tmp_path_factory) -> bytes:
    """Weights of the tiny model, in the packaged ones' place."""
    folder = tmp_path_factory.mktemp("init")
    torch.set_num_threads(1)
    config = with_data(configuration.from_dict(TINY), (str(bursts[0]),), (str(bursts[1]),))
    Fit(config, folder / "run", torch.device("cpu")).run()
    weight_files.write(folder / "init.npz", exporting.weights_of(checkpoints.load(folder / "run"), {}))
    return (folder / "init.npz").read_bytes()


@pytest.fixture
def workplace(tmp_path, monkeypatch, init) -> Path:
    """A folder that looks like a checkout, with a tiny model in both configurations."""
    monkeypatch.chdir(tmp_path)
    for name in ("fine-tune.yaml", "default.yaml"):
        path = tmp_path / "trainer" / "fmg_train" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(yaml.safe_dump(TINY))
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights" / "best.npz").write_bytes(init)
    captures.write_wave(tmp_path / "voice.wav", claire.speech(captures.curves(60, 30.0, 0)[:, 24], 30.0), 16_000)
    return tmp_path


def _walk(name: str, **replace: str) -> None:
    kinds = []
    for program, *arguments in commands(name):
        arguments = [part for argument in arguments for part in replace.get(argument, argument).split(" ")]
        if program == "fmg-rt":  # a voice from a file in place of the microphone, a table in place of the browser
            arguments[-1:] = ["--input", "voice.wav", "--fast", "--record", f"{name}.csv"]
        kinds.append("fmg-rt" if program == "fmg-rt" else arguments[0])
        result = CliRunner().invoke(run_main if program == "fmg-rt" else train_main, arguments)
        assert result.exit_code == 0, (arguments, result.output, result.exception)
    assert kinds[1:] == ["cache", "fit", "export", "evaluate", "fmg-rt"]
    assert len(Path(f"{name}.csv").read_text().splitlines()) >= 55
    weights = next(Path().glob("*.npz"))
    assert weight_files.read(weights).provenance["data"]
    assert "data:image/png" in weights.with_suffix(".html").read_text()


def test_livelink(workplace):
    captures.write_livelink(workplace / "takes", ["a/MySlate_1", "b/MySlate_2", "c/MySlate_3"], seconds=2.0)
    _walk("livelink")


def test_video(workplace, monkeypatch):
    pytest.importorskip("av")
    opening = painted.syllables(5)
    for name in ("one.mp4", "two.mov", "three.mkv"):
        films.write(workplace / "films" / name, painted.paint(opening), painted.RATE, painted.voice(opening))
    painted.install(monkeypatch, workplace)
    _walk("video")


def test_claire(workplace):
    root = workplace / "Audio2Face-3D-Dataset-v1.0.0-claire" / "data" / "claire"
    claire.write_claire(root, {"cp1_neutral": 45, "cp2_joy": 45, "cp3_pain": 45})
    _walk("claire")


def test_predecessor(workplace):
    captures.write_predecessor(workplace / "recordings", {"train": ["a"], "val": ["b"], "test": ["c"]}, seconds=2.0)
    _walk("predecessor")


def _spoken(part, seconds):
    for _, item in shards.training(1, 7, ("de",), "val", seconds):
        yield part, item


def test_synthetic(workplace, monkeypatch):
    if "espeak" in shards.missing_engines():
        pytest.skip("espeak-ng is not installed: " + shards.missing_engines()["espeak"])
    monkeypatch.setattr(holdouts, "jobs", lambda: [("test-tiny", _spoken, ("test", 4.0))])  # the real ones take minutes
    monkeypatch.setattr(validation, "jobs", lambda recordings: [])
    monkeypatch.setattr(vtl, "training", lambda *_: _spoken("train", 4.0))
    _walk("synthetic", **{"10": "0.01 --languages de", "2": "1"})
    splits = {r.split for shard in form.shards("data/corpus") for r in form.read_manifest(shard)}
    assert splits == set(form.SPLITS)


def test_fine_tuning_fits_the_default_network():
    config = configuration.read(ROOT / "trainer" / "fmg_train" / "fine-tune.yaml")
    assert config.model == configuration.Model()
    assert config.optim.rate < configuration.Optim().rate
