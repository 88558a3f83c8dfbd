"""Emotions chosen by OSC while the program runs: what changes, what is refused, and the whole way to a receiver."""

import random
import subprocess
import sys
import time

import pytest
from loopback import Receiver, messages
from pythonosc.udp_client import SimpleUDPClient

from fmg_rt import ExpressionSettings, Session
from fmg_rt.app.emotion_in import EmotionIn
from fmg_rt.arkit import INDEX
from fmg_rt.sources.listener import ListenError
from fmg_rt.wire.emotion import decode
from fmg_rt.wire.osc import message
from fmg_rt.wire.reading import WireError


class Chosen:
    """An `EmotionIn` that hears what python-osc sends."""

    def __init__(self, session):
        self.session, self.lines, self.settings = session, [], []
        session.update(ExpressionSettings())
        self.input = EmotionIn(session, self.settings.append, 0)
        self.input.start(self.lines.append)
        self.client = SimpleUDPClient("127.0.0.1", self.input.port)

    def send(self, address, *arguments, wait_for="settings"):
        got = getattr(self, wait_for)
        n = len(got)
        self.client.send_message(address, list(arguments))
        until = time.monotonic() + 3
        while len(got) == n and time.monotonic() < until:
            time.sleep(0.005)
        assert len(got) == n + 1
        return self.session.settings


@pytest.fixture
def chosen(packaged_session):
    it = Chosen(packaged_session)
    yield it
    it.input.close()


@pytest.fixture(scope="module")
def packaged_session():
    return Session(egemaps=False)


def test_emotions_strength_and_mix_change_while_it_runs(chosen):
    assert chosen.input._listener.host == "127.0.0.1"  # nobody else's programs
    assert chosen.send("/emotion/joy", 0.6).emotion == {"joy": pytest.approx(0.6)}
    assert chosen.send("/emotion/Angry", 1).emotion == {"joy": pytest.approx(0.6), "anger": 1.0}
    assert chosen.send("/emotion/joy", 0.0).emotion == {"anger": 1.0}
    assert chosen.send("/emotion/strength", 2.0).emotion_strength == 2.0
    assert chosen.send("/emotion/mix", 0.25).emotion_mix == 0.25
    assert chosen.send("/emotion/none").emotion == {} and chosen.session.settings.emotion_strength == 2.0
    assert chosen.settings[-1] == chosen.session.settings and not chosen.lines


@pytest.mark.parametrize(
    "address, arguments, says",
    [
        ("/emotion/joy", (1.5,), "between 0 and 1"),
        ("/emotion/joy", (float("nan"),), "between 0 and 1"),
        ("/emotion/joy", (), "/emotion/joy takes one number"),
        ("/emotion/joy", ("much",), "takes one number"),
        ("/emotion/joy", (0.1, 0.2), "takes one number"),
        ("/emotion/envy", (1.0,), "there is no emotion 'envy'; there are: joy, anger"),
        ("/emotion/strength", (4.0,), "between 0 and 3"),
        ("/emotion/mix", (-1.0,), "between 0 and 1"),
    ],
)
def test_what_cannot_be_is_said_once_and_changes_nothing(chosen, address, arguments, says):
    before = chosen.session.settings
    chosen.send(address, *arguments, wait_for="lines")
    assert says in chosen.lines[0] and "\n" not in chosen.lines[0]
    chosen.client.send_message(address, list(arguments))
    chosen.client.send_message("/blendshapes", [0.5] * 52)  # of another kind: not for us
    assert chosen.send("/emotion/fear", 0.5).emotion == {"fear": 0.5}  # it still listens
    assert len(chosen.lines) == 1 and before.emotion == {}


def test_noise_breaks_nothing_and_is_not_told_for_ever(chosen):
    chance = random.Random(5)
    good = message("/emotion/joy", 0.5)
    for _ in range(3000):
        bad = bytearray(good)
        for _ in range(chance.randrange(1, 6)):
            bad[chance.randrange(len(bad))] = chance.randrange(256)
        try:
            decode(bytes(bad[: chance.randrange(1, len(bad) + 1)]))
        except WireError as error:
            assert "\n" not in str(error)
    for k in range(60):
        chosen.client.send_message(f"/emotion/mood{k}", 1.0)
    chosen.send("/emotion/joy", 1.0)
    assert len(chosen.lines) <= 20


def test_a_taken_port_gives_one_clear_line(chosen):
    with pytest.raises(ListenError, match="cannot listen for emotions on port"):
        EmotionIn(chosen.session, print, chosen.input.port)


def test_a_running_program_shows_what_it_is_told():
    out, free = Receiver(), Receiver()
    port = free.port
    free.close()
    command = ["--input", "demo", "--osc", f"127.0.0.1:{out.port}", "--emotion-in", str(port)]
    program = subprocess.Popen([sys.executable, "-m", "fmg_rt", *command], stderr=subprocess.PIPE, text=True)
    try:

        def smile() -> float:
            faces = [m[1:] for m in messages(out.datagrams()) if m[0] == "/blendshapes"]
            return faces[-1][INDEX["mouthSmileLeft"]] if faces else 0.0

        until = time.monotonic() + 60
        while not messages(out.datagrams()) and time.monotonic() < until:
            pass
        assert smile() < 0.2
        client = SimpleUDPClient("127.0.0.1", port)
        client.send_message("/emotion/happy", 1.0)
        until = time.monotonic() + 5
        while (shown := smile()) < 0.4 and time.monotonic() < until:
            pass
        assert shown >= 0.4
        client.send_message("/emotion/none", [])
        until = time.monotonic() + 5
        while (shown := smile()) > 0.2 and time.monotonic() < until:
            pass
        assert shown <= 0.2
    finally:
        program.terminate()
        _, err = program.communicate(timeout=30)
        out.close()
    assert "Traceback" not in err
