"""Films whose colours say what a face does, and what reads them in MediaPipe's place."""

import numpy as np

from fmg_rt import arkit
from fmg_train.datasets import lips, video
from fmg_train.datasets.detector import SeenFace

RATE = 30


def points(opening, width=0.55, size=100.0, at=(240.0, 200.0), turn=0.0):
    """(478, 3) pixels of a face with these lips, turned about the vertical by `turn` degrees."""
    face = np.zeros((478, 3))
    for number in lips.KEPT:
        face[number] = 0.0, 0.9, 0.0
    for name, place in {
        "right eye": (-0.5, 0, 0),
        "left eye": (0.5, 0, 0),
        "bridge": (0, 0, -0.1),
        "upper lip": (0, 0.9 - opening / 2, -0.1),
        "lower lip": (0, 0.9 + opening / 2, -0.1),
        "right corner": (-width / 2, 0.9, 0),
        "left corner": (width / 2, 0.9, 0),
    }.items():
        face[lips.POINTS[name]] = place
    c, s = np.cos(np.radians(turn)), np.sin(np.radians(turn))
    return (size * face @ np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]]).T + [*at, 0]).astype(np.float32)


def syllables(seconds, seed=0, rate=RATE):
    """Opening at `rate`: one silent second, syllables of uneven length, silence after every six seconds and at the end."""
    rng = np.random.default_rng(seed)
    t = np.arange(round(seconds * rate)) / rate
    knots = np.arange(0, seconds + 0.3, 0.12)
    curve = np.clip(np.interp(t, knots, rng.uniform(-0.08, 0.2, len(knots))), 0, 1)
    return np.where((t < 1) | (t > seconds - 1) | (t % 6 > 5.2), 0, curve)


def voice(opening, delay=0.0, rate=RATE):
    """16 kHz noise as loud as an opening, that comes `delay` s after it."""
    t = np.arange(round(len(opening) / rate * 16_000)) / 16_000
    loud = np.interp(t - delay, np.arange(len(opening)) / rate, opening)
    return (2 * loud * np.random.default_rng(0).uniform(-1, 1, len(t))).astype(np.float32)


class Painted:
    """In the detector's place: the red of a picture is the opening, the green the number of faces, the blue the yaw."""

    calls = 0

    def __init__(self, model):
        pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def close(self):
        pass

    def faces(self, image, time):
        Painted.calls += 1
        red, green, blue = image.reshape(-1, 3).mean(0)
        shapes = np.zeros(52, np.float32)
        shapes[arkit.INDEX["eyeBlinkLeft"]] = 0.9
        face = SeenFace(points(max(0.0, red - 20) / 400), shapes, np.array([blue - 60, 0, 0], np.float32))
        return [face] * round(green / 100)


def paint(opening, faces=1, yaw=0):
    faces, yaw = np.broadcast_to(faces, opening.shape), np.broadcast_to(yaw, opening.shape)
    for o, n, y in zip(opening, faces, yaw, strict=True):
        yield np.broadcast_to(np.uint8([20 + 400 * o, 100 * n, 60 + y]), (64, 64, 3))


def loudness(audio):
    """(n, 52) at 100 Hz: what the network gives, in its place."""
    face = np.zeros((len(audio) // 160, 52))
    face[:, arkit.INDEX["jawOpen"]] = np.abs(audio[: len(face) * 160]).reshape(-1, 160).mean(1)
    return face


def install(monkeypatch, folder):
    """Let `prepare video` read painted films."""
    (folder / "model.task").write_bytes(b"model")
    monkeypatch.setattr(video, "Detector", Painted)
    monkeypatch.setattr(video, "model_file", lambda given: folder / "model.task")
    Painted.calls = 0
