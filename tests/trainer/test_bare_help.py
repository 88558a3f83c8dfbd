"""`fmg-train … --help` where the training extra is missing."""

import subprocess
import sys

import pytest

from fmg_train.cli import COMMANDS

BARE = """
import sys

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("torch", "scipy", "tqdm", "matplotlib", "tensorboard"):
            raise ModuleNotFoundError("No module named " + name, name=name.split(".")[0])

sys.meta_path.insert(0, Missing())
from click.testing import CliRunner
from fmg_train.cli import main

for arguments in (line.split() for line in sys.stdin.read().splitlines()):
    result = CliRunner().invoke(main, arguments)
    assert "Traceback" not in result.output and result.exception is None or isinstance(result.exception, SystemExit), result
    print(result.exit_code, " ".join(result.output.split())[:200])
"""


@pytest.mark.parametrize(
    "arguments, code, words",
    [
        ([[name, "--help"] for name in COMMANDS] + [["prepare", "livelink", "--help"]], "0", "Usage:"),
        ([["fit", "--out", "x"], ["corpus", "--out", "x"]], "1", "which is not installed. Install the training extra"),
    ],
)
def test_help_is_there_and_work_is_refused_in_one_line(arguments, code, words):
    result = subprocess.run(
        [sys.executable, "-c", BARE], input="\n".join(map(" ".join, arguments)), capture_output=True, text=True, timeout=120
    )
    assert result.returncode == 0, result.stderr
    lines = result.stdout.splitlines()
    assert len(lines) == len(arguments)
    assert all(line.startswith(code) and words in line for line in lines), lines
