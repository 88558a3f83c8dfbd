"""Pipes: what they say they are, and when it is heard: a voice now, a recording whole and at its own pace."""

import contextlib
import io
import os
import struct
import sys
import threading
import time

import numpy as np
import pytest
import soundfile

from fmg_rt.cli.options import fill
from fmg_rt.cli.run import InputOptions, open_source, run
from fmg_rt.sources import SourceError, media
from fmg_rt.sources.file import describe, is_pipe, open_file
from fmg_rt.sources.mono import Mono
from fmg_rt.sources.pipe import LivePipe, Pipe

SOUND = (0.3 * np.sin(np.arange(16_000) / 9)).astype(np.float32)  # a second


def everything(source):
    hops, hop = [], np.empty(160, np.float32)
    while source.read(hop, 1.0):
        hops.append(hop.copy())
    assert source.ended
    return np.concatenate(hops) if hops else np.empty(0, np.float32)


def wav(sound, kind="PCM_16", rate=16_000, length=None, extra=b""):
    """Bytes of a WAV; length : what its header claims of the data; extra : a chunk before it."""
    file = io.BytesIO()
    soundfile.write(file, sound, rate, kind, format="WAV")
    data = file.getvalue()
    at = data.index(b"data")
    size = struct.unpack("<I", data[at + 4 : at + 8])[0] if length is None else length
    return data[:at] + extra + b"data" + struct.pack("<I", size) + data[at + 8 :]


@pytest.fixture
def pipe(monkeypatch):
    """Standard input that is a pipe; gives the function that writes bytes into it, and closes it for None."""
    reader, writer = os.pipe()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BufferedReader(io.FileIO(reader, "rb"))))
    # A file, not a number: a thread that still writes when the test is over must not meet the next test's pipe.
    end = os.fdopen(writer, "wb", buffering=0)

    def write(data):
        if data is None:
            end.close()
        else:
            end.write(data)

    yield write
    end.close()


def through(pipe, data):
    """What is heard of bytes that come in pieces."""

    def feed():
        for start in range(0, len(data), 1237):
            pipe(data[start : start + 1237])
        pipe(None)

    thread = threading.Thread(target=feed)
    thread.start()
    heard = everything(Pipe("-", 16_000))
    thread.join()
    return heard


@pytest.mark.parametrize("kind", ["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE"])
@pytest.mark.parametrize("length", [None, 0, 0xFFFFFFFF, 0x7FFFFF00])
def test_a_wav_through_a_pipe_is_known_by_its_header(pipe, kind, length):
    assert np.abs(through(pipe, wav(SOUND, kind, length=length)) - SOUND).max() < (0.01 if kind == "PCM_U8" else 1e-4)


def test_two_channels_at_another_rate_through_a_pipe(pipe):
    sound = np.repeat(SOUND, 3)
    heard = through(pipe, wav(np.stack([sound, sound], 1), rate=48_000))
    assert len(heard) == 16_000 and np.abs(np.corrcoef(heard, SOUND)[0, 1]) > 0.99


def test_a_flac_through_a_pipe_is_decoded_and_never_noise(pipe, monkeypatch):
    file = io.BytesIO()
    soundfile.write(file, SOUND, 16_000, format="FLAC")
    assert np.abs(through(pipe, file.getvalue())[: len(SOUND)] - SOUND).max() < 1e-3


def test_without_the_extra_the_line_says_what_to_do(pipe, monkeypatch, tmp_path):
    monkeypatch.setattr(media, "available", lambda: False)
    pipe(b"fLaC" + bytes(100))
    pipe(None)
    with pytest.raises(SourceError, match=r"\[media\].*ffmpeg"):
        Pipe("-", 16_000).read(np.empty(160, np.float32), 1.0)
    (tmp_path / "a.m4a").write_bytes(b"\0\0\0\x20ftypM4A " + bytes(100))
    with pytest.raises(SourceError, match=r"\[media\].*ffmpeg"):
        open_file(tmp_path / "a.m4a")


@pytest.mark.skipif(os.name != "posix", reason="FIFOs")
def test_a_fifo_is_a_pipe(tmp_path):
    path = tmp_path / "fifo"
    os.mkfifo(path)
    assert is_pipe(path) and not is_pipe(__file__) and not is_pipe(tmp_path / "none")
    thread = threading.Thread(target=lambda: path.write_bytes(wav(SOUND)))
    thread.start()
    assert np.abs(everything(Pipe(str(path), 16_000)) - SOUND).max() < 1e-4
    thread.join()


@pytest.mark.parametrize("length", [0, 0xFFFFFFFF, 1 << 30])
def test_the_recorder_was_killed_and_the_sound_is_there(tmp_path, length):
    (tmp_path / "a.wav").write_bytes(wav(SOUND, length=length))
    assert np.abs(everything(open_file(tmp_path / "a.wav")) - SOUND).max() < 1e-4


@pytest.mark.parametrize("pad", [b"", b"\0"])
def test_odd_chunks_padded_or_not(tmp_path, pad):
    (tmp_path / "a.wav").write_bytes(wav(SOUND, extra=b"note" + struct.pack("<I", 3) + b"abc" + pad))
    assert np.abs(everything(open_file(tmp_path / "a.wav")) - SOUND).max() < 1e-4


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("channel", ["mix", "right", 5])
@pytest.mark.parametrize("n_channels", [1, 2, 3])
def test_a_block_without_samples_is_none(channel, n_channels):
    """As the end of a file may give it."""
    assert Mono("file", channel)(np.zeros((0, n_channels), np.float32)).shape == (0,)


@pytest.mark.parametrize(
    "left, right, heard, said",
    [(1, -1, 1, True), (-0.6, 0.9, 0.9, True), (1, 1, 1, False), (1, 0, 0.5, False), (1, 0.5, 0.75, False)],
)
def test_two_channels_that_cancel_give_the_louder_one(tmp_path, caplog, left, right, heard, said):
    soundfile.write(tmp_path / "a.wav", np.stack([left * SOUND, right * SOUND], 1), 16_000, "FLOAT")
    assert np.allclose(everything(open_file(tmp_path / "a.wav")), heard * SOUND, atol=1e-6)
    assert [("cancel" in record.message) for record in caplog.records] == [True] * said


def test_one_channel_on_request(tmp_path):
    soundfile.write(tmp_path / "a.wav", np.stack([SOUND, SOUND / 2], 1), 16_000, "FLOAT")
    for channel, share in (("left", 1), ("right", 0.5), (0, 1), (1, 0.5), ("mix", 0.75)):
        assert np.allclose(everything(open_file(tmp_path / "a.wav", channel=channel)), share * SOUND, atol=1e-6)
    assert describe(tmp_path / "a.wav") == (1.0, 2)


@pytest.mark.parametrize(
    "suffix, codec", [("m4a", "aac"), ("aac", "aac"), ("mp4", "aac"), ("mov", "aac"), ("mkv", "libopus"), ("webm", "libopus")]
)
def test_what_phones_and_cameras_record(tmp_path, suffix, codec):
    av = pytest.importorskip("av")
    rate = 48_000
    sound = (0.3 * np.sin(2 * np.pi * 440 * np.arange(rate) / rate)).astype(np.float32)
    with av.open(str(tmp_path / f"a.{suffix}"), "w") as container:
        stream = container.add_stream(codec, rate=rate, layout="mono")
        frame = av.AudioFrame.from_ndarray(sound[None], "fltp", "mono")
        frame.sample_rate = rate
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            container.mux(packet)
    heard = everything(open_file(tmp_path / f"a.{suffix}"))
    assert abs(len(heard) - 16_000) < 1600
    assert np.sqrt(np.mean(heard[2000:12_000] ** 2)) == pytest.approx(0.3 / 2**0.5, rel=0.05)
    assert describe(tmp_path / f"a.{suffix}")[1] == 1


def test_a_play_list_is_no_sound(tmp_path):
    """FFmpeg would follow it to other files."""
    pytest.importorskip("av")
    (tmp_path / "b.wav").write_bytes(wav(SOUND))
    (tmp_path / "a.m3u8").write_text("#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nb.wav\n#EXT-X-ENDLIST\n")
    (tmp_path / "a.ffconcat").write_text("ffconcat version 1.0\nfile b.wav\n")
    for name in ("a.m3u8", "a.ffconcat"):
        with pytest.raises(SourceError, match="not a sound"):
            open_file(tmp_path / name)


class Voice(threading.Thread):
    """Writes blocks of 20 ms as they are spoken, each sample the number of its hop; `paused` holds the writing up."""

    def __init__(self, pipe, rate, speed=1.0):
        super().__init__(daemon=True)
        self._pipe, self._rate, self._speed = pipe, rate, speed
        self.began = time.perf_counter()
        self.over, self.paused = threading.Event(), threading.Event()
        self.start()

    def run(self):
        n, size = 0, self._rate // 50
        try:
            while not self.over.is_set():
                if not self.paused.is_set():
                    self._pipe((np.arange(n, n + size) // (self._rate // 100)).astype("<i2").tobytes())
                    n += size
                self.over.wait(max(self.began + n / self._rate / self._speed - time.perf_counter(), 0.001))
        except OSError:
            pass


def lags(source, began, seconds, speed=1.0):
    """(when, seconds from the sound to its hop) of what is heard within `seconds`."""
    hop, seen, end = np.empty(160, np.float32), [], time.perf_counter() + seconds
    while time.perf_counter() < end:
        if source.read(hop, 0.1):
            now = time.perf_counter() - began
            seen.append((now, now - hop[80] * 32768 / 100 / speed))
    return seen


@pytest.mark.parametrize("rate", [16_000, 48_000])
def test_a_voice_is_heard_now_and_again_after_every_stall(pipe, rate):
    voice = Voice(pipe, rate)
    time.sleep(0.5)  # the interpreter starts
    source = LivePipe(Pipe("-", rate))
    time.sleep(0.7)  # the program loads
    assert lags(source, voice.began, 0.5)[-1][1] < 0.15 and source.live
    time.sleep(1.2)  # stopped
    seen = lags(source, voice.began, 1.0)
    assert seen[0][1] > 0.4 and seen[-1][1] < 0.15
    steps = np.diff([when - lag for when, lag in seen])
    assert steps.max() < 0.025, "nothing is left out: the face hurries and does not jump"
    assert np.diff([when for when, _ in seen])[3:40].mean() > 0.0015, "and not all at once"
    voice.paused.set()  # a busy machine
    lags(source, voice.began, 0.6)
    voice.paused.clear()
    assert lags(source, voice.began, 1.0)[-1][1] < 0.15
    voice.over.set()
    source.close()


def test_the_drift_of_its_clock_does_not_add_up(pipe):
    """A device that gives 1.1 s each second: what one whose clock is 0.1 % off does in minutes."""
    voice = Voice(pipe, 16_000, speed=1.1)
    source = LivePipe(Pipe("-", 16_000))
    time.sleep(0.7)  # the program loads
    seen = lags(source, voice.began, 4.0, speed=1.1)
    assert source.live and max(lag for when, lag in seen if when > 2.0) < 0.15
    steps = np.diff([when - lag for when, lag in seen])
    assert steps.max() < 0.025, "nothing is left out"
    voice.over.set()
    source.close()


@pytest.mark.parametrize(("words", "told"), [([], None), (["--live"], True), (["--paced"], False)])
def test_the_command_line_says_which_it_is(pipe, monkeypatch, words, told):
    given = []
    monkeypatch.setattr("fmg_rt.sources.pipe.LivePipe", lambda source, live: given.append((source.name, live)))
    open_source(fill(InputOptions, run.make_context("fmg-rt", ["--input", "-", *words]).params), lambda: False)
    assert given == [("standard input", told)]


def test_a_voice_that_begins_late_is_not_late_for_long(pipe):
    source = LivePipe(Pipe("-", 16_000))
    assert not source.read(np.empty(160, np.float32), 0.3)
    pipe(bytes(16_000))  # half a second that waited elsewhere
    voice = Voice(pipe, 16_000)
    seen = lags(source, voice.began, 2.0)
    assert source.live and seen[-1][1] < 0.15
    voice.over.set()
    source.close()


@pytest.mark.parametrize("said", [None, False])
def test_a_recording_through_a_pipe_is_whole_and_at_its_own_pace(pipe, said):
    values = np.arange(24_000).astype("<i2")

    def feed():
        pipe(values.tobytes())
        pipe(None)

    threading.Thread(target=feed, daemon=True).start()
    source = LivePipe(Pipe("-", 16_000), said)
    time.sleep(0.6)  # the program loads
    began = time.perf_counter()
    heard = everything(source)
    assert np.array_equal(heard, values.astype(np.float32) / 32768) and not source.live
    assert 1.3 < time.perf_counter() - began < 2.5


def test_speech_that_is_made_faster_than_it_sounds_is_whole(pipe):
    """A speech engine that streams: twice as fast as it is spoken, and no voice."""
    voice = Voice(pipe, 16_000, speed=4)
    source = LivePipe(Pipe("-", 16_000))
    time.sleep(0.5)
    hop, numbers = np.empty(160, np.float32), []
    began = time.perf_counter()
    while time.perf_counter() - began < 1.5:
        if source.read(hop, 0.1):
            numbers.append(round(float(hop[80]) * 32768))
    assert numbers == list(range(len(numbers))) and not source.live
    assert 130 < len(numbers) < 175
    voice.over.set()
    source.close()


def test_speech_that_ran_ahead_and_then_comes_as_it_sounds_is_whole(pipe):
    """A speech engine that fills a buffer first: late all the time, and no voice, since it was ahead of time once."""

    def feed():
        n = 0
        with contextlib.suppress(OSError, ValueError):
            for hops in [2, *[0] * 10, 300, *[2] * 200]:
                pipe((np.arange(n, n + 160 * hops) // 160).astype("<i2").tobytes())
                n += 160 * hops
                time.sleep(0.02)

    source = LivePipe(Pipe("-", 16_000))
    threading.Thread(target=feed, daemon=True).start()
    hop, numbers, began = np.empty(160, np.float32), [], time.perf_counter()
    while time.perf_counter() - began < 2.5:
        if source.read(hop, 0.1):
            numbers.append(round(float(hop[80]) * 32768))
    assert numbers == list(range(len(numbers))) and not source.live and len(numbers) < 270
    source.close()


def test_told_that_it_is_live_it_drops_what_waited(pipe):
    pipe(np.arange(16_000).astype("<i2").tobytes())
    source = LivePipe(Pipe("-", 16_000), True)
    time.sleep(1.0)
    hop = np.empty(160, np.float32)
    assert not source.read(hop, 0.1)
    pipe(np.full(160, 16_384, "<i2").tobytes())
    assert source.read(hop, 1.0) and (hop == 0.5).all()
    source.close()


def test_a_pipe_that_breaks_is_one_line(pipe, monkeypatch):
    source = LivePipe(Pipe("-", 16_000))
    pipe(b"RIFF\x24\0\0\0WAVEfmt \x02\0\0\0\0\0")
    pipe(None)
    with pytest.raises(SourceError, match="cannot be read"):
        for _ in range(20):
            source.read(np.empty(160, np.float32), 0.1)
    source.close()
