"""Shared by the runtime's tests: weight files of random numbers, a UDP receiver, the program as a process."""

import os
import signal
import socket
import subprocess
import sys
import time

import numpy as np
import pytest
from loopback import Receiver

from fmg_rt import architectures, weights

# Under nohup every program started here would inherit that a hangup is ignored; a handler is not inherited.
if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) == signal.SIG_IGN:
    signal.signal(signal.SIGHUP, lambda *_: None)


def random_weights(architecture="gru", lookaheads=(0, 800, 1600), seed=1):
    """A network that nobody trained: its face is nonsense, but it moves with the voice."""
    random = np.random.default_rng(seed)
    config = {}
    if architecture == "gru":
        config = {"n_stack": 2, "d_input": 64, "d_model": 64, "d_head": 64, "n_lookaheads": len(lookaheads)}
    shapes = architectures.ARCHITECTURES[architecture](config)
    tensors = {name: (random.standard_normal(shape) / np.sqrt(shape[-1])).astype(np.float32) for name, shape in shapes.items()}
    statistics = [np.full(80, -8), np.full(80, 4), np.zeros(88), np.ones(88)]
    return weights.Weights(architecture, config, lookaheads, *(s.astype(np.float32) for s in statistics), tensors)


@pytest.fixture
def receiver():
    """A receiver on a free port of 127.0.0.1."""
    receiver = Receiver()
    yield receiver
    receiver.close()


@pytest.fixture(scope="session")
def weight_file(tmp_path_factory):
    """Path of a small recurrent network of random numbers."""
    path = tmp_path_factory.mktemp("weights") / "random.npz"
    weights.write(path, random_weights())
    return path


@pytest.fixture(scope="session")
def voice(tmp_path_factory):
    """Path of three seconds at 16 kHz that swell and fade as syllables do, with half a second of silence at the end."""
    import soundfile

    path = tmp_path_factory.mktemp("sound") / "voice.wav"
    t = np.arange(3 * 16000) / 16000
    tone = sum(np.sin(2 * np.pi * 140 * k * t) / k for k in range(1, 20))
    sound = 0.1 * tone * np.sin(2 * np.pi * 2 * t) ** 2
    sound[-8000:] = 0
    soundfile.write(path, sound, 16000, "PCM_16")
    return path


class Program:
    """`fmg-rt` as a process of its own, as a person starts it."""

    def __init__(self, *arguments, **options):
        environment = {**os.environ, "OMP_NUM_THREADS": "1", **options.pop("environment", {})}
        start = options.pop("start", ["-m", "fmg_rt"])
        self.process = subprocess.Popen(
            [sys.executable, *start, *map(str, arguments)],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            **options,
        )

    def wait_for(self, text, timeout=60.0):
        """Read what it says until a line holds `text`; returns the line."""
        deadline = time.monotonic() + timeout
        for line in self.process.stderr:
            if text in line:
                return line
            assert time.monotonic() < deadline
        raise AssertionError(f"it ended without saying '{text}'")

    def end(self, timeout=60.0):
        """(exit code, standard output, the rest of standard error) once it has ended by itself."""
        out, err = self.process.communicate(timeout=timeout)
        return self.process.returncode, out, err


@pytest.fixture
def program():
    """Starts `Program`s and leaves none behind."""
    started = []

    def start(*arguments, **options):
        started.append(Program(*arguments, **options))
        return started[-1]

    yield start
    for one in started:
        if one.process.poll() is None:
            one.process.kill()
        one.process.communicate()


@pytest.fixture
def udp():
    """A bound UDP socket on loopback with room for seconds of frames."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as bound:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        bound.bind(("127.0.0.1", 0))
        bound.settimeout(20.0)
        yield bound
