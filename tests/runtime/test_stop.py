"""A signal at an unlucky moment: no tracebacks, and no signal lost."""

import subprocess
import sys

import pytest

_LISTEN = """
import signal, sys, time
from fmg_rt.app.stop import Stop

stop = Stop()
stop.listen()
"""


def _end(script):
    """(exit code, standard error) of a program that listens and then does what the script says."""
    ended = subprocess.run([sys.executable, "-c", _LISTEN + script], capture_output=True, text=True, timeout=60)
    return ended.returncode, ended.stderr


@pytest.mark.parametrize("begun", [False, True])
def test_only_what_was_begun_is_torn_down(begun):
    code, err = _end(f"""
stop.begun = {begun}
try:
    signal.raise_signal(signal.SIGINT)
finally:
    print("torn down", file=sys.stderr)
""")
    assert code == 130
    assert err.split("\n") == (["torn down", ""] if begun else [""])


@pytest.mark.parametrize("number", ["SIGINT", "SIGTERM"])
def test_what_was_half_made_says_nothing(number):
    code, err = _end(f"""
class Half:
    def __init__(self):
        signal.raise_signal(signal.{number})
        self.handle = 1

    def __del__(self):
        del self.handle

Half()
""")
    assert code == {"SIGINT": 130, "SIGTERM": 143}[number]
    assert not err


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGHUP")
def test_a_closed_terminal_ends_it_unless_it_is_ignored():
    assert _end("signal.raise_signal(signal.SIGHUP)") == (129, "")
    ignored = "import signal; signal.signal(signal.SIGHUP, signal.SIG_IGN)" + _LISTEN + "signal.raise_signal(signal.SIGHUP)"
    assert subprocess.run([sys.executable, "-c", ignored], timeout=60).returncode == 0


def test_a_destructor_does_not_swallow_the_signal():
    code, err = _end("""
class Deaf:
    def __del__(self):
        signal.raise_signal(signal.SIGINT)

Deaf()
for _ in range(1000):
    time.sleep(0.01)
""")
    assert code == 130
    assert not err


def test_before_the_signal_failures_are_told():
    code, err = _end("""
class Broken:
    def __del__(self):
        raise ValueError("broken")

Broken()
""")
    assert code == 0
    assert "broken" in err
