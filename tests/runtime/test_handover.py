"""Live eGeMAPS that come late: the lips move at once, and from the handover on every bit is as if they had been there."""

import io
import logging
import threading
import time

import numba
import numpy as np
import pytest
from conftest import random_weights
from test_run import Memory, Script

from fmg_rt import handover as module
from fmg_rt.app.loop import run
from fmg_rt.app.status import Status
from fmg_rt.egemaps import EGeMAPS
from fmg_rt.expression import Expression, ExpressionSettings
from fmg_rt.handover import Handover, TwiceRead
from fmg_rt.session import Session
from fmg_rt.sinks import Sinks
from fmg_rt.stream import FaceStream

SETTINGS = ExpressionSettings()
N_HOPS = 220


@pytest.fixture(scope="module")
def weights():
    return random_weights("cross_attention", lookaheads=(0, 800))  # whose network hears the functionals, too


@pytest.fixture(scope="module")
def hops():
    """A voice whose pitch and loudness change all the time."""
    t = np.arange(160 * N_HOPS) / 16000
    phase = 2 * np.pi * np.cumsum(130 + 50 * np.sin(2 * np.pi * 0.9 * t)) / 16000
    voice = sum(np.sin(k * phase) / k for k in range(1, 15)) * np.clip(np.sin(2 * np.pi * 2.3 * t), 0, 1)
    return (0.1 * voice).astype(np.float32).reshape(-1, 160)


@pytest.fixture(scope="module")
def make(weights):
    def make(with_egemaps, tracker=None):
        expression = Expression(SETTINGS, 60.0, 800, seed=3, tracker=tracker)
        return FaceStream(weights, rate=60.0, lookahead=800, expression=expression, egemaps=EGeMAPS() if with_egemaps else None)

    return make


def play(stream, hops, before=lambda i: None):
    """The frames of each hop."""
    frames = []
    for i, hop in enumerate(hops):
        before(i)
        frames.append(stream.step(hop).copy())
    return frames


def whole(stream, hops, before=lambda i: None):
    """The frames of each hop, and those of six hops of silence behind it."""
    return [*play(stream, hops, before), *play(stream, np.zeros((6, 160), np.float32))]


def equal(a, b):
    return len(a) == len(b) and all(np.array_equal(x, y) for x, y in zip(a, b, strict=True))


class Gate:
    """Builds the second stream when it is told to."""

    def __init__(self, make):
        self._make, self._opened = make, threading.Event()

    def build(self):
        assert self._opened.wait(30)
        return self._make(True)

    def open(self, handover):
        """Returns when the second stream waits in the wings."""
        self._opened.set()
        handover.wait()


@pytest.fixture(scope="module")
def without(make, hops):
    return whole(make(False), hops)


@pytest.fixture(scope="module")
def having(make, hops, without):
    frames = whole(make(True), hops)
    assert not any(np.array_equal(a, b) for a, b in zip(frames[60:], without[60:], strict=True) if len(a))
    return frames


@pytest.mark.parametrize("n", [0, 1, 49, 131, N_HOPS])
def test_before_it_is_the_one_stream_and_after_it_the_other(make, hops, without, having, n):
    gate = Gate(make)
    handover = Handover(make(False), gate.build)
    assert handover.rate == 60.0
    frames = play(handover, hops[:n])
    gate.open(handover)
    frames += whole(handover, hops[n:])
    assert equal(frames[:n], without[:n])
    assert equal(frames[n:], having[n:])
    assert handover.index == sum(map(len, frames))
    assert not handover._heard  # and it keeps no hop


def test_it_catches_up_with_a_loop_that_does_not_wait(make, hops, without, having):
    gate = Gate(make)
    handover = Handover(make(False), gate.build)

    def work(i):
        if i == 20:
            gate._opened.set()
        time.sleep(0.002)

    frames = whole(handover, hops, work)
    n = next(i for i in range(20, N_HOPS) if equal(frames[i:], having[i:]))  # the two may agree for a while
    assert equal(frames[:n], without[:n]) and n < N_HOPS - 1


def test_what_came_while_the_thread_was_ready_is_heard(make, hops, without, having):
    gate = Gate(make)
    handover = Handover(make(False), gate.build)
    assert equal(play(handover, hops[:5]), without[:5])
    handover._second = make(True)  # as if it had caught up before those five
    assert equal(whole(handover, hops[5:]), having[5:])
    gate._opened.set()


def test_nothing_is_heard_when_it_comes_too_late(make, hops, without):
    gate = Gate(make)
    assert equal(whole(Handover(make(False), gate.build), hops), without)
    gate._opened.set()


def test_a_slider_moved_meanwhile_counts_for_both(make, hops):
    calm, wild = ExpressionSettings(brows=0.2, smoothing=2.0, level=False), ExpressionSettings(brows=2.0, gaze=False)
    moves = {20: calm, 90: wild, 180: SETTINGS}

    def slider(expression):
        return lambda i: i in moves and expression.update(moves[i])

    first, second = make(False), make(True)
    without, having = whole(first, hops, slider(first.expression)), whole(second, hops, slider(second.expression))
    gate, first = Gate(make), make(False)
    handover, move = Handover(first, gate.build), slider(first.expression)
    frames = play(handover, hops[:130], move)
    gate.open(handover)
    frames += whole(handover, hops[130:], lambda i: move(i + 130))
    assert equal(frames[:130], without[:130])
    assert equal(frames[130:], having[130:])
    assert first.expression.settings is SETTINGS


class Faces:
    """A tracker whose faces come and stay away by its own clock: the count of readings."""

    head = None

    def __init__(self):
        self._n, self._random = 0, np.random.default_rng(5)

    def read(self, out):
        self._n += 1
        out[:] = self._random.random(52)
        return min(self._n // 3, 10) + max(self._n - 100, 0) // 2


@pytest.mark.parametrize("n", [0, 35, 120])
def test_a_second_tracker_is_read_as_if_once(make, hops, n):
    having = whole(make(True, Faces()), hops)
    shared = TwiceRead(Faces())
    gate = Gate(lambda with_egemaps: make(True, shared.again))
    handover = Handover(make(False, shared), gate.build)
    play(handover, hops[:n])
    gate.open(handover)
    assert equal(whole(handover, hops[n:]), having[n:])


def test_the_silence_of_a_lost_device_was_heard_too(make, hops):
    gate, memory, heard = Gate(make), Memory(), []
    handover = Handover(make(False), gate.build)
    step = handover.step
    handover.step = lambda hop: heard.append(hop.copy()) or step(hop)
    session = Session(random_weights(), rate=60.0, egemaps=False)
    session._stream = handover
    source = Script(*hops[:80], 0.6, *hops[80:120], lambda: gate.open(handover), *hops[120:])
    status = Status(source, 0.0, out=io.StringIO())
    run(source, session, Sinks([memory]), status)
    status.close()
    assert len(heard) > N_HOPS + 20 and not np.any(heard[85:100])
    faces = np.array([frame[2] for frame in memory.frames[:-2]])
    expected = np.concatenate(play(make(True), heard))[: len(faces)]
    assert len(faces) == len(expected)
    assert np.array_equal(faces[-55:], expected[-55:])
    assert not np.array_equal(faces[70:90], expected[70:90])


def test_it_does_not_wait_for_a_compiler(make, hops, without):
    gate = Gate(make)

    def build():
        numba.njit("float32(float32)")(lambda x: x)
        return gate.build()

    began = time.monotonic()
    handover = Handover(make(False), build)
    handover.wait()
    assert time.monotonic() - began < 20  # the gate is still shut
    assert equal(play(handover, hops[:10]), without[:10])
    gate._opened.set()


def test_it_waits_for_what_is_only_loaded(make, hops, having):
    def build():
        time.sleep(0.2)
        return make(True)

    handover = Handover(make(False), build)
    handover.wait()
    assert equal(whole(handover, hops), having)


def test_without_egemaps_the_lips_go_on(make, hops, without, caplog):
    def fail(with_egemaps):
        raise MemoryError("not enough of it")

    gate = Gate(fail)
    handover = Handover(make(False), gate.build)
    frames = play(handover, hops[:30])
    with caplog.at_level(logging.WARNING, "fmg_rt"):
        gate.open(handover)
    assert equal(frames + whole(handover, hops[30:]), without)
    assert "eGeMAPS are not available" in caplog.text and "not enough of it" in caplog.text
    assert not handover._heard


def test_what_it_remembers_is_bounded(make, hops, without, monkeypatch, caplog):
    monkeypatch.setattr(module, "_LONGEST_WAIT", 50)
    gate = Gate(make)
    handover = Handover(make(False), gate.build)
    frames = play(handover, hops[:100])
    assert len(handover._heard) == 50
    with caplog.at_level(logging.WARNING, "fmg_rt"):
        gate.open(handover)
    frames += whole(handover, hops[100:])
    assert equal(frames, without)
    assert "too long" in caplog.text and not handover._heard


@pytest.mark.parametrize("n", [0, 60, 150])
def test_utterances_that_ended_meanwhile_are_heard_in_their_order(make, hops, n):
    """A session begins, rests and resets its stream: the second one does the same at the same hops."""
    acts = {40: "begin", 90: "rest", 120: "reset", 170: "begin"}

    def act(stream):
        return lambda i: i in acts and getattr(stream, acts[i])()

    second = make(True)
    having = play(second, hops, act(second))
    gate = Gate(make)
    handover = Handover(make(False), gate.build)
    play(handover, hops[:n], act(handover))
    gate.open(handover)
    frames = play(handover, hops[n:], lambda i: i + n in acts and getattr(handover, acts[i + n])())
    assert equal(frames, having[n:])
    assert handover.index == second.index
