"""Sessions: what a face of the default settings costs, many of them, and what a further one keeps."""

import statistics
import subprocess
import sys
import time
from importlib import resources

import numpy as np
import pytest
import soundfile

from fmg_rt import Pool, Session
from fmg_rt.networks.gru import GRUNetwork

RATE = 30.0
BLOCK = 1_600
"""Samples that a host hands over at once, 0.1 s."""


@pytest.fixture(scope="module")
def pool():
    pool = Pool()
    yield pool
    pool.close()


@pytest.fixture(scope="module")
def speech():
    """The packaged clip, (n,) int16."""
    return soundfile.read(str(resources.files("fmg_weights") / "demo.flac"), dtype="int16")[0]


@pytest.mark.parametrize("egemaps, must, aim", [(False, 120, 300), (True, 60, 150)], ids=["without eGeMAPS", "with eGeMAPS"])
def test_faces_a_core(contest, pool, speech, egemaps, must, aim):
    """`must` faces of 30 Hz a core leave each frame 1 / (30 must) s."""
    session, state = pool.session(egemaps=egemaps), {"at": 0}

    def block():
        state["at"] = (state["at"] + BLOCK) % (len(speech) - BLOCK)
        session.push(speech[state["at"] : state["at"] + BLOCK])

    name = "session, a frame" + (", eGeMAPS" if egemaps else "")
    contest(name, block, must=1e6 / RATE / must, aim=round(1e6 / RATE / aim), per=3, rounds=400)


def test_steps_together(contest, pool):
    """A step of 32 networks in one pass over the weights, against 32 steps."""
    mel = np.random.default_rng(0).normal(-8, 4, (2, 80)).astype(np.float32)
    networks = [GRUNetwork(pool.weights, 960) for _ in range(32)]

    def take():
        for network in networks:
            for frame in mel:
                network.take(frame)

    def alone():
        take()
        for network in networks:
            network.step()

    def together():
        take()
        networks[0].step_with(networks[1:])

    contest(
        "a step of one of 32 networks, together",
        together,
        must=25,
        aim=10,
        per=32,
        rounds=100,
        rivals={"alone": (alone, 32)},
        limit={"alone": 0.8},
        rival_rounds=60,
    )


FURTHER = """
import gc, sys
import psutil
from fmg_rt import Pool
pool, kept = Pool(), []
def add(n):
    kept.extend(pool.session(egemaps=sys.argv[1] == "True") for _ in range(n))
    gc.collect()
    return psutil.Process().memory_info().rss
before = add(5)
print((add(100) - before) / 100 / 1000)
"""
"""kB that a further session keeps, in a process of its own: memory that others gave back would hide it."""


@pytest.mark.parametrize("egemaps, must", [(False, 300), (True, 300)], ids=["without eGeMAPS", "with eGeMAPS"])
def test_memory_of_a_further_session(egemaps, must):
    """kB of resident memory; what eGeMAPS keeps is five seconds of audio."""
    done = subprocess.run([sys.executable, "-c", FURTHER, str(egemaps)], capture_output=True, text=True, check=True)
    each = float(done.stdout)
    print(f"\na further session{' with eGeMAPS' if egemaps else ''}: {each:.0f} kB (must: {must} kB)")
    assert 10 <= each <= must


def test_first_frame(pool, slowness):
    """From the first 100 ms of audio to the frame that they decide."""
    taken = []
    for _ in range(20):
        session = pool.session(egemaps=False)
        began = time.perf_counter()
        frames = session.push(np.full(BLOCK, 100, np.int16))
        taken.append(1000 * (time.perf_counter() - began))
        assert frames
    print(f"\nfirst frame after the first 100 ms: {statistics.median(taken):.2f} ms")
    assert statistics.median(taken) <= 10 * slowness()


def test_a_session_is_made_quickly(pool, slowness):
    taken = []
    for _ in range(20):
        began = time.perf_counter()
        Session(pool.weights, egemaps=False)
        taken.append(1000 * (time.perf_counter() - began))
    print(f"\na session made: {statistics.median(taken):.2f} ms")
    assert statistics.median(taken) <= 20 * slowness()
