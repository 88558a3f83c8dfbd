"""The application as a person meets it: started by a click, a page with a face, settings kept, the stop button.

Run from the sources; ``FMG_APPLICATION=dist/fmg/fmg`` drives the built one.
"""

import os
import subprocess
import sys
import time
from pathlib import Path

import browser
import machine
import pytest

ROOT = Path(__file__).parents[2]
PAINTED = "(() => { const n = document.querySelector('#rate'); return n && parseFloat(n.textContent) > 20; })()"


@pytest.fixture
def start(tmp_path):
    """Starts the application in an empty home, on any free port; gives the process and the address of its page."""
    started = []
    settings = tmp_path / "home" / ("Library/Application Support/fmg" if sys.platform == "darwin" else "fmg") / "fmg.yaml"
    settings.parent.mkdir(parents=True)
    settings.write_text("# mine\npreview: 0\nno-browser: true\n")
    built = os.environ.get("FMG_APPLICATION")
    command = [str(ROOT / built)] if built else [sys.executable, str(ROOT / "packaging" / "fmg.py")]
    home = str(tmp_path / "home")
    environment = {**os.environ, "HOME": home, "XDG_CONFIG_HOME": home, "LOCALAPPDATA": home}
    if built:
        environment.pop("NUMBA_CACHE_DIR", None)  # what it compiles on a new computer, it compiles here

    def run():
        process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True, encoding="utf-8")
        started.append(process)
        for line in process.stderr:
            if "http://" in line:
                return process, line[line.index("http://") :].split()[0]
        raise AssertionError("it ended without a page")

    yield run
    for process in started:
        process.kill()
        process.communicate()


@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.skipif(browser.CHROMIUM is None, reason="Chromium is not installed")
@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="a windowed program says its address to a file only")
def test_a_click_a_face_and_stop(start, tmp_path):
    if built := os.environ.get("FMG_APPLICATION"):
        folder = (ROOT / built).parent
        assert sum(path.stat().st_size for path in folder.rglob("*") if path.is_file() and not path.is_symlink()) <= 250e6
    with browser.chromium(tmp_path / "profile") as page:
        for most in (15.0, 2.0):
            began = time.perf_counter()
            process, url = start()
            page.open(url, PAINTED)
            seconds = time.perf_counter() - began
            allowed = most * machine.slowness()
            print(f"first face after {seconds:.1f} s of {allowed:.1f}")
            if built:
                assert seconds <= allowed
            assert page.run("!document.querySelector('#quit').hidden")
            page.run("document.querySelector('#quit').click()")
            process.wait(20)
    assert not page.errors
