"""Audio2Face-3D's interface: what a client of the published interface gets, and what happens to those who misuse it."""

import asyncio
import gc
import json
import os
import socket
import subprocess
import threading
import time

import numpy as np
import psutil
import pytest
import yaml

grpc = pytest.importorskip("grpc")
pytest.importorskip("aiohttp")

import a2f_client as a2f  # noqa: E402
from serving import serving  # noqa: E402

from fmg_rt import Session  # noqa: E402
from fmg_rt.serve import protocol  # noqa: E402
from fmg_rt.serve.grpc import BLEND_SHAPES, Sound  # noqa: E402
from fmg_rt.wire.names import APPLE, order  # noqa: E402


def speech(seconds, sample_rate=16000, seed=0):
    """int16 that swells and fades as syllables do."""
    t = np.arange(int(seconds * sample_rate)) / sample_rate
    tone = sum(np.sin(2 * np.pi * (120 + 10 * seed) * k * t) / k for k in range(1, 20))
    return (3000 * tone * np.sin(2 * np.pi * 2 * t) ** 2).astype("<i2").tobytes()


@pytest.fixture(scope="module")
def served(weight_file):
    with serving(weights=weight_file, egemaps=False, limits={"max_streams": 40, "max_message": 1 << 20}) as running:
        yield running


def refusal(served, messages, **options):
    with pytest.raises(grpc.RpcError) as problem:
        a2f.ask(served.grpc, messages, timeout=20, **options)
    return problem.value.code(), problem.value.details()


# ---- what a client gets ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sample_rate", [16000, 44100, 48000, 144000])
@pytest.mark.parametrize("seconds", [0.01, 0.5, 5.003])
def test_frames_times_and_audio(served, sample_rate, seconds):
    pcm = speech(seconds, sample_rate)
    answer = a2f.ask(served.grpc, a2f.requests(pcm, sample_rate, 0.37))
    assert list(answer.header.skel_animation_header.blend_shapes) == [name[0].upper() + name[1:] for name in APPLE]
    assert answer.header.audio_header.samples_per_second == sample_rate
    assert answer.audio == pcm
    n = len(answer.frames)
    assert n == int(np.ceil(len(pcm) / 2 / sample_rate * 30 - 1e-9))
    assert [time_code for time_code, _ in answer.frames] == [k / 30 for k in range(n)]
    values = np.array([values for _, values in answer.frames])
    assert values.shape == (n, 52) and (0 <= values).all() and (values <= 1).all()
    assert len(answer.events) == 1 and answer.events[0].event_type == 0
    assert answer.status.code == 0 and f"{n} frames" in answer.status.message
    for data in answer.data:
        assert data.metadata["emotion_aggregate"].Is(a2f.EmotionAggregate.DESCRIPTOR)


def test_audio_lies_beside_its_frames(served):
    answer = a2f.ask(served.grpc, a2f.requests(speech(3, 44100), 44100, 0.1))
    samples = 0
    for data in answer.data:
        assert data.audio.time_code == samples / 44100
        frames = data.skel_animation.blend_shape_weights
        assert abs(frames[0].time_code - data.audio.time_code) <= 0.5 / 44100
        samples += len(data.audio.audio_buffer) // 2
        assert abs(frames[-1].time_code + 1 / 30 - samples / 44100) <= 1 / 44100 or data is answer.data[-1]


def test_the_face_is_the_session_s():
    """With the packaged weights and nothing asked for, bit by bit."""
    pcm = speech(2.0)
    with serving() as running:
        answer = a2f.ask(running.grpc, a2f.requests(pcm))
    session = Session()
    frames = session.push(pcm) + session.flush()
    own = np.array([frame.coefficients[order(APPLE)] for frame in frames])
    assert np.array_equal(np.array([values for _, values in answer.frames], np.float32), own)
    assert own.max() > 0.2


def test_twenty_at_once(served):
    """Clips of 5, 10 and 20 s, of 16 and 44.1 kHz: every one of them gets what it would get alone."""
    clips = [(speech((5, 10, 20)[seed % 3], rate, seed), rate) for seed in range(10) for rate in (16000, 44100)]
    alone = [a2f.ask(served.grpc, a2f.requests(*clip)).frames for clip in clips]

    async def everybody():
        async with grpc.aio.insecure_channel(served.grpc) as channel:

            async def one(pcm, rate):
                return a2f.Answer([m async for m in a2f.method(channel)(a2f.requests(pcm, rate, 0.1))])

            return await asyncio.gather(*(one(*clip) for clip in clips))

    for (pcm, rate), frames, answer in zip(clips, alone, asyncio.run(everybody()), strict=True):
        assert answer.audio == pcm and answer.frames == frames and len(frames) == len(pcm) / 2 / rate * 30
    served.settle()


def test_frames_come_while_audio_is_still_on_its_way(served):
    """The client waits for a frame before it sends on."""
    seen = threading.Event()

    def talk():
        yield a2f.header()
        yield a2f.piece(speech(0.5))
        assert seen.wait(10)
        yield a2f.end()

    with grpc.insecure_channel(served.grpc) as channel:
        for message in a2f.method(channel)(talk(), timeout=20):
            if message.WhichOneof("stream_part") == "animation_data":
                seen.set()
    assert seen.is_set()


def test_pieces_of_any_size_are_one_sound(served):
    pcm = speech(1.0)
    whole = a2f.ask(served.grpc, a2f.requests(pcm))

    def crumbs():
        random = np.random.default_rng(3)
        yield a2f.header()
        start = 0
        while start < len(pcm):
            count = int(random.integers(0, 2000))  # odd ones and none at all too
            yield a2f.piece(pcm[start : start + count])
            start += count
        yield a2f.end()

    answer = a2f.ask(served.grpc, crumbs())
    assert answer.audio == pcm and answer.frames == whole.frames


def test_half_close_is_an_end(served):
    messages = list(a2f.requests(speech(1.0)))[:-1]
    answer = a2f.ask(served.grpc, messages)
    assert len(answer.frames) == 30 and answer.status.code == 0


def test_no_audio_at_all(served):
    answer = a2f.ask(served.grpc, [a2f.header(), a2f.end()])
    assert not answer.data and answer.events and answer.status.code == 0


def test_parameters(served):
    """What fmg has is done; what it has not is named once."""
    pcm = speech(2.0)

    def faces(request):
        answer = a2f.ask(served.grpc, [request, a2f.piece(pcm), a2f.end()])
        return np.array([values for _, values in answer.frames]), answer.status

    plain, status = faces(a2f.header())
    assert status.code == 0 and "not used" not in status.message
    jaw, lid = BLEND_SHAPES.index("JawOpen"), BLEND_SHAPES.index("EyeBlinkLeft")
    quiet, _ = faces(a2f.header(lowerFaceStrength=0.0))
    assert plain[:, jaw].max() > 0.05 and quiet[:, jaw].max() == 0
    closed, _ = faces(a2f.header(eyelidOpenOffset=-1.0))
    assert (closed[:, lid] == 1).all()
    request = a2f.header(skinStrength=1.0, tongueHeightOffset=0.1)
    shapes = request.audio_stream_header.blendshape_params
    shapes.bs_weight_multipliers.update(JawOpen=0.5, Nonsense=2.0)
    shapes.bs_weight_offsets.update(MouthPucker=0.25)
    shapes.enable_clamping_bs_weight = True
    half, status = faces(request)
    assert np.allclose(half[:, jaw], plain[:, jaw] / 2, atol=1e-6)
    pucker = BLEND_SHAPES.index("MouthPucker")
    assert np.allclose(half[:, pucker], np.minimum(1, plain[:, pucker] + 0.25), atol=1e-6)
    assert status.code == 1
    assert all(status.message.count(name) == 1 for name in ("skinStrength", "tongueHeightOffset", "Nonsense"))


@pytest.mark.parametrize("face", [{"lowerFaceStrength": 3.0}, {"upperFaceStrength": float("nan")}, {"blinkStrength": -1.0}])
def test_parameters_out_of_range(served, face):
    code, text = refusal(served, [a2f.header(**face), a2f.end()])
    assert code is grpc.StatusCode.INVALID_ARGUMENT and next(iter(face)) in text


def test_emotions_are_shown(served):
    """From the beginning, and from a time code on; what the face shows comes back under the names of this interface."""
    pcm = speech(3.0)
    smile = BLEND_SHAPES.index("MouthSmileLeft")

    def faces(first, *pieces):
        answer = a2f.ask(served.grpc, [first, *pieces, a2f.end()])
        shown = a2f.EmotionAggregate()
        answer.data[-1].metadata["emotion_aggregate"].Unpack(shown)
        last = shown.a2f_smoothed_output[-1].emotion if shown.a2f_smoothed_output else {}
        return np.array([values for _, values in answer.frames])[:, smile], last, answer

    happy = a2f.header()
    happy.audio_stream_header.emotion_params.beginning_emotion.update(joy=1.0)
    plain, _, _ = faces(a2f.header(), a2f.piece(pcm))
    joyful, shown, _ = faces(happy, a2f.piece(pcm))
    assert joyful[30:].mean() > plain[30:].mean() + 0.1 and shown["joy"] > 0.5
    cue = a2f.piece(pcm)
    cue.audio_with_emotion.emotions.add(time_code=1.5, emotion={"joy": 1.0})
    later, _, _ = faces(a2f.header(), cue)
    assert np.abs(later[:30] - plain[:30]).max() < 0.05 and later[75:].mean() > plain[75:].mean() + 0.1
    surprised = a2f.header()
    surprised.audio_stream_header.emotion_params.beginning_emotion.update(amazement=1.0)
    _, shown, _ = faces(surprised, a2f.piece(pcm))
    assert shown["amazement"] > 0.5 and "surprise" not in shown
    weak = a2f.header()
    weak.CopyFrom(happy)
    moods = weak.audio_stream_header.emotion_post_processing_params
    moods.emotion_strength, moods.max_emotions = 0.0, 3
    none, _, answer = faces(weak, a2f.piece(pcm))
    assert none[30:].mean() < joyful[30:].mean() - 0.1
    assert "max_emotions" in answer.status.message and "emotion_strength" not in answer.status.message


def test_emotions_come_back(served):
    answer = a2f.ask(served.grpc, [a2f.header(), a2f.piece(speech(0.5), joy=0.5), a2f.end()])
    given = []
    for data in answer.data:
        aggregate = a2f.EmotionAggregate()
        assert data.metadata["emotion_aggregate"].Unpack(aggregate)
        given += aggregate.input_emotions
    assert len(given) == 1 and given[0].emotion["joy"] == 0.5
    code, text = refusal(served, [a2f.header(), a2f.piece(speech(0.5), joy=7.0), a2f.end()])
    assert code is grpc.StatusCode.INVALID_ARGUMENT and "joy" in text


def test_health_and_configs(served):
    with grpc.insecure_channel(served.grpc) as channel:
        check = channel.unary_unary(
            "/grpc.health.v1.Health/Check",
            protocol.HealthCheckRequest.SerializeToString,
            protocol.HealthCheckResponse.FromString,
        )
        for service in ("", protocol.A2F_SERVICE):
            assert check(protocol.HealthCheckRequest(service=service)).status == 1
        with pytest.raises(grpc.RpcError) as problem:
            check(protocol.HealthCheckRequest(service="other"))
        assert problem.value.code() is grpc.StatusCode.NOT_FOUND
        watch = channel.unary_stream(
            "/grpc.health.v1.Health/Watch",
            protocol.HealthCheckRequest.SerializeToString,
            protocol.HealthCheckResponse.FromString,
        )
        assert next(iter(watch(protocol.HealthCheckRequest()))).status == 1
        configs = channel.unary_stream(
            "/nvidia_ace.services.a2x_export_config.v1.A2XExportConfigService/GetConfigs",
            a2f.ConfigsTypeRequest.SerializeToString,
            a2f.A2XConfig.FromString,
        )
        (text,), (values,) = configs(a2f.ConfigsTypeRequest()), configs(a2f.ConfigsTypeRequest(config_type=1))
        assert yaml.safe_load(text.content) == json.loads(values.content)
        assert json.loads(values.content)["blend_shapes"] == BLEND_SHAPES


# ---- wrong input -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "messages, words",
    [
        ([], "audio_stream_header"),
        ([a2f.piece(b"\0\0")], "audio_stream_header"),
        ([a2f.end()], "audio_stream_header"),
        ([a2f.header(), a2f.header(), a2f.end()], "second audio_stream_header"),
        ([a2f.header(), a2f.piece(b"\0\0"), a2f.AudioStream()], "empty message"),
        ([a2f.header(bits=8), a2f.end()], "16 bits"),
        ([a2f.header(channels=2), a2f.end()], "1 channel"),
        ([a2f.header(sample_rate=8000), a2f.end()], "16000 and 144000"),
        ([a2f.header(sample_rate=192000), a2f.end()], "16000 and 144000"),
        ([a2f.header(), a2f.piece(b"\0\0\0"), a2f.end()], "odd"),
    ],
    ids=["nothing", "audio", "end", "twice", "empty", "8-bit", "stereo", "8kHz", "192kHz", "odd"],
)
def test_wrong_input(served, messages, words):
    code, text = refusal(served, messages)
    assert code is grpc.StatusCode.INVALID_ARGUMENT and words in text and "\n" not in text
    served.settle()


def test_a_message_of_ten_megabytes(served):
    code, _ = refusal(served, [a2f.header(), a2f.piece(bytes(10 << 20)), a2f.end()])
    assert code is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert len(a2f.ask(served.grpc, a2f.requests(speech(0.5))).frames) == 15
    served.settle()


def test_limits_and_token(weight_file):
    limits = {"max_streams": 1, "max_seconds": 1.0, "idle_seconds": 0.4}
    with serving(weights=weight_file, egemaps=False, limits=limits, token="秘密") as running:
        assert refusal(running, a2f.requests(speech(0.2)))[0] is grpc.StatusCode.UNAUTHENTICATED
        for wrong in ("Bearer other", "Basic x", ""):
            assert refusal(running, [], metadata=[("authorization", wrong)])[0] is grpc.StatusCode.UNAUTHENTICATED
    with serving(weights=weight_file, egemaps=False, limits=limits, token="secret") as running:
        right = {"metadata": [("authorization", "Bearer secret")]}
        assert len(a2f.ask(running.grpc, a2f.requests(speech(0.5)), **right).frames) == 15
        code, text = refusal(running, a2f.requests(speech(1.1)), **right)
        assert code is grpc.StatusCode.RESOURCE_EXHAUSTED and "1 s" in text

        def silent(with_header):
            if with_header:
                yield a2f.header()
            time.sleep(5)

        for with_header in (False, True):
            start = time.monotonic()
            assert refusal(running, silent(with_header), **right)[0] is grpc.StatusCode.DEADLINE_EXCEEDED
            assert time.monotonic() - start < 3
        with grpc.insecure_channel(running.grpc) as channel:
            first = a2f.method(channel)(silent(True), **right)
            next(first)
            assert refusal(running, a2f.requests(speech(0.2)), **right)[0] is grpc.StatusCode.RESOURCE_EXHAUSTED
            first.cancel()
        running.settle()
        assert running.total("refused full") == 1 and running.total("refused token") == 0


def test_tls_and_mtls(weight_file, tmp_path):
    def openssl(*arguments):
        subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True, cwd=tmp_path)

    openssl(
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-days",
        1,
        "-subj",
        "/CN=localhost",
        "-addext",
        "subjectAltName=DNS:localhost,IP:127.0.0.1",
        "-keyout",
        "key.pem",
        "-out",
        "cert.pem",
    )
    cert, key = (tmp_path / "cert.pem"), (tmp_path / "key.pem")
    alone = grpc.ssl_channel_credentials(cert.read_bytes())
    both = grpc.ssl_channel_credentials(cert.read_bytes(), key.read_bytes(), cert.read_bytes())
    for authority, credentials, works in ((None, alone, True), (cert, both, True), (cert, alone, False)):
        with serving(weights=weight_file, egemaps=False, certificate=cert, key=key, client_ca=authority) as running:
            with grpc.secure_channel(running.grpc, credentials) as channel:
                call = a2f.method(channel)(a2f.requests(speech(0.5)), timeout=5)
                if works:
                    assert len(a2f.Answer(call).frames) == 15
                else:
                    with pytest.raises(grpc.RpcError):
                        list(call)


# ---- faults: the others lose nothing -----------------------------------------------------------------------------------


def test_who_never_reads_is_not_read_either(weight_file):
    """It holds neither memory nor the others, and is sent away when its time is over."""
    with serving(weights=weight_file, egemaps=False, limits={"idle_seconds": 1.0}) as running:
        sent = 0

        def flood():
            nonlocal sent
            yield a2f.header()
            while True:
                sent += 1
                yield a2f.piece(bytes(32000))

        with grpc.insecure_channel(running.grpc) as channel:
            call = a2f.method(channel)(flood())
            time.sleep(0.7)
            assert len(a2f.ask(running.grpc, a2f.requests(speech(2))).frames) == 60
            time.sleep(1.0)
            before = sent
            running.settle()
            assert running.total("refused idle") == 1
            time.sleep(0.3)
            assert sent - before < 50 and sent < 2000
            call.cancel()
        assert len(a2f.ask(running.grpc, a2f.requests(speech(2))).frames) == 60


def test_a_thousand_connections(served):
    """Opened, some with half a request, and dropped: another client's stream goes on meanwhile."""
    host, port = served.grpc.split(":")
    frames = []

    def talk():
        yield a2f.header()
        for _ in range(40):
            time.sleep(0.05)
            yield a2f.piece(speech(0.1))
        yield a2f.end()

    other = threading.Thread(target=lambda: frames.extend(a2f.ask(served.grpc, talk()).frames))
    other.start()
    files = len(os.listdir("/proc/self/fd"))
    for i in range(1000):
        with socket.create_connection((host, int(port))) as connection:
            if i % 3:
                connection.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"[: 5 * (i % 6)])
            if i % 2:  # a reset instead of an end
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    other.join(30)
    assert [time_code for time_code, _ in frames] == [k / 30 for k in range(120)]
    end = time.monotonic() + 10
    while len(os.listdir("/proc/self/fd")) > files + 20 and time.monotonic() < end:
        time.sleep(0.1)
    assert len(os.listdir("/proc/self/fd")) <= files + 20
    served.settle()


def test_clients_that_are_killed(served):
    """Cancelled in the middle, many times: no stream stays behind, and no memory."""
    sizes = []
    for _ in range(3):
        for _ in range(25):
            with grpc.insecure_channel(served.grpc) as channel:
                call = a2f.method(channel)(a2f.requests(speech(5)))
                next(call)
                call.cancel()
        served.settle()
        gc.collect()
        sizes.append(psutil.Process().memory_info().rss)
    assert sizes[2] - sizes[1] < 8e6, sizes
    assert len(a2f.ask(served.grpc, a2f.requests(speech(1))).frames) == 30
    served.settle()


def test_leaving(weight_file):
    """New streams are refused, a running one is brought to its end and to rest within the time."""
    with serving(weights=weight_file, egemaps=False) as running:
        stop = threading.Event()

        def talk():
            yield a2f.header()
            while not stop.is_set():
                yield a2f.piece(speech(0.1))
                time.sleep(0.1)

        channel = grpc.insecure_channel(running.grpc)
        messages = []
        reader = threading.Thread(target=lambda: messages.extend(a2f.method(channel)(talk())))
        reader.start()
        while not running.streams:
            time.sleep(0.01)
        time.sleep(0.5)
        start = time.monotonic()
        leaving = threading.Thread(target=lambda: running.call(running.server.streams.leave(0.6)))
        leaving.start()
        time.sleep(0.2)
        assert refusal(running, a2f.requests(speech(0.2)))[0] is grpc.StatusCode.UNAVAILABLE
        leaving.join(10)
        reader.join(10)
        stop.set()
        assert time.monotonic() - start < 2.5
        answer = a2f.Answer(messages)
        assert answer.status.code == 2 and "leaves" in answer.status.message
        times = [time_code for time_code, _ in answer.frames]
        assert times == [k / 30 for k in range(len(times))]
        assert answer.frames[-1][1][BLEND_SHAPES.index("JawOpen")] == 0
        channel.close()


def test_a_turn_whose_waiter_is_cancelled_loses_no_frame():
    """The server leaves at the very moment at which frames are ready: they come before those of what follows."""
    from types import SimpleNamespace

    from fmg_rt.serve.streams import Stream

    nothing = SimpleNamespace(late=lambda *_: None, count=lambda *_: None)

    async def scenario():
        stream = Stream(None, "grpc", SimpleNamespace(metrics=nothing))
        first, second = (asyncio.get_running_loop().create_future() for _ in range(2))
        waiter = asyncio.ensure_future(stream._compute(lambda: first))
        await asyncio.sleep(0)
        first.set_result(["first"])
        waiter.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiter
        second.set_result(["second"])
        return await stream._compute(lambda: second)

    assert asyncio.run(scenario()) == ["first", "second"]


# ---- the parts ---------------------------------------------------------------------------------------------------------


def test_descriptors_are_those_of_the_proto_files(tmp_path):
    pytest.importorskip("grpc_tools")
    from importlib import resources

    from google.protobuf import descriptor_pb2

    from fmg_rt.serve.protocol.__main__ import compile_descriptors

    assert compile_descriptors(tmp_path / "d.binpb") == 0

    def read(data):
        return {
            file.name: file
            for file in descriptor_pb2.FileDescriptorSet.FromString(data).file
            if not file.name.startswith("google/")
        }

    kept = resources.files(protocol.__name__).joinpath(protocol.DESCRIPTORS).read_bytes()
    assert read(kept) == read((tmp_path / "d.binpb").read_bytes()), "run python -m fmg_rt.serve.protocol"


def test_sound_gives_back_every_byte():
    random = np.random.default_rng(0)
    data = random.bytes(20_001)
    sound, whole, back, start = Sound(16000), b"", b"", 0
    while start < len(data):
        count = int(random.integers(0, 700))
        whole += sound.take(data[start : start + count])
        start += count
        if random.random() < 0.3:
            time_code, piece = sound.give(random.random() * start / 32000)
            assert time_code == len(back) / 32000
            back += piece
    assert not sound.is_whole and whole == data[:-1]
    assert back + sound.give(None)[1] == data
