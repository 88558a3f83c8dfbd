"""Live Link Face takes and the predecessor's recordings, written by the tests from their formats."""

import json
import struct
from pathlib import Path

import numpy as np
import soundfile

from fmg_rt import arkit

from .claire import speech

HEAD = [
    "HeadYaw",
    "HeadPitch",
    "HeadRoll",
    "LeftEyeYaw",
    "LeftEyePitch",
    "LeftEyeRoll",
    "RightEyeYaw",
    "RightEyePitch",
    "RightEyeRoll",
]


def curves(frames: int, rate: float, seed: int) -> np.ndarray:
    """(frames, 52) in [0, 1]; the jaw opens in syllables of uneven length."""
    rng = np.random.default_rng(seed)
    t = np.arange(frames) / rate
    face = np.clip(0.3 + 0.3 * np.sin(2 * np.pi * rng.uniform(0.3, 2, (1, 52)) * t[:, None] + rng.uniform(0, 6, 52)), 0, 1)
    knots = np.arange(0, t[-1] + 0.3, 0.13)
    face[:, arkit.INDEX["jawOpen"]] = np.clip(np.interp(t, knots, rng.uniform(-0.4, 0.9, len(knots))), 0, 1)
    return face


def timecodes(first: int, frames: int, drop: bool = False, mark: str = ":") -> list[str]:
    """Of frames `first`, first + 1, … since midnight at 60 a second; with drop-frame numbers where asked, by counting."""
    names = []
    hour, minute, second, frame = 0, 0, 0, 0
    number = 0
    if not drop:
        hour, rest = divmod(first, 216_000)
        minute, rest = divmod(rest, 3_600)
        second, frame = divmod(rest, 60)
        number = first
    while len(names) < frames:
        if number >= first:
            names.append(f"{hour:02}:{minute:02}:{second:02}{mark}{frame:02}.250")
        number, frame = number + 1, frame + 1
        if frame == 60:
            second, frame = second + 1, 0
            if second == 60:
                minute, second = minute + 1, 0
                if minute == 60:
                    hour, minute = (hour + 1) % 24, 0
                frame = 4 if drop and minute % 10 else 0
    return names


def write_table(
    path: Path, face: np.ndarray, codes: list[str], order: list[str] | None = None, count: str = "BlendshapeCount"
) -> None:
    """order : the ARKit columns; default: those of the app, right before left for jaw and mouth."""
    names = order or [*arkit.ARKIT_NAMES[8:], *arkit.ARKIT_NAMES[7::-1]]
    header = ["Timecode", count, *(n[0].upper() + n[1:] for n in names), *HEAD]
    lines = [",".join(header)]
    for code, row in zip(codes, face, strict=True):
        values = [f"{row[arkit.INDEX[n]]:.10f}" for n in names] + ["-0.25"] * len(HEAD)
        lines.append(",".join([code, "61", *values]))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n")


def write_wave(path: Path, audio: np.ndarray, sample_rate: int, begins: float | None = None) -> None:
    """A 16-bit wave; `begins` (s since midnight) goes into a ``bext`` chunk."""
    soundfile.write(path, audio, sample_rate, format="WAV", subtype="PCM_16")
    if begins is not None:
        bext = bytes(338) + struct.pack("<Q", round(begins * sample_rate)) + bytes(602 - 346)
        data = path.read_bytes()
        data = data[:12] + b"bext" + struct.pack("<I", len(bext)) + bext + data[12:]
        path.write_bytes(data[:4] + struct.pack("<I", len(data) - 8) + data[8:])


def write_livelink(root: Path, takes: list[str], seconds: float = 3.0) -> dict[str, np.ndarray]:
    """Takes ``FOLDER/NAME`` that begin together with their sound; returns the true curves."""
    truth = {}
    for k, name in enumerate(takes):
        truth[name] = curves(int(60 * seconds), 60.0, k)
        write_table(root / f"{name}.csv", truth[name], timecodes(4_000_000 + 9_000 * k, len(truth[name])))
        write_wave(root / f"{name}.wav", speech(truth[name][:, arkit.INDEX["jawOpen"]], 60.0, k, 44_100), 44_100)
    return truth


def write_predecessor(root: Path, lists: dict[str, list[str]], seconds: float = 3.0) -> dict[str, np.ndarray]:
    """Recordings at 30 frames a second and the split manifest; returns the true curves."""
    truth = {}
    for k, name in enumerate(name for names in lists.values() for name in names):
        truth[name] = curves(int(30 * seconds), 30.0, k)
        (root / name).mkdir(parents=True)
        write_wave(root / name / "audio.wav", speech(truth[name][:, arkit.INDEX["jawOpen"]], 30.0, k), 16_000)
        lines = [json.dumps({"timestamp": t / 30, "blendshapes": row.tolist()}) for t, row in enumerate(truth[name])]
        (root / name / "blendshapes.jsonl").write_text("\n".join(lines) + "\n")
    (root / "split_manifest.json").write_text(json.dumps(lists))
    return truth
