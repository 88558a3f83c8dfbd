"""The group that calls every sink, and the socket that nothing upsets."""

import doctest
import io
import socket
import threading
import time

import numpy as np
import pytest
from loopback import Receiver, faces, messages

from fmg_rt.frame import Frame
from fmg_rt.sinks import FIRST_PAUSE, Recorder, RecordError, Sink, Sinks
from fmg_rt.sinks.osc import OscSink
from fmg_rt.wire import udp
from fmg_rt.wire.udp import Udp, format_address

FACE = faces(1)[0]


class Fake:
    """Notes what it is given; raises while `broken`."""

    live, address = True, None

    def __init__(self, name="fake", broken=False):
        self.name, self.broken = name, broken
        self.tried, self.got, self.closed = [], [], False

    def send(self, frame):
        self.tried.append(frame.index)
        if self.broken:
            raise OSError("no way there")
        self.got.append((frame.index, frame.time, frame.coefficients.copy()))

    def close(self):
        self.closed = True


def test_every_sink_gets_every_frame():
    first, second = Fake(), Fake()
    sinks = Sinks([first, second])
    for k, face in enumerate(faces(3)):
        sinks.send(Frame(k, k / 30, face))
    for sink in (first, second):
        assert [(index, time) for index, time, _ in sink.got] == [(0, 0.0), (1, 1 / 30), (2, 2 / 30)]
        np.testing.assert_array_equal([face for *_, face in sink.got], faces(3))
    sinks.close()
    assert first.closed and second.closed


def test_a_failing_sink_is_reported_once_left_alone_and_tried_again():
    lines, broken, sound = [], Fake("broken", broken=True), Fake("sound")
    sinks = Sinks([broken, sound], lines.append)
    for k in range(400):
        sinks.send(Frame(k, k / 30, FACE))
    assert len(sound.got) == 400
    gaps = np.diff(broken.tried)
    assert gaps.tolist() == [FIRST_PAUSE + 1, 2 * FIRST_PAUSE + 1, 4 * FIRST_PAUSE + 1]
    assert lines == ["broken: no way there; trying again at growing intervals"]
    assert sinks.failing == ["broken"]
    broken.broken = False
    for k in range(400, 700):
        sinks.send(Frame(k, k / 30, FACE))
    assert lines[1:] == ["broken: works again"]
    assert sinks.failing == []
    assert broken.got[-1][0] == 699
    broken.broken = True
    sinks.send(Frame(700, 0.0, FACE))
    sinks.send(Frame(701, 0.0, FACE))
    assert broken.tried[-1] == 700 and len(lines) == 3  # a new failure is a new report


def test_the_example_of_the_protocol_is_a_sink():
    lamp = {"np": np}
    example = doctest.DocTestFinder(recurse=False).find(Sink, "Sink", globs=lamp)[0]
    assert doctest.DocTestRunner().run(example, clear_globs=False) == (0, len(example.examples))
    port = io.BytesIO()
    port.close = lambda: None
    sinks = Sinks([example.globs["Lamp"](port)])
    sinks.send(Frame(0, 0.0, np.full(52, 0.5, np.float32)))
    sinks.rest()
    sinks.close()
    assert port.getvalue() == bytes([127, 0, 0])


def test_every_sink_of_ours_says_whether_it_is_live_and_where_it_sends(tmp_path):
    assert OscSink("::1", 9000, 30.0).address == ("::1", 9000) and OscSink("::1", 9000, 30.0).live
    recorder = Recorder(tmp_path / "a.csv", "csv", 30.0)
    assert recorder.address is None and not recorder.live
    recorder.discard()


def test_the_pause_of_a_failing_sink_doubles_up_to_half_a_minute_and_begins_anew():
    broken = Fake(broken=True)
    sinks = Sinks([broken], lambda _: None)
    for k in range(6000):
        sinks.send(Frame(k, k / 30, FACE))
    assert np.diff(broken.tried).tolist() == [31, 61, 121, 241, 481] + [961] * 5
    broken.broken = False
    while not broken.got:
        k += 1
        sinks.send(Frame(k, k / 30, FACE))
    broken.broken, broken.tried = True, []
    for later in range(k + 1, k + 201):
        sinks.send(Frame(later, later / 30, FACE))
    assert np.diff(broken.tried).tolist() == [31, 61]


def test_rest_is_sent_twice_and_not_recorded(tmp_path):
    live = Fake()
    recorder = Recorder(tmp_path / "a.csv", "csv", 30.0)
    sinks = Sinks([recorder, live])
    sinks.send(Frame(0, 0.0, FACE))
    sinks.rest()
    sinks.close()
    assert [index for index, *_ in live.got] == [0, 1, 2]
    assert all((face == 0).all() for *_, face in live.got[1:])
    assert len((tmp_path / "a.csv").read_text().splitlines()) == 2


def test_a_lost_recording_does_not_stop_the_face():
    class Full(Recorder):
        name = "record x"

        def __init__(self): ...

        def send(self, frame):
            raise RecordError("the disk is full")

        def close(self): ...

    lines, live = [], Fake()
    sinks = Sinks([Full(), live], lines.append)
    sinks.send(Frame(0, 0.0, FACE))
    sinks.send(Frame(1, 0.0, FACE))
    assert lines == sinks.lost == ["record x: the disk is full"]
    assert len(live.got) == 2 and len(sinks) == 1


def test_a_sink_that_cannot_close_does_not_keep_others_open():
    class Stuck(Fake):
        def close(self):
            raise OSError("busy")

    lines, second = [], Fake()
    sinks = Sinks([Stuck("stuck"), second], lines.append)
    sinks.close()
    assert second.closed and lines == ["stuck: busy"]


def test_nobody_listening_is_no_failure_and_a_late_receiver_gets_frames():
    receiver = Receiver()
    port = receiver.port
    receiver.close()
    lines = []
    sinks = Sinks([OscSink("127.0.0.1", port, 30.0)], lines.append)
    for k in range(1, 200):
        sinks.send(Frame(k, k / 30, FACE))
    late = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    late.bind(("127.0.0.1", port))
    late.settimeout(1)
    sinks.send(Frame(200, 0.0, FACE))
    sinks.send(Frame(201, 0.0, FACE))
    assert messages([late.recv(2000)])[0] == ("/blendshapes", *FACE.tolist())
    assert lines == []
    sinks.close()
    late.close()


def test_a_connection_reset_as_windows_reports_it_is_swallowed():
    class Windows:
        sent, resets = 0, 1

        def send(self, datagram):
            if self.resets:
                self.resets -= 1
                raise ConnectionResetError(10054, "forcibly closed")
            self.sent += 1

        def close(self): ...

    link = Udp("127.0.0.1", 9)
    link.send([])
    link._socket = Windows()
    link.send([b"a", b"b"])
    assert link._socket.sent == 2  # the interrupted one was sent again
    link._socket.resets = 2
    link.send([b"a", b"b"])
    assert link._socket.sent == 3


def test_a_full_queue_drops_and_does_not_wait():
    class Full:
        def send(self, datagram):
            raise BlockingIOError

        def close(self): ...

    link = Udp("127.0.0.1", 9)
    link.send([])
    link._socket = Full()
    link.send([b"a", b"b"])


@pytest.mark.parametrize("host", ["::1", "localhost"])
def test_ipv6_and_names(host):
    try:
        receiver = Receiver(socket.AF_INET6 if host == "::1" else socket.AF_INET)
    except OSError:
        pytest.skip("this machine has no IPv6")
    link = Udp(host, receiver.port)
    link.send([b"hello"])
    assert receiver.datagrams() == [b"hello"]
    link.close()
    receiver.close()


def test_a_name_with_both_addresses_goes_to_ipv4_where_most_receivers_listen(monkeypatch):
    receiver = Receiver()
    both = [
        (family, socket.SOCK_DGRAM, 17, "", (host, receiver.port))
        for family, host in ((socket.AF_INET6, "::1"), (socket.AF_INET, "127.0.0.1"))
    ]
    monkeypatch.setattr(udp.socket, "getaddrinfo", lambda *_, **__: both)
    link = Udp("pc.local", receiver.port)
    link.send([b"hello"])
    assert receiver.datagrams() == [b"hello"]
    link.close()
    receiver.close()


def test_addresses_are_written_as_people_type_them():
    assert format_address("127.0.0.1", 9000) == "127.0.0.1:9000"
    assert format_address("::1", 9000) == "[::1]:9000"


def test_unknown_host_is_reported_and_found_later(monkeypatch):
    known = socket.getaddrinfo
    receiver = Receiver()

    def unknown(*_args, **_kwargs):
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(udp.socket, "getaddrinfo", unknown)
    lines = []
    sinks = Sinks([OscSink("mocap.example", receiver.port, 30.0)], lines.append)
    for k in range(100):
        sinks.send(Frame(k, k / 30, FACE))
        time.sleep(0.001)
    assert len(lines) == 1 and "no such host: mocap.example" in lines[0]
    monkeypatch.setattr(udp.socket, "getaddrinfo", lambda host, port, **kw: known("127.0.0.1", port, **kw))
    for k in range(100, 600):
        sinks.send(Frame(k, k / 30, FACE))
        time.sleep(0.001)
    assert lines[1:] == [f"osc mocap.example:{receiver.port}: works again"]
    assert receiver.datagrams()
    sinks.close()
    receiver.close()


def resolves_to(monkeypatch, *places):
    """Look-ups give these (host, port) one after another, the last forever; returns the list of look-ups."""
    known, asked = socket.getaddrinfo, []

    def look_up(host, port, **kw):
        asked.append(threading.current_thread().name)
        return known(*places[min(len(asked), len(places)) - 1], **kw)

    monkeypatch.setattr(udp.socket, "getaddrinfo", look_up)
    return asked


def test_a_name_that_moves_is_followed_every_minute_off_the_loop(monkeypatch):
    first, second = Receiver(), Receiver()
    asked = resolves_to(monkeypatch, ("127.0.0.1", first.port), ("127.0.0.1", first.port), ("127.0.0.1", second.port))
    clock = [1000.0]
    monkeypatch.setattr(udp.time, "monotonic", lambda: clock[0])
    link = Udp("laptop.local", 9)
    for k in range(3):
        link.send([b"%d" % k])
        kept = link._socket
        clock[0] += udp.RENEWED + 1
        link.send([b"+"])  # starts a look-up
        link._lookup.join()
        link.send([b"-"])
        assert (link._socket is kept) is (k != 1)  # the same way keeps its socket
    assert asked == ["fmg look-up of laptop.local"] * 4
    assert first.datagrams() == [b"0", b"+", b"-", b"1", b"+"] and second.datagrams() == [b"-", b"2", b"+", b"-"]
    monkeypatch.setattr(udp.socket, "getaddrinfo", lambda *_, **__: (_ for _ in ()).throw(socket.gaierror(-3, "later")))
    clock[0] += udp.RENEWED + 1
    for _ in range(3):  # a name server that is away for a while changes nothing
        link.send([b"!"])
        link._lookup.join()
    assert second.datagrams() == [b"!"] * 3
    link.close()
    first.close()
    second.close()


def test_a_send_that_fails_looks_the_name_up_again(monkeypatch):
    class Unreachable:
        def send(self, datagram):
            raise OSError(101, "Network is unreachable")

        def close(self): ...

    receiver = Receiver()
    asked = resolves_to(monkeypatch, ("127.0.0.1", 9), ("127.0.0.1", receiver.port))
    link = Udp("laptop.local", 9)
    link.send([])
    link._socket = Unreachable()
    with pytest.raises(OSError, match="unreachable"):
        link.send([b"lost"])
    with pytest.raises(OSError, match="looked up"):
        link.send([b"lost, too"])
    link._lookup.join()
    link.send([b"found"])
    assert len(asked) == 2 and receiver.datagrams() == [b"found"]
    link.close()
    receiver.close()


def test_a_slow_name_server_delays_neither_start_nor_frames(monkeypatch):
    def slow(*_args, **_kwargs):
        time.sleep(3)
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(udp.socket, "getaddrinfo", slow)
    monkeypatch.setattr(udp, "START_WAIT", 0.05)
    lines = []
    began = time.monotonic()
    sinks = Sinks([OscSink("slow.example", 9000, 30.0)], lines.append)
    for k in range(100):
        sinks.send(Frame(k, k / 30, FACE))
    assert time.monotonic() - began < 1
    assert len(lines) == 1 and "slow.example" in lines[0]
    sinks.close()


def test_an_unreachable_network_is_reported_and_others_go_on(monkeypatch):
    class Unreachable:
        def send(self, datagram):
            raise OSError(101, "Network is unreachable")

        def close(self): ...

    lines, sound = [], Fake("sound")
    away = OscSink("192.0.2.1", 9000, 30.0)
    away.udp.send([])
    away.udp._socket = Unreachable()
    monkeypatch.setattr(away.udp, "_find", lambda: setattr(away.udp, "_found", OSError(101, "Network is unreachable")))
    sinks = Sinks([away, sound], lines.append)
    for k in range(100):
        sinks.send(Frame(k, k / 30, FACE))
    assert len(lines) == 1 and "unreachable" in lines[0]
    assert len(sound.got) == 100
    sinks.close()
