"""Every line of the accuracy table holds against openSMILE 2.6.0: `python bench/egemaps_accuracy.py` prints it."""

import platform
import sys
from pathlib import Path

import pytest

from fmg_rt.distribution import install

sys.path.insert(0, str(Path(__file__).parents[2] / "bench"))
import egemaps_accuracy
import egemaps_speech

SECONDS = 6.5
"""Of each clip: six windows 300 ms apart."""


@pytest.fixture(scope="module")
def table():
    pytest.importorskip("opensmile", reason=f"openSMILE is not installed: {install('oracle')}")
    if platform.machine() not in ("x86_64", "AMD64"):
        pytest.skip("the oracle's last bits are known on x86-64 only")
    if egemaps_speech.missing():
        pytest.skip(egemaps_speech.missing())
    return egemaps_accuracy.table(seconds=SECONDS)


def test_every_tier_holds(table):
    assert len(table) >= 30
    failing = [f"{line.name}: {line.measured}" for line in table if not line.holds]
    assert not failing, "\n".join(failing)


def test_enough_was_measured(table):
    counted = [line.count for line in table if line.name.startswith(("window", "stream"))]
    assert len(counted) == 5 and min(counted) >= 500
