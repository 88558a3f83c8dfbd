"""Does somebody speak? The judge of it, and that a network can learn it."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from fmg_rt import arkit, networks
from fmg_rt import weights as weight_files
from fmg_train import config as configuration
from fmg_train import features
from fmg_train.datasets import form
from fmg_train.evaluate import presence
from fmg_train.fit import checkpoint as checkpoints
from fmg_train.fit import export as exporting
from fmg_train.fit.training import Fit, with_data

from .conftest import SMALL

RATE = 16_000


@pytest.fixture(scope="module")
def talk(tmp_path_factory):
    """Noise that is on while somebody speaks, and a tone that is none."""
    folder = tmp_path_factory.mktemp("talk")
    for split in ("train", "val"):
        recordings = []
        for number in range(6):
            rng = np.random.default_rng([number, split == "val"])
            audio = (1e-3 * rng.standard_normal(4 * RATE)).astype(np.float32)
            begin = 0.5 + 0.2 * number
            audio[int(begin * RATE) : int((begin + 1.5) * RATE)] *= 200
            phones = (("_", 0.0, begin), ("a", begin, begin + 1.5), ("_", begin + 1.5, 4.0))
            face = form.Face(np.zeros((400, arkit.N_COEFFICIENTS), np.float32), 100.0, 0.0, phones=phones)
            recordings.append(
                form.write_recording(
                    folder / split,
                    f"s{number}",
                    audio,
                    face,
                    split=split,
                    speaker="s",
                    language="en",
                    source="x",
                    licence="MIT",
                )
            )
            tone = (0.5 * np.sin(2 * np.pi * 300 * (1 + number) * np.arange(4 * RATE) / RATE)).astype(np.float32)
            silent = form.Face(face.coefficients, 100.0)
            recordings.append(
                form.write_recording(
                    folder / split,
                    f"t{number}",
                    tone,
                    silent,
                    split=split,
                    language="zxx",
                    speaker="nonspeech-tones",
                    source=features.NOISE,
                    licence="MIT",
                )
            )
        form.write_manifest(folder / split, recordings)
    return folder


def test_a_perfect_and_a_blind_answer(talk):
    def loud(audio):
        """Knows nothing but loudness: tones fool it."""
        n = max(0, (len(audio) - 400) // 160 + 1)
        times = features.row_times(n)
        return np.array([np.abs(audio[max(0, int(t * RATE) - 400) : int(t * RATE) + 400]).mean() for t in times])

    speech, rest = presence.judged(loud, [talk / "val"], "val")
    assert len(speech) == pytest.approx(6 * 144, abs=20) and len(rest) > 2000
    assert 0.3 < presence.auc(loud, [talk / "val"], "val") < 0.9
    assert presence.auc(lambda audio: np.zeros(max(0, (len(audio) - 400) // 160 + 1)), [talk / "val"], "val") == 0.5
    assert np.isnan(presence.auc(loud, [talk / "val"], "test")), "there is nothing of this split"


def test_a_network_learns_it_and_the_runtime_says_the_same(talk, tmp_path):
    torch.set_num_threads(1)
    value = {**SMALL, "optim": {**SMALL["optim"], "epochs": 6, "steps_per_epoch": 25}, "loss": {"speech": 1.0}}
    config = with_data(configuration.from_dict(value), (str(talk / "train"),), (str(talk / "val"),))
    Fit(config, tmp_path / "run", torch.device("cpu")).run()
    saved = checkpoints.load(tmp_path / "run")
    weights = exporting.weights_of(saved, {})
    mel = features.load(talk / "val").mel[:600].astype(np.float32)
    exporting.export(tmp_path / "w.npz", saved, weights, mel)  # compares the presence with PyTorch's too
    read = weight_files.read(tmp_path / "w.npz")
    assert read.config["speech"] == 1
    detect = presence.network(read)
    assert presence.auc(detect, [talk / "val"], "val") > 0.97
    network = networks.build(read)
    assert network.presence == 0.0
    config = {name: n for name, n in read.config.items() if name != "speech"}
    tensors = {name: value for name, value in read.tensors.items() if not name.startswith("speech")}
    assert presence.network(replace(read, config=config, tensors=tensors)) is None
