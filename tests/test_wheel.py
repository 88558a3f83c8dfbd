"""What users get: source distribution and wheel, built and installed without anything of the source tree."""

import os
import re
import runpy
import shutil
import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

from fmg_rt import distribution
from fmg_train.cli import COMMANDS

ROOT = Path(__file__).parents[1]
FOLDERS = ("runtime", "trainer", "weights", "tests", "examples", "bench", "packaging")
FILES = ("setup.cfg", "pyproject.toml", "MANIFEST.in", "README.md", "CHANGELOG.md", "LICENSE", "conftest.py", "constraints.txt")
URL = "https://example.org/owner/fmg"


def _run(*arguments, **options):
    return subprocess.run([str(a) for a in arguments], capture_output=True, text=True, timeout=400, **options)


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """(source distribution, wheel made from it), as the release workflow makes them."""
    folder = tmp_path_factory.mktemp("dist")
    source = folder / "source"
    source.mkdir()
    for name in FOLDERS:
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    for name in FILES:
        shutil.copy(ROOT / name, source)
    assert _run(sys.executable, source / "packaging" / "addresses.py", URL, "v1").returncode == 0
    done = _run(sys.executable, "-m", "build", "--outdir", folder, source)
    if done.returncode and "Could not find a version" in done.stdout + done.stderr:
        pytest.skip("no package index in reach: the wheel's build requirements cannot be had")
    assert done.returncode == 0, done.stdout + done.stderr
    (sdist,), (wheel,) = folder.glob("*.tar.gz"), folder.glob("*.whl")
    return sdist, wheel


@pytest.mark.slow
def test_what_the_archives_hold(built):
    sdist, wheel = built
    assert wheel.name.startswith(f"facial_motion_generator-{distribution.__version__}-py3-none-any")
    packed = {name.split("/", 1)[1] for name in tarfile.open(sdist).getnames() if "/" in name}
    assert {"tests/test_wheel.py", "examples/library.py", "conftest.py", "LICENSE"} <= packed
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        (metadata,) = (archive.read(name).decode() for name in names if name.endswith("dist-info/METADATA"))
    assert {"fmg_rt/py.typed", "fmg_train/py.typed", "fmg_weights/best.npz", "fmg_rt/preview/static/index.html"} <= names
    assert not any(name.startswith(("tests/", "bench/", "packaging/")) for name in names)
    assert f"Name: {distribution.NAME}\n" in metadata and f"Version: {distribution.__version__}\n" in metadata
    assert f"Project-URL: Source, {URL}" in metadata
    assert re.search(r"^Keywords: .*\barkit\b.*\blip sync\b", metadata, re.MULTILINE)
    for classifier in ("Typing :: Typed", "Operating System :: MacOS", "Programming Language :: Python :: 3.10"):
        assert f"Classifier: {classifier}\n" in metadata
    assert f"]({URL}/raw/v1/docs/images/" in metadata
    assert not re.findall(r"\]\((?!https?:|#)[^)]*\)", metadata)  # a package index has no files beside the text


@pytest.mark.slow
def test_the_wheel_runs_the_main_job(built, tmp_path):
    _, wheel = built
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
    version = _run(scripts / "fmg-rt", "--version", cwd=tmp_path)
    assert version.stdout.startswith(f"fmg-rt {distribution.__version__}\n"), version.stderr
    for command in COMMANDS:
        helped = _run(scripts / "fmg-train", command, "--help", cwd=tmp_path)
        assert helped.returncode == 0 and "Usage: fmg-train" in helped.stdout, command + helped.stderr
    # Without torch the trainer names the extra that brings it, of the distribution that is ours.
    train = _run(scripts / "fmg-train", "fit", "--out", "run", cwd=tmp_path)
    assert train.returncode == 1 and distribution.install("train") in train.stderr and "Traceback" not in train.stderr


def test_links_become_absolute():
    text = "[a](docs/a.md) ![b](b.png) [![c](c.png)](d.md#e) [f](https://g) [h](#h)"
    absolute = runpy.run_path(str(ROOT / "packaging" / "addresses.py"))["absolute"]
    assert absolute(text, URL, "v1") == (
        f"[a]({URL}/blob/v1/docs/a.md) ![b]({URL}/raw/v1/b.png) [![c]({URL}/raw/v1/c.png)]({URL}/blob/v1/d.md#e) "
        "[f](https://g) [h](#h)"
    )


def test_no_message_names_the_other_project():
    """`pip install fmg` gets the code of strangers."""
    wrong = re.compile(r"""pip install [^\n`]*['" ]fmg\b|metadata[^\n]*\(["']fmg["']\)|package_name=["']fmg["']""")
    for folder in ("runtime", "trainer", "docs", "examples", "tests", "bench"):
        for path in (ROOT / folder).rglob("*"):
            if path.suffix in (".py", ".md") and path != Path(__file__):
                assert not wrong.search(path.read_text(encoding="utf-8")), path
    assert wrong.search("pip install -q 'fmg[train]'") and wrong.search("metadata.version('fmg')")
