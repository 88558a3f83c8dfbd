"""What users get: the wheel, in an environment of its own, without anything of the source tree."""

import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def _run(*arguments, **options):
    return subprocess.run([str(a) for a in arguments], capture_output=True, text=True, timeout=400, **options)


def test_the_wheel_runs_the_main_job(tmp_path):
    source = tmp_path / "source"
    for name in ("runtime", "trainer", "weights"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    for name in ("setup.cfg", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    built = _run(sys.executable, "-m", "build", "--wheel", "--outdir", tmp_path, source)
    if built.returncode and "Could not find a version" in built.stdout + built.stderr:
        pytest.skip("no package index in reach: the wheel's build requirements cannot be had")
    assert built.returncode == 0, built.stdout + built.stderr
    (wheel,) = tmp_path.glob("*.whl")

    venv.create(tmp_path / "env", with_pip=True)
    scripts = tmp_path / "env" / ("Scripts" if os.name == "nt" else "bin")
    installed = _run(scripts / "python", "-m", "pip", "install", "-q", wheel)
    assert installed.returncode == 0, installed.stderr
    record = tmp_path / "face.csv"
    environment = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "NUMBA_CACHE_DIR")}
    done = _run(scripts / "fmg-rt", "--input", "demo", "--fast", "--record", record, cwd=tmp_path, env=environment)
    assert done.returncode == 0, done.stderr
    lines = record.read_text().splitlines()
    assert len(lines) == 1 + 430 and lines[0].startswith("time,browDownLeft")
    jaw = lines[0].split(",").index("jawOpen")
    assert max(float(line.split(",")[jaw]) for line in lines[1:]) > 0.15
    assert not any(float(line.split(",")[jaw]) for line in lines[-15:])  # the clip ends in silence
    # The page of the preview is data that a wheel can lose.
    listed = _run(scripts / "python", "-c", "from importlib.resources import files\n"
                  "print(sorted(p.name for p in (files('fmg_rt.preview') / 'static').iterdir()))", cwd=tmp_path)  # fmt: skip
    assert "index.html" in listed.stdout and "face.js" in listed.stdout, listed.stdout + listed.stderr
    # Without torch the trainer names the extra that brings it.
    train = _run(scripts / "fmg-train", "fit", "--out", "run", cwd=tmp_path)
    assert train.returncode == 1 and "fmg[train]" in train.stderr and "Traceback" not in train.stderr
