"""`fmg-train cache`: resumable, parallel, on a Dask cluster, and faster than the sound by far."""

import time

import pytest
from click.testing import CliRunner

from fmg_train import features
from fmg_train.cli import main

from .conftest import make_dataset


@pytest.fixture
def shards(tmp_path):
    for i in range(3):
        make_dataset(tmp_path / f"shard-{i}", 2, "train", i, seconds=2.0)
    return tmp_path


def _invoke(*arguments):
    return CliRunner().invoke(main, ["cache", *map(str, arguments)])


def test_it_passes_over_what_is_there(shards):
    first = _invoke(shards, "--no-egemaps", "--jobs", 2)
    assert first.exit_code == 0 and "0 there already, 3 computed" in first.output, first.output
    again = _invoke(shards, "--no-egemaps")
    assert "3 there already, 0 computed" in again.output
    # eGeMAPS were left out: asked for, they are computed now.
    assert not features.is_complete(shards / "shard-0", with_egemaps=True)
    assert "3 computed" in _invoke(shards).output
    assert features.is_complete(shards / "shard-0", with_egemaps=True)


def test_a_damaged_data_set_does_not_stop_the_others(shards):
    next((shards / "shard-1" / "audio").iterdir()).write_bytes(b"no sound")
    result = _invoke(shards, "--no-egemaps")
    assert result.exit_code == 1 and "shard-1" in result.output and "2 computed" in result.output
    assert "1 failed" in result.output and "Traceback" not in result.output
    assert not (shards / "shard-1" / "cache" / "index.json").exists()


def test_nothing_there_is_one_clear_line(tmp_path):
    result = _invoke(tmp_path)
    assert result.exit_code == 1 and "no finished data set" in result.output


def test_on_a_dask_cluster(shards):
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(1, threads_per_worker=1, processes=False, dashboard_address=None) as cluster:
        result = _invoke(shards, "--no-egemaps", "--scheduler", cluster.scheduler_address)
    assert result.exit_code == 0 and "3 computed" in result.output, result.output
    assert all(features.is_complete(shards / f"shard-{i}") for i in range(3))


def test_no_scheduler_there_is_one_clear_line(shards):
    pytest.importorskip("distributed")
    result = _invoke(shards, "--scheduler", "tcp://127.0.0.1:9")
    assert result.exit_code == 1 and "no Dask scheduler answers" in result.output and "Traceback" not in result.output


def test_fifty_times_faster_than_the_sound(tmp_path):
    make_dataset(tmp_path / "long", 4, "train", 5, seconds=15.0)
    features.build(tmp_path / "long")  # loads the kernels
    start = time.process_time()
    seconds = features.build(tmp_path / "long")
    assert seconds / (time.process_time() - start) >= 50
