"""VRChat's OSCQuery: an avatar's tree to parameters, and a VRChat of ours that is found by mDNS and worn again."""

import http.server
import json
import threading
import time

import numpy as np
import pytest
from loopback import Receiver, face, messages

from fmg_rt.frame import Frame
from fmg_rt.sinks.vrchat import VrchatSink
from fmg_rt.wire import oscquery
from fmg_rt.wire.reading import WireError
from fmg_rt.wire.unified import VALUES, Unified
from fmg_rt.wire.vrchat import ROOT, Parameter, matched

OLD = {
    "JawOpen": "f",
    "MouthApeShape": "f",
    "SmileSadLeft1": "T",
    "SmileSadLeft2": "F",
    "SmileSadLeftNegative": "F",
    "Viseme": "i",
    "VRCEmote": "i",
    "LipTrackingActive": "F",
}
NEW = {
    "FT/v2/JawOpen": "f",
    "FT/v2/JawX1": "F",
    "FT/v2/JawX2": "F",
    "FT/v2/JawXNegative": "F",
    "FT/v2/MouthClosed8": "F",
    "FT/v2/Nonsense": "f",
    "FT/v3/JawOpen": "f",
    "FT/v2/TongueOut": "T",
}


def tree(types):
    """As VRChat gives it: each part of a path is a node."""
    root = {"FULL_PATH": ROOT.rstrip("/"), "ACCESS": 0, "CONTENTS": {}}
    for name, type in types.items():
        node, path = root, ROOT.rstrip("/")
        for part in name.split("/"):
            path += f"/{part}"
            node = node.setdefault("CONTENTS", {}).setdefault(part, {"FULL_PATH": path, "ACCESS": 0})
        node |= {"ACCESS": 3, "TYPE": type, "VALUE": [0.0]}
    return json.dumps(root).encode()


def of(types):
    return {p.address.removeprefix(ROOT): p[1:] for p in matched({ROOT + name: type for name, type in types.items()})}


def test_what_the_avatar_has_is_matched():
    assert oscquery.types(tree(NEW)) == {ROOT + name: type for name, type in NEW.items()}
    assert of(NEW) == {
        "FT/v2/JawOpen": ("JawOpen", 0, 0),
        "FT/v2/JawX1": ("JawX", 1, 2),
        "FT/v2/JawX2": ("JawX", 2, 2),
        "FT/v2/JawXNegative": ("JawX", -1, 2),
    }
    assert of(OLD) == {
        "JawOpen": ("v1/JawOpen", 0, 0),
        "MouthApeShape": ("v1/MouthApeShape", 0, 0),
        "SmileSadLeft1": ("v1/SmileSadLeft", 1, 2),
        "SmileSadLeft2": ("v1/SmileSadLeft", 2, 2),
        "SmileSadLeftNegative": ("v1/SmileSadLeft", -1, 2),
    }


def test_old_names_show_the_same_face():
    sent = face(jawOpen=0.6, mouthClose=0.2, mouthPucker=0.5, mouthSmileLeft=0.8, eyeBlinkLeft=0.5, eyeWideRight=0.5)
    values = dict(zip(VALUES, Unified().map(sent).tolist(), strict=True))
    assert values["JawOpen"] == pytest.approx(0.6) and values["v1/JawOpen"] == pytest.approx(0.4)
    assert values["v1/MouthApeShape"] == pytest.approx(0.2) and values["v1/MouthPout"] == 0.5
    assert values["v1/SmileSadLeft"] == values["SmileSadLeft"] and values["v1/LeftEyeLid"] == 0.5
    assert values["v1/LeftEyeLidExpanded"] == pytest.approx(0.4)
    assert values["v1/RightEyeLidExpanded"] == pytest.approx(0.9)


@pytest.mark.parametrize("text", [b"", b"[]", b"3", b"[" * 9999, b'{"OSC_PORT": "x"}', b'{"OSC_PORT": 0}', b"\xff"])
def test_answers_that_are_none(text):
    with pytest.raises(WireError):
        oscquery.osc_address(text)
    with pytest.raises(WireError):
        oscquery.types(text if not text.startswith(b'{"') else b"")


def test_a_tree_without_end():
    node = {"CONTENTS": {str(k): {"FULL_PATH": 3, "TYPE": []} for k in range(10_001)}}
    with pytest.raises(WireError, match="too many"):
        oscquery.types(json.dumps(node).encode())


class Vrchat:
    """An HTTP server with an avatar's tree, announced as VRChat announces itself."""

    def __init__(self, osc_port, types, zeroconf, info):
        self.types = types
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                is_info = self.path == "/?HOST_INFO"
                assert is_info or self.path == ROOT.rstrip("/")
                body = (
                    json.dumps(
                        {"NAME": "VRChat-Client-1", "OSC_IP": "127.0.0.1", "OSC_PORT": osc_port, "OSC_TRANSPORT": "UDP"}
                    ).encode()
                    if is_info
                    else tree(outer.types)
                )
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_): ...

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        service = "_oscjson._tcp.local."
        self.info = info(
            service,
            f"VRChat-Client-1A2B3C.{service}",
            port=self.server.server_address[1],
            addresses=[b"\x7f\0\0\1"],
            server="vrchat-test.local.",
        )
        self.zeroconf = zeroconf
        zeroconf.register_service(self.info)

    def close(self):
        self.zeroconf.unregister_service(self.info)
        self.zeroconf.close()
        self.server.shutdown()
        self.server.server_close()


def test_vrchat_is_found_and_gets_what_its_avatar_has(monkeypatch):
    zeroconf = pytest.importorskip("zeroconf", reason="zeroconf is not installed")
    monkeypatch.setattr("fmg_rt.sinks.vrchat_query._EVERY", 0.1)
    receiver = Receiver()
    try:
        game = Vrchat(receiver.port, NEW, zeroconf.Zeroconf(), zeroconf.ServiceInfo)
    except OSError:
        pytest.skip("this machine has no multicast")
    sink = VrchatSink("127.0.0.1", 9, 30.0, asks=True)
    sent = face(jawOpen=0.5, mouthClose=0.25, jawLeft=0.6)

    def frames_until(known):
        end, found = time.monotonic() + 15, {}
        while time.monotonic() < end:
            sink.send(Frame(0, 0.0, sent))
            found |= {m[0].removeprefix(ROOT): m[1:] for m in messages(receiver.datagrams())}
            if known <= set(found):
                return found
        pytest.skip("multicast does not come back on this machine") if not found else pytest.fail(str(sorted(found)))

    found = frames_until({"FT/v2/JawOpen"})
    eyes = {"/tracking/eye/EyesClosedAmount", "/tracking/eye/LeftRightPitchYaw"}
    assert set(found) == {"FT/v2/JawOpen", "FT/v2/JawX1", "FT/v2/JawX2", "FT/v2/JawXNegative"} | eyes
    assert found["FT/v2/JawOpen"] == (0.5,)
    assert [found[f"FT/v2/JawX{end}"][0] for end in ("1", "2", "Negative")] == [False, True, True]
    assert sink.address == ("127.0.0.1", receiver.port)
    game.types = OLD  # another avatar is worn
    found = frames_until({"JawOpen", "LipTrackingActive"})
    assert found["JawOpen"] == (0.25,) and found["LipTrackingActive"] == (True,)
    sink.close()
    game.close()
    receiver.close()


def test_binary_digits_without_a_sign_do_not_show_what_is_negative(receiver):
    from fmg_rt.wire.vrchat import VrchatEncoder

    digits = [Parameter(f"{ROOT}v2/JawX{2**k}", "JawX", 2**k, 2) for k in range(2)]
    for jaw, expected in (("jawLeft", [False, False]), ("jawRight", [True, True])):
        found = messages([bytes(d) for d in VrchatEncoder(digits, ()).encode(face(**{jaw: 1.0}), True)])
        assert [m[1] for m in found if "JawX" in m[0]] == expected
    assert np.isfinite(Unified().map(face())).all()
