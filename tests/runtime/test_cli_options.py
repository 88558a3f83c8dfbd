"""Options as fields of dataclasses: what a command gets is what was typed, and nothing beside it."""

import dataclasses

import click
import pytest
from click.testing import CliRunner

from fmg_rt.cli.bake import BakeOptions, bake
from fmg_rt.cli.doctor import DoctorOptions, doctor
from fmg_rt.cli.expression_options import ExpressionOptions
from fmg_rt.cli.options import click_options, fill, grouped, option
from fmg_rt.cli.preview_options import PreviewOptions
from fmg_rt.cli.run import InputOptions, ProgramOptions, run
from fmg_rt.cli.serve import ServeOptions, serve
from fmg_rt.cli.sink_options import ReceiverOptions, RecordOptions
from fmg_rt.cli.stream_options import StreamOptions

GROUPS = {
    run: (InputOptions, StreamOptions, ReceiverOptions, RecordOptions, PreviewOptions, ExpressionOptions, ProgramOptions),
    bake: (BakeOptions, StreamOptions, ExpressionOptions),
    doctor: (DoctorOptions, ReceiverOptions),
    serve: (ServeOptions, ExpressionOptions),
}


@dataclasses.dataclass(frozen=True)
class Tea:
    sugar: int = option("--sugar", type=int, default=2)
    milk: bool = option("--milk", is_flag=True)


def test_a_command_takes_whole_groups_beside_options_of_its_own():
    got = []

    @click.command()
    @click.argument("name")
    @grouped
    @click.option("--last")
    def command(name, tea: Tea, last):
        got.append((name, tea, last))

    assert [param.name for param in command.params] == ["name", "sugar", "milk", "last"]
    assert CliRunner().invoke(command, ["earl", "--milk"]).exit_code == 0
    assert got == [("earl", Tea(2, True), None)]
    with pytest.raises(dataclasses.FrozenInstanceError):
        got[0][1].sugar = 3


@pytest.mark.parametrize("command", GROUPS, ids=lambda command: command.name)
def test_every_option_of_a_command_has_a_field_of_its_name(command):
    declared = [each for group in GROUPS[command] for each in click_options(group)]
    assert [each.name for each in declared] == [field.name for group in GROUPS[command] for field in dataclasses.fields(group)]
    assert [each.name for each in declared] == [each.name for each in command.params if isinstance(each, click.Option)]


@pytest.mark.parametrize("group", [StreamOptions, ReceiverOptions, RecordOptions, PreviewOptions, ExpressionOptions])
def test_values_are_of_the_declared_types(group):
    words = ["--vrchat", "--vmc", "127.0.0.1", "--preview", "--limit", "jawOpen=0.5", "--lookahead", "50", "--seed", "3"]
    values = dataclasses.asdict(fill(group, run.make_context("fmg-rt", words).params))
    told = {
        "vrchat": ("127.0.0.1", 9000),
        "vmc": (("127.0.0.1", 39539),),
        "preview": 8052,
        "limit": (("jawOpen", (0.0, 0.5)),),
        "lookahead": 50.0,
        "seed": 3,
    }
    assert {name: value for name, value in values.items() if name in told} == {n: v for n, v in told.items() if n in values}
