"""What surrounds a program must not stop it: closed streams, letters that no console has, a compiler switched off."""

import os
import subprocess
import sys
import time
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner

from fmg_rt.app import checks
from fmg_rt.cli import main
from fmg_rt.sources.pipe import LivePipe, Pipe

posix = pytest.mark.skipif(os.name != "posix", reason="names are bytes, streams are numbers")


def run(*arguments, code=None, **options):
    """`fmg-rt` in a process of its own; code : run instead, with the arguments of the program set."""
    start = ["-m", "fmg_rt"] if code is None else ["-c", code]
    environment = {**os.environ, **options.pop("environment", {})}
    return subprocess.run(
        [sys.executable, *start, *map(os.fspath, arguments)], env=environment, timeout=120, capture_output=True, **options
    )


def test_a_windowed_program_has_no_streams(weight_file, voice, tmp_path):
    code = "import sys; sys.stdin = sys.stdout = sys.stderr = None; from fmg_rt.cli import main; main(prog_name='fmg-rt')"
    result = run("--weights", weight_file, "--input", voice, "--fast", "--record", tmp_path / "a.csv", code=code)
    assert result.returncode == 0 and result.stderr == b""
    assert len((tmp_path / "a.csv").read_bytes().splitlines()) == 91


@posix
def test_streams_that_are_closed_leave_their_numbers_to_nobody(weight_file, voice, tmp_path):
    """A warning of a C library goes to number 2: it must not be the recording."""
    code = """
import os, sys
for number in (0, 1, 2):
    os.close(number)
sys.stdin = sys.stdout = sys.stderr = None
from fmg_rt.app import startup
startup.prepare()
file = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT)
os.write(2, b"a library warns")
os.write(file, str(file).encode())
"""
    assert run(tmp_path / "a", code=code).returncode == 0
    assert int((tmp_path / "a").read_bytes()) > 2


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full")
@pytest.mark.parametrize("arguments", ["--help", "names", "cache show", "doctor --input demo"])
def test_an_output_that_takes_nothing_gets_one_line(arguments):
    with open("/dev/full", "wb", buffering=0) as full:
        result = subprocess.run(
            [sys.executable, "-m", "fmg_rt", *arguments.split()], stdout=full, stderr=subprocess.PIPE, text=True, timeout=120
        )
    assert result.returncode == 1 and result.stderr.splitlines() == ["Error: [Errno 28] No space left on device"]


@posix
def test_no_name_of_a_file_stops_it(weight_file, voice, tmp_path):
    """Japanese letters where the system knows none, and a name that is no UTF-8 at all."""
    ascii = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    folder = os.fsencode(tmp_path)
    names = ["日本語.wav".encode(), b"caf\xe9.wav"]
    for name in names:
        with open(voice, "rb") as sound, open(os.path.join(folder, name), "wb") as copy:
            copy.write(sound.read())
    paths = [os.path.join(folder, name) for name in names]
    result = run(
        b"bake", *paths, b"--out", os.path.join(folder, b"out"), b"--weights", os.fsencode(weight_file), environment=ascii
    )
    assert result.returncode == 0, result.stderr
    assert sorted(os.listdir(os.path.join(folder, b"out"))) == sorted(name.replace(b".wav", b".csv") for name in names)
    for path in paths:
        result = run(
            b"--input",
            path,
            b"--fast",
            b"--weights",
            os.fsencode(weight_file),
            b"--osc",
            b"127.0.0.1:9",
            environment={"LC_ALL": "C"},
        )
        assert result.returncode == 0 and b"Traceback" not in result.stderr
    result = run(b"--input", os.path.join(folder, b"no\xe9.wav"), b"--fast", environment=ascii)
    assert result.returncode == 1 and b"no such file" in result.stderr and b"Traceback" not in result.stderr


def test_the_compiler_cannot_be_switched_off_by_accident(weight_file, voice):
    began = time.monotonic()
    result = run(
        "--weights", weight_file, "--input", voice, "--fast", "--osc", "127.0.0.1:9", environment={"NUMBA_DISABLE_JIT": "1"}
    )
    assert result.returncode == 0 and result.stderr.count(b"NUMBA_DISABLE_JIT is ignored") == 1
    assert time.monotonic() - began < 30


@posix
def test_no_library_complains_at_the_end(weight_file):
    """A thread that still waits for a pipe holds a resampler."""
    program = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "fmg_rt",
            "--weights",
            weight_file,
            "--input",
            "-",
            "--input-rate",
            "48000",
            "--osc",
            "no-such-host.invalid:9000",
        ],
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    program.stdin.write(np.zeros(48_000, "<i2").tobytes())
    program.stdin.flush()
    while b"standard input to" not in (line := program.stderr.readline()):
        assert line
    time.sleep(0.5)
    program.terminate()
    _, err = program.communicate(timeout=20)
    assert program.returncode == 143 and b"leaked" not in err and b"Traceback" not in err, err
    assert b"frames in" in err


@pytest.mark.parametrize("option", ["rate", "lookahead", "input-rate", "mouth"])
def test_a_number_that_is_none_is_refused(option, voice):
    result = CliRunner().invoke(main, ["--input", str(voice), f"--{option}", "nan", "--fast"])
    assert result.exit_code == 2 and "is not a number" in result.output
    assert CliRunner().invoke(main, ["--osc", "127.0.0.1:" + "9" * 5000]).exit_code == 2


def test_a_dialogue_becomes_two_faces(weight_file, voice, tmp_path):
    sound, rate = soundfile.read(voice, dtype="float32")
    soundfile.write(tmp_path / "talk.wav", np.stack([sound, 0 * sound], 1), rate)
    arguments = ["bake", str(tmp_path / "talk.wav"), str(voice), "--out", str(tmp_path / "out"), "--weights", str(weight_file)]
    result = CliRunner().invoke(main, [*arguments, "--channel", "each"])
    assert result.exit_code == 0, result.output
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["talk.left.csv", "talk.right.csv", "voice.csv"]
    assert (tmp_path / "out" / "talk.left.csv").read_bytes() == (tmp_path / "out" / "voice.csv").read_bytes()
    assert (tmp_path / "out" / "talk.right.csv").read_bytes() != (tmp_path / "out" / "voice.csv").read_bytes()


def _microphones(monkeypatch, silence):
    """One microphone, whose first sound comes after `silence` seconds."""
    import fmg_rt.sources.microphone as module

    class Microphone:
        ended, overflows, latency, trouble = False, 0, 0.0, ""

        def __init__(self, device):
            self._began = time.monotonic()

        def read(self, hop, timeout):
            time.sleep(min(timeout, 0.01))
            hop[:] = 0.1
            return time.monotonic() - self._began > silence

        def close(self):
            pass

    device = {
        "index": 0,
        "name": "pulse",
        "host": "ALSA",
        "default": True,
        "default_samplerate": 44100.0,
        "max_input_channels": 32,
    }
    monkeypatch.setattr(checks, "portaudio", lambda: SimpleNamespace(get_portaudio_version=lambda: (0, "PortAudio")))
    monkeypatch.setattr(checks, "inputs", lambda sd: [device])
    monkeypatch.setattr(module, "Microphone", Microphone)


@pytest.mark.parametrize("silence, verdict", [(0.0, "ok"), (1.6, "ok"), (60.0, "FAIL")])
def test_doctor_waits_for_a_microphone_as_the_main_job_does(monkeypatch, silence, verdict):
    _microphones(monkeypatch, silence)
    monkeypatch.setattr(checks, "_WAKING", 2.0)
    *_, finding = checks.check_microphones(None, 0.3, lambda name, level: None)
    assert finding.verdict == verdict, finding


@pytest.mark.parametrize("host, code", [("127.0.0.1:9", 0), ("no-such-host.invalid:9", 1)])
def test_doctor_fails_where_nothing_can_arrive(weight_file, voice, host, code):
    result = CliRunner().invoke(main, ["doctor", "--weights", str(weight_file), "--input", str(voice), "--osc", host])
    assert result.exit_code == code, result.output
    assert ("no such host" in result.output) == bool(code)


def test_doctor_knows_pipes(voice, monkeypatch):
    def finding(file):
        monkeypatch.setattr(sys, "stdin", file)
        return checks.check_source(LivePipe(Pipe("-", 16_000)), waits=True)

    with open(voice) as sound:
        assert finding(sound).verdict == "ok"
    reader, writer = os.pipe()
    assert finding(os.fdopen(reader)).verdict == "note"
    os.close(writer)
    reader, writer = os.pipe()
    os.close(writer)
    assert finding(os.fdopen(reader)).verdict == "FAIL"


def test_the_demo_repeats_until_a_page_came_and_went(monkeypatch):
    from fmg_rt.cli import run as module
    from fmg_rt.cli.options import fill

    pages = [SimpleNamespace(left=False)]
    asked = []
    monkeypatch.setattr("fmg_rt.sources.file.open_file", lambda path, again, channel: asked.append(again) or _Endless())
    options = fill(module.InputOptions, module.run.make_context("fmg-rt", ["--input", "demo"]).params)
    module.open_source(options, lambda: any(not page.left for page in pages)).close()
    assert asked[0]()
    pages[0].left = True
    assert not asked[0]()


class _Endless:
    name, latency, ended = "demo", 0.0, False

    def close(self):
        pass
