"""The monitor: every sink's datagrams understood, foreign and broken ones survived, lines and bars."""

import os
import re
import signal
import socket
import struct
import subprocess
import sys
import time

import numpy as np
import pytest
from click.testing import CliRunner
from loopback import Receiver, faces

from fmg_rt import arkit
from fmg_rt.app import monitor
from fmg_rt.cli import main
from fmg_rt.frame import Frame
from fmg_rt.sinks.ifacialmocap import IFacialMocapSink
from fmg_rt.sinks.livelink import LiveLinkSink
from fmg_rt.sinks.osc import OscSink
from fmg_rt.sinks.vmc import VmcSink
from fmg_rt.sinks.vrchat import VrchatSink
from fmg_rt.wire.datagram import decode
from fmg_rt.wire.names import pascal, underscored
from fmg_rt.wire.osc import message
from fmg_rt.wire.reading import Reading
from fmg_rt.wire.udp import EVERYWHERE, listen


def sent_by(make):
    """The frame `faces(1)` through a sink, each datagram decoded."""
    receiver = Receiver()
    sink = make(receiver.host, receiver.port)
    sink.send(Frame(0, 0.0, faces(1)[0]))
    found = [decode(datagram) for datagram in receiver.datagrams()]
    sink.close()
    receiver.close()
    return found


FACE = dict(zip(arkit.ARKIT_NAMES, faces(1)[0].tolist(), strict=True))


@pytest.mark.parametrize(
    ("kind", "make", "spell", "tolerance"),
    [
        ("osc", lambda *a: OscSink(*a, 30.0), str, 0),
        ("osc", lambda *a: OscSink(*a, 30.0, bundled=False), str, 0),
        ("vmc", VmcSink, pascal, 0),
        ("livelink", lambda *a: LiveLinkSink(*a, 30.0, "voice"), str, 0),
        ("ifacialmocap", IFacialMocapSink, underscored, 0.005),
    ],
)
def test_our_own_sinks(kind, make, spell, tolerance):
    found = sent_by(make)
    assert {arrival.kind for arrival in found} == {kind}
    values = {}
    for arrival in found:
        values |= arrival.values
    for name, value in FACE.items():
        assert values[spell(name)] == pytest.approx(value, abs=tolerance + 1e-12), name
    if kind == "livelink":
        assert found[0].notes == ["subject voice", "frame 0 at 30/1"] and values["HeadYaw"] == 0


def test_vrchat():
    found = sent_by(lambda *a: VrchatSink(*a, 30.0))
    assert {arrival.kind for arrival in found} == {"vrchat"}
    values = {name: value for arrival in found for name, value in arrival.values.items()}
    assert values["v2/JawOpen"] == FACE["jawOpen"] and values["LipTrackingActive"] == 1
    assert any(note.startswith("/tracking/eye/LeftRightPitchYaw ") for arrival in found for note in arrival.notes)


def test_live_link_without_a_face_and_the_other_separator():
    header = b"\6" + b"".join(struct.pack(">i", len(t)) + t for t in (b"device", b"phone")) + bytes(16)
    assert decode(header) == Reading("livelink", notes=["subject phone"])
    assert decode(b"jawOpen&25|browInnerUp&0|=head#1,2,3,0,0,0|").values == {"jawOpen": 0.25, "browInnerUp": 0}


def test_foreign_osc():
    assert decode(message("/cue", "go", 3)) == Reading("osc", notes=["/cue go 3"])
    assert decode(message("/fader/1", 0.5)).values == {"/fader/1": 0.5}
    assert decode(b"#bundle\0" + bytes(8)).notes == ["an empty bundle"]
    assert decode(message("/blendshape/99", 0.5)).values == {"/blendshape/99": 0.5}


def test_nothing_that_arrives_is_an_error():
    rng = np.random.default_rng(0)
    samples = [b"", b"\6", b"/", b"#bundle\0", b"|", b"a|b", b"\xff\xfe|", b"a-b|", bytes(70_000), b"/a\0\0,[[f\0\0\0"]
    good = [message("/VMC/Ext/Blend/Val", "jawOpen", 0.5), bytes.fromhex("0600000001410000000142") + bytes(261)]
    for original in good:
        for _ in range(2000):
            broken = bytearray(original)
            for at in rng.integers(0, len(broken), 3):
                broken[at] = rng.integers(256)
            samples.append(bytes(broken[: rng.integers(1, len(broken) + 1)]))
    for sample in samples:
        arrival = decode(sample)
        assert monitor.line(arrival, len(sample), "x").isprintable()
        tally = monitor.Tally()
        tally.add(arrival, len(sample))
        assert all(row.isprintable() for row in tally.screen(1.0, 80, 24))


def test_line():
    arrival = Reading("osc", {"jawOpen": 0.25, "mouthClose": 0.0}, ["x" * 100])
    shown = monitor.line(arrival, 280, "127.0.0.1:5")
    assert shown == f"127.0.0.1:5  osc  280 B  jawOpen 0.25, {'x' * 71}…"


@pytest.mark.parametrize("width", [40, 80, 130, 300])
@pytest.mark.parametrize("height", [10, 24, 80])
def test_screen_fits_and_shows_the_values(width, height):
    tally = monitor.Tally()
    for _ in range(15):
        tally.add(Reading("osc", dict(FACE)), 280)
    rows = tally.screen(0.5, width, height)
    assert len(rows) < height and all(len(row) < width for row in rows)
    assert rows[0].startswith("osc  30 datagrams/s  8.4 kB/s")
    if width >= 80 and height == 80:
        shown = " ".join(rows)
        for name, value in FACE.items():
            assert re.search(rf"{name} +{re.escape('#' * min(10, round(10 * value)))}\.* +{value:.2f}", shown), name
    assert tally.screen(1.0, width, height)[0].startswith("osc  0 datagrams/s")


def free_port():
    receiver = Receiver()
    receiver.close()
    return receiver.port


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6])
def test_the_command_hears_both_kinds_of_addresses_and_leaves_on_ctrl_c(family):
    port = free_port()
    host = "127.0.0.1" if family == socket.AF_INET else "::1"
    if family == socket.AF_INET6 and not socket.has_dualstack_ipv6():
        pytest.skip("this machine has no IPv6")
    command = [sys.executable, "-m", "fmg_rt", "monitor", "--port", str(port), "--host", "*"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert "listening" in process.stderr.readline()
        with socket.socket(family, socket.SOCK_DGRAM) as sender:
            sender.sendto(message("/blendshape/24", 0.25), (host, port))
            if family == socket.AF_INET:
                shown = rf"127\.0\.0\.1:{sender.getsockname()[1]}"
            else:
                shown = rf"\[::1\]:{sender.getsockname()[1]}"
        time.sleep(0.5)
        process.send_signal(signal.SIGTERM if sys.platform == "win32" else signal.SIGINT)
        output, errors = process.communicate(timeout=10)
    finally:
        process.kill()
    assert re.fullmatch(shown + r"  osc  24 B  jawOpen 0\.25\n", output)
    assert errors == ""
    if sys.platform != "win32":
        assert process.returncode == 130


def test_a_bundle_of_a_negative_size_holds_it_up_no_longer_than_another():
    """python-osc reads it for ever: 20 bytes kept a core busy and filled the memory."""
    port = free_port()
    command = [sys.executable, "-m", "fmg_rt", "monitor", "--port", str(port), "--seconds", "2"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert "listening" in process.stderr.readline()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            for datagram in (bytes.fromhex("2362756e646c65000000000000000001fffffffc"), message("/blendshape/24", 0.25)):
                sender.sendto(datagram, ("127.0.0.1", port))
        output, _ = process.communicate(timeout=10)
    finally:
        process.kill()
    first, second = output.splitlines()
    assert "unknown  20 B" in first and second.endswith("osc  24 B  jawOpen 0.25") and process.returncode == 0


def test_nothing_arrived():
    result = CliRunner().invoke(main, ["monitor", "--port", str(free_port()), "--seconds", "0.2"])
    assert result.exit_code == 1 and "nothing arrived" in result.output


def test_a_taken_port_is_one_clear_line():
    with listen("127.0.0.1", 0) as taken:
        result = CliRunner().invoke(main, ["monitor", "--port", str(taken.getsockname()[1])])
    assert result.exit_code == 1
    assert result.output.startswith("Error: 127.0.0.1:") and result.output.count("\n") == 1


def test_other_computers_are_not_heard_unless_wanted():
    with listen("127.0.0.1", 0) as here, listen(EVERYWHERE, 0) as everywhere:
        assert here.getsockname()[0] == "127.0.0.1"
        assert everywhere.getsockname()[0] in ("::", "0.0.0.0")
    result = CliRunner().invoke(main, ["monitor", "--port", str(free_port()), "--seconds", "0.1"])
    assert "listening on 127.0.0.1:" in result.output
    result = CliRunner().invoke(main, ["monitor", "--host", "192.0.2.1", "--seconds", "0.1"])
    assert result.exit_code == 1 and "192.0.2.1:9000 is not available" in result.output


def test_names_without_end_do_not_fill_the_memory():
    tally = monitor.Tally()
    for k in range(3000):
        tally.add(decode(message(f"/fader/{k}", 0.5)), 24)
    assert len(tally.newest["osc"]) == 1000


def test_bars_on_a_terminal():
    pty = pytest.importorskip("pty", reason="needs a POSIX terminal")
    port = free_port()
    parent, child = pty.openpty()
    command = [sys.executable, "-m", "fmg_rt", "monitor", "--port", str(port), "--seconds", "2"]
    process = subprocess.Popen(command, stdout=child, stderr=subprocess.PIPE, text=True)
    os.close(child)
    assert "listening" in process.stderr.readline()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for _ in range(5):
            sender.sendto(message("/blendshape/24", 0.5), ("127.0.0.1", port))
            time.sleep(0.15)
    shown = b""
    try:
        while chunk := os.read(parent, 65536):
            shown += chunk
    except OSError:  # the other side was closed
        pass
    os.close(parent)
    assert process.wait(10) == 0
    process.stderr.close()
    assert "jawOpen                 #####.....  0.50" in shown.decode()
    assert b"\x1b[2A" in shown  # drawn over, not below
