"""fmg-rt doctor: what it finds is true, and its exit code is that of the main job."""

import contextlib
import os
import socket
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from sound_server import MICROPHONE, RATE, SoundServer

from fmg_rt import architectures, weights
from fmg_rt.app import checks
from fmg_rt.cli import main
from fmg_rt.kernels import cache
from fmg_rt.sources import SourceError

CONFIG = {"n_stack": 2, "d_input": 16, "d_model": 16, "d_head": 16, "n_lookaheads": 2}


@pytest.fixture(scope="module")
def weight_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / "重み w.npz"
    rng = np.random.default_rng(1)
    tensors = {n: rng.normal(0, 0.5, s).astype(np.float32) for n, s in architectures.gru_tensors(CONFIG).items()}
    mel, zeros, ones = np.full(80, 4, np.float32), np.zeros(88, np.float32), np.ones(88, np.float32)
    weights.write(path, weights.Weights("gru", CONFIG, (0, 800), -2 * mel, mel, zeros, ones, tensors))
    return path


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    path = tmp_path_factory.mktemp("sound") / "tone.wav"
    soundfile = pytest.importorskip("soundfile")
    soundfile.write(path, 0.1 * np.sin(np.arange(8000) / 5), 16_000)
    return path


def examine(*arguments):
    result = CliRunner().invoke(main, ["doctor", *map(str, arguments)])
    lines = [line.split(None, 2) for line in result.output.splitlines()]
    return result, [(line[0], line[1], line[2]) for line in lines if len(line) == 3]


def of(lines, topic):
    return [(verdict, text) for verdict, name, text in lines if name == topic]


def test_a_healthy_machine_passes(weight_file, sound):
    result, lines = examine("--weights", weight_file, "--input", sound)
    assert result.exit_code == 0, result.output
    assert result.output.endswith("The main job would run.\n")
    [(verdict, text)] = of(lines, "weights")
    size = sum(int(np.prod(shape)) for shape in architectures.gru_tensors(CONFIG).values())
    assert verdict == "ok" and weights.read(weight_file).sha256 in text and f"{size} parameters" in text and "0, 50 ms" in text
    [(verdict, text)] = of(lines, "kernels")
    assert verdict == "ok" and "ready in" in text
    [(verdict, text)] = of(lines, "speed")
    assert verdict in ("ok", "note") and "of 33.3 ms" in text
    assert [text.split()[0] for _, text in of(lines, "receiver")] == ["osc", "vmc", "vrchat", "livelink", "ifacialmocap"]


@pytest.mark.parametrize("arguments", [["--weights", "nowhere.npz"], ["--input", "nowhere.wav"], ["--input", __file__]])
def test_what_stops_the_main_job_fails(weight_file, sound, arguments):
    defaults = {"--weights": weight_file, "--input": sound} | dict(zip(arguments[::2], arguments[1::2], strict=True))
    job = [str(word) for pair in defaults.items() for word in pair]
    result, lines = examine(*job)
    assert result.exit_code == 1 and "FAIL" in [verdict for verdict, _, _ in lines]
    assert "Traceback" not in result.output and isinstance(result.exception, SystemExit)
    # The same words, the same verdict from the job itself.
    assert CliRunner().invoke(main, [*job, "--fast", "--osc", "127.0.0.1:9"]).exit_code != 0


def test_without_portaudio_it_says_what_to_do(weight_file, monkeypatch):
    def gone():
        raise SourceError("microphones need PortAudio: install it")

    monkeypatch.setattr(checks, "portaudio", gone)
    result, lines = examine("--weights", weight_file)
    assert result.exit_code == 1 and of(lines, "microphone") == [("FAIL", "microphones need PortAudio: install it")]


def test_a_machine_too_slow_fails(weight_file, monkeypatch):
    clock = iter(range(1_000_000))
    monkeypatch.setattr(checks.time, "perf_counter", lambda: float(next(clock)))  # every look costs a second
    speed = list(checks.check_speed(weights.read(weight_file), 30.0))[1]
    assert speed.verdict == "FAIL" and "lower --rate" in speed.text


def test_kernels_that_were_compiled_damaged_or_cannot_be_kept_are_said(monkeypatch, tmp_path):
    """Place, size and state, and the command that changes it."""
    tally = cache.Tally()
    monkeypatch.setattr(cache, "tally", tally)
    (tmp_path / "a.kernel").write_bytes(bytes(2_340_000))
    monkeypatch.setattr(cache, "kept", lambda: [(tmp_path / "a.kernel", True), (tmp_path / "none.kernel", False)])
    tally.loaded, tally.place = 80, Path("/cache")
    whole = f"80, all of them compiled before in {Path('/cache')} (2.3 MB); ready in 1.0 s; `fmg-rt cache clear` deletes them"
    assert checks._check_kernels(1.0) == checks.Finding("ok", "kernels", whole)
    tally.compiled, tally.damaged = 1, 1
    verdict = checks._check_kernels(1.0)
    assert verdict.verdict == "note" and "81, 1 compiled just now" in verdict.text and "1 were damaged" in verdict.text
    assert f"{Path('/cache')} (2.3 MB)" in verdict.text and "`fmg-rt cache warm`" in verdict.text
    tally.refusal = "/cache: Read-only file system"
    verdict = checks._check_kernels(1.0)
    assert verdict.verdict == "note" and "NUMBA_CACHE_DIR" in verdict.text and "Read-only" in verdict.text


def test_ports_taken_and_free_are_told_apart():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(("127.0.0.1", 0))
        port = receiver.getsockname()[1]
        assert checks.ask_port("127.0.0.1", port) == ("ok", "a program on this computer listens there")
        receiver.settimeout(0.1)
        with pytest.raises(TimeoutError):  # and the program was not bothered
            receiver.recv(1)
    assert checks.ask_port("127.0.0.1", port) == ("note", "no program listens there yet")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(("0.0.0.0", port))
        assert checks.ask_port("127.0.0.1", port)[0] == "ok"
    assert checks.ask_port("no-such-host.invalid", 9000)[0] == "FAIL"


def test_what_a_receiver_would_get_is_measured(weight_file, sound):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(("127.0.0.1", 0))
        port = receiver.getsockname()[1]
        result, lines = examine("--weights", weight_file, "--input", sound, "--osc", f"127.0.0.1:{port}")
        receiver.settimeout(0.1)
        with pytest.raises(TimeoutError):  # the face of who listens does not move
            receiver.recv(1)
    assert result.exit_code == 0
    # /blendshapes 280 bytes, 52 messages in a bundle 1472 bytes
    assert of(lines, "receiver") == [
        ("ok", f"osc 127.0.0.1:{port}: up to 1752 bytes a frame in 2 datagrams; a program on this computer listens there")
    ]


@pytest.mark.audio
def test_a_real_microphone_is_heard(tmp_path, weight_file):
    if SoundServer.missing():
        pytest.skip(f"not installed: {SoundServer.missing()}")
    command = [sys.executable, "-m", "fmg_rt", "doctor", "--weights", weight_file, "--seconds", "0.8"]

    def play(server, samples):
        with contextlib.suppress(BrokenPipeError):  # the end of the test
            server.play(samples)

    server = SoundServer(tmp_path)
    playing = threading.Thread()
    try:

        def run(*arguments):
            return subprocess.run(
                [*command, *arguments], env={**os.environ, **server.environment}, text=True, capture_output=True, timeout=60
            )

        silent = run("--device", MICROPHONE)
        assert silent.returncode == 0 and "digital silence" in silent.stdout, silent.stdout + silent.stderr
        tone = 0.1 * np.sin(2 * np.pi * 440 / RATE * np.arange(12 * RATE))
        playing = threading.Thread(target=play, args=(server, tone))  # a player takes samples as fast as it plays them
        playing.start()
        heard = run("--device", MICROPHONE)
        line = next(line for line in heard.stdout.splitlines() if "*" in line and MICROPHONE in line)
        assert heard.returncode == 0 and line.startswith("ok") and "-23 dBFS" in line, heard.stdout
        gone = run("--device", "virtual cabel")
        assert gone.returncode == 1 and "Traceback" not in gone.stderr
        line = next(line for line in gone.stdout.splitlines() if line.startswith("FAIL microphone"))
        assert MICROPHONE in line  # a near name
    finally:
        server.close()
        if playing.ident:
            playing.join()
