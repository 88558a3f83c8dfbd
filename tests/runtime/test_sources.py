"""Files and pipes: the right samples at 16 kHz, whatever comes in; one clear line when it is no sound."""

import io
import os
import sys
import threading
import time

import numpy as np
import pytest
import soundfile

from fmg_rt.sources import SourceError
from fmg_rt.sources.blocks import BlockSource, Paced
from fmg_rt.sources.file import open_file
from fmg_rt.sources.pipe import LivePipe, Pipe
from fmg_rt.sources.resampler import Resampler


def _tone(rate, seconds=1.0, frequency=440.0):
    return 0.5 * np.sin(2 * np.pi * frequency * np.arange(round(seconds * rate)) / rate)


def _everything(source, timeout=1.0):
    hops, hop = [], np.empty(160, np.float32)
    while source.read(hop, timeout):
        hops.append(hop.copy())
    assert source.ended
    return np.concatenate(hops) if hops else np.empty(0, np.float32)


@pytest.mark.parametrize(
    ("rate", "channels", "subtype", "suffix"),
    [
        (8000, 1, "PCM_16", "wav"),
        (11025, 1, "PCM_U8", "wav"),
        (16000, 1, "FLOAT", "wav"),
        (22050, 2, "DOUBLE", "wav"),
        (44100, 2, "PCM_24", "wav"),
        (48000, 6, "PCM_16", "flac"),
        (96000, 1, "PCM_24", "aiff"),
        (48000, 2, "VORBIS", "ogg"),
    ],
)
def test_any_rate_and_channel_count(tmp_path, rate, channels, subtype, suffix):
    path = tmp_path / f"声 with spaces.{suffix}"
    soundfile.write(path, np.tile(_tone(rate)[:, None], (1, channels)), rate, subtype)
    source = open_file(path)
    samples = _everything(source)
    source.close()
    assert len(samples) == 16000
    tolerance = 0.02 if subtype in ("PCM_U8", "VORBIS") else 1e-3
    assert np.abs(samples - _tone(16000))[800:-800].max() < tolerance  # away from the filter's edges


def test_channels_are_averaged(tmp_path):
    soundfile.write(tmp_path / "a.wav", np.stack([_tone(16000), np.zeros(16000)], 1), 16000, "FLOAT")
    assert np.allclose(_everything(open_file(tmp_path / "a.wav")), _tone(16000) / 2, atol=1e-6)


def test_the_last_hop_is_filled_up_with_silence(tmp_path):
    soundfile.write(tmp_path / "a.wav", np.full(401, 0.25), 16000, "FLOAT")
    samples = _everything(open_file(tmp_path / "a.wav"))
    assert len(samples) == 480
    assert (samples[:401] == 0.25).all() and (samples[401:] == 0).all()


def test_a_clip_that_repeats_as_long_as_it_is_asked_to(tmp_path):
    sound = np.random.default_rng(4).uniform(-0.5, 0.5, 16_000 + 77).astype(np.float32)
    soundfile.write(tmp_path / "a.wav", sound, 16_000, "FLOAT")
    wishes = [True, True, False]
    heard = _everything(open_file(tmp_path / "a.wav", lambda: wishes.pop(0)))
    assert not wishes
    assert np.array_equal(heard[: 3 * len(sound)], np.tile(sound, 3)) and not heard[3 * len(sound) :].any()


def test_values_that_are_no_numbers_become_silence(tmp_path):
    sound = _tone(44100).astype(np.float32)
    sound[20000:20100] = np.nan
    sound[30000] = np.inf
    soundfile.write(tmp_path / "a.wav", sound, 44100, "FLOAT")
    samples = _everything(open_file(tmp_path / "a.wav"))
    assert np.isfinite(samples).all()
    assert np.abs(samples).max() < 1.0


def _broken(tmp_path, kind):
    path = tmp_path / "in.wav"
    if kind == "text":
        path.write_text("this is no sound at all, however long it may be " * 20)
    elif kind == "empty":
        path.touch()
    elif kind == "no samples":
        soundfile.write(path, np.empty(0), 16000)
    elif kind == "folder":
        path.mkdir()
    elif kind == "cut header":
        path.write_bytes(b"RIFF\x24\x00")
    return path


@pytest.mark.parametrize("kind", ["missing", "text", "empty", "no samples", "folder", "cut header"])
def test_no_sound_is_one_line_that_names_the_file(tmp_path, kind):
    path = _broken(tmp_path, kind)
    with pytest.raises(SourceError) as error:
        open_file(path)
    assert str(path) in str(error.value) and "\n" not in str(error.value)


def test_a_file_cut_short_gives_what_there_is(tmp_path):
    path = tmp_path / "a.wav"
    soundfile.write(path, _tone(16000), 16000, "PCM_16")
    path.write_bytes(path.read_bytes()[:20000])
    assert 9000 < len(_everything(open_file(path))) < 10200


@pytest.mark.parametrize("live", [False, True])
@pytest.mark.parametrize("rate", [8000, 16000, 22050, 44100, 48000, 96000])
def test_blocks_of_any_size_resample_to_the_same_bits(rate, live):
    sound = np.random.default_rng(5).standard_normal(rate).astype(np.float32) * 0.1

    def resampled(sizes):
        resampler, hop, out, start = Resampler(rate, live=live), np.empty(160, np.float32), [], 0
        while start < len(sound):
            n = int(next(sizes))
            resampler.push(sound[start : start + n])
            start += n
            while resampler.pop(hop):
                out.append(hop.copy())
        resampler.finish()
        while resampler.pop(hop):
            out.append(hop.copy())
        return np.concatenate(out)

    random = np.random.default_rng(6)
    whole = resampled(iter([rate]))
    for size in (lambda: rate // 100, lambda: random.integers(1, 2000), lambda: 37):
        assert np.array_equal(resampled(iter(size, None)), whole)
    assert abs(len(whole) - 16000) <= 320


@pytest.mark.parametrize("rate", [44100, 48000])
def test_the_live_resampler_is_quick_and_keeps_speech(rate):
    """Whole blocks of 10 ms: at most 15 ms late, and every part of a sound up to 7 kHz at its strength."""
    resampler, hop = Resampler(rate, live=True), np.empty(160, np.float32)
    frequencies, seconds = (150, 1000, 3500, 7000), np.arange(rate) / rate
    sound = sum(0.2 * np.sin(2 * np.pi * f * seconds) for f in frequencies).astype(np.float32)
    out, pushed = [], 0
    for start in range(0, rate, rate // 100):
        resampler.push(sound[start : start + rate // 100])
        pushed += 160
        while resampler.pop(hop):
            out.append(hop.copy())
        assert pushed - 160 * len(out) <= 160 + 240
    out = np.concatenate(out)[2000:13000]
    phase = 2 * np.pi * np.outer(np.arange(len(out)) / 16000, frequencies)
    waves = np.hstack([np.sin(phase), np.cos(phase)])  # (n, 8)
    parts, *_ = np.linalg.lstsq(waves, out, rcond=None)
    assert np.hypot(parts[:4], parts[4:]) == pytest.approx([0.2] * 4, rel=0.01)
    assert np.abs(out - waves @ parts).max() < 1e-4


def test_paced_takes_the_time_of_the_sound_and_changes_nothing(tmp_path):
    soundfile.write(tmp_path / "a.wav", _tone(44100, 0.5), 44100)
    fast = _everything(open_file(tmp_path / "a.wav"))
    source = Paced(open_file(tmp_path / "a.wav"))
    time.sleep(0.2)  # the time starts with the first hop asked for
    began = time.perf_counter()
    paced = _everything(source)
    took = time.perf_counter() - began
    source.close()
    assert np.array_equal(fast, paced)
    assert 0.48 < took < 0.7


def test_a_slow_reader_of_a_recording_loses_nothing():
    blocks = (np.full(160, i, np.float32) for i in range(120))
    source, hop, heard = Paced(BlockSource("numbers", blocks, 16000)), np.empty(160, np.float32), []
    while source.read(hop, 1.0):
        if len(heard) == 3:
            time.sleep(1.0)
        heard.append(hop[0])
    assert heard == list(range(120))


def test_a_break_in_the_file_reaches_the_reader():
    def blocks():
        yield np.zeros(160, np.float32)
        raise SourceError("the file is damaged")

    source, hop = Paced(BlockSource("broken", blocks(), 16000)), np.empty(160, np.float32)
    assert source.read(hop, 1.0)
    with pytest.raises(SourceError, match="damaged"):
        source.read(hop, 1.0)


class _Pipe:
    """A pipe in place of standard input."""

    def __init__(self, monkeypatch):
        reader, self._writer = os.pipe()
        file = io.TextIOWrapper(io.BufferedReader(io.FileIO(reader, "rb")))
        monkeypatch.setattr(sys, "stdin", file)

    def write(self, data):
        os.write(self._writer, data)

    def close(self):
        os.close(self._writer)


@pytest.mark.parametrize("pieces", [[1, 3, 639], [2], [7, 4096], [16000]])
def test_standard_input_in_any_pieces(monkeypatch, pieces):
    values = np.random.default_rng(2).integers(-32768, 32767, 8000).astype("<i2")
    data, pipe = values.tobytes(), _Pipe(monkeypatch)

    def write():
        start, i = 0, 0
        while start < len(data):
            pipe.write(data[start : start + pieces[i % len(pieces)]])
            start += pieces[i % len(pieces)]
            i += 1
        pipe.close()

    source = Pipe("-", 16000)
    thread = threading.Thread(target=write)
    thread.start()
    samples = _everything(source)
    thread.join()
    assert np.array_equal(samples, values.astype(np.float32) / 32768)


def test_standard_input_at_another_rate(monkeypatch):
    pipe = _Pipe(monkeypatch)
    pipe.write((_tone(8000, 0.5) * 32767).astype("<i2").tobytes())
    pipe.close()
    samples = _everything(Pipe("-", 8000))
    assert len(samples) == 8000
    assert np.abs(samples - _tone(16000, 0.5))[800:-800].max() < 1e-3


def test_a_silent_pipe_does_not_hold_the_reader(monkeypatch):
    pipe = _Pipe(monkeypatch)
    source, hop = LivePipe(Pipe("-", 16000)), np.empty(160, np.float32)
    began = time.perf_counter()
    assert not source.read(hop, 0.05)
    assert time.perf_counter() - began < 0.5
    assert not source.ended
    pipe.write(np.full(160, 16384, "<i2").tobytes())
    assert source.read(hop, 1.0)
    assert (hop == 0.5).all()
    pipe.close()
    assert not source.read(hop, 1.0)
    assert source.ended
    source.close()


def test_a_terminal_is_no_pipe(monkeypatch):
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(SourceError, match="--input -"):
        Pipe("-", 16000)
