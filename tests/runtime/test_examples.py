"""The examples run as they are, on a sound file or with a microphone that is a list of blocks."""

import ast
import configparser
import re
import runpy
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture(scope="module")
def talk(tmp_path_factory):
    """Two seconds at 22.05 kHz that swell and fade."""
    path = tmp_path_factory.mktemp("sound") / "talk.wav"
    t = np.arange(2 * 22_050) / 22_050
    tone = sum(np.sin(2 * np.pi * 140 * k * t) / k for k in range(1, 20))
    soundfile.write(path, 0.1 * tone * np.sin(2 * np.pi * 2 * t) ** 2, 22_050, "PCM_16")
    return str(path)


def run(monkeypatch, name, *arguments):
    monkeypatch.setattr(sys, "argv", [name, *arguments])
    runpy.run_path(str(EXAMPLES / name), run_name="__main__")


@pytest.mark.parametrize(
    "name, says",
    [("library.py", "jawOpen"), ("custom_sink.py", "the end"), ("many_faces.py", "16 faces"), ("egemaps.py", "mean loudness")],
)
def test_with_a_sound_file(monkeypatch, capsys, talk, name, says):
    run(monkeypatch, name, talk)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) >= 5 and says in lines[-1]


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.py")), ids=lambda path: path.name)
def test_an_example_names_the_extra_that_it_needs(path):
    """What is not installed with fmg itself stands in its first lines."""
    setup = configparser.ConfigParser()
    setup.read(EXAMPLES.parent / "setup.cfg", encoding="utf-8")
    extras = {name: words for name, words in setup["options.extras_require"].items() if name not in ("test", "docs")}
    extras["train"] += "\nfmg_train"
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    found |= {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    for module in {name.partition(".")[0] for name in found if name} - {"fmg_rt", *sys.stdlib_module_names}:
        if not re.search(rf"^{module}\b", setup["options"]["install_requires"], re.MULTILINE):
            (extra,) = (name for name, words in extras.items() if re.search(rf"^{module}\b", words, re.MULTILINE))
            assert f"[{extra}]" in ast.get_docstring(tree), module


def test_barge_in_rests_and_begins_again(monkeypatch, capsys, talk):
    run(monkeypatch, "barge_in.py", talk, talk)
    lines = capsys.readouterr().out.splitlines()
    breaks = [i for i, line in enumerate(lines) if line == "interrupted"]
    assert len(breaks) == 2
    assert lines[breaks[0] + 5] == talk and lines[breaks[0] + 4].endswith("jawOpen 0.000")  # four frames of rest
    assert lines[breaks[0] + 6].startswith("  0.000 s")


def test_microphone(monkeypatch, capsys):
    """Ctrl-C comes after one second of blocks from PortAudio's thread."""

    class Stream:
        def __init__(self, callback, samplerate, channels, dtype, blocksize):
            assert (samplerate, channels, dtype) == (48_000, 1, "int16")
            noise = (3_000 * np.random.default_rng(1).standard_normal((100, blocksize))).astype("<i2")
            for block in noise:
                callback(memoryview(block.tobytes()), blocksize, None, None)

        def __enter__(self):
            return self

        def __exit__(self, *_):
            pass

    pushes = iter(range(100))
    from fmg_rt import Session

    push = Session.push

    def until_ctrl_c(self, audio):
        if next(pushes, None) is None:
            raise KeyboardInterrupt
        return push(self, audio)

    class Queue:
        def __init__(self):
            self.blocks = []
            self.put = self.blocks.append

        def __class_getitem__(cls, _):
            return cls

        def get(self):
            return self.blocks.pop(0) if self.blocks else b""

    monkeypatch.setitem(sys.modules, "sounddevice", SimpleNamespace(RawInputStream=Stream))
    monkeypatch.setattr("queue.SimpleQueue", Queue)
    monkeypatch.setattr(Session, "push", until_ctrl_c)
    run(monkeypatch, "microphone.py")
    drawn = capsys.readouterr().out
    assert drawn.startswith("Speak") and drawn.count("\r") > 20
