"""Receivers that are switched on and off while it runs, what is sent to them, and the command for all that."""

import json
import shlex
import socket
import time

import numpy as np
import pytest
import yaml
from browser import WebSocket

from fmg_rt import arkit
from fmg_rt.cli.command_line import command_line
from fmg_rt.cli.options import fill
from fmg_rt.cli.preview_options import offer_receivers
from fmg_rt.cli.receivers import LiveReceivers
from fmg_rt.cli.run import run
from fmg_rt.cli.sink_options import ReceiverOptions
from fmg_rt.expression import ExpressionSettings
from fmg_rt.frame import Frame
from fmg_rt.preview import Controls, Preview
from fmg_rt.sinks import Sinks


def options(*words):
    """The values of `fmg-rt`'s options for these words, as click gives them."""
    return run.make_context("fmg-rt", list(words))


def receivers_of(context):
    return fill(ReceiverOptions, context.params)


@pytest.fixture
def receiver():
    """A port of our own that a receiver could have."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as opened:
        opened.bind(("127.0.0.1", 0))
        opened.settimeout(2.0)
        yield opened


def address(opened):
    return f"127.0.0.1:{opened.getsockname()[1]}"


def face(value, index=0):
    return Frame(index, index / 30, np.full(arkit.N_COEFFICIENTS, value, np.float32))


def test_started_it_gets_frames_and_stopped_it_comes_to_rest(receiver):
    sinks = Sinks([])
    receivers = LiveReceivers(receivers_of(options()), sinks, 30.0)
    assert receivers.state()["running"] == [] and receivers.state()["kinds"]["vmc"] == "127.0.0.1:39539"
    receivers.start("ifacialmocap", address(receiver))
    (running,) = receivers.state()["running"]
    sinks.send(face(0.5))
    assert b"jawOpen-50" in receiver.recv(65536)
    receivers.stop(running["name"])
    sinks.send(face(0.7, 1))
    assert b"jawOpen-0" in receiver.recv(65536) and b"jawOpen-0" in receiver.recv(65536)
    receiver.settimeout(0.1)
    with pytest.raises(TimeoutError):
        receiver.recv(65536)
    assert receivers.state()["running"] == [] and len(sinks) == 0
    with pytest.raises(ValueError, match="nothing is sent to"):
        receivers.stop(running["name"])


def test_every_kind_can_be_started_where_it_usually_is_and_looked_at():
    sinks = Sinks([])
    receivers = LiveReceivers(receivers_of(options("--osc", "127.0.0.1:9001")), sinks, 30.0)
    for kind, usual in receivers.state()["kinds"].items():
        receivers.start(kind, usual)
    sinks.send(face(0.5))
    running = receivers.state()["running"]
    assert running[0] == {"name": "osc 127.0.0.1:9001", "kind": "osc", "address": "127.0.0.1:9001"}
    for one in running:
        lines = receivers.look(one["name"], face(0.5))["lines"]
        datagrams = "no datagrams" not in lines[0]
        assert all(f"  {one['kind']}  " in line for line in lines) if datagrams else one["kind"] == "vtubestudio", one
    said = receivers.look("vmc 127.0.0.1:39539", face(0.5))["lines"]
    assert any("JawOpen 0.5" in line for line in said)
    for one in running:
        receivers.stop(one["name"])
    sinks.close()


@pytest.mark.parametrize(
    ("kind", "where", "why"),
    [
        ("fax", "127.0.0.1", "no receiver 'fax'"),
        ("osc", "127.0.0.1", "names no port"),
        ("vmc", "", "names no host"),
        ("vmc", "a:b:c", "brackets"),
        ("vmc", "127.0.0.1:99999", "not a port"),
        ("osc", "127.0.0.1:9001", "already"),
        ("vrchat", "127.0.0.1:9009", "stop the other one first"),
    ],
)
def test_what_cannot_be_started_is_told_in_a_line(kind, where, why):
    receivers = LiveReceivers(receivers_of(options("--osc", "127.0.0.1:9001", "--vrchat")), Sinks([]), 30.0)
    before = receivers.state()
    with pytest.raises(ValueError, match=why):
        receivers.start(kind, where)
    assert receivers.state() == before


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["--input", "demo", "--preview", "9123", "--vmc", "127.0.0.1:39540", "--vmc", "[::1]:39539", "--mouth", "1.4"],
        ["--vrchat", "--vrchat-binary", "--no-gate", "--limit", "jawOpen=0.1:0.8", "--fast", "--input", "a 'b'.wav"],
        ["--vrchat", "10.0.0.1:9000", "--lookahead", "50", "--record", "x y.csv", "--preview", "--mask", "lips"],
    ],
    ids=" ".join,
)
def test_command_line_gives_the_same_options_again(words):
    first = options(*words)
    line = command_line(run.params, first.params)
    assert options(*shlex.split(line)[1:]).params == first.params
    if not words:
        assert line == "fmg-rt"


def test_page_switches_receivers_shows_what_is_sent_and_saves_them(receiver, tmp_path):
    config = tmp_path / "fmg.yaml"
    config.write_text("vrchat: true  # at home\nrate: 30\n", "utf-8")
    context = options("--preview", "0", "--config", str(config))
    controls = Controls(
        settings=ExpressionSettings(), update=lambda _: None, config_file=config, calibration_file=tmp_path / "c.json"
    )
    preview = Preview(0, controls)
    sinks = Sinks([preview])
    offer_receivers(context, receivers_of(context), preview, sinks, 30.0)
    page = WebSocket("127.0.0.1", int(preview.url.rstrip("/").rsplit(":", 1)[1]), "/live")

    def told(key):
        end = time.monotonic() + 10
        while time.monotonic() < end:
            message = page.receive()
            if isinstance(message, str) and key in json.loads(message):
                return json.loads(message)[key]
        raise AssertionError(key)

    def ask(message, key="controls"):
        page.send(json.dumps(message))
        return told(key)

    try:
        assert told("controls")["command"] == "fmg-rt --vrchat --preview 0"
        shown = ask({"start": ["osc", address(receiver)]})
        assert shown["command"] == f"fmg-rt --osc {address(receiver)} --vrchat --preview 0"
        sinks.send(face(0.25))
        assert receiver.recv(65536)
        ask({"stop": "vrchat 127.0.0.1:9000"})
        assert any("0.25" in line for line in ask({"look": f"osc {address(receiver)}"}, "sent")["lines"])
        assert "no receiver" in ask({"start": ["fax", "x"]}, "note")
        assert "nothing is sent" in ask({"look": "nobody"}, "note")
        page.send(json.dumps({"save": True}))
        assert "fmg.yaml" in told("note")
        saved = yaml.safe_load(config.read_text("utf-8"))
        assert saved["osc"] == [address(receiver)] and "vrchat" not in saved and saved["rate"] == 30
        again = options("--config", str(config))
        assert again.params["osc"] == (("127.0.0.1", receiver.getsockname()[1]),) and again.params["vrchat"] is None
    finally:
        page.close()
        sinks.close()
