"""The application as a person meets it: started by a click, a page with a face, settings kept, the stop button.

Run from the sources; ``FMG_APPLICATION=dist/fmg/fmg`` drives the built one.
"""

import os
import runpy
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import browser
import machine
import pytest

from fmg_rt.weights import packaged

ROOT = Path(__file__).parents[2]
BUILT = os.environ.get("FMG_APPLICATION")
PAINTED = "(() => { const n = document.querySelector('#rate'); return n && parseFloat(n.textContent) > 20; })()"


@pytest.fixture
def application(tmp_path):
    """(command, environment) of the application in an empty home; settings: no browser, any free port."""
    home = tmp_path / "home"
    settings = home / ("Library/Application Support/fmg" if sys.platform == "darwin" else "fmg") / "fmg.yaml"
    settings.parent.mkdir(parents=True)
    settings.write_text("# mine\npreview: 0\nno-browser: true\n")
    command = [str(ROOT / BUILT)] if BUILT else [sys.executable, str(ROOT / "packaging" / "fmg.py")]
    environment = {**os.environ, "HOME": str(home), "XDG_CONFIG_HOME": str(home), "LOCALAPPDATA": str(home)}
    if BUILT:  # what it compiles on a new computer, it compiles and keeps there
        environment = {name: value for name, value in environment.items() if name not in ("NUMBA_CACHE_DIR", "XDG_CACHE_HOME")}
    return command, environment


@pytest.fixture
def start(application):
    """Starts it as a click does; gives the process and the address of its page."""
    started = []
    command, environment = application

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
    if BUILT:
        folder = (ROOT / BUILT).parent
        assert sum(path.stat().st_size for path in folder.rglob("*") if path.is_file() and not path.is_symlink()) <= 250e6
    with browser.chromium(tmp_path / "profile") as page:
        for most in (15.0, 2.0):
            began = time.perf_counter()
            process, url = start()
            page.open(url, PAINTED)
            seconds = time.perf_counter() - began
            allowed = most * machine.slowness()
            print(f"first face after {seconds:.1f} s of {allowed:.1f}")
            if BUILT:
                assert seconds <= allowed
            assert page.run("!document.querySelector('#quit').hidden")
            page.run("document.querySelector('#quit').click()")
            process.wait(20)
    assert not page.errors


@pytest.mark.slow
@pytest.mark.skipif(bool(BUILT), reason="of the sources")
def test_a_windowed_start_has_no_console_and_says_in_a_file_where_its_page_is(application):
    _, environment = application
    code = f"""
import runpy, sys
sys.argv, sys.stdin, sys.stdout, sys.stderr = ["fmg"], None, None, None
runpy.run_path({str(ROOT / "packaging" / "fmg.py")!r}, run_name="__main__")
"""
    process = subprocess.Popen([sys.executable, "-c", code], env=environment)
    try:
        until, said = time.monotonic() + 60, ""
        while "http://" not in said and time.monotonic() < until:
            time.sleep(0.1)
            said = "".join(path.read_text("utf-8") for path in Path(environment["HOME"]).rglob("log.txt"))
        url = said[said.index("http://") :].split()[0].rstrip(",")
        with urllib.request.urlopen(url, timeout=10) as page:
            assert b"<canvas" in page.read()
    finally:
        process.kill()
        process.wait()


def test_a_second_click_shows_the_page_that_is_there(tmp_path, monkeypatch):
    opened = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    is_running = runpy.run_path(str(ROOT / "packaging" / "fmg.py"))["is_running"]
    settings = tmp_path / "fmg.yaml"
    with socket.create_server(("127.0.0.1", 0)) as first:
        settings.write_text(f"preview: {first.getsockname()[1]}\n")
        assert is_running(settings) and opened == [f"http://127.0.0.1:{first.getsockname()[1]}/"]
    for text in (settings.read_text(), "preview: x\n", "- a list\n", "vmc: [a\n", ""):
        settings.write_text(text)
        assert not is_running(settings) and len(opened) == 1


@pytest.mark.slow
@pytest.mark.skipif(not BUILT or sys.platform == "win32", reason="FMG_APPLICATION names none; a windowed one prints nothing")
@pytest.mark.parametrize("arguments", ["bake {demo} --out {out}", "--input demo --fast --record {out}", "doctor --input demo"])
def test_what_is_packed_with_it_is_all_that_it_needs(application, arguments, tmp_path):
    command, environment = application
    words = arguments.format(demo=packaged().with_name("demo.flac"), out=tmp_path / "out.csv").split()
    done = subprocess.run([*command, *words], env=environment, capture_output=True, text=True, encoding="utf-8", timeout=120)
    assert done.returncode == 0, done.stderr
    assert not [path for path in tmp_path.rglob("*.kernel")], "compiled anew and kept"
    assert words[0] != "doctor" or "all of them compiled before" in done.stdout
