"""`fmg-rt` as a person uses it: what comes out, what it says, how it ends."""

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner
from conftest import random_weights
from pythonosc.osc_packet import OscPacket

from fmg_rt import arkit, weights
from fmg_rt.cli import main
from fmg_rt.sinks.formats import HEAD
from fmg_rt.wire import names

needs_signals = pytest.mark.skipif(sys.platform == "win32", reason="no SIGINT for one process only on Windows")


def _table(path):
    """(times, coefficients) of a recording in CSV."""
    with open(path, encoding="utf-8") as file:
        assert file.readline().rstrip("\n").split(",") == ["time", *arkit.ARKIT_NAMES, *HEAD]
    table = np.loadtxt(path, delimiter=",", skiprows=1, ndmin=2)
    return table[:, 0], table[:, 1:53].astype(np.float32)


def _faces(datagrams):
    """The 52 values of every /blendshapes message, as python-osc reads them."""
    found = []
    for datagram in datagrams:
        for timed in OscPacket(datagram).messages:
            if timed.message.address == "/blendshapes":
                assert len(timed.message.params) == 52
                found.append(timed.message.params)
    return np.array(found)


def _drain(udp):
    """What still waits in the socket."""
    datagrams = []
    udp.settimeout(0.3)
    try:
        while True:
            datagrams.append(udp.recv(65536))
    except TimeoutError:
        return datagrams


def _invoke(*arguments):
    return CliRunner().invoke(main, [str(a) for a in arguments])


def _refused(result, *words):
    """One clear line, and an exit code that says so."""
    assert result.exit_code not in (0, None), result.output
    assert isinstance(result.exception, SystemExit)
    assert "Traceback" not in result.output
    line = result.output.strip().splitlines()[-1]
    assert line.startswith("Error: ")
    for word in words:
        assert word in line, line


def test_a_file_fast_is_the_same_every_time_and_paced(tmp_path, weight_file, voice):
    tables = []
    for name, more in (("a.csv", ["--fast"]), ("b 字.csv", ["--fast"]), ("c.csv", [])):
        sound = voice
        if not more:  # in real time only a second of it
            sound = tmp_path / "short.wav"
            soundfile.write(sound, soundfile.read(voice, frames=16000)[0], 16000, "PCM_16")
        result = _invoke("--weights", weight_file, "--input", sound, "--record", tmp_path / name, *more)
        assert result.exit_code == 0, result.output
        tables.append(_table(tmp_path / name))
    times, faces = tables[0]
    assert np.array_equal(times, np.round(np.arange(90) / 30, 6))
    assert np.array_equal(faces, tables[1][1])
    assert (faces >= 0).all() and (faces <= 1).all()
    assert faces[:, arkit.INDEX["jawOpen"]].max() > 0.02
    assert np.array_equal(tables[2][1][:25], faces[:25])  # the end is another one: silence follows it
    assert len(tables[2][1]) == 30


def test_live_egemaps_are_there_from_the_first_frame(tmp_path, voice, program):
    """In real time, with everything on and a network that hears them: the frames of `--fast`, bit for bit."""
    weight_file = tmp_path / "random.npz"
    weights.write(weight_file, random_weights("cross_attention", lookaheads=(800,)))
    common = ["--weights", weight_file, "--input", voice, "--seed", "1", "--record"]
    result = _invoke(*common, tmp_path / "fast.npz", "--fast")  # now the kernels are cached, whatever there was before
    assert result.exit_code == 0, result.output
    code, _, err = program(*common, tmp_path / "live.npz").end()
    assert code == 0, err
    with np.load(tmp_path / "fast.npz") as fast, np.load(tmp_path / "live.npz") as live:
        assert len(live["coefficients"]) == 90
        assert np.array_equal(fast["coefficients"], live["coefficients"])


@pytest.mark.parametrize("rate", ["44100", "16000"])
def test_blocks_of_any_size_give_the_same_faces_through_the_whole_program(tmp_path, weight_file, program, rate):
    """One sound as a file and through pipes, in pieces that split hops and even samples."""
    random = np.random.default_rng(9)
    t = np.arange(int(rate)) / int(rate)
    sound = sum(np.sin(2 * np.pi * 120 * k * t) / k for k in range(1, 30)) * np.sin(2 * np.pi * 3 * t) ** 2
    values = (sound / np.abs(sound).max() * 12000 + random.standard_normal(len(t)) * 50).astype("<i2")
    soundfile.write(tmp_path / "in.wav", values, int(rate), "PCM_16")
    common = ["--weights", weight_file, "--fast"]
    result = _invoke(*common, "--input", tmp_path / "in.wav", "--record", tmp_path / "file.csv")
    assert result.exit_code == 0, result.output
    whole = _table(tmp_path / "file.csv")[1]
    assert len(whole) == 30
    pipes = []
    for i, sizes in enumerate(([1237], [3, 40001])):
        record = tmp_path / f"pipe{i}.csv"
        process = program(*common, "--input", "-", "--input-rate", rate, "--record", record, stdin=-1)
        data, start = values.tobytes(), 0
        while start < len(data):
            size = sizes[start % len(sizes)]
            os.write(process.process.stdin.fileno(), data[start : start + size])
            start += size
        pipes.append((process, record))
        process.process.stdin.close()
        process.process.stdin = None
    for process, record in pipes:
        code, _, err = process.end()
        assert code == 0, err
        assert np.array_equal(_table(record)[1], whole)


@pytest.mark.skipif(not shutil.which("bash") or not os.path.exists("/dev/stdin"), reason="needs bash and /dev/stdin")
@pytest.mark.parametrize(
    "word", ["- < $1", "/dev/stdin < $1", "<(cat $1)", "$1.fifo", "- < <(cat $1)", "/dev/stdin < <(cat $1)"]
)
def test_a_pipe_by_any_name_is_heard_whole(word, tmp_path, weight_file, voice):
    sound = tmp_path / "voice.wav"
    shutil.copy(voice, sound)
    os.mkfifo(tmp_path / "voice.wav.fifo")
    common = ["--weights", str(weight_file), "--fast", "--record"]
    assert _invoke(*common, tmp_path / "file.csv", "--input", sound).exit_code == 0
    script = f'cat $1 > $1.fifo & fifo=$!; "$0" -m fmg_rt "${{@:2}}" --input {word}; code=$?; kill $fifo; exit $code'
    done = subprocess.run(
        ["bash", "-c", script, sys.executable, str(sound), *common, str(tmp_path / "pipe.csv")],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert np.array_equal(_table(tmp_path / "pipe.csv")[1], _table(tmp_path / "file.csv")[1])


def test_thirty_frames_a_second_arrive_from_a_paced_file(tmp_path, weight_file, program, udp):
    soundfile.write(tmp_path / "long.wav", np.random.default_rng(1).standard_normal(16000 * 11) * 0.05, 16000)
    port = udp.getsockname()[1]
    process = program("--weights", weight_file, "--input", tmp_path / "long.wav", "--osc", f"127.0.0.1:{port}")
    stamps, datagrams = [], []
    udp.recv(65536)  # the start is over
    began = time.perf_counter()
    while time.perf_counter() - began < 10:
        datagram = udp.recv(65536)
        if b"/blendshapes" in datagram:
            datagrams.append(datagram)
            stamps.append(time.perf_counter() - began)
    rate = (len(stamps) - 1) / (stamps[-1] - stamps[0])
    assert rate == pytest.approx(30, rel=0.01)
    faces = _faces(datagrams)
    assert len(faces) == len(stamps)
    assert (faces >= 0).all() and (faces <= 1).all()
    code, _, err = process.end()
    assert code == 0, err
    assert not np.any(_faces(_drain(udp))[-2:])  # at rest


@needs_signals
@pytest.mark.parametrize("after", [0.0, 0.05, 0.1, 0.2, 0.35, 0.55, 0.8, 1.5])
def test_ctrl_c_at_any_moment(after, weight_file, voice, tmp_path, program):
    # What Python does before it comes to us, and click, is their own affair: the time counts from our first line.
    process = program(
        "--weights",
        weight_file,
        "--input",
        voice,
        "--record",
        tmp_path / "out.csv",
        start=[
            "-c",
            "import sys; from fmg_rt.cli import main; print('up', file=sys.stderr, flush=True); main(prog_name='fmg-rt')",
        ],
    )
    process.wait_for("up")
    time.sleep(after)
    process.process.send_signal(signal.SIGINT)
    code, _, err = process.end(20)
    # Between the two statements the signal itself may end it: shells call that 130, too.
    assert code == 130 or (after == 0.0 and code == -signal.SIGINT), err
    assert "Traceback" not in err or code != 130
    assert not list(tmp_path.glob("*.part"))
    if (tmp_path / "out.csv").exists():
        _table(tmp_path / "out.csv")  # whole lines only


@pytest.mark.parametrize("built", ["sinks.Sinks", "app.status.Status"])
def test_ctrl_c_between_the_first_sink_and_the_first_frame(built, weight_file, voice, tmp_path, program):
    module, name = built.rsplit(".", 1)
    start = [
        "-c",
        f"""
import signal
from fmg_rt.{module} import {name}
from fmg_rt.cli import main
build = {name}.__init__
def signalled(*arguments, **options):
    signal.raise_signal(signal.SIGINT)
    build(*arguments, **options)
{name}.__init__ = signalled
main(prog_name="fmg-rt")
""",
    ]
    code, _, err = program("--weights", weight_file, "--input", voice, "--record", tmp_path / "out.csv", start=start).end()
    assert code == 130, err
    assert "Traceback" not in err
    assert [path.name for path in tmp_path.iterdir()] == ["out.csv"]  # finished, though there was nothing to record yet
    assert len((tmp_path / "out.csv").read_text(encoding="utf-8").splitlines()) == 1


@needs_signals
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (getattr(signal, "SIGHUP", 1), 129)])
@pytest.mark.parametrize("source", ["file", "silent pipe", "silent pipe, fast"])
def test_stopped_it_leaves_a_face_at_rest(weight_file, voice, program, udp, number, code, source):
    port = udp.getsockname()[1]
    arguments = ["--weights", weight_file, "--osc", f"127.0.0.1:{port}", "--input", voice if source == "file" else "-"]
    process = program(*arguments, *(["--fast"] if "fast" in source else []), stdin=-1)
    if source == "file":
        for _ in range(20):
            udp.recv(65536)
    elif "fast" in source:
        process.wait_for("standard input to osc")
        time.sleep(0.3)
    else:  # frames come although the pipe says nothing
        for _ in range(10):
            udp.recv(65536)
    process.process.send_signal(number)
    ended, _, err = process.end(30)
    assert ended == code, err
    assert "Traceback" not in err
    faces = _faces(_drain(udp))
    assert not np.any(faces[-2:]) and len(faces) >= 2


@pytest.mark.parametrize("name", ["take.csv", "take.npz", "take.json"])
def test_a_terminal_that_is_closed_leaves_the_whole_recording(name, weight_file, voice, tmp_path, udp):
    """The system tells the program by SIGHUP; what it says afterwards reaches nobody."""
    termios, fcntl = (pytest.importorskip(name, reason="needs a POSIX terminal") for name in ("termios", "fcntl"))
    terminal, inside = os.openpty()
    address = f"127.0.0.1:{udp.getsockname()[1]}"
    arguments = ["--weights", weight_file, "--input", voice, "--record", tmp_path / name, "--osc", address]
    process = subprocess.Popen(
        [sys.executable, "-m", "fmg_rt", *map(str, arguments)],
        stdin=inside,
        stdout=inside,
        stderr=inside,
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
    )
    os.close(inside)
    sent = [udp.recv(65536) for _ in range(60)]
    os.close(terminal)
    assert process.wait(20) == 129
    assert [path.name for path in tmp_path.iterdir()] == [name]
    faces = _faces([*sent, *_drain(udp)])[:-2]  # the two at rest are not recorded
    if name.endswith("csv"):
        recorded = _table(tmp_path / name)[1]
    elif name.endswith("npz"):
        recorded = np.load(tmp_path / name)["coefficients"]
    else:
        content = json.loads((tmp_path / name).read_text())
        recorded = np.array(content["weightMat"], np.float32)[:, [content["facsNames"].index(n) for n in names.APPLE]]
        faces = faces[:, names.order(names.APPLE)]
    assert len(faces) >= 20 and np.abs(recorded - faces).max() < 1e-6


def test_a_receiver_that_is_not_there_does_not_matter(tmp_path, weight_file, voice):
    for address in ("127.0.0.1:9", "no.such.host.invalid:9000"):
        result = _invoke(
            "--weights",
            weight_file,
            "--input",
            voice,
            "--fast",
            "--osc",
            address,
            "--record",
            tmp_path / "out.csv",
            "--overwrite",
        )
        assert result.exit_code == 0, result.output
        assert len(_table(tmp_path / "out.csv")[0]) == 90


def test_a_recording_that_cannot_be_begun(tmp_path, weight_file, voice):
    common = ["--weights", weight_file, "--input", voice, "--fast", "--record"]
    _refused(_invoke(*common, tmp_path / "none" / "out.csv"), "out.csv")
    _refused(_invoke(*common, tmp_path / "out.txt"), "--record-format")
    _refused(_invoke(*common, tmp_path), str(tmp_path))
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no device that is always full")
def test_a_full_disk(tmp_path, weight_file, voice):
    os.symlink("/dev/full", tmp_path / "out.csv.part")
    result = _invoke("--weights", weight_file, "--input", voice, "--fast", "--record", tmp_path / "out.csv")
    assert result.exit_code == 1, result.output
    assert "out.csv" in result.output and "No space left" in result.output
    assert "Traceback" not in result.output
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--osc", "127.0.0.1:99999"], ["99999", "port"]),
        (["--osc", "127.0.0.1"], ["names no port"]),
        (["--rate", "0"], ["--rate"]),
        (["--rate", "121"], ["--rate"]),
        (["--input-rate", "1"], ["--input-rate"]),
        (["--lookahead", "70"], ["70 ms", "0, 50, 100"]),
        (["--input", "mic", "--fast"], ["--fast"]),
        (["--weights", "none.npz"], ["none.npz", "cannot read"]),
        (["--calibration", "none.json"], ["none.json"]),
        (["--config", "none.yaml"], ["none.yaml"]),
        (["--mask", "nose"], ["nose"]),
        (["--input", "none.wav"], ["none.wav"]),
        (["--raet", "30"], ["--rate"]),
        (["talk.wav"], ["talk.wav"]),
    ],
)
def test_bad_options(weight_file, voice, arguments, words):
    _refused(_invoke("--weights", weight_file, "--input", voice, *arguments), *words)


def test_bad_weights(tmp_path, weight_file, voice):
    data, path = weight_file.read_bytes(), tmp_path / "w.npz"
    for content in (b"", b"PK\x03\x04", data[:1000], data[: len(data) // 2], b"\x80\x04N."):
        path.write_bytes(content)
        _refused(_invoke("--weights", path, "--input", voice), "w.npz", "not a weight file")


def test_not_a_sound(tmp_path, weight_file):
    path = tmp_path / "a.wav"
    for content in (b"", b"no sound" * 100):
        path.write_bytes(content)
        _refused(_invoke("--weights", weight_file, "--input", path), "a.wav")


def test_without_a_microphone_it_says_what_to_do(weight_file, program, tmp_path):
    nothing = tmp_path / "asound.conf"
    nothing.write_text("pcm.absent { type hw\n card 31 }\n")
    environment = {"ALSA_CONFIG_PATH": str(nothing)}
    for arguments in ([], ["--device", "usb"]):
        code, _, err = program("--weights", weight_file, *arguments, environment=environment).end()
        lines = [line for line in err.splitlines() if not line.startswith(("ALSA", "Expression", "Cannot connect", "jack"))]
        if "PortAudio" not in err:
            assert "no microphone" in lines[-1]
        assert code == 1 and "--input demo" in lines[-1]


def test_settings_from_a_file_and_flags_win(tmp_path, weight_file, voice):
    config = tmp_path / "fmg.yaml"
    config.write_text(
        f"weights: '{weight_file}'\ninput: '{voice}'\nfast: true\nrate: 60\nrecord: '{tmp_path / 'a.csv'}'\n"
        "vrchat: true\nblink: false\nosc: [127.0.0.1:9]\n",
        encoding="utf-8",
    )
    result = _invoke("--config", config)
    assert result.exit_code == 0, result.output
    assert len(_table(tmp_path / "a.csv")[0]) == 180
    assert "127.0.0.1:9000" in result.output and "127.0.0.1:9," in result.output
    result = _invoke("--rate", "10", "--config", config, "--record", tmp_path / "b.csv")
    assert result.exit_code == 0, result.output
    assert len(_table(tmp_path / "b.csv")[0]) == 30
    config.write_text("raet: 60\n")
    _refused(_invoke("--config", config), "raet", "rate")
    config.write_text("rate: 500\n")
    _refused(_invoke("--config", config), "--rate", "500")


def test_the_version_names_the_weights(weight_file):
    result = _invoke("--version", "--weights", weight_file)
    assert result.exit_code == 0
    assert result.output.startswith("fmg-rt ")
    assert hashlib.sha256(weight_file.read_bytes()).hexdigest() in result.output
    _refused(_invoke("--version", "--weights", "none.npz"), "none.npz")


def test_help_shows_everything():
    result = _invoke("--help")
    assert result.exit_code == 0
    for word in ("--input", "--osc", "--record", "--preview", "--blink", "Examples", "bake", "monitor", "doctor"):
        assert word in result.output


def test_python_m_fmg_rt(weight_file, program):
    code, out, _ = program("--version", "--weights", weight_file).end()
    assert code == 0 and "sha256" in out
