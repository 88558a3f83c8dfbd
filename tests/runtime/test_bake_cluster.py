"""`fmg-rt bake` over a Dask cluster: the same results as on this machine, and it goes on where it was."""

import shutil

import pytest
from click.testing import CliRunner

from fmg_rt.app.stop import Stop
from fmg_rt.cli.bake import bake

distributed = pytest.importorskip("distributed")


def run(*arguments):
    return CliRunner().invoke(bake, list(map(str, arguments)), obj=Stop())


def test_bake_over_a_cluster(tmp_path, voice, weight_file, monkeypatch):
    for name in ("a", "b", "c"):
        shutil.copy(voice, tmp_path / f"{name}.wav")
    (tmp_path / "broken.wav").write_bytes(b"no sound")
    monkeypatch.chdir(tmp_path)
    options = ["--weights", weight_file]
    assert run("a.wav", "--out", "here", *options).exit_code == 0
    with distributed.LocalCluster(n_workers=1, threads_per_worker=2, processes=False, dashboard_address=None) as cluster:
        options += ["--scheduler", cluster.scheduler_address]
        result = run("a.wav", "b.wav", "broken.wav", "--out", "there", *options)
        assert result.exit_code == 1 and result.stderr.count("Error: ") == 1 and "broken.wav" in result.stderr
        assert "Traceback" not in result.output
        expected = (tmp_path / "here" / "a.csv").read_bytes()
        assert {(tmp_path / "there" / f"{name}.csv").read_bytes() for name in "ab"} == {expected}
        result = run("a.wav", "b.wav", "c.wav", "--out", "there", *options)
        assert result.exit_code == 0 and "2 of 3 files" in result.stderr
        assert (tmp_path / "there" / "c.csv").read_bytes() == expected


def test_no_scheduler_there_is_one_clear_line(tmp_path, voice, weight_file, monkeypatch):
    client = distributed.Client
    monkeypatch.setattr(distributed, "Client", lambda address, timeout: client(address, timeout="0.5s"))
    result = run(voice, "--out", tmp_path, "--weights", weight_file, "--scheduler", "tcp://127.0.0.1:9")
    assert result.exit_code == 1 and "no Dask scheduler answers" in result.stderr and "Traceback" not in result.output
