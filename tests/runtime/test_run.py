"""The loop: every frame at its time, silence when no audio comes, a resting face whatever ends it."""

import io
import signal
import time

import numpy as np
import pytest
from conftest import random_weights

from fmg_rt.app.loop import run
from fmg_rt.app.pace import Even
from fmg_rt.app.status import Status
from fmg_rt.app.stop import Stop
from fmg_rt.expression import ExpressionSettings
from fmg_rt.session import Session
from fmg_rt.sinks import RecordError, Sinks
from fmg_rt.sources import SourceError
from fmg_rt.sources.blocks import BlockSource, Paced
from fmg_rt.sources.clock import Pace

NOISE = np.random.default_rng(3).standard_normal((100, 160)).astype(np.float32) * 0.1


class Script:
    """A source that follows a script: hops to hand out, seconds of nothing, or an exception to raise."""

    name, latency, overflows, trouble = "script", 0.0, 0, ""

    def __init__(self, *lines):
        self._lines = list(lines)
        self._until = None

    @property
    def ended(self):
        return not self._lines

    def read(self, hop, timeout):
        if not self._lines:
            return False
        line = self._lines[0]
        if isinstance(line, float):
            self._until = self._until or time.monotonic() + line
            left = self._until - time.monotonic()
            time.sleep(max(0.0, min(timeout, left)))
            if left <= timeout:
                self._lines.pop(0)
                self._until = None
            return False
        self._lines.pop(0)
        if isinstance(line, BaseException):
            raise line
        if callable(line):
            line()
            return False
        hop[:] = line
        return True

    def close(self):
        pass


class Memory:
    """A sink that remembers."""

    name, live, address = "memory", True, None

    def __init__(self, then=None):
        self.frames, self.closed, self._then = [], False, then

    def send(self, frame):
        assert not self.closed
        self.frames.append((frame.index, frame.time, frame.coefficients.copy(), time.monotonic()))
        if self._then is not None:
            self._then(frame.index)

    def close(self):
        self.closed = True


@pytest.fixture(scope="module")
def session():
    return Session(random_weights(), settings=ExpressionSettings.off(), egemaps=False)


def _run(source, session, *sinks, **options):
    session.reset()
    status = Status(source, 0.0, out=io.StringIO())
    try:
        run(source, session, Sinks(sinks, report=status.report), status, **options)
    finally:
        status.close()


def _expected(session, hops):
    session.reset()
    return np.array([frame.coefficients for frame in session.push(np.concatenate(hops)) + session.flush()])


def test_all_frames_at_their_times_then_two_at_rest(session):
    memory = Memory()
    _run(Script(*NOISE), session, memory)
    expected = _expected(session, NOISE)
    assert len(expected) == 30
    indices, times, faces, _ = zip(*memory.frames, strict=True)
    assert list(indices) == list(range(32))
    assert list(times[:30]) == [k / 30 for k in range(30)]
    assert np.array_equal(faces[:30], expected)
    assert not np.any(faces[30:])
    assert memory.closed


def test_real_time_changes_no_bit(session):
    fast, paced = Memory(), Memory()
    _run(Script(*NOISE), session, fast, live=False, even=False)
    _run(Paced(BlockSource("noise", iter_blocks(NOISE), 16000)), session, paced)
    assert np.array_equal([f[2] for f in fast.frames], [f[2] for f in paced.frames])


def iter_blocks(hops):
    yield from hops


def test_silence_is_fed_by_the_clock_while_no_audio_comes(session):
    memory = Memory()
    _run(Script(*NOISE[:50], 1.2, *NOISE[50:]), session, memory)
    assert len(memory.frames) - 2 == pytest.approx(30 + 30, abs=3)  # 1.2 s less the patience of 0.2 s
    mute = [at for index, _, _, at in memory.frames if 18 <= index <= 40]
    assert np.median(np.diff(mute)) == pytest.approx(1 / 30, rel=0.25)
    expected = _expected(session, [*NOISE[:50], *np.zeros((80, 160), np.float32)])
    assert np.array_equal([f[2] for f in memory.frames[:36]], expected[:36])


def test_who_hears_along_hears_what_the_session_hears(session):
    """Every hop, the silence that fills a gap too: time for the ear is the time of the frames."""
    heard, memory = [], Memory()
    _run(Script(*NOISE[:20], 0.45, *NOISE[20:40]), session, memory, hear=lambda hop: heard.append(hop.copy()))
    silent = [not hop.any() for hop in heard]
    assert np.array_equal(heard[:20], NOISE[:20]) and np.array_equal(heard[-20:], NOISE[20:40])
    assert all(silent[20:-20]) and 5 <= len(heard) - 40 <= 60


def test_without_a_clock_only_the_audio_counts(session):
    memory = Memory()
    _run(Script(*NOISE[:50], 0.5, *NOISE[50:]), session, memory, live=False)
    assert np.array_equal([f[2] for f in memory.frames[:-2]], _expected(session, NOISE))


@pytest.mark.parametrize("failure", [SourceError("the file is damaged"), KeyboardInterrupt(), SystemExit(130)])
def test_whatever_ends_it_the_face_rests(session, failure):
    memory = Memory()
    with pytest.raises(type(failure)):
        _run(Script(*NOISE[:50], failure), session, memory)
    assert len(memory.frames) > 10
    assert memory.frames[-3][2].any()
    assert not memory.frames[-2][2].any() and not memory.frames[-1][2].any()
    assert memory.closed


def _begun():
    stop = Stop()
    stop.begun = True
    return stop


def test_a_signal_within_a_frame_lets_it_finish(session):
    stop = _begun()
    memory, other = Memory(lambda index: index == 5 and stop._handle(signal.SIGINT, None)), Memory()
    _run(Script(*NOISE), session, memory, other, stop=stop, even=False)
    assert stop.exit_code == 130
    assert [f[0] for f in memory.frames] == [f[0] for f in other.frames] == [0, 1, 2, 3, 4, 5, 6, 7]
    assert not other.frames[-1][2].any()


def test_a_signal_while_waiting_ends_it_at_once(session):
    stop, memory = _begun(), Memory()
    with pytest.raises(SystemExit) as leaving:
        _run(Script(*NOISE[:20], lambda: stop._handle(signal.SIGTERM, None)), session, memory, stop=stop)
    assert leaving.value.code == 128 + signal.SIGTERM
    assert not memory.frames[-1][2].any() and memory.closed


def test_a_second_signal_waits_for_nothing():
    stop = _begun()
    stop.deferred = True
    stop._handle(signal.SIGINT, None)
    with pytest.raises(SystemExit):
        stop._handle(signal.SIGINT, None)


def test_it_ends_when_no_sink_is_left(session):
    def fail(index):
        raise RecordError("the disk is full")

    memory = Memory(fail)
    source = Script(*NOISE)
    _run(source, session, memory)
    assert len(memory.frames) == 1
    assert not source.ended


def test_pace_follows_the_count_and_forgives_a_long_delay():
    pace, began = Pace(), time.perf_counter()
    for _ in range(20):
        time.sleep(pace.next(160))
    assert time.perf_counter() - began == pytest.approx(0.2, abs=0.03)
    time.sleep(0.5)
    waits = [pace.next(160) for _ in range(40)]
    assert waits[:15] == [0.0] * 15  # 0.2 s are made up for, 0.3 s are not
    assert sum(w > 0 for w in waits) >= 15


class _Terminal(io.StringIO):
    def isatty(self):
        return True


def _status(out, failing=(), **changes):
    source = Script()
    for name, value in changes.items():
        setattr(source, name, value)
    status = Status(source, 0.08, failing=lambda: failing, out=out)
    for _ in range(30):
        status.count(np.full(160, 0.1, np.float32), 1, 0.0004)
    time.sleep(0.35)
    status.report("the receiver is gone")
    time.sleep(0.15)
    numbers = status.numbers()
    status.close()
    return numbers, out.getvalue()


def test_the_status_line_stays_one_line(monkeypatch):
    monkeypatch.setenv("COLUMNS", "60")
    numbers, text = _status(_Terminal(), latency=0.02, overflows=3, trouble="待っています " * 9)
    assert numbers["level"] == pytest.approx(-20, abs=0.1)
    assert numbers["compute_p50"] == pytest.approx(0.4)
    assert numbers["latency"] == pytest.approx(100.4)
    assert numbers["overflows"] == 3
    assert "\x1b" not in text
    assert text.count("\n") == 2  # the report and the last word
    assert "fmg-rt: the receiver is gone\n" in text
    for piece in text.replace("\n", "\r").split("\r"):
        assert sum(2 if ord(letter) > 0x2FFF else 1 for letter in piece.rstrip()) <= 60


def test_without_a_terminal_only_news_are_written():
    _, text = _status(io.StringIO(), trouble="")
    assert "\r" not in text
    assert text.splitlines()[0] == "fmg-rt: the receiver is gone"
    assert "30 frames" in text.splitlines()[1]
    _, text = _status(io.StringIO(), trouble="waiting for the microphone")
    assert text.splitlines()[0] == "fmg-rt: waiting for the microphone"


@pytest.mark.parametrize("failing", [[], ["osc 127.0.0.1:9000", "vmc 10.0.0.7:39539"]])
def test_the_status_line_keeps_naming_sinks_in_trouble(monkeypatch, failing):
    monkeypatch.setenv("COLUMNS", "80")
    numbers, text = _status(_Terminal(), failing=failing)
    assert numbers["failing"] == failing
    newest = text.split("\r")[-3]  # before the last word
    assert newest.startswith("not taking frames: osc 127.0.0.1:9000, vmc 10.0.0.7:39539  ") == bool(failing), newest


def test_a_console_that_is_gone_disturbs_nobody():
    class Closed(io.StringIO):
        def write(self, text):
            raise OSError("broken pipe")

    numbers, _ = _status(Closed())
    assert numbers["compute_p50"] > 0


def _intervals(ways, rate=30.0):
    """ms between frames that are ready `ways` seconds after their moment."""
    pace = Even()
    due = [pace.due(k, k / rate, k / rate + way) for k, way in enumerate(ways)]
    assert all(at >= k / rate + way - 1e-9 for k, (at, way) in enumerate(zip(due, ways, strict=True)))
    return 1000 * np.diff(due)


def test_frames_of_a_grid_leave_evenly():
    """A network that steps every 20 ms has frames of 30 Hz ready 20 or 40 ms apart; a drifting clock is followed."""
    k = np.arange(600)
    drift = 1e-4 * k / 30
    ways = 0.1 + np.ceil(k / 30 / 0.02 - 1e-9) * 0.02 - k / 30 + drift
    assert np.ptp(np.diff(k / 30 + ways)) > 0.015
    even = _intervals(ways)[20:]
    assert np.abs(even - 1000 / 30).max() < 0.6
    assert np.mean(ways) + 0.0105 > np.cumsum(even)[-1] / 1000 - (k[-1] - 20) / 30 + ways[0]


def test_a_stall_delays_nothing_afterwards():
    ways = np.full(300, 0.1)
    ways[100:106] += np.linspace(0.4, 0.2, 6)  # audio came in one lump after half a second
    pace = Even()
    due = np.array([pace.due(k, k / 30, k / 30 + way) for k, way in enumerate(ways)])
    late = due - np.arange(300) / 30 - ways
    assert late[:100].max() < 0.001 and late[106:].max() <= 0.0241 and late[-1] < 0.001
