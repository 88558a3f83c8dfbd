"""The WebSocket and HTTP side of a server, and the command."""

import contextlib
import json
import os
import signal
import socket
import struct
import sys
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("grpc")
pytest.importorskip("aiohttp")

from browser import WebSocket  # noqa: E402
from click.testing import CliRunner  # noqa: E402
from serving import serving  # noqa: E402

from fmg_rt import Session, arkit  # noqa: E402
from fmg_rt.app.stop import Stop  # noqa: E402
from fmg_rt.cli.serve import serve  # noqa: E402
from fmg_rt.expression import ExpressionSettings  # noqa: E402
from fmg_rt.serve.limits import Limits, Reason, Refusal, check_token, is_loopback  # noqa: E402
from fmg_rt.serve.metrics import LATENESS, REASONS, Metrics  # noqa: E402

FRAME_BYTES = 4 * (2 + 52 + 3)


def speech(seconds, sample_rate=16000):
    """int16 that swells and fades as syllables do."""
    t = np.arange(int(seconds * sample_rate)) / sample_rate
    tone = sum(np.sin(2 * np.pi * 130 * k * t) / k for k in range(1, 20))
    return (3000 * tone * np.sin(2 * np.pi * 2 * t) ** 2).astype("<i2")


@pytest.fixture(scope="module")
def served(weight_file):
    limits = {"max_streams": 30, "max_message": 1 << 20, "max_upload": 1 << 20}
    with serving(weights=weight_file, egemaps=False, limits=limits, origins=("https://good.example",)) as running:
        yield running


@pytest.fixture(scope="module")
def session(weight_file):
    return lambda **options: Session(weight_file, egemaps=False, **options)


class Client(WebSocket):
    """`/v1/stream` from the other side."""

    def __init__(self, served, start=None, query="", **options):
        host, port = served.http.split(":")
        super().__init__(host, int(port), f"/v1/stream{query}", **options)
        self.ready = None
        if start is not None:
            self.say(type="start", **start)
            self.ready = self.hear()

    def say(self, **message):
        self.send(json.dumps(message))

    def audio(self, data):
        self.send(data if isinstance(data, bytes) else data.tobytes(), opcode=2)

    def hear(self):
        """The next message: an object, a list of packed frames, or None at the close."""
        message = self.receive()
        if isinstance(message, bytes):
            assert len(message) % FRAME_BYTES == 0
            return [
                (*struct.unpack("<II", message[at : at + 8]), np.frombuffer(message[at + 8 : at + FRAME_BYTES], "<f4"))
                for at in range(0, len(message), FRAME_BYTES)
            ]
        return None if message is None else json.loads(message)

    def until(self, kind):
        """(frames, the message of that type)"""
        frames = []
        while True:
            message = self.hear()
            assert message is not None, f"closed before {kind}"
            if isinstance(message, list):
                frames += message
            elif message["type"] == "frames":
                frames += message["frames"]
            elif message["type"] == kind:
                return frames, message
            else:
                raise AssertionError(message)


def get(served, path, data=None, **headers):
    """(status, headers, body)"""
    request = urllib.request.Request(f"http://{served.http}{path}", data, headers)
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers, error.read()


# ---- the protocol ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["int16", "float32"])
@pytest.mark.parametrize("channels, sample_rate", [(1, 16000), (2, 48000), (1, 44100)])
def test_frames_are_the_session_s(served, session, form, channels, sample_rate):
    sound = np.repeat(speech(1.5, sample_rate)[:, None], channels, axis=1)
    if form == "float32":
        sound = sound.astype("<f4") / 32768
    start = {"sample_rate": sample_rate, "channels": channels, "format": form, "frames": "packed"}
    client = Client(served, start)
    assert client.ready["type"] == "ready" and client.ready["version"] == 1 and client.ready["frame_bytes"] == FRAME_BYTES
    assert tuple(client.ready["names"]) == arkit.ARKIT_NAMES
    data = sound.tobytes()
    for at in range(0, len(data), 9001):  # pieces that end within samples
        client.audio(data[at : at + 9001])
    client.say(type="end")
    frames, _ = client.until("end")
    own = session(sample_rate=sample_rate, channels=channels)
    expected = own.push(sound) + own.flush()
    assert [(utterance, index) for utterance, index, _ in frames] == [(0, k) for k in range(45)]
    assert np.array_equal([values[:52] for *_, values in frames], [frame.coefficients for frame in expected])
    client.close()


def test_json_utterances_and_interruption(served, session):
    client = Client(served, {"rate": 60})
    own = session(rate=60)
    for utterance in range(2):
        client.audio(speech(1.0))
        client.say(type="end")
        frames, told = client.until("end")
        expected = own.push(speech(1.0)) + own.flush()
        assert told["utterance"] == utterance and [frame["index"] for frame in frames] == list(range(60))
        assert [frame["time"] for frame in frames] == [round(k / 60, 6) for k in range(60)]
        values = np.array([frame["coefficients"] for frame in frames])
        assert np.abs(values - [frame.coefficients for frame in expected]).max() <= 5e-5
    client.audio(speech(0.5))
    client.say(type="interrupt")
    frames, told = client.until("interrupted")
    assert told["utterance"] == 2
    values = np.array([frame["coefficients"] for frame in frames])
    assert values[-1, arkit.INDEX["jawOpen"]] == 0 and np.abs(np.diff(values, axis=0)).max() < 0.8
    client.audio(speech(0.2))
    client.say(type="end")
    frames, told = client.until("end")
    assert told["utterance"] == 3 and frames[0]["index"] == 0
    client.close()


def test_settings_and_ping(served):
    client = Client(served, {"settings": {"blink": False, "mouth": 0}})
    client.audio(speech(1.0))
    client.say(type="ping")
    frames, _ = client.until("pong")
    client.say(type="settings", settings={"mouth": 2})
    client.audio(speech(1.0))
    client.say(type="end")
    more, _ = client.until("end")
    jaw = arkit.INDEX["jawOpen"]
    assert max(frame["coefficients"][jaw] for frame in frames) == 0 < max(frame["coefficients"][jaw] for frame in more)
    client.close()


@pytest.mark.parametrize(
    "start, words",
    [
        ({"version": 2}, "version 1"),
        ({"sample_rate": 100}, "sample_rate"),
        ({"sample_rate": "16k"}, "sample_rate"),
        ({"channels": 0}, "channels"),
        ({"format": "int24"}, "int16 or float32"),
        ({"frames": "xml"}, "json or packed"),
        ({"rate": 1000}, "rate"),
        ({"colour": "red"}, "colour"),
        ({"settings": {"mouth": 9}}, "mouth"),
        ({"settings": {"nose": 1}}, "nose"),
        ({"settings": []}, "settings"),
        ({"lookahead": 7}, "look"),
        ({"emotion": {"joy": 2}}, "joy"),
        ({"emotion": 1}, "emotion"),
    ],
)
def test_wrong_start(served, start, words):
    client = Client(served, start)
    assert client.ready["type"] == "error" and words in client.ready["message"] and "\n" not in client.ready["message"]
    assert client.hear() is None
    served.settle()


@pytest.mark.parametrize("text", ["{", "[]", '"end"', '{"type": 3}', '{"type": "end"}', '{"type": "start"'])
def test_wrong_first_message(served, text):
    client = Client(served)
    client.send(text)
    assert client.hear()["reason"] == "invalid" and client.hear() is None


def test_wrong_later_messages(served):
    for message in ('{"type": "start"}', '{"type": "dance"}', "nonsense"):
        client = Client(served, {})
        client.send(message)
        assert client.hear()["reason"] == "invalid" and client.hear() is None
    client = Client(served, {})
    client.audio(b"\0\0\0")
    client.say(type="end")
    assert "within a sample" in client.hear()["message"]
    client = Client(served)
    client.audio(b"\0\0")
    assert client.hear()["reason"] == "invalid"
    served.settle()


def test_floats_that_are_none(served):
    """NaN and infinity are silence; integers that were only converted are refused."""
    client = Client(served, {"format": "float32", "frames": "packed"})
    sound = (speech(0.5) / 32768).astype("<f4")
    sound[::7], sound[1::7], sound[2::7] = np.nan, np.inf, -np.inf
    client.audio(sound)
    client.audio(b"")
    client.say(type="end")
    frames, _ = client.until("end")
    values = np.array([values for *_, values in frames])
    assert len(values) == 15 and np.isfinite(values).all() and (values[:, :52] >= 0).all() and (values[:, :52] <= 1).all()
    client.audio(speech(0.5).astype("<f4"))
    assert "scale" in client.hear()["message"]


def test_a_message_of_ten_megabytes(served):
    client = Client(served, {})
    client._socket.sendall(struct.pack(">BBQ", 0x82, 0x80 | 127, 10 << 20) + bytes(4) + bytes(4096))
    with contextlib.suppress(ConnectionError):
        while (message := client.hear()) is not None:
            assert message["reason"] == "too big"
    served.settle()


def test_tokens_and_limits(weight_file):
    limits = {"max_streams": 1, "idle_seconds": 0.4, "max_seconds": 1.0}
    with serving(weights=weight_file, egemaps=False, limits=limits, token="secret") as running:
        for query, headers in (("", ()), ("?token=other", ()), ("", ("Authorization: Bearer other",))):
            with pytest.raises(ConnectionError, match="401"):
                Client(running, query=query, headers=headers)
        assert get(running, "/v1/bake", b"x")[0] == 401 and get(running, "/v1/health/ready")[0] == 200
        one = Client(running, {}, query="?token=secret")
        other = Client(running, {}, headers=["Authorization: Bearer secret"])
        assert other.ready["reason"] == "full"
        one.audio(speech(1.2))
        assert one.until("error")[1]["reason"] == "too long"
        running.settle()
        idle = Client(running, {}, query="?token=secret")
        start = time.monotonic()
        assert idle.hear()["reason"] == "idle" and time.monotonic() - start < 3
        running.settle()


def test_pages_of_other_sites(served):
    own, good, foreign = f"http://{served.http}", "https://good.example", "https://evil.example"
    for origin in (own, good):
        assert Client(served, {}, headers=[f"Origin: {origin}"]).ready["type"] == "ready"
    for origin in (foreign, "null", "https://good.example.evil.example"):
        with pytest.raises(ConnectionError, match="403"):
            Client(served, headers=[f"Origin: {origin}"])
        assert get(served, "/metrics", Origin=origin)[0] == 403
    assert get(served, "/v1/health/live", Origin=good)[1]["Access-Control-Allow-Origin"] == good


def test_who_never_reads(weight_file, session):
    """The server stops reading it, keeps little, and sends it away; another stream gets every frame meanwhile."""
    with serving(weights=weight_file, egemaps=False, limits={"idle_seconds": 1.5}) as running:
        mute = Client(running, {}, timeout=0.5, receive_buffer=4096)
        mute._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 16)
        sent, data = 0, speech(1.0).tobytes()
        with contextlib.suppress(TimeoutError, ConnectionError):
            while sent < 3000:
                mute._socket.sendall(struct.pack(">BBH", 0x82, 0x80 | 126, len(data)) + bytes(4) + data)  # masked with 0
                sent += 1
        assert sent < 3000
        other = Client(running, {"frames": "packed"})
        other.audio(speech(1.0))
        other.say(type="end")
        assert len(other.until("end")[0]) == 30
        other.close()
        running.settle()
        assert running.total("refused idle") == 1


def test_a_thousand_connections_and_resets(served):
    other = Client(served, {"frames": "packed"})
    frames = []
    for i in range(1000):
        host, port = served.http.split(":")
        with socket.create_connection((host, int(port))) as connection:
            if i % 2:
                connection.sendall(b"GET /v1/stream HTTP/1.1\r\nHost: x\r\n"[: i % 37])
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        if i % 100 == 0:
            other.audio(speech(0.1))
            Client(served, {})._socket.close()
            cut = Client(served, {})
            cut.audio(speech(2.0))
            cut._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            cut._socket.close()
    other.say(type="end")
    frames, _ = other.until("end")
    assert [index for _, index, _ in frames] == list(range(30))
    other.close()
    served.settle()


def test_leaving(weight_file):
    """Idle clients are told at once; who speaks is brought to rest when the time is over."""
    with serving(weights=weight_file, egemaps=False) as running:
        idle, busy = Client(running, {}), Client(running, {"frames": "packed"})
        busy.audio(speech(0.5))
        first = busy.hear()
        leaving = threading.Thread(target=lambda: running.call(running.server.streams.leave(60)))
        leaving.start()
        assert idle.hear()["reason"] == "leaving" and leaving.is_alive()
        busy.say(type="ping")
        more, _ = busy.until("pong")
        first += more
        assert get(running, "/v1/health/ready")[0] == 503 and get(running, "/v1/health/live")[0] == 200
        running.call(running.server.streams.leave(0.1))
        frames, _ = busy.until("error")
        frames = first + frames
        assert [index for _, index, _ in frames] == list(range(len(frames))) and len(frames) >= 15 + 3
        assert frames[-1][2][arkit.INDEX["jawOpen"]] == 0
        leaving.join(10)


# ---- HTTP --------------------------------------------------------------------------------------------------------------


def test_bake(served, session, voice):
    import soundfile

    sound = soundfile.read(voice, dtype="int16")[0]
    own = session()
    expected = np.array([frame.coefficients for frame in own.push(sound) + own.flush()])
    status, headers, body = get(served, "/v1/bake", voice.read_bytes())
    assert status == 200 and headers["Content-Type"] == "application/jsonl"
    rows = [json.loads(line) for line in body.splitlines()]
    assert [row["index"] for row in rows] == list(range(90))
    assert np.abs(np.array([row["coefficients"] for row in rows]) - expected).max() <= 5e-5
    status, _, body = get(served, "/v1/bake?format=csv", voice.read_bytes())
    names, *lines = body.decode().splitlines()
    assert names == ",".join(("time", *arkit.ARKIT_NAMES))
    values = np.array([[float(cell) for cell in line.split(",")] for line in lines])
    assert np.allclose(values[:, 0], np.arange(90) / 30, atol=1e-6) and np.abs(values[:, 1:] - expected).max() < 1e-5
    for body, query in (
        (b"", ""),
        (b"no sound", ""),
        (voice.read_bytes(), "?format=xml"),
        (voice.read_bytes(), "?rate=x"),
        (voice.read_bytes(), "?rate=900"),
    ):
        status, _, answer = get(served, f"/v1/bake{query}", body)
        assert status == 400 and json.loads(answer)["error"]
    assert get(served, "/v1/bake", bytes(2 << 20))[0] == 413


def test_files_and_health(served):
    for path in ("/", "/index.html", "/client.js", "/face.js", "/three.js"):
        status, headers, body = get(served, path)
        assert status == 200 and len(body) > 200 and "default-src 'none'" in headers["Content-Security-Policy"], path
    for path in ("/../limits.py", "/%2e%2e/limits.py", "/page.html", "/v1", "/v1/nothing"):
        assert get(served, path)[0] == 404, path
    assert get(served, "/v1/health/live")[2] == b'{"status": "live"}'
    assert get(served, "/v1/stream")[0] == 400


def test_metrics(served):
    client = Client(served, {})
    client.audio(speech(0.5))
    client.say(type="end")
    client.until("end")
    text = get(served, "/metrics")[2].decode()
    values = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    assert float(values['fmg_streams{way="websocket"}']) == 1
    assert float(values["fmg_frames_total"]) >= 15
    assert values["fmg_lateness_seconds_count"] == values['fmg_lateness_seconds_bucket{le="+Inf"}']
    client.close()
    served.settle()
    values = dict(line.rsplit(" ", 1) for line in get(served, "/metrics")[2].decode().splitlines() if line[0] != "#")
    assert float(values["fmg_compute_seconds_total"]) > 0 and float(values["fmg_compute_per_audio_second"]) < 1


# ---- the parts ---------------------------------------------------------------------------------------------------------


def test_limits():
    for limits in ({"max_streams": 0}, {"idle_seconds": float("nan")}, {"max_seconds": -1}):
        with pytest.raises(ValueError, match=next(iter(limits))):
            Limits(**limits)
    assert tuple(reason.value for reason in Reason) == REASONS
    check_token(None, None)
    check_token("a", "bearer a")
    for header in (None, "", "a", "Bearer", "Bearer b", "Basic a", "Bearer é"):
        with pytest.raises(Refusal):
            check_token("a", header)
    assert [is_loopback(host) for host in ("127.0.0.1", "::1", "localhost", "0.0.0.0", "example.org", "")] == [
        True,
        True,
        True,
        False,
        False,
        False,
    ]


def test_processes_share_their_metrics():
    from fmg_rt.serve.metrics import N_SLOTS

    table = np.zeros((2, N_SLOTS))
    one, two = Metrics(table, 0), Metrics(table, 1)
    one.count("now grpc"), two.count("now bake"), two.count("frames", 5)
    one.late(LATENESS[0], 3), two.late(99.0, 2)
    assert one.streams == two.streams == 2 and one.text() == two.text()
    assert f'bucket{{le="{LATENESS[0]}"}} 3' in one.text() and 'le="+Inf"} 5' in one.text()
    Metrics(table, 1)
    assert one.streams == 1


def test_settings_travel():
    import pickle

    settings = ExpressionSettings(mouth=0.5, limits={"jawOpen": (0.0, 0.5)}, calibration={"jawOpen": (2.0, 0.0)})
    assert pickle.loads(pickle.dumps(settings)) == settings


# ---- the command -------------------------------------------------------------------------------------------------------


def start(program, *arguments, **options):
    """`fmg-rt serve` and its WebSocket's port."""
    server = program("serve", "--grpc", "127.0.0.1:0", "--http", "127.0.0.1:0", "--no-egemaps", *arguments, **options)
    for line in server.process.stdout:
        if line.startswith("page: "):
            return server, int(line.strip().rstrip("/").rsplit(":", 1)[1])
    raise AssertionError(server.end())


@pytest.mark.slow
def test_command(program, weight_file):
    """Serves; a second one on its port says so in a line; SIGTERM ends it with 0."""
    server, port = start(program, "--weights", weight_file, "--drain-seconds", "1")
    client = Client(type("Served", (), {"http": f"127.0.0.1:{port}"}), {"frames": "packed"})
    client.audio(speech(0.5))
    client.say(type="end")
    assert len(client.until("end")[0]) == 15
    arguments = ["--grpc", "off", "--http", f"127.0.0.1:{port}", "--weights", str(weight_file), "--no-egemaps"]
    second = CliRunner().invoke(serve, arguments, obj=Stop())
    assert second.exit_code == 1 and second.stderr.count("\n") == 1 and "cannot listen" in second.stderr
    server.process.send_signal(signal.SIGTERM)
    assert client.hear()["reason"] == "leaving"
    code, _, error = server.end(20)
    assert code == 0 and not error


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="finds the processes in /proc")
def test_workers(program, weight_file):
    """Several processes on one port, of which nobody else may take a share; one that is killed is replaced."""
    server, port = start(program, "--workers", 2, "--weights", weight_file)
    served = type("Served", (), {"http": f"127.0.0.1:{port}"})
    second = CliRunner().invoke(serve, ["--grpc", "off", "--http", served.http, "--workers", "2"], obj=Stop())
    assert second.exit_code == 1 and "cannot listen" in second.stderr
    children = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children").read_text().split()
    victims = [pid for pid in children if "spawn_main" in Path(f"/proc/{pid}/cmdline").read_text()]
    # The system deals them out by chance: that one process gets all of them happens once in four million times.
    clients = [Client(served, {}) for _ in range(23)]
    os.kill(int(victims[0]), signal.SIGKILL)
    server.wait_for("starting another one")
    alive = 0
    for client in clients:
        with contextlib.suppress(ConnectionError, AssertionError):
            client.audio(speech(0.5))
            client.say(type="end")
            alive += len(client.until("end")[0]) == 15
    assert 0 < alive < len(clients)  # what the other process had goes on
    assert Client(served, {}).ready["type"] == "ready"
    server.process.send_signal(signal.SIGTERM)
    assert server.end(30)[0] == 0


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["--http", ":0"], "--no-token"),
        (["--grpc", "off", "--http", "off"], "nothing to serve"),
        (["--grpc", "nowhere"], "HOST:PORT"),
        (["--tls-cert", "a.pem"], "go together"),
        (["--merge", "1000"], "--merge"),
        (["--max-streams", "0"], "max-streams"),
        (["--tls-client-ca", "a.pem"], "needs"),
        (["--weights", "no.npz"], "no.npz"),
        (["--grpc", "192.0.2.1:1", "--no-token"], "cannot listen"),
        (["--tls-cert", "no.pem", "--tls-key", "no.pem"], "no.pem"),
    ],
)
def test_wrong_options(weight_file, arguments, words):
    ports = [] if "--http" in arguments else ["--http", "127.0.0.1:0"]
    ports += [] if "--grpc" in arguments else ["--grpc", "127.0.0.1:0"]
    weights = [] if "--weights" in arguments else ["--weights", weight_file]
    result = CliRunner().invoke(serve, [*ports, *arguments, *map(str, weights), "--no-egemaps"], obj=Stop())
    assert result.exit_code in (1, 2) and not result.stdout and words in result.stderr
    assert result.stderr.splitlines()[-1].startswith("Error: ")


def test_missing_extra(program):
    script = "import sys; sys.modules['aiohttp'] = None; from fmg_rt.cli import main; main(['serve'])"
    code, _, error = program(start=["-c", script]).end()
    assert code == 1 and "facial-motion-generator[serve]" in error and error.count("\n") == 1
