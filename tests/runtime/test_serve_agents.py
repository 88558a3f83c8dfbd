"""The faces of agents, in the real packages: pipecat, livekit-agents, and our own example. Nothing leaves this machine."""

import asyncio
import importlib.util
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from fmg_rt import Session, arkit

ROOT = Path(__file__).parents[2]
JAW = arkit.INDEX["jawOpen"]


def load(folder, name):
    """A module of a folder that is no package."""
    spec = importlib.util.spec_from_file_location(name, ROOT / folder / f"{name}.py")
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def speech(seconds, sample_rate=24000):
    t = np.arange(int(seconds * sample_rate)) / sample_rate
    tone = sum(np.sin(2 * np.pi * 130 * k * t) / k for k in range(1, 20))
    return (3000 * tone * np.sin(2 * np.pi * 2 * t) ** 2).astype("<i2")


@pytest.fixture
def session(weight_file):
    return lambda **options: Session(weight_file, egemaps=False, **options)


def expected(session, sound, **options):
    own = session(**options)
    return [frame.coefficients for frame in own.push(sound) + own.finish()]


# ---- pipecat -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def pipecat():
    pytest.importorskip("pipecat.frames.frames", reason="pipecat-ai is not installed")
    return load("integrations", "pipecat_face")


def through_pipecat(processor, frames):
    from pipecat.tests.utils import run_test

    down, _ = asyncio.run(run_test(processor, frames_to_send=frames))
    return down


def test_pipecat(pipecat, session):
    """All the speech goes on, byte for byte; each frame stands before the sound that it shows."""
    from pipecat.frames.frames import OutputTransportMessageFrame, TTSAudioRawFrame, TTSStoppedFrame

    data = speech(1.0).tobytes()
    pieces = [TTSAudioRawFrame(data[at : at + 4800], 24000, 1) for at in range(0, len(data), 4800)]
    down = through_pipecat(pipecat.FaceProcessor(session), [*pieces, TTSStoppedFrame()])
    assert b"".join(frame.audio for frame in down if isinstance(frame, TTSAudioRawFrame)) == data
    messages, heard = [], 0
    for frame in down:
        if isinstance(frame, TTSAudioRawFrame):
            heard += len(frame.audio) / 48000
        elif isinstance(frame, OutputTransportMessageFrame):
            messages.append(frame.message)
            assert frame.message["time"] >= 1.0 - 1 / 30 or abs(frame.message["time"] - heard) < 1e-3
    wanted = expected(session, speech(1.0), sample_rate=24000)
    assert [message["index"] for message in messages] == list(range(len(wanted)))
    assert np.abs(np.array([message["coefficients"] for message in messages]) - wanted).max() <= 5e-5
    assert messages[-1]["coefficients"][JAW] == 0


def test_pipecat_interruption(pipecat, session):
    from pipecat.frames.frames import InterruptionFrame, OutputTransportMessageUrgentFrame, TTSAudioRawFrame, TTSStoppedFrame
    from pipecat.tests.utils import SleepFrame

    data = speech(0.5).tobytes()
    frames = [
        TTSAudioRawFrame(data, 24000, 1),
        SleepFrame(0.2),
        InterruptionFrame(),
        SleepFrame(0.2),
        TTSAudioRawFrame(data, 24000, 1),
        TTSStoppedFrame(),
    ]
    down = through_pipecat(pipecat.FaceProcessor(session), frames)
    messages = [frame.message for frame in down if hasattr(frame, "message")]
    cut = next(i for i, message in enumerate(messages) if message["type"] == "rest")
    assert messages[cut] == {"type": "rest", "utterance": 0, "seconds": 0.15}
    assert sum(isinstance(frame, OutputTransportMessageUrgentFrame) for frame in down) == 1
    after = messages[cut + 1 :]
    assert {message["utterance"] for message in after} == {1} and after[0]["time"] == 0
    sound = b"".join(frame.audio for frame in down if isinstance(frame, TTSAudioRawFrame))
    assert sound.endswith(data) and len(sound) <= 2 * len(data)


# ---- livekit -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def livekit():
    pytest.importorskip("livekit.agents", reason="livekit-agents is not installed")
    return load("integrations", "livekit_face")


def livekit_frames(sound):
    from livekit import rtc

    return [rtc.AudioFrame(part.tobytes(), 24000, 1, len(part)) for part in np.split(sound, range(480, len(sound), 480))]


def test_livekit(livekit, session):
    """Speech that comes at once is shown at its own pace, from the moment on at which it is heard."""
    from livekit.agents.voice.avatar import QueueAudioOutput

    seen, sound = [], speech(0.6)

    async def run():
        async def send(frame):
            seen.append((time.time(), frame))

        sink = QueueAudioOutput(sample_rate=24000, wait_playback_start=True)
        output = livekit.FaceOutput(sink, send, session)
        for frame in livekit_frames(sound):
            await output.capture_frame(frame)
        output.flush()
        await asyncio.sleep(0.1)
        assert not seen
        start = time.time()
        sink.notify_playback_started()
        await asyncio.sleep(1.2)
        passed = b""
        while not sink._data_ch.empty():
            frame = sink._data_ch.recv_nowait()
            passed += bytes(getattr(frame, "data", b""))
        assert passed == sound.tobytes()
        return start

    start = asyncio.run(run())
    wanted = expected(session, sound, sample_rate=24000)
    assert [frame["index"] for _, frame in seen] == list(range(len(wanted)))
    assert np.abs(np.array([frame["coefficients"] for _, frame in seen]) - wanted).max() <= 5e-5
    late = np.array([at - start - frame["time"] for at, frame in seen])
    assert late.min() > -0.005 and np.median(late) < 0.05


def test_livekit_interruption(livekit, session):
    from livekit.agents.voice.avatar import QueueAudioOutput

    seen = []

    async def run():
        async def send(frame):
            seen.append(frame)

        sink = QueueAudioOutput(sample_rate=24000)
        output = livekit.FaceOutput(sink, send, session)
        for frame in livekit_frames(speech(3.0)):
            await output.capture_frame(frame)
        await asyncio.sleep(0.4)
        output.clear_buffer()
        output.flush()  # as livekit does when the interrupted speech has ended
        shown = len(seen)
        await asyncio.sleep(0.4)
        assert 5 <= shown < 30 and len(seen) == shown + 4
        assert max(seen[-1]["coefficients"]) == 0 and not any(seen[-1]["head"]) and seen[-1]["utterance"] == 0
        steps = np.diff([frame["coefficients"] for frame in seen[shown - 1 :]], axis=0)
        assert np.abs(steps).max() <= 0.6
        for frame in livekit_frames(speech(0.2)):
            await output.capture_frame(frame)
        output.flush()
        await asyncio.sleep(0.5)
        assert seen[-1]["utterance"] == 1

    asyncio.run(run())


@pytest.mark.parametrize("name", ["pipecat_face", "livekit_face"])
def test_they_are_short(name):
    assert len([line for line in (ROOT / "integrations" / f"{name}.py").read_text("utf-8").splitlines() if line]) <= 100
