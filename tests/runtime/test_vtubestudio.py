"""VTube Studio: a server that keeps to the API's documentation, with a user who allows, denies and takes back."""

import asyncio
import json
import socket
import sys
import threading
import time
from types import ModuleType

import numpy as np
import pytest
from loopback import face

from fmg_rt.frame import Frame
from fmg_rt.sinks import FIRST_PAUSE, Away, Sinks
from fmg_rt.sinks.vtubestudio import VtubeStudioSink
from fmg_rt.wire import vtubestudio as api
from fmg_rt.wire.reading import WireError

server = pytest.importorskip("websockets.sync.server", reason="websockets is not installed")
DEFAULTS = [*api.DEPENDS, "FaceAngleX", "FaceAngleY", "FaceAngleZ", "MousePositionX"]
TOKEN = "adcd-123-ef09-some-token-string-abcd"


class VtubeStudio:
    """Answers as the documentation says; notes what was set and when."""

    def __init__(self, port=0, allows=True, defaults=DEFAULTS):
        self.allows, self.tokens, self.asked, self.set = allows, set(), 0, []
        self.parameters, self.custom, self.connections = list(defaults), [], []
        self._server = server.serve(self._talk, "127.0.0.1", port)
        self.port = self._server.socket.getsockname()[1]
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def _talk(self, connection):
        self.connections.append(connection)
        authenticated = False
        for text in connection:
            request = json.loads(text)
            assert request["apiName"] == "VTubeStudioPublicAPI" and request["apiVersion"] == "1.0"
            assert 1 <= len(request["requestID"]) <= 64 and request["requestID"].isascii()
            kind, data = request["messageType"], request["data"]
            authenticated, answer = self._answer(kind, data, authenticated)
            connection.send(
                json.dumps(
                    {
                        "apiName": "VTubeStudioPublicAPI",
                        "apiVersion": "1.0",
                        "timestamp": 1625405710728,
                        "requestID": request["requestID"],
                        "messageType": "APIError" if "errorID" in answer else kind.replace("Request", "Response"),
                        "data": answer,
                    }
                )
            )

    def _answer(self, kind, data, authenticated):
        if kind in ("AuthenticationTokenRequest", "AuthenticationRequest"):
            assert 3 <= len(data["pluginName"]) <= 32 and 3 <= len(data["pluginDeveloper"]) <= 32
        if kind == "AuthenticationTokenRequest":
            self.asked += 1
            if not self.allows:
                return False, {"errorID": 50, "message": "User has denied API access for your plugin."}
            self.tokens.add(TOKEN)
            return False, {"authenticationToken": TOKEN}
        if kind == "AuthenticationRequest":
            valid = data["authenticationToken"] in self.tokens
            return valid, {"authenticated": valid, "reason": "…"}
        if not authenticated:
            return False, {"errorID": 8, "message": "You're not authenticated."}
        if kind == "ParameterCreationRequest":
            name = data["parameterName"]
            assert 4 <= len(name) <= 32 and name.isalnum() and len(data["explanation"]) < 256
            assert data["min"] == 0 and data["max"] == 1 and data["defaultValue"] == 0
            self.custom.append(name)
            return True, {"parameterName": name}
        if kind == "InputParameterListRequest":
            return True, {
                "modelLoaded": False,
                "defaultParameters": [{"name": n} for n in self.parameters],
                "customParameters": [{"name": n} for n in self.custom],
            }
        assert kind == "InjectParameterDataRequest" and data["mode"] == "set" and data["faceFound"] is True
        values = {p["id"]: p["value"] for p in data["parameterValues"]}
        if not set(values) <= {*self.parameters, *self.custom}:
            return True, {"errorID": 453, "message": "Parameter does not exist"}
        self.set.append((time.monotonic(), values))
        return True, {}

    def wait(self, n, seconds=5):
        end = time.monotonic() + seconds
        while len(self.set) < n and time.monotonic() < end:
            time.sleep(0.01)
        assert len(self.set) >= n
        return self.set[-1][1]

    def close(self):
        for connection in self.connections:
            connection.close()
        self._server.shutdown()


@pytest.fixture
def studio():
    running = VtubeStudio()
    yield running
    running.close()


def test_it_asks_once_keeps_the_token_and_sets_the_parameters(studio, tmp_path):
    token = tmp_path / "deep" / "token"
    for k in range(2):
        sink = VtubeStudioSink("127.0.0.1", studio.port, token)
        sink.send(
            Frame(
                0,
                0.0,
                face(
                    jawOpen=0.5,
                    mouthClose=0.1,
                    eyeBlinkLeft=1,
                    mouthFrownLeft=0.4,
                    mouthFrownRight=0.4,
                    eyeLookOutLeft=0.5,
                    eyeLookInRight=0.5,
                    browDownLeft=1,
                ),
            )
        )
        values = studio.wait(k + 1)
        sink.close()
        assert studio.asked == 1 and token.read_text() == TOKEN
    assert values["MouthOpen"] == pytest.approx(0.4, abs=1e-4) and values["MouthSmile"] == pytest.approx(0.3, abs=1e-4)
    assert values["EyeOpenLeft"] == 0 and values["EyeOpenRight"] == 1
    assert values["EyeLeftX"] == values["EyeRightX"] == 0.5  # to the own left, which is the viewer's right
    assert values["BrowLeftY"] == 0 and values["BrowRightY"] == 0.5
    assert values["VoiceA"] == pytest.approx(0.4, abs=1e-4) and values["VoiceU"] == 0
    assert not any(name.startswith(("Face", "Fmg", "Mouse")) for name in values)  # the head has not moved
    assert studio.custom == []


@pytest.fixture
def pyvts(monkeypatch):
    """A client of VTube Studio by others; OpenCV, which it needs for pictures, is left out."""
    monkeypatch.setitem(sys.modules, "cv2", ModuleType("cv2"))
    return pytest.importorskip("pyvts", reason="pyvts is not installed: nox -s receivers")


def test_requests_are_those_of_another_client(pyvts):
    theirs = pyvts.VTSRequest(developer=api.PLUGIN["pluginDeveloper"], plugin_name=api.PLUGIN["pluginName"])
    values = {"MouthOpen": 0.5, "FmgJawOpen": 0.25}
    created = json.loads(api.create("FmgJawOpen"))
    for ours, expected in (
        (api.request("AuthenticationToken", api.PLUGIN), theirs.authentication_token()),
        (api.request("Authentication", {**api.PLUGIN, "authenticationToken": TOKEN}), theirs.authentication(TOKEN)),
        (api.request("InputParameterList"), theirs.requestTrackingParameterList() | {"data": {}}),
        (api.create("FmgJawOpen"), theirs.requestCustomParameter("FmgJawOpen", 0, 1, 0, created["data"]["explanation"])),
        (api.inject(values), theirs.requestSetMultiParameterValue([*values], [*values.values()], face_found=True)),
    ):
        for value in expected["data"].get("parameterValues", []):
            assert value.pop("weight") == 1  # its default
        made = json.loads(ours)
        assert made | {"requestID": "SomeID"} == expected


def test_the_server_of_these_tests_is_one_that_another_client_gets_on_with(studio, pyvts, tmp_path):
    async def talk():
        info = {"plugin_name": "other", "developer": "others", "authentication_token_path": str(tmp_path / "token")}
        place = {"version": "1.0", "name": "VTubeStudioPublicAPI", "host": "127.0.0.1", "port": studio.port}
        client = pyvts.vts(info, place)
        await client.connect()
        await client.request_authenticate_token()
        assert await client.request_authenticate()
        await client.request(client.vts_request.requestCustomParameter("OtherOpen"))
        known = await client.request(client.vts_request.requestTrackingParameterList())
        await client.request(client.vts_request.requestSetParameterValue("OtherOpen", 0.75, face_found=True))
        await client.close()
        return api.parameter_names(known["data"])

    assert asyncio.run(talk()) == {*DEFAULTS, "OtherOpen"}
    assert studio.wait(1) == {"OtherOpen": 0.75} and studio.asked == 1


def test_head_and_custom_parameters(studio, tmp_path):
    sink = VtubeStudioSink("127.0.0.1", studio.port, tmp_path / "token", custom=True)
    sink.send(Frame(0, 0.0, face(jawOpen=0.25), np.radians([10, 5, -3]).astype(np.float32)))
    values = studio.wait(1)
    assert [values[f"FaceAngle{axis}"] for axis in "XYZ"] == pytest.approx([10, -5, 3], abs=1e-3)
    assert len(studio.custom) == 52 and values["FmgJawOpen"] == 0.25
    sink.close()


def test_a_mask_and_parameters_that_are_not_there(tmp_path):
    studio = VtubeStudio(defaults=["MouthOpen", "EyeOpenLeft", "VoiceA"])
    sink = VtubeStudioSink("127.0.0.1", studio.port, tmp_path / "token", custom=True, driven={"jawOpen", "mouthClose"})
    sink.send(Frame(0, 0.0, face(jawOpen=0.25)))
    assert set(studio.wait(1)) == {"MouthOpen", "VoiceA", "FmgJawOpen", "FmgMouthClose"}
    sink.close()
    studio.close()


def test_frames_go_on_60_times_a_second_at_most_and_half_a_second_at_least(studio, tmp_path):
    sink = VtubeStudioSink("127.0.0.1", studio.port, tmp_path / "token")
    sink.send(Frame(0, 0.0, face()))
    studio.wait(1)
    began = time.monotonic()
    slowest = 0.0
    for k in range(200):
        before = time.perf_counter()
        sink.send(Frame(k, k / 200, face(jawOpen=k / 200)))
        slowest = max(slowest, time.perf_counter() - before)
        time.sleep(0.005)
    took = time.monotonic() - began
    assert slowest < 0.2
    assert 5 <= len(studio.set) <= 60 * took + 5
    time.sleep(1.3)  # no frames
    gaps = np.diff([at for at, _ in studio.set])
    assert max(gaps) < 1.0
    sink.send(Frame(300, 0.0, face(jawOpen=1)))
    sink.close()
    assert studio.set[-1][1]["MouthOpen"] == 1  # the last frame is not lost


def test_it_is_found_late_and_found_again(tmp_path, monkeypatch):
    monkeypatch.setattr("fmg_rt.sinks.vtubestudio._RETRY", 0.05)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    lines = []
    sinks = Sinks([VtubeStudioSink("127.0.0.1", port, tmp_path / "token")], lines.append)
    k = 0

    def frames_until(done):
        nonlocal k
        end = time.monotonic() + 10
        while not done() and time.monotonic() < end:
            sinks.send(Frame(k, k / 300, face(jawOpen=0.5)))
            k += 1
            time.sleep(1 / 300)
        assert done(), lines

    frames_until(lambda: lines)
    assert "is VTube Studio running, with its plugin API switched on?" in lines[0]
    for _ in range(2):
        studio = VtubeStudio(port)
        studio.tokens.add(TOKEN)
        frames_until(lambda: lines and lines[-1].endswith("works again") and studio.set)  # noqa: B023
        studio.close()
        frames_until(lambda: not lines[-1].endswith("works again"))
    sinks.close()


def test_away_is_asked_every_second():
    class Gone:
        name, live, address, tried = "gone", True, None, 0

        def send(self, frame):
            self.tried += 1
            raise Away("not there")

        def close(self): ...

    gone, lines = Gone(), []
    sinks = Sinks([gone], lines.append)
    for k in range(10 * (FIRST_PAUSE + 1)):
        sinks.send(Frame(k, 0.0, face()))
    assert gone.tried == 10 and len(lines) == 1


def test_a_user_who_says_no_is_told_of(tmp_path):
    studio = VtubeStudio(allows=False)
    sink = VtubeStudioSink("127.0.0.1", studio.port, tmp_path / "token")
    end = time.monotonic() + 5
    said = ""
    while "does not allow" not in said and time.monotonic() < end:
        try:
            sink.send(Frame(0, 0.0, face()))
        except Away as error:
            said = str(error)
        time.sleep(0.01)
    assert "its user does not allow fmg" in said and not (tmp_path / "token").exists()
    sink.close()
    studio.close()


def test_a_token_that_was_taken_back_is_asked_for_anew(studio, tmp_path):
    (tmp_path / "token").write_text("old")
    sink = VtubeStudioSink("127.0.0.1", studio.port, tmp_path / "token")
    sink.send(Frame(0, 0.0, face()))
    studio.wait(1)
    assert studio.asked == 1 and (tmp_path / "token").read_text() == TOKEN
    sink.close()


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"messageType": 1}', '{"messageType": "x", "data": [1]}', "[" * 5000, b"\xff"]
)
def test_answers_that_are_none(text):
    with pytest.raises(WireError):
        api.answer(text)
    assert api.parameter_names({"defaultParameters": 3, "customParameters": [1, {"name": "a"}]}) == {"a"}
