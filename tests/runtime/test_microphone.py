"""The microphone against a real sound server: heard whole, lost and found again twenty times; and which one is meant."""

import contextlib
import time
from types import SimpleNamespace

import numpy as np
import pytest
from pythonosc import osc_packet
from sound_server import MICROPHONE, RATE, SoundServer

from fmg_rt import arkit
from fmg_rt.sources import SourceError, devices


@pytest.fixture
def server(tmp_path, monkeypatch):
    if SoundServer.missing():
        pytest.skip(f"not installed: {SoundServer.missing()}")
    server = SoundServer(tmp_path)
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)
    try:
        sd = pytest.importorskip("sounddevice", exc_type=OSError)
        sd._terminate()
        sd._initialize()
        yield server
    finally:
        server.close()


def _listen(microphone, seconds):
    """All hops of some seconds, (n, 160)."""
    hops, hop, end = [], np.empty(160, np.float32), time.monotonic() + seconds
    while time.monotonic() < end:
        if microphone.read(hop, 0.1):
            hops.append(hop.copy())
    return np.array(hops)


@pytest.mark.audio
def test_a_real_microphone_is_heard_at_16_khz_without_gaps(server):
    from fmg_rt.sources.microphone import Microphone

    microphone = Microphone(MICROPHONE[3:9].upper())
    try:
        assert microphone.name == MICROPHONE and MICROPHONE in microphone.devices()
        server.play(0.5 * np.sin(2 * np.pi * 440 * np.arange(4 * RATE) / RATE))
        hops = _listen(microphone, 2.5)
        assert not microphone.trouble and microphone.overflows == 0
    finally:
        microphone.close()
    assert len(hops) == pytest.approx(250, abs=12)  # hops a second
    tone = hops.reshape(-1)[-16000:]
    spectrum = np.abs(np.fft.rfft(tone * np.hanning(len(tone))))
    assert np.argmax(spectrum) == 440
    assert np.abs(tone).max() == pytest.approx(0.5, abs=0.02)
    assert spectrum[(np.abs(np.arange(len(spectrum)) - 440) > 20)].max() < 1e-3 * spectrum.max()  # a gap would click


@pytest.mark.audio
def test_unplugged_and_plugged_in_twenty_times(server):
    from fmg_rt.sources.microphone import Microphone

    microphone, hop = Microphone(MICROPHONE), np.empty(160, np.float32)
    try:
        assert len(_listen(microphone, 0.3)) > 10
        for _ in range(20):
            server.unplug()
            deadline = time.monotonic() + 5
            while not microphone.trouble:
                microphone.read(hop, 0.05)
                assert time.monotonic() < deadline
            assert MICROPHONE in microphone.trouble
            assert not microphone.read(hop, 0.01)
            server.plug()
            deadline = time.monotonic() + 5
            while microphone.trouble or not microphone.read(hop, 0.05):
                assert time.monotonic() < deadline
        assert len(_listen(microphone, 0.5)) > 30
    finally:
        microphone.close()


@pytest.mark.audio
def test_the_face_goes_on_at_rest_while_the_microphone_is_away(server, program, udp, weight_file):
    def rate(seconds):
        udp.setblocking(False)
        with contextlib.suppress(BlockingIOError):  # what came while nobody looked
            while udp.recv(65536):
                pass
        udp.settimeout(20)
        count, end = 0, time.monotonic() + seconds
        while time.monotonic() < end:
            count += b"/blendshapes" in udp.recv(65536)
        return count / seconds

    process = program(
        "--weights", weight_file, "--device", MICROPHONE, "--no-accents", "--osc", f"127.0.0.1:{udp.getsockname()[1]}"
    )
    udp.recv(65536)
    assert rate(1.5) == pytest.approx(30, abs=4)
    server.unplug()
    process.wait_for(f"waiting for the microphone '{MICROPHONE}'")
    assert rate(1.5) == pytest.approx(30, abs=4)
    mouth = arkit.region_indices("jaw", "lips")
    faces = [osc_packet.OscPacket(udp.recv(65536)).messages for _ in range(12)]
    faces = [m.message.params for messages in faces for m in messages if m.message.address == "/blendshapes"]
    assert faces and not np.array(faces)[:, mouth].any()
    server.plug()
    process.wait_for("works again")
    assert rate(1.5) == pytest.approx(30, abs=4)
    process.process.terminate()
    assert process.end()[0] == 128 + 15


@pytest.mark.audio
def test_changing_over_to_another_name_and_back(server):
    from fmg_rt.sources.microphone import Microphone

    microphone = Microphone(MICROPHONE)
    try:
        for name in ("default", MICROPHONE):
            microphone.choose(name)
            time.sleep(0.2)
            deadline = time.monotonic() + 5
            while microphone.trouble:
                _listen(microphone, 0.05)
                assert time.monotonic() < deadline
            assert microphone.name == name
            assert len(_listen(microphone, 0.5)) > 30
    finally:
        microphone.close()


def _portaudio(hosts, names, default=0):
    """PortAudio with devices (name, host, input channels)."""
    found = tuple(
        {"name": name, "index": i, "hostapi": host, "max_input_channels": channels, "default_samplerate": 48000.0}
        for i, (name, host, channels) in enumerate(names)
    )
    return SimpleNamespace(
        query_hostapis=lambda: tuple({"name": name, "default_input_device": first} for name, first in hosts),
        query_devices=lambda: found,
        default=SimpleNamespace(hostapi=default),
    )


_WINDOWS = _portaudio(
    [("MME", 0), ("Windows WASAPI", 4)],
    [("マイク (USB Audio)", 0, 2), ("Speakers", 0, 0), ("Line In", 0, 2), ("Line In", 1, 2), ("マイク (USB Audio)", 1, 1)],
)


@pytest.mark.parametrize(
    ("wanted", "index"), [(None, 4), ("usb", 4), ("マイク", 4), ("0", 0), ("2", 2), ("line in", 3), ("Line In", 3), ("line", 3)]
)
def test_the_device_that_is_meant(wanted, index):
    """Without a wish the quick audio system's default; a name in it before the same name in a slow one."""
    assert devices.find(devices.inputs(_WINDOWS), wanted)["index"] == index


@pytest.mark.parametrize("wanted", ["1", "17"])
def test_an_index_that_does_not_record_is_refused(wanted):
    with pytest.raises(SourceError, match="--list-devices"):
        devices.find(devices.inputs(_WINDOWS), wanted)


def test_an_unknown_name_suggests_near_ones():
    with pytest.raises(SourceError, match="Near names: Line In "):
        devices.find(devices.inputs(_WINDOWS), "Lien In")


def test_without_any_microphone_another_source_is_named():
    for nothing in (_portaudio([("ALSA", -1)], []), _portaudio([], [], -1)):
        with pytest.raises(SourceError, match="--input demo"):
            devices.find(devices.inputs(nothing), None)


def test_the_list_marks_the_default():
    lines = devices.describe(devices.inputs(_WINDOWS)).splitlines()
    assert len(lines) == 4
    assert [line.startswith("*") for line in lines] == [False, False, False, True]
    assert "マイク (USB Audio)" in lines[3] and "Windows WASAPI" in lines[3]


def test_without_portaudio_one_line_says_what_to_install(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "sounddevice", None)
    with pytest.raises(SourceError, match="libportaudio2") as error:
        devices.portaudio()
    assert "\n" not in str(error.value) and "--input demo" in str(error.value)
