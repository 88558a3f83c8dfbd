"""evaluate: from weight files and data sets to tables, JSON and a report, and what stands in them is right."""

import base64
import dataclasses
import json
import re

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from fmg_rt import architectures, arkit, spec
from fmg_rt import weights as weight_files
from fmg_train import config as configuration
from fmg_train.cli import main
from fmg_train.datasets import form
from fmg_train.evaluate import conditions, evaluation, report
from fmg_train.fit import checkpoint as checkpoints
from fmg_train.fit import export as exporting
from fmg_train.fit.training import Fit, with_data

from .conftest import SMALL, make_dataset


@pytest.fixture(scope="module")
def files(bursts, tmp_path_factory):
    """(weights trained for a moment, weights hardly trained, test data set)."""
    folder = tmp_path_factory.mktemp("evaluate")
    torch.set_num_threads(1)
    for name, epochs in (("good", 8), ("raw", 1)):
        value = {**SMALL, "optim": {**SMALL["optim"], "epochs": epochs, "steps_per_epoch": 12 if epochs > 1 else 1}}
        config = with_data(configuration.from_dict(value), (str(bursts[0]),), (str(bursts[1]),))
        Fit(config, folder / name, torch.device("cpu")).run()
        weight_files.write(folder / f"{name}.npz", exporting.weights_of(checkpoints.load(folder / name), {}))
    return folder / "good.npz", folder / "raw.npz", make_dataset(folder / "test", 5, "test", 3)


def _evaluate(*arguments, code=0):
    result = CliRunner().invoke(main, ["evaluate", *map(str, arguments)])
    assert result.exit_code == code and "Traceback" not in result.output, (result.output, result.exception)
    return result.output


def test_tables_json_and_report(files, tmp_path):
    good, raw, data = files
    output = _evaluate(good, data, "--against", raw, "--json", tmp_path / "r.json", "--html", tmp_path / "r.html")
    for text in ("good.npz", "raw.npz", "loudness envelope", "closure_recall", "difference in mae", "silence"):
        assert text in output
    value = json.loads((tmp_path / "r.json").read_text())
    table = value["scores"]["test"]
    assert set(table) == {"good.npz", "raw.npz", "loudness envelope", "still face"}
    low, high = value["intervals"]["test"]["good.npz"]["mae"]
    assert low <= table["good.npz"]["mae"] <= high and f"({low:.3f}–{high:.3f})" in output
    difference, low, high = value["differences"]["test"]["mae"]
    assert difference == pytest.approx(table["good.npz"]["mae"] - table["raw.npz"]["mae"]) and low <= difference <= high
    assert high < 0, "trained weights are surely better than untrained ones"
    assert "aperture_r" not in value["differences"]["test"]  # nobody measured these lips

    text = (tmp_path / "r.html").read_text()
    pictures = [base64.b64decode(data) for data in re.findall(r"data:image/png;base64,([^\"]+)", text)]
    assert len(pictures) == 1 + 2 * report.SHOWN and all(p.startswith(b"\x89PNG") for p in pictures)
    assert not re.findall(r"(?:src|href)=\"(?!data:)", text), "nothing outside the file"
    for part in ("<td>s0</td>", "<td>s1</td>", "difference, first", "mae eyes", "test-000", "loudness envelope"):
        assert part in text
    assert f"{table['good.npz']['mae lips']:.4f}" in text


def test_the_table_is_what_slow_arithmetic_gives(files):
    """MAE and MSE against a prediction compared frame by frame, by hand."""
    good, _, data = files
    predict = evaluation.network(weight_files.read(good))
    summary = evaluation.summary(evaluation.rows(predict, [data]))
    errors = []
    for recording in form.read_manifest(data):
        face, ours = form.read_face(data, recording), predict(form.read_audio(data, recording))
        n = min(len(ours), len(face.coefficients))  # both at 100 frames a second
        errors.append(ours[:n].astype(float) - face.coefficients[:n])
    difference = np.concatenate(errors)
    assert summary["mae"] == pytest.approx(np.abs(difference).mean(), rel=1e-6)
    assert summary["mse"] == pytest.approx((difference**2).mean(), rel=1e-6)
    jaw = arkit.region_indices("jaw")
    assert summary["mae jaw"] == pytest.approx(np.abs(difference[:, jaw]).mean(), rel=1e-6)


def _row(i, error, aperture_r=np.nan, closure=(0, 0, 0, 0), frames=100, jitter=1.0):
    recording = form.Recording(f"r{i}", "test", "s", "en", "x", "MIT", 1.0, "", "")
    errors = np.full(52, error)
    errors[3] = np.nan  # not known
    return evaluation.Row(recording, aperture_r, closure, (), (), errors, errors**2, jitter, frames)


def test_intervals_are_those_of_a_plain_paired_bootstrap():
    rng = np.random.default_rng(0)
    n = 30
    first = [_row(i, rng.uniform(0.1, 0.2), rng.uniform(), (2, 3, 1, 4), 50 + i, rng.uniform()) for i in range(n)]
    lips = [np.nan if i == 4 else rng.uniform() for i in range(n)]
    second = [_row(i, rng.uniform(0.1, 0.3), lips[i], (1 + i % 2, 3, 1, 4), 50 + i) for i in range(n)]
    table = report.comparisons({"set": {"a": first, "b": second, "envelope": first}})["set"]
    one, two = evaluation.summary(first), evaluation.summary(second)
    slow = [
        (evaluation.summary([first[i] for i in pick]), evaluation.summary([second[i] for i in pick]))
        for pick in np.random.default_rng(9).integers(0, n, (200, n))
    ]
    for measure in ("mae", "mae jaw+lips", "mse", "aperture_r", "closure_recall", "closure_false", "jitter"):
        difference, low, high = table[measure]
        assert difference == pytest.approx(one[measure] - two[measure])
        expected = np.percentile([a[measure] - b[measure] for a, b in slow], [2.5, 97.5])
        spread = max(np.ptp(expected), 1e-9)
        assert np.abs(np.array([low, high]) - expected).max() < 0.25 * spread, measure


def test_equal_files_do_not_differ(files, tmp_path):
    good, _, data = files
    (tmp_path / "same.npz").write_bytes(good.read_bytes())
    _evaluate(good, data, "--against", tmp_path / "same.npz", "--json", tmp_path / "r.json")
    assert all(v == [0, 0, 0] for v in json.loads((tmp_path / "r.json").read_text())["differences"]["test"].values())


def test_bad_input_is_one_line(files, tmp_path):
    good, _, data = files
    assert "no recording of the split 'val'" in _evaluate(good, data, "--split", "val", code=1)
    assert "cannot read the weight file" in _evaluate(tmp_path / "no.npz", data, code=1)
    assert "no data set here" in _evaluate(good, tmp_path, code=1)
    output = _evaluate(good, data, "--html", tmp_path / "no" / "way" / ("x" * 300), code=1)
    assert "cannot write the report" in output


def test_emotion_is_scored_once_a_recording(files, tmp_path):
    rng = np.random.default_rng(0)
    recordings = []
    for name, mood, split in (("a", "anger", "test"), ("b", "sadness", "test"), ("c", None, "test"), ("d", "joy", "train")):
        face = form.Face(np.zeros((150, arkit.N_COEFFICIENTS), np.float32), 100.0)
        audio = (0.1 * rng.standard_normal(24_000)).astype(np.float32)
        recordings.append(
            form.write_recording(
                tmp_path, name, audio, face, split=split, speaker="s", language="de", source="x", licence="CC0", emotion=mood
            )
        )
    form.write_manifest(tmp_path, recordings)
    sad, aroused = architectures.EMOTIONS.index("sadness"), 7
    bias = np.eye(9, dtype=np.float32)[[sad, aroused]].sum(axis=0)
    readout = {"weight": np.zeros((9, spec.N_EGEMAPS), np.float32), "bias": bias}
    weights = dataclasses.replace(weight_files.read(files[0]), emotion=readout)
    assert evaluation.emotion(weights, [tmp_path]) == (2, 0.5, 0.5)
    assert evaluation.emotion(weights, [tmp_path], None) == (3, 2 / 3, 1 / 3)
    assert evaluation.emotion(weight_files.read(files[0]), [tmp_path]) is None
    assert evaluation.emotion(weights, [files[2]]) is None
    weight_files.write(tmp_path / "moody.npz", weights)
    output = _evaluate(tmp_path / "moody.npz", tmp_path, "--json", tmp_path / "r.json")
    assert "emotion in 2 recordings: sign of arousal 50.0%, seven classes 50.0%" in output
    assert json.loads((tmp_path / "r.json").read_text())["emotion"]["arousal_sign"] == 0.5


def test_a_condition_that_speeds_up_takes_the_face_along():
    rng = np.random.default_rng(3)
    audio = rng.standard_normal(32_000).astype(np.float32) * 0.1
    face = form.Face(np.zeros((200, 52), np.float32), 100.0, start=0.2, phones=(("a", 0.9, 1.8),))
    recording = form.Recording("0", "test", "s", "en", "x", "CC0", 2.0, "0" * 64, "0" * 64)
    assert conditions.heard(None, audio, recording, face, []) == (audio, face)
    fast, moved = conditions.heard(conditions.CONDITIONS["1.8 times as fast"], audio, recording, face, [])
    assert len(fast) == pytest.approx(32_000 / 1.8, abs=1) and moved.rate == pytest.approx(180.0, rel=1e-3)
    assert moved.phones[0][1:] == pytest.approx((0.5, 1.0), rel=1e-3) and moved.start == pytest.approx(0.2 / 1.8, rel=1e-3)
    for name in ("babble 10 dB", "Opus 12 kbit/s"):
        changed, same = conditions.heard(conditions.CONDITIONS[name], audio, recording, face, [audio[::-1].copy()])
        assert len(changed) == len(audio) and same is face and 0.02 < np.std(changed - audio) / np.std(audio) < 1.5
