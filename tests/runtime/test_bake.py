"""Baking: the live frames, many files on all cores, resumed, and nothing half-baked."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner

from fmg_rt import architectures, weights
from fmg_rt.cli import bake as module
from fmg_rt.cli import main

CONFIG = {"n_stack": 2, "d_input": 16, "d_model": 16, "d_head": 16, "n_lookaheads": 2, "default_lookahead": 800}


@pytest.fixture(scope="module")
def weight_file(tmp_path_factory):
    rng = np.random.default_rng(1)
    tensors = {n: rng.normal(0, 0.5, s).astype(np.float32) for n, s in architectures.gru_tensors(CONFIG).items()}
    path = tmp_path_factory.mktemp("weights") / "w.npz"
    mel_mean, mel_std = np.full(80, -10, np.float32), np.full(80, 4, np.float32)
    zeros, ones = np.zeros(88, np.float32), np.ones(88, np.float32)
    weights.write(path, weights.Weights("gru", CONFIG, (0, 800), mel_mean, mel_std, zeros, ones, tensors))
    return path


def sound(path, seconds, rate=16000, seed=0):
    rng = np.random.default_rng(seed)
    n = int(seconds * rate)
    envelope = np.clip(np.sin(np.arange(n) * 2 * np.pi * 2 / rate), 0, 1)
    soundfile.write(path, (0.3 * envelope * rng.standard_normal(n)).astype(np.float32), rate)
    return path


def run(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def bake(weight_file, *arguments):
    return run("bake", "--weights", weight_file, *arguments)


@pytest.mark.parametrize(
    "options", [[], ["--rate", "59.94", "--lookahead", "0", "--seed", "7", "--mouth", "1.3"], ["--no-expression"]]
)
def test_the_frames_are_those_of_the_live_path(tmp_path, weight_file, options):
    talk = sound(tmp_path / "話 し.wav", 3.21, rate=44100)
    result = bake(weight_file, talk, "--out", tmp_path / "new" / "out", *options)
    assert result.exit_code == 0, result.output
    live = tmp_path / "live.csv"
    result = run("--weights", weight_file, "--input", talk, "--fast", "--record", live, *options)
    assert result.exit_code == 0, result.output
    baked = tmp_path / "new" / "out" / "話 し.csv"
    assert baked.read_bytes() == live.read_bytes()
    assert len(baked.read_text().splitlines()) > 90
    assert os.listdir(baked.parent) == [baked.name]


def test_many_files_on_several_processes(tmp_path, weight_file):
    files = [sound(tmp_path / f"{i}.wav", 0.5 + 0.3 * i, seed=i) for i in range(4)]
    result = bake(weight_file, *files, "--out", tmp_path / "many", "--record-format", "npz")
    assert result.exit_code == 0, result.output
    for file in files:  # each as if it were alone
        assert bake(weight_file, file, "--out", tmp_path / "one", "--record-format", "npz").exit_code == 0
        name = f"{file.stem}.npz"
        with np.load(tmp_path / "many" / name) as many, np.load(tmp_path / "one" / name) as one:
            np.testing.assert_array_equal(many["coefficients"], one["coefficients"])
            assert len(one["coefficients"]) == len(one["time"]) > 10


def test_finished_results_are_left_alone(tmp_path, weight_file):
    files = [sound(tmp_path / f"{i}.wav", 0.3) for i in range(2)]
    out = tmp_path / "out"
    assert bake(weight_file, files[0], "--out", out).exit_code == 0
    (out / "0.csv").write_text("mine")
    result = bake(weight_file, *files, "--out", out)
    assert result.exit_code == 0 and "1 of 2 files are already done" in result.output
    assert (out / "0.csv").read_text() == "mine" and (out / "1.csv").exists()
    result = bake(weight_file, *files, "--out", out)
    assert result.exit_code == 0 and "2 of 2" in result.output
    later = time.time() + 5
    os.utime(files[0], (later, later))  # a new take
    assert bake(weight_file, *files, "--out", out).exit_code == 0
    assert (out / "0.csv").read_text() != "mine"


def test_a_bad_file_is_one_line_and_the_others_are_baked(tmp_path, weight_file):
    good = sound(tmp_path / "good.wav", 0.3)
    (tmp_path / "bad.wav").write_bytes(b"not a sound at all")
    result = bake(weight_file, tmp_path / "bad.wav", good, tmp_path / "none.wav", "--out", tmp_path / "out")
    assert result.exit_code == 1
    errors = [line for line in result.output.splitlines() if line.startswith("Error")]
    assert len(errors) == 2 and any("bad.wav" in e for e in errors) and any("none.wav" in e for e in errors)
    assert os.listdir(tmp_path / "out") == ["good.csv"]
    assert "Traceback" not in result.output


@pytest.mark.parametrize("format", ["csv", "npz"])
def test_a_full_disk_leaves_no_part_that_the_next_bake_takes_for_the_whole(tmp_path, weight_file, format):
    pytest.importorskip("resource", reason="needs a POSIX file-size limit")
    code = """
import resource, signal
from fmg_rt.cli import main
import fmg_rt.session  # what is compiled is kept in files, too
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, 30_000))
main()
"""
    talk, out = sound(tmp_path / "talk.wav", 6), tmp_path / "out"
    arguments = ["bake", "--weights", weight_file, talk, "--out", out, "--record-format", format]
    result = subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)], capture_output=True, text=True, encoding="utf-8", timeout=120
    )
    assert result.returncode == 1 and "File too large" in result.stderr and "Traceback" not in result.stderr
    assert list(out.iterdir()) == []


def test_bad_requests_are_refused_at_once(tmp_path, weight_file):
    (tmp_path / "a").mkdir()
    first, second = sound(tmp_path / "x.wav", 0.1), sound(tmp_path / "a" / "x.flac", 0.1)
    result = bake(weight_file, first, second, "--out", tmp_path / "out")
    assert result.exit_code == 2 and "would both become" in result.output
    result = bake(tmp_path / "no.npz", first, "--out", tmp_path / "out")
    assert result.exit_code == 1 and result.output.startswith("Error: ") and "no.npz" in result.output
    result = bake(weight_file, first, "--out", first)
    assert result.exit_code == 2
    result = bake(weight_file, first, "--out", tmp_path / "out", "--merge", "9000")
    assert result.exit_code == 2 and "tracker" in result.output
    assert run("bake", "--out", tmp_path).exit_code == 2
    assert not (tmp_path / "out").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="sends a POSIX signal")
@pytest.mark.parametrize("n_files", [1, 3])
def test_ctrl_c_leaves_nothing_half_baked_and_the_next_run_goes_on(tmp_path, weight_file, n_files):
    files = [sound(tmp_path / f"{i}.wav", 900) for i in range(n_files - 1)]
    files = [sound(tmp_path / "short.wav", 0.2), *files] if n_files > 1 else [sound(tmp_path / "long.wav", 900)]
    out = tmp_path / "out"
    command = [sys.executable, "-m", "fmg_rt", "bake", *files, "--weights", weight_file, "--out", out]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True, text=True)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if any(path.suffix == ".part" and path.stat().st_size > 1000 for path in out.glob("*")):
            break
        time.sleep(0.02)
    assert process.poll() is None
    os.killpg(process.pid, signal.SIGINT)  # as a console does: to every process
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "Traceback" not in errors
    left = {path.name for path in out.iterdir()}
    assert left <= {"short.csv"}


def test_plan_names_every_result(tmp_path):
    jobs = module.plan((Path("a b.wav"), Path("c.d.flac")), tmp_path, "a2f")
    assert [job.target.name for job in jobs] == ["a b.json", "c.d.json"]
