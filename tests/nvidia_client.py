"""NVIDIA's published client against a server: nvidia_client.py HOST:PORT, in an environment with nvidia-audio2face-3d.

Twenty streams at once, of 5, 10 and 20 s at 16 and 44.1 kHz. A program of its own, since that package needs an older grpcio
than the server: `nox --session nvidia` runs both.
"""

import sys
from concurrent.futures import ThreadPoolExecutor

import grpc
import numpy as np
from nvidia_ace import audio_pb2, status_pb2
from nvidia_audio2face_3d import audio2face_pb2_grpc, messages_pb2

CLIPS = [(seconds, rate) for seconds in (5, 10, 20) for rate in (16_000, 44_100)]
AT_ONCE = 20
PIECES = 10
"""A second is sent in so many messages."""


def sound(seconds: int, rate: int) -> bytes:
    """A vowel that opens and closes four times a second, s16le mono."""
    t = np.arange(seconds * rate) / rate
    wave = sum(np.sin(2 * np.pi * 130 * k * t) / k for k in range(1, 12)) * np.sin(np.pi * 4 * t) ** 2
    return (6_000 * wave).astype("<i2").tobytes()


def requests(audio: bytes, rate: int):
    """The messages of one stream."""
    header = audio_pb2.AudioHeader(
        audio_format=audio_pb2.AudioHeader.AUDIO_FORMAT_PCM, channel_count=1, samples_per_second=rate, bits_per_sample=16
    )
    yield messages_pb2.AudioWithEmotionStream(
        audio_stream_header=messages_pb2.AudioWithEmotionStreamHeader(
            audio_header=header,
            face_params=messages_pb2.FaceParameters(float_params={"lowerFaceStrength": 1.0}),
            emotion_post_processing_params=messages_pb2.EmotionPostProcessingParameters(emotion_strength=0.5),
        )
    )
    piece = 2 * (rate // PIECES)
    for start in range(0, len(audio), piece):
        yield messages_pb2.AudioWithEmotionStream(
            audio_with_emotion=messages_pb2.AudioWithEmotion(audio_buffer=audio[start : start + piece])
        )
    yield messages_pb2.AudioWithEmotionStream(end_of_audio=messages_pb2.AudioWithEmotionStream.EndOfAudio())


def stream(address: str, seconds: int, rate: int) -> None:
    """One whole stream; raises AssertionError where it is not what the interface promises."""
    audio = sound(seconds, rate)
    with grpc.insecure_channel(address) as channel:
        service = audio2face_pb2_grpc.A2FControllerServiceStub(channel)
        answers = list(service.ProcessAudioStream(requests(audio, rate), wait_for_ready=True, timeout=120))
    head = answers[0].animation_data_stream_header
    assert len(head.skel_animation_header.blend_shapes) == 52 and head.audio_header.samples_per_second == rate
    data = [answer.animation_data for answer in answers if answer.HasField("animation_data")]
    frames = [weights for one in data for weights in one.skel_animation.blend_shape_weights]
    times = np.array([frame.time_code for frame in frames])
    values = np.array([frame.values for frame in frames])
    assert len(frames) == 30 * seconds, f"{len(frames)} frames"
    np.testing.assert_allclose(times, np.arange(len(times)) / 30, atol=1e-3)
    assert values.shape[1] == 52 and values.min() >= 0.0 and 0.1 < values.max() <= 1.0
    assert b"".join(one.audio.audio_buffer for one in data) == audio, "the audio comes back byte for byte"
    assert answers[-1].status.code == status_pb2.Status.SUCCESS, answers[-1].status.message


def main(address: str) -> None:
    chosen = [CLIPS[i % len(CLIPS)] for i in range(AT_ONCE)]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for done in [pool.submit(stream, address, *clip) for clip in chosen]:
            done.result()
    print(f"{AT_ONCE} streams of NVIDIA's client: whole")


if __name__ == "__main__":
    main(sys.argv[1])
