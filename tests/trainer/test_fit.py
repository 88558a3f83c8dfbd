"""Training: it learns, it goes on bit for bit after a stop, and a kill costs the current epoch only."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from click.testing import CliRunner

from fmg_rt import architectures, arkit, spec
from fmg_rt import weights as weight_files
from fmg_train import config as configuration
from fmg_train import features
from fmg_train.cli import main
from fmg_train.fit import checkpoint as checkpoints
from fmg_train.fit import export as exporting
from fmg_train.fit import losses
from fmg_train.fit.training import Fit, with_data

from .conftest import SMALL

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)


def _config(bursts, **optim):
    value = {**SMALL, "optim": {**SMALL["optim"], **optim}}
    return with_data(configuration.from_dict(value), (str(bursts[0]),), (str(bursts[1]),))


def _log(folder):
    return [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]


def test_it_learns(bursts, tmp_path):
    run = Fit(_config(bursts, epochs=12, steps_per_epoch=15), tmp_path / "run", CPU)
    untrained = run._validate(run.feed.validation())["total"]
    run.run()
    assert _log(tmp_path / "run")[-1]["val"]["total"] < 0.1 * untrained


def test_resume_is_bit_exact(bursts, tmp_path):
    config = _config(bursts)
    Fit(config, tmp_path / "whole", CPU).run()
    halted = Fit(replace(config, optim=replace(config.optim, patience=2)), tmp_path / "halted", CPU)
    halted._best_epoch, halted.best = 0, -1.0  # nothing improves on -1: patience ends it after two epochs
    halted.run()
    assert halted.epoch == 2
    again = Fit(config, tmp_path / "halted", CPU)
    again.resume()
    again.best = np.inf
    again.run()
    whole, parts = (checkpoints.load(tmp_path / name / "last.pt") for name in ("whole", "halted"))
    for name, value in whole.progress["net"].items():
        assert torch.equal(value, parts.progress["net"][name]), name
    for name, value in whole.net.items():
        assert torch.equal(value, parts.net[name]), name


def test_runs_of_other_seeds_are_judged_by_the_same_sequences(bursts, tmp_path):
    """No step is taken, as the rate is too small for one: what differs is the sequences alone."""
    config = _config(bursts, epochs=1, steps_per_epoch=1, batch=2)
    Fit(config, tmp_path / "first", CPU).run()
    begun = exporting.weights_of(checkpoints.load(tmp_path / "first"), {})
    scores = []
    for seed in (1, 2):
        still = replace(config, seed=seed, optim=replace(config.optim, rate=1e-12))
        Fit(still, tmp_path / f"seed{seed}", CPU, begun).run()
        scores.append(_log(tmp_path / f"seed{seed}")[0])
    assert scores[0]["val"]["total"] == pytest.approx(scores[1]["val"]["total"], rel=1e-6)
    assert scores[0]["train"]["total"] != pytest.approx(scores[1]["train"]["total"], rel=1e-6)


def test_a_kill_costs_one_epoch(bursts, tmp_path):
    path = tmp_path / "config.yaml"
    path.write_text(yaml.safe_dump({**SMALL, "optim": {**SMALL["optim"], "epochs": 500, "patience": 500}}))
    arguments = [
        sys.executable,
        "-m",
        "fmg_train",
        "fit",
        "--config",
        str(path),
        "--train",
        str(bursts[0]),
        "--val",
        str(bursts[1]),
        "--out",
        str(tmp_path / "run"),
    ]
    process = subprocess.Popen(arguments, stderr=subprocess.DEVNULL, env={**os.environ, "OMP_NUM_THREADS": "1"})
    try:
        deadline = time.monotonic() + 60
        while not (tmp_path / "run" / "log.jsonl").exists() or len(_log(tmp_path / "run")) < 3:
            assert process.poll() is None and time.monotonic() < deadline
            time.sleep(0.05)
    finally:
        process.send_signal(getattr(signal, "SIGKILL", signal.SIGTERM))
        process.wait()
    saved = checkpoints.load(tmp_path / "run" / "last.pt")
    assert saved.progress["epoch"] >= len(_log(tmp_path / "run")) - 1
    result = CliRunner().invoke(main, arguments[3:] + ["--resume", "--epochs", str(saved.progress["epoch"] + 1)])
    assert result.exit_code == 0, result.output
    assert checkpoints.load(tmp_path / "run" / "last.pt").progress["epoch"] == saved.progress["epoch"] + 1


def test_two_processes_reach_the_loss_of_one(bursts, tmp_path):
    path = tmp_path / "config.yaml"
    path.write_text(yaml.safe_dump({**SMALL, "optim": {**SMALL["optim"], "epochs": 6, "steps_per_epoch": 15}}))
    common = ["--config", str(path), "--train", str(bursts[0]), "--val", str(bursts[1])]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    subprocess.run(
        [
            sys.executable,
            "-m",
            "torch.distributed.run",
            "--standalone",
            "--nproc-per-node",
            "2",
            "-m",
            "fmg_train",
            "fit",
            *common,
            "--out",
            str(tmp_path / "two"),
        ],
        check=True,
        capture_output=True,
        env=environment,
        timeout=120,
    )
    result = CliRunner().invoke(main, ["fit", *common, "--out", str(tmp_path / "one")])
    assert result.exit_code == 0, result.output
    one, two = (_log(tmp_path / name)[-1]["val"]["total"] for name in ("one", "two"))
    assert two < 1.5 * one and one < 1.5 * two
    assert two < 0.6 * _log(tmp_path / "two")[0]["val"]["total"]


def test_fine_tuning_starts_from_the_weights(bursts, tmp_path):
    config = _config(bursts, epochs=10, steps_per_epoch=15)
    run = Fit(config, tmp_path / "first", CPU)
    run.run()
    saved = checkpoints.load(tmp_path / "first")
    weights = exporting.weights_of(saved, {})
    sha256 = weight_files.write(tmp_path / "first.npz", weights)
    assert weight_files.read(tmp_path / "first.npz").sha256 == sha256
    result = CliRunner().invoke(
        main,
        [
            "fit",
            "--train",
            str(bursts[0]),
            "--val",
            str(bursts[1]),
            "--init",
            str(tmp_path / "first.npz"),
            "--epochs",
            "1",
            "--out",
            str(tmp_path / "more"),
            "--config",
            str(_yaml(tmp_path)),
        ],
    )
    assert result.exit_code == 0, result.output
    fresh = _log(tmp_path / "first")[0]["val"]["total"]
    assert _log(tmp_path / "more")[0]["val"]["total"] < 0.7 * fresh


def test_weights_of_another_size_are_refused(bursts, tmp_path):
    Fit(_config(bursts, epochs=1, steps_per_epoch=1, batch=2), tmp_path / "first", CPU).run()
    weights = exporting.weights_of(checkpoints.load(tmp_path / "first"), {})
    config = _config(bursts)
    other = replace(config, model=replace(config.model, d_model=config.model.d_model + 12))
    with pytest.raises(configuration.ConfigError, match="the configuration asks for"):
        Fit(other, tmp_path / "other", CPU, weights)


def test_other_lookaheads_begin_between_those_of_the_weights(bursts, tmp_path):
    config = _config(bursts, epochs=1, steps_per_epoch=1, batch=2)
    config = replace(config, model=replace(config.model, lookaheads_ms=(0, 50, 100), default_lookahead_ms=50))
    Fit(config, tmp_path / "first", CPU).run()
    weights = exporting.weights_of(checkpoints.load(tmp_path / "first"), {})
    model = replace(config.model, lookaheads_ms=(0, 50, 60, 120), default_lookahead_ms=120)
    own, readouts = weights.tensors, {ms: f"readout.{i}." for i, ms in enumerate(config.model.lookaheads_ms)}
    state = Fit(replace(config, model=model), tmp_path / "more", CPU, weights).twin.net.state_dict()
    for kind in ("weight", "bias"):
        at = {ms: own[name + kind] for ms, name in readouts.items()}
        wanted = at[0], at[50], 0.8 * at[50] + 0.2 * at[100], at[100]
        for i, value in enumerate(wanted):
            np.testing.assert_allclose(state[f"readout.{i}.{kind}"].numpy(), value, rtol=1e-5, atol=1e-7)
    np.testing.assert_array_equal(state["head.weight"].numpy(), own["head.weight"])


def test_weights_give_the_model_only_where_the_configuration_states_none(bursts, tmp_path):
    Fit(_config(bursts, epochs=1, steps_per_epoch=1, batch=2), tmp_path / "first", CPU).run()
    weight_files.write(tmp_path / "first.npz", exporting.weights_of(checkpoints.load(tmp_path / "first"), {}))
    silent, stated = tmp_path / "silent.yaml", tmp_path / "stated.yaml"
    silent.write_text("optim: {epochs: 1, steps_per_epoch: 1, batch: 2}\ndata: {sequence_s: 0.5}")
    stated.write_text(silent.read_text() + "\nmodel: {n_stack: 2, d_head: 128}")  # exactly the defaults
    common = ["--train", str(bursts[0]), "--val", str(bursts[1]), "--init", str(tmp_path / "first.npz")]
    taken = CliRunner().invoke(main, ["fit", *common, "--config", str(silent), "--out", str(tmp_path / "a")])
    assert taken.exit_code == 0, taken.output
    assert checkpoints.load(tmp_path / "a").config.model == _config(bursts).model
    refused = CliRunner().invoke(main, ["fit", *common, "--config", str(stated), "--out", str(tmp_path / "b")])
    assert refused.exit_code == 1 and "the configuration asks for" in refused.output


def test_fine_tuned_weights_keep_the_emotion_readout(bursts, tmp_path):
    config = _config(bursts, epochs=1, steps_per_epoch=1, batch=2)
    Fit(config, tmp_path / "first", CPU).run()
    rng = np.random.default_rng(0)
    readout = {
        n.removeprefix("emotion."): rng.standard_normal(shape).astype(np.float32)
        for n, shape in architectures.EMOTION_TENSORS.items()
    }
    heard = {"egemaps_mean": np.full(spec.N_EGEMAPS, 2.0, np.float32), "egemaps_std": np.full(spec.N_EGEMAPS, 3.0, np.float32)}
    begun = replace(exporting.weights_of(checkpoints.load(tmp_path / "first"), {}), emotion=readout, **heard)
    more = Fit(config, tmp_path / "more", CPU, begun)
    more.run()
    # Started again without the weights: the checkpoint alone has to bring them.
    again = Fit(replace(config, optim=replace(config.optim, epochs=2)), tmp_path / "more", CPU)
    again.resume()
    again.run()
    assert again.epoch == 2
    result = CliRunner().invoke(main, ["export", str(tmp_path / "more" / "last.pt"), "-o", str(tmp_path / "more.npz")])
    assert result.exit_code == 0, result.output
    tuned = weight_files.read(tmp_path / "more.npz")
    assert tuned.emotion.keys() == readout.keys()
    for name, value in readout.items():
        np.testing.assert_array_equal(tuned.emotion[name], value)
    for name, value in heard.items():
        np.testing.assert_array_equal(getattr(tuned, name), value)


def _yaml(tmp_path):
    path = tmp_path / "small.yaml"
    path.write_text(yaml.safe_dump(SMALL))
    return path


@pytest.mark.parametrize("architecture", ["gru", "cross_attention"])
def test_export_is_verified_in_the_runtime(bursts, tmp_path, architecture):
    value = {**SMALL, "optim": {**SMALL["optim"], "epochs": 1, "steps_per_epoch": 2, "batch": 2}}
    if architecture == "cross_attention":
        value |= {"model": {"architecture": "cross_attention", "lookaheads_ms": [60]}, "data": {"sequence_s": 0.1}}
    config = with_data(configuration.from_dict(value), (str(bursts[0]),), (str(bursts[1]),))
    Fit(config, tmp_path / "run", CPU).run()
    result = CliRunner().invoke(main, ["export", str(tmp_path / "run"), "-o", str(tmp_path / "out.npz")])
    assert result.exit_code == 0, result.output
    weights = weight_files.read(tmp_path / "out.npz")
    assert weights.architecture == architecture and weights.provenance["epoch"] == 1
    saved = checkpoints.load(tmp_path / "run")
    mel = features.load(bursts[0]).mel[:400].astype(np.float32)
    assert max(exporting.difference(saved, weights, mel)) <= 1e-5
    # Another network under the same name must be noticed, and the file must not be kept.
    name = next(n for n in weights.tensors if n.endswith("weight") and ("readout" in n or "mlp.8" in n))
    wrong = {**weights.tensors, name: weights.tensors[name] + 0.5}
    with pytest.raises(exporting.ExportError, match="differs from torch"):
        exporting.export(tmp_path / "bad.npz", saved, replace(weights, tensors=wrong), mel)
    assert not (tmp_path / "bad.npz").exists()


def test_a_network_that_makes_much_of_the_last_bit_is_exported(bursts, tmp_path):
    Fit(_config(bursts, epochs=1, steps_per_epoch=1, batch=2), tmp_path / "run", CPU).run()
    saved = checkpoints.load(tmp_path / "run")
    sharp = {name: value * (1e4 if name.startswith("readout") else 1) for name, value in saved.net.items()}
    saved = replace(saved, net=sharp)
    mel = features.load(bursts[0]).mel[:400].astype(np.float32)
    weights = exporting.weights_of(saved, {})
    _, worst = exporting.export(tmp_path / "sharp.npz", saved, weights, mel)
    assert worst > exporting.TOLERANCE and (tmp_path / "sharp.npz").exists()
    wrong = {**weights.tensors, "head.bias": weights.tensors["head.bias"] + np.float32(1e-4)}
    with pytest.raises(exporting.ExportError, match="differs from torch"):
        exporting.export(tmp_path / "bad.npz", saved, replace(weights, tensors=wrong), mel)


def test_a_run_can_go_half_way_back_to_the_weights_it_began_from(bursts, tmp_path):
    config = _config(bursts, epochs=1, steps_per_epoch=3, batch=2)
    Fit(config, tmp_path / "first", CPU).run()
    assert CliRunner().invoke(main, ["export", str(tmp_path / "first"), "-o", str(tmp_path / "a.npz")]).exit_code == 0
    begun = weight_files.read(tmp_path / "a.npz")
    Fit(config, tmp_path / "more", CPU, begun).run()
    command = ["export", str(tmp_path / "more"), "-o", str(tmp_path / "b.npz"), "--mean-with"]
    result = CliRunner().invoke(main, [*command, str(tmp_path / "a.npz")])
    assert result.exit_code == 0, result.output
    found, learnt = weight_files.read(tmp_path / "b.npz"), checkpoints.load(tmp_path / "more").net
    assert found.provenance["mean_with"] == begun.sha256
    moved = 0.0
    for name, value in found.tensors.items():
        assert value == pytest.approx((learnt[name].numpy() + begun.tensors[name]) / 2, rel=2**-8, abs=1e-6)
        moved += np.abs(value - begun.tensors[name]).sum()
    assert moved > 0
    (tmp_path / "b.npz").unlink()
    # Of a run with other feature statistics or other look-aheads, no mean is taken and no file is written.
    later = tuple(samples + spec.HOP_LENGTH for samples in begun.lookaheads)
    for other in (replace(begun, mel_mean=begun.mel_mean + 1), replace(begun, lookaheads=later)):
        weight_files.write(tmp_path / "c.npz", other)
        refused = CliRunner().invoke(main, [*command, str(tmp_path / "c.npz")])
        assert refused.exit_code == 1 and "have no common beginning" in refused.output
        assert not (tmp_path / "b.npz").exists()


def test_losses_read_what_they_should():
    one = torch.ones(1, 1, 1, 52)
    measured = torch.zeros(1, 1, 1)
    target = torch.rand(1, 8, 2, 52)
    weights = configuration.Loss()
    parts = losses.face_loss(target.clone(), target, one, measured, torch.ones(52), weights)
    assert all(abs(v.item()) < 1e-9 for n, v in parts.items() if n != "aperture")
    # Unknown coefficients do not count.
    other = target.clone()
    other[..., 5] += 0.5
    known = one.clone()
    known[..., 5] = 0
    assert losses.face_loss(other, target, known, measured, torch.ones(52), weights)["face"].item() == 0
    unseen = losses.face_loss(1 - target, target, 0 * one, measured, torch.ones(52), weights)
    assert all(value.item() == 0 for value in unseen.values())
    # A mouth that should close for a moment and stays open costs more than one that is open and as wrong; one that should
    # rest does not, nor does one that closes a step later.
    jaw = 24
    closed = torch.zeros(1, 40, 1, 52)
    talking = closed.clone()
    talking[:, 30:, :, jaw] = 0.5

    def cost(step: int, count: int, measured: torch.Tensor) -> float:
        wrong = talking.clone()
        wrong[:, step : step + count, :, jaw] += 0.2
        return losses.face_loss(wrong, talking, one, measured, torch.ones(52), weights)["aperture"].item() / count

    resting, closing, opened = (cost(step, 3, measured) for step in (4, 24, 34))
    extra = weights.closure / 3  # the middle one of the three has no closed neighbour
    assert opened == pytest.approx(resting, rel=1e-3) and closing == pytest.approx((1 + extra) * resting, rel=1e-3)
    assert cost(25, 2, measured) == pytest.approx(resting, rel=1e-3)
    # Where lips were measured, all counts more, but for the closure itself.
    more = cost(4, 3, torch.ones(1, 1, 1)), cost(24, 3, torch.ones(1, 1, 1))
    assert more[0] == pytest.approx((1 + weights.measured_aperture) * resting, rel=1e-3)
    assert more[1] - more[0] == pytest.approx(weights.measured_closure / 3 * resting, rel=1e-3)
    # Lips pressed beyond contact are closed all the same.
    pressed = closed.clone()
    pressed[..., 35] = 0.5
    assert losses.face_loss(pressed, closed, one, measured, torch.ones(52), weights)["aperture"].item() == 0


@pytest.mark.parametrize("dynamic_range", [0.0, 2.5])
def test_the_errors_and_their_gradients_are_those_of_the_formula(dynamic_range):
    generator = torch.Generator().manual_seed(5)
    target, face, known = (torch.rand(2, 6, 3, 52, generator=generator).double() for _ in range(3))
    known = (known[:, :, :1] > 0.3).double()  # changes from step to step, as where another recording begins
    share = torch.linspace(0.2, 2.0, 52).double()
    weights = configuration.Loss(dynamic_range=dynamic_range, velocity=3.0)
    face.requires_grad_()
    parts = losses.face_loss(face, target, known, torch.zeros(2, 6, 1), share, weights)
    error = (face - target) * known
    extremes = 1.0 + dynamic_range * (2.0 * (target - 0.5).abs()).square()
    wanted = {
        "face": ((error.square() * extremes + 0.1 * error.abs()) * share).mean(),
        "velocity": 3.0 * ((error[:, 1:] - error[:, :-1]).square() * share).mean(),
    }
    for name, value in wanted.items():
        assert parts[name].item() == pytest.approx(value.item(), rel=1e-12)
        got, formula = (torch.autograd.grad(part, face, retain_graph=True)[0] for part in (parts[name], value))
        assert formula.abs().max() > 1e-5 and (got - formula).abs().max() < 1e-12


def test_a_clipped_coefficient_finds_back_but_pays_for_nothing():
    raw = torch.tensor([-0.5, -0.5, 0.4, 1.5, 1.5], requires_grad=True)
    clipped = losses.clip(raw)
    assert clipped.tolist() == pytest.approx([0.0, 0.0, 0.4, 1.0, 1.0])
    (clipped * torch.tensor([1.0, -1.0, 1.0, 1.0, -1.0])).sum().backward()
    assert raw.grad.tolist() == [0.0, -1.0, 1.0, 1.0, 0.0]  # downwards from 1.5 and upwards from -0.5, not further out
    # What the loss takes for the opening is the opening of the clipped face.
    one, closed = torch.ones(1, 1, 1, 52), torch.zeros(1, 2, 1, 52)
    far = closed.clone()
    far[..., arkit.INDEX["mouthClose"]] = -1.6
    parts = losses.face_loss(far, closed, one, torch.ones(1, 1, 1), torch.ones(52), configuration.Loss())
    assert all(value.item() == 0 for value in parts.values())


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"optim": {"epoch": 3}}, "did you mean 'epochs'"),
        ({"optim": {"batch": 2.5}}, "expected int"),
        ({"model": {"architecture": "transformer"}}, "one of cross_attention, gru"),
        ({"model": {"lookaheads_ms": [50, 0]}}, "ascending"),
        ({"model": {"lookaheads_ms": [0, 55]}}, "multiples of 10"),
        ({"model": {"d_model": 30}}, "multiple of 4"),
        ({"data": {"train": "x"}}, "expected a list"),
        ([1], "expected a mapping"),
        ({"base": "none.yaml"}, "none.yaml: cannot read"),
        ({"base": "bad.yaml"}, "without a base of its own"),
    ],
)
def test_bad_configuration_is_one_clear_line(tmp_path, value, message):
    path = tmp_path / "bad.yaml"
    path.write_text(yaml.safe_dump(value))
    result = CliRunner().invoke(main, ["fit", "--config", str(path), "--train", "x", "--val", "y", "--out", "run"])
    assert result.exit_code == 1 and message in result.output and result.output.count("\n") == 1, result.output


def test_a_configuration_states_what_differs_from_its_base(tmp_path):
    first, second = tmp_path / "first.yaml", tmp_path / "second.yaml"
    stated = {"seed": 5, "optim": {"batch": 7, "epochs": 3}, "data": {"train": [{"path": "a"}, {"path": "b"}]}}
    first.write_text(yaml.safe_dump(stated))
    second.write_text(
        yaml.safe_dump(
            {
                "base": "first.yaml",
                "optim": {"epochs": 4},
                "loss": {"closure": 30},
                "data": {"val": [{"path": "c"}], "train": [{"path": "d"}]},
            }
        )
    )
    config = configuration.read(second, {"d_model": 8})
    assert (config.seed, config.optim.batch, config.optim.epochs, config.loss.closure) == (5, 7, 4, 30.0)
    assert [source.path for source in (*config.data.train, *config.data.val)] == ["d", "c"]
    assert config.model.d_model == 8
    assert configuration.read(first).optim.epochs == 3


WEIGHTS = Path(__file__).parents[2] / "weights"


@pytest.mark.parametrize("path", sorted(WEIGHTS.glob("*.yaml")), ids=lambda path: path.name)
def test_the_configurations_of_the_packaged_weights_can_be_read(path):
    config = configuration.read(path)
    assert config.data.train and config.data.val


def test_the_packaged_weights_are_rebuilt_by_every_stage_from_what_was_made_before():
    made = ["-"]
    script = (WEIGHTS / "rebuild.sh").read_text()
    for name, *begun_with in re.findall(r"^stage (\S+) (\S+) \S+(?: --mean-with (\S+))?", script, re.MULTILINE):
        assert set(filter(None, begun_with)) <= set(made)
        made.append(f"{name}.npz")
    stages = sorted(WEIGHTS.glob("stage*.yaml"), key=lambda path: int(path.stem.removeprefix("stage")))
    assert made[1:] == [f"{path.stem}.npz" for path in stages]
    usage = subprocess.run(["bash", str(WEIGHTS / "rebuild.sh")], capture_output=True, text=True)
    assert usage.returncode == 2 and "weights/rebuild.sh REAL" in usage.stdout


def test_bad_input_of_fit(bursts, tmp_path):
    def invoke(*arguments):
        result = CliRunner().invoke(main, ["fit", "--out", str(tmp_path / "run"), *arguments])
        assert result.exit_code == 1 and "Traceback" not in result.output
        return result.output

    assert "give at least one data set" in invoke()
    assert "no finished data set" in invoke("--train", str(tmp_path), "--val", str(bursts[1]))
    assert "cannot read the checkpoint" in invoke("--train", str(bursts[0]), "--val", str(bursts[1]), "--resume")
    (tmp_path / "run").mkdir(exist_ok=True)
    (tmp_path / "run" / "last.pt").write_bytes(b"rubbish")
    assert "not a checkpoint" in invoke("--train", str(bursts[0]), "--val", str(bursts[1]), "--resume")
    assert "already holds a run" in invoke("--train", str(bursts[0]), "--val", str(bursts[1]))


def test_default_yaml_says_what_the_defaults_are():
    from importlib.resources import files

    shown = configuration.read(files("fmg_train") / "default.yaml")
    assert replace(shown, data=configuration.Data()) == replace(configuration.Config(), data=configuration.Data())


def test_a_flipped_byte_in_a_checkpoint_is_refused(bursts, tmp_path):
    Fit(_config(bursts, epochs=1, steps_per_epoch=1), tmp_path / "run", CPU).run()
    path = tmp_path / "run" / "last.pt"
    data, whole = path.read_bytes(), checkpoints.load(path)
    rng = np.random.default_rng(0)
    refused = 0
    for place in rng.integers(0, len(data), 60):
        damaged = bytearray(data)
        damaged[place] ^= 1 << int(rng.integers(8))
        path.write_bytes(damaged)
        try:
            loaded = checkpoints.load(path)
        except checkpoints.CheckpointError as error:
            refused += 1
            assert "\n" not in str(error) and str(path) in str(error)
        else:  # padding, or a date: nothing that is read
            assert all(torch.equal(value, loaded.net[name]) for name, value in whole.net.items())
    assert refused > 40


def test_two_trainings_do_not_share_a_folder(bursts, tmp_path):
    with checkpoints.alone(tmp_path / "run"):
        arguments = ["--train", bursts[0], "--val", bursts[1], "--out", tmp_path / "run", "--epochs", 1]
        result = CliRunner().invoke(main, ["fit", *map(str, arguments)])
        assert result.exit_code == 1 and "another training runs in this folder" in result.output
        assert "Traceback" not in result.output
    with checkpoints.alone(tmp_path / "run"):
        pass


def test_speech_is_learnt_where_it_is_known():
    logit = torch.tensor([[[2.0], [-2.0], [5.0]]])
    known = torch.tensor([[[1.0], [0.0], [-1.0]]])
    weights = configuration.Loss(speech=1.0)
    expected = np.log1p(np.exp(-2.0))
    assert losses.speech_loss(logit, known, weights).item() == pytest.approx(expected, rel=1e-5)
    assert losses.speech_loss(logit, torch.full_like(known, -1.0), weights).item() == 0.0
