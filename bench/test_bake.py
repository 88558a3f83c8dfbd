"""Baking on one core, with the packaged weights and everything that the live path does. Target: 100 × real time."""

import time
from importlib import resources
from pathlib import Path

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner

from fmg_rt.cli import bake as module
from fmg_rt.cli import main

SECONDS = 60
TARGET, FASTER = 100.0, 85.0
"""Times real time: the target, not reached yet since there are emotions and a head (73 × on an Intel Xeon that is a
third slower than the machine of the budgets); and what it is at least."""
WEIGHTS = Path(str(resources.files("fmg_weights") / "best.npz"))


@pytest.mark.skipif(not WEIGHTS.is_file(), reason="the packaged weights are not there yet")
def test_bake(benchmark, tmp_path, slowness):
    t = np.arange(SECONDS * 16_000) / 16_000
    pitch = np.cumsum(140 * (1 + 0.1 * np.sin(2 * np.pi * 1.3 * t))) / 16_000
    wave = sum(np.sin(2 * np.pi * k * pitch) / k for k in range(1, 15)) * 0.1 * (0.6 + 0.4 * np.sin(8 * np.pi * t))
    soundfile.write(tmp_path / "a.wav", wave.astype(np.float32), 16_000)
    taken = []

    def timed(*arguments):
        began = time.process_time()
        bake_one(*arguments)
        taken.append(time.process_time() - began)

    bake_one, module._bake = module._bake, timed
    try:

        def once():
            (tmp_path / "a.csv").unlink(missing_ok=True)
            result = CliRunner().invoke(main, ["bake", str(tmp_path / "a.wav"), "--out", str(tmp_path)])
            assert result.exit_code == 0, result.output

        benchmark.pedantic(once, rounds=3, warmup_rounds=1)
    finally:
        module._bake = bake_one
    faster = SECONDS / float(np.median(taken))
    benchmark.extra_info["times_real_time_a_core"] = round(faster)
    print(f"\nbake: {faster:.0f} × real time a core (target: {TARGET:.0f}, at least: {FASTER:.0f})")
    assert faster >= FASTER / slowness()
