"""`fmg-rt config` prints a file that `--config` takes; `fmg-rt names` the 52 names."""

import re
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from fmg_rt.app import config
from fmg_rt.arkit import ARKIT_NAMES
from fmg_rt.cli import main
from fmg_rt.cli.config import config as config_command
from fmg_rt.cli.names import names
from fmg_rt.cli.run import NOT_IN_FILES, run
from fmg_rt.expression.settings import SettingsError, parse_mask


@pytest.fixture(scope="module")
def printed():
    result = CliRunner().invoke(config_command)
    assert result.exit_code == 0
    return result.output


def test_every_option_stands_there_once_and_as_it_is_changes_nothing(printed, tmp_path):
    wanted = [
        next(opt for opt in param.opts if opt.startswith("--"))[2:]
        for param in run.params
        if isinstance(param, click.Option) and param.name not in NOT_IN_FILES and not param.hidden
    ]
    assert re.findall(r"^#([a-z][\w-]*): .*$", printed, re.MULTILINE) == wanted
    path = tmp_path / "fmg.yaml"
    path.write_text(printed, encoding="utf-8")
    assert config.read(path, wanted) == {}


def test_a_line_without_its_mark_is_a_setting(printed, tmp_path):
    """Every option whose default is known can be set to it, by removing the '#'."""
    path = tmp_path / "fmg.yaml"
    path.write_text(re.sub(r"^#(rate|vmc-case|input|subject|osc):", r"\1:", printed, flags=re.MULTILINE), encoding="utf-8")
    settings = config.read(path, ["rate", "vmc-case", "input", "subject", "osc"])
    assert settings == {"rate": 30.0, "vmc-case": "pascal", "input": "mic", "subject": "fmg", "osc": ["HOST:PORT"]}


def test_the_names_are_all_there_and_the_message_says_where():
    result = CliRunner().invoke(names)
    assert result.exit_code == 0
    found = {int(number): name for number, name in re.findall(r"^ +(\d+) (\w+)$", result.output, re.MULTILINE)}
    assert [found[k] for k in range(52)] == list(ARKIT_NAMES)
    with pytest.raises(SettingsError, match="'fmg-rt names' prints the 52"):
        parse_mask("zzz")


@pytest.mark.parametrize(("typed", "found"), [("--vtub", {"--vtubestudio", "--vtubestudio-custom"}), ("doc", {"doctor"})])
def test_the_shell_completes_what_is_typed(typed, found):
    """By the variable that docs/settings.md names for bash."""
    page = (Path(__file__).parents[2] / "docs" / "settings.md").read_text("utf-8")
    (variable,) = set(re.findall(r"(\w+)=bash_source fmg-rt\b", page))
    environment = {variable: "bash_complete", "COMP_WORDS": f"fmg-rt {typed}", "COMP_CWORD": "1"}
    result = CliRunner().invoke(main, prog_name="fmg-rt", env=environment)
    assert {line.partition(",")[2] for line in result.output.splitlines()} == found
