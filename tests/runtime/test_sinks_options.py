"""The command line's receivers: addresses as people type them, and the sinks that come of it."""

import click
import pytest
from click.testing import CliRunner

from fmg_rt.cli.options import Address, ListenAddress, fill, grouped
from fmg_rt.cli.sink_options import ReceiverOptions, RecordOptions, build_recorder, build_sinks
from fmg_rt.expression import parse_mask
from fmg_rt.wire.udp import EVERYWHERE


@click.command()
@grouped
def command(receivers: ReceiverOptions, record: RecordOptions):
    recorder = build_recorder(record, 30.0)
    for sink in [*([recorder] if recorder else []), *build_sinks(receivers, 30.0)]:
        click.echo(sink.name)
        sink.close()


def invoke(*arguments):
    return CliRunner().invoke(command, arguments)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1:9000", ("127.0.0.1", 9000)),
        ("[::1]:9000", ("::1", 9000)),
        ("pc.local:1", ("pc.local", 1)),
        ("[fe80::1%eth0]:65535", ("fe80::1%eth0", 65535)),
        (" localhost:39539 ", ("localhost", 39539)),
    ],
)
def test_addresses(text, address):
    assert Address().convert(text, None, None) == address


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("127.0.0.1", "names no port"),
        ("[::1]", "names no port"),
        ("::1:9000", "in brackets"),
        ("[::1:9000", "as \\[::1\\]"),
        ("[::1]9000", "as \\[::1\\]"),
        (":9000", "names no host"),
        ("", "names no host"),
        ("a b:9000", "names no host"),
        ("pc:0", "'0' is not a port"),
        ("pc:65536", "1 to 65535"),
        ("pc:-1", "not a port"),
        ("pc:http", "not a port"),
        ("pc:", "'' is not a port"),
        ("pc:９０", "not a port"),
    ],
)
def test_bad_addresses_are_one_clear_line(text, says):
    with pytest.raises(click.BadParameter, match=says):
        Address().convert(text, None, None)


@pytest.mark.parametrize(
    ("text", "address"), [("9000", ("127.0.0.1", 9000)), ("*:9000", (EVERYWHERE, 9000)), ("[::1]:9000", ("::1", 9000))]
)
def test_a_port_to_listen_at_is_of_this_computer_alone_unless_told_otherwise(text, address):
    assert ListenAddress().convert(text, None, None) == address


def test_default_ports():
    result = invoke("--vmc", "127.0.0.1", "--livelink", "127.0.0.1", "--ifacialmocap", "[::1]", "--vrchat")
    assert result.exit_code == 0, result.output
    assert result.output.split("\n")[:4] == [
        "vmc 127.0.0.1:39539",
        "vrchat 127.0.0.1:9000",
        "livelink 127.0.0.1:11111",
        "ifacialmocap [::1]:49983",
    ]


def test_all_at_once_and_some_twice(tmp_path):
    file = tmp_path / "a.csv"
    result = invoke(
        "--osc",
        "127.0.0.1:9001",
        "--osc",
        "[::1]:9002",
        "--vmc",
        "127.0.0.1:39539",
        "--vmc",
        "127.0.0.1:39540",
        "--vrchat",
        "127.0.0.1:9100",
        "--livelink",
        "127.0.0.1:11111",
        "--ifacialmocap",
        "127.0.0.1:49983",
        "--record",
        str(file),
        "--vrchat-binary",
        "--vrchat-prefix",
        "FT/",
        "--vmc-vowels",
        "--no-bundle",
    )
    assert result.exit_code == 0, result.output
    assert len(result.output.split()) == 16 and f"record {file}" in result.output


def test_optional_values_may_be_left_out_or_given():
    for arguments in (["--vrchat", "--vmc", "127.0.0.1"], ["--vrchat", "127.0.0.1", "--vrchat-binary", "3"]):
        assert invoke(*arguments).exit_code == 0
    assert invoke("--vrchat-binary", "9").exit_code == 2


def test_bad_port_exits_2_with_one_line():
    result = invoke("--osc", "127.0.0.1:99999")
    assert result.exit_code == 2
    assert "Error: Invalid value for '--osc': '99999' is not a port; it must be a number from 1 to" in result.output


@pytest.mark.parametrize(("name", "exit_code"), [("a.csv", 0), ("a.JSONL", 0), ("a.npz", 0), ("a.json", 0), ("a.txt", 2)])
def test_record_format_by_suffix(tmp_path, name, exit_code):
    result = invoke("--record", str(tmp_path / name))
    assert result.exit_code == exit_code
    if exit_code:
        assert "--record-format" in result.output and list(tmp_path.iterdir()) == []


def test_record_format_by_name(tmp_path):
    assert invoke("--record", str(tmp_path / "a.txt"), "--record-format", "livelink").exit_code == 0
    assert (tmp_path / "a.txt").read_text().startswith("Timecode,BlendshapeCount")


def test_unwritable_recording_is_an_error_before_anything_is_sent(tmp_path):
    result = invoke("--record", str(tmp_path / "missing" / "a.csv"), "--osc", "127.0.0.1:9000")
    assert result.exit_code == 1
    assert result.output.startswith("Error: cannot write") and "osc" not in result.output


def test_vmc_and_vrchat_get_only_what_is_driven(monkeypatch):
    from fmg_rt.cli import sink_options as module

    given = []
    for name in ("VmcSink", "VrchatSink"):
        monkeypatch.setattr(module, name, lambda *arguments: given.extend(a for a in arguments if isinstance(a, frozenset)))
    options = fill(ReceiverOptions, command.make_context("sinks", ["--vmc", "h:1", "--vrchat", "h:2"]).params)
    build_sinks(options, 30.0, parse_mask("jawOpen,lips"))
    assert len(given) == 2 and all("mouthClose" in driven and "browInnerUp" not in driven for driven in given)
