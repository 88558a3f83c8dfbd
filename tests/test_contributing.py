"""The worked examples of CONTRIBUTING.md run as they stand there."""

import json
import re
import socket
from pathlib import Path

import numpy as np
import pytest

from fmg_rt import Frame
from fmg_rt.arkit import ARKIT_NAMES
from fmg_rt.sinks import Sinks

TEXT = (Path(__file__).parents[1] / "CONTRIBUTING.md").read_text(encoding="utf-8")


def example(name):
    """The names that the example defines."""
    code = re.search(rf"<!-- example: {name} -->\n```python\n(.+?)```", TEXT, re.DOTALL)[1]
    defined = {}
    exec(compile(code, f"CONTRIBUTING.md: {name}", "exec"), defined)
    return defined


def test_the_receiver_sends_what_a_parser_of_others_reads():
    face = np.linspace(0, 1, 52, dtype=np.float32)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(("127.0.0.1", 0))
        receiver.settimeout(10)
        sinks = Sinks([example("receiver")["PlainJsonSink"](*receiver.getsockname())], lambda line: pytest.fail(line))
        sinks.send(Frame(3, 0.1, face))
        got = json.loads(receiver.recv(65_536))
        assert got["time"] == 0.1 and list(got["face"]) == list(ARKIT_NAMES)
        assert np.allclose(list(got["face"].values()), face, atol=1e-4)
        sinks.rest()
        assert set(json.loads(receiver.recv(65_536))["face"].values()) == {0.0}
        sinks.close()


def test_the_source_gives_hops():
    defined = example("source")
    source, hop, heard = defined["source"], np.empty(160, np.float32), 0
    while source.read(hop, 1.0):
        assert np.isfinite(hop).all()
        heard += 1
    assert source.ended and abs(heard - 200) <= 2
    source.close()
    live = defined["live"]
    assert live.read(hop, 5.0)
    live.close()


def test_the_corpus_engine_speaks():
    speech = pytest.importorskip("fmg_train.corpus.speech", reason="needs the extra [train]")
    code = re.search(r"## A corpus engine.+?```python\n(.+?)```", TEXT, re.DOTALL)[1]
    defined = {"np": np, "Voice": speech.Voice, "Utterance": speech.Utterance}
    exec(compile(code, "CONTRIBUTING.md: engine", "exec"), defined)
    engine, rng = defined["Hummer"](), np.random.default_rng(0)
    said = engine.speak("hello", engine.draw("en", rng), rng)
    assert said.audio.dtype == np.float32 and len(said.audio) == 6400 and said.phones[-1][2] == pytest.approx(0.4)
    engine.close()


def test_sessions_of_nox_and_hooks_of_pre_commit_are_those_that_stand_there():
    root = Path(__file__).parents[1]
    sessions = re.findall(r"^@nox\.session.*\ndef (\w+)", (root / "noxfile.py").read_text(encoding="utf-8"), re.MULTILINE)
    first, also = re.search(r"nox -s ([\w ]+)#.*; also: (.+)", TEXT).groups()
    assert sorted(sessions) == sorted([*first.split(), *also.split(", ")])
    lint = re.search(r"def lint.+?\n\n\n", (root / "noxfile.py").read_text(encoding="utf-8"), re.DOTALL)[0]
    hooks = (root / ".pre-commit-config.yaml").read_text(encoding="utf-8")
    for tool in ("ruff check", "ruff format", "mypy"):
        assert f"python -m {tool}\n" in hooks
        assert all(f'"{word}"' in lint for word in tool.split())
