"""A small face and shots of it in NVIDIA's layout, written by the tests themselves, byte by byte from the formats."""

import json
import struct
from pathlib import Path

import numpy as np
import soundfile

from fmg_rt import arkit

HEIGHT = 24.0
"""cm, chin to crown of the face below."""


def shapes(vertices: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """(neutral (vertices, 3), displacements (52, vertices, 3)), cm: every shape moves a patch of skin its own way.

    Left and right shapes move mirrored patches; patches of one region overlap, as they do on a face.
    """
    rng = np.random.default_rng(seed)
    neutral = rng.uniform([-8, -HEIGHT / 2, 0], [8, HEIGHT / 2, 6], (vertices, 3))
    centres = {
        "brow": (3, 6),
        "eye": (3, 3),
        "cheek": (5, -1),
        "nose": (1, 0),
        "jaw": (0, -9),
        "mouth": (2, -6),
        "tongue": (0, -6),
    }
    moves = np.zeros((arkit.N_COEFFICIENTS, vertices, 3))
    drawn: dict[str, tuple[np.ndarray, np.ndarray, float]] = {}
    for i, name in enumerate(arkit.ARKIT_NAMES):
        stem = name.removesuffix("Left").removesuffix("Right") if name not in ("mouthLeft", "mouthRight") else name
        if stem not in drawn:
            x, y = next(c for part, c in centres.items() if name.startswith(part))
            centre = np.array([x, y]) + rng.uniform(-1.5, 1.5, 2)
            drawn[stem] = centre, rng.uniform(-1, 1, 3), rng.uniform(1.2, 2.5) * (2 if stem.startswith("jaw") else 1)
        centre, direction, radius = drawn[stem]
        side = -1 if name.endswith("Right") and stem != name else 1
        distance = ((neutral[:, :2] - centre * [side, 1]) ** 2).sum(1)
        moves[i] = np.exp(-distance / (2 * radius**2))[:, None] * direction * [side, 1, 1]
    return neutral.astype(np.float32), moves.astype(np.float32)


def curves(frames: int, seed: int = 0) -> np.ndarray:
    """(frames, 52) smooth coefficients that cover [0, 1] and often rest."""
    rng = np.random.default_rng(seed)
    t = np.arange(frames)[:, None] / 30
    wave = 0.55 * np.sin(2 * np.pi * rng.uniform(0.2, 1.2, 52) * t + rng.uniform(0, 6, 52)) + rng.uniform(0, 0.5, 52)
    return np.clip(wave, 0, 1).astype(np.float32)


def settings(**changes: object) -> dict:
    n = arkit.N_COEFFICIENTS
    values: dict = {
        "strengthL2regularization": 0.0,
        "strengthL1regularization": 0.0,
        "strengthTemporalSmoothing": 0.0,
        "strengthSymmetry": 0.0,
        "numPoses": n,
        "bsSolveActivePoses": [1] * n,
        "bsSolveCancelPoses": [-1] * n,
        "bsSolveSymmetryPoses": [-1] * n,
        "bsWeightMultipliers": [1.0] * n,
        "bsWeightOffsets": [0.0] * n,
        "templateBBSize": HEIGHT,
    }
    return {"blendshape_params": values | changes}


def write_rig(folder: Path, neutral: np.ndarray, moves: np.ndarray, mask: np.ndarray, **changes: object) -> None:
    """``bs_skin.npz`` and ``bs_skin_config.json``; `moves` are ARKit's, mouthClose gets the jaw here as NVIDIA's has it."""
    folder.mkdir(parents=True, exist_ok=True)
    arrays = dict(zip(arkit.ARKIT_NAMES, moves, strict=True))
    arrays["mouthClose"] = arrays["mouthClose"] + arrays["jawOpen"]
    np.savez(
        folder / "bs_skin.npz",
        poseNames=np.array(["neutral", *arkit.ARKIT_NAMES]),
        neutral=neutral,
        frontalMask=mask.astype(np.int32),
        rig_version=np.array("test"),
        **arrays,
    )
    (folder / "bs_skin_config.json").write_text(json.dumps(settings(**changes)))


def chunk(tag: bytes, data: bytes) -> bytes:
    return tag + struct.pack(">i", len(data)) + data + b"\0" * (-len(data) % 4)


def write_maya(xml: Path, channels: dict[str, np.ndarray], double: bool = False) -> None:
    """channels : name → (frames, points, 3)."""
    frames = len(next(iter(channels.values())))
    time = 200
    head = (
        chunk(b"VRSN", b"0.1\0") + chunk(b"STIM", struct.pack(">i", 0)) + chunk(b"ETIM", struct.pack(">i", time * (frames - 1)))
    )
    data = chunk(b"FOR4", b"CACH" + head)
    for t in range(frames):
        body = chunk(b"TIME", struct.pack(">i", time * t))
        for name, points in channels.items():
            body += chunk(b"CHNM", name.encode() + b"\0") + chunk(b"SIZE", struct.pack(">i", points.shape[1]))
            body += (
                chunk(b"DVCA", points[t].astype(">f8").tobytes())
                if double
                else chunk(b"FVCA", points[t].astype(">f4").tobytes())
            )
        data += chunk(b"FOR4", b"MYCH" + body)
    kind = "Double" if double else "Float"
    lines = "".join(
        f'<channel{i} ChannelName="{name}" ChannelType="{kind}VectorArray" ChannelInterpretation="positions" '
        f'SamplingType="Regular" SamplingRate="{time}" StartTime="0" EndTime="{time * (frames - 1)}"/>'
        for i, name in enumerate(channels)
    )
    xml.parent.mkdir(parents=True, exist_ok=True)
    xml.write_text(
        f'<?xml version="1.0"?><Autodesk_Cache_File><cacheType Type="OneFile" Format="mcc"/>'
        f'<time Range="0-{time * (frames - 1)}"/><cacheTimePerFrame TimePerFrame="{time}"/>'
        f'<cacheVersion Version="2.0"/><Channels>{lines}</Channels></Autodesk_Cache_File>'
    )
    xml.with_suffix(".mc").write_bytes(data)


def write_pc2(path: Path, mesh: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    head = struct.pack("<12siiffi", b"POINTCACHE2\0", 1, mesh.shape[1], 0.0, 1.0, len(mesh))
    path.write_bytes(head + mesh.astype("<f4").tobytes())


def speech(curve: np.ndarray, rate: float, seed: int = 0, sample_rate: int = 16_000) -> np.ndarray:
    """Noise as loud as a curve says, (samples,) float32."""
    n = int(len(curve) / rate * sample_rate)
    loudness = np.interp(np.arange(n) / sample_rate, np.arange(len(curve)) / rate, curve)
    return (0.4 * loudness * np.random.default_rng(seed).uniform(-1, 1, n)).astype(np.float32)


def write_claire(root: Path, shots: dict[str, int], vertices: int = 200, voices: tuple[str, ...] = ()) -> dict[str, np.ndarray]:
    """A whole data set of ``shots`` (name → frames), the caches of the three kinds in turn; returns the true curves."""
    neutral, moves = shapes(vertices)
    write_rig(root / "bs_data", neutral, moves, np.arange(vertices))
    truth, turns = {}, {}
    for k, (shot, frames) in enumerate(shots.items()):
        truth[shot] = curves(frames, k)
        mesh = neutral + np.einsum("tk,kvc->tvc", truth[shot], moves)
        folder = root / "cache" / "skin"
        if k % 3 == 0:
            half = vertices // 2
            write_maya(folder / shot / f"{shot}.xml", {"skinShape": mesh, "eyesShape": mesh[:, :half]}, double=k % 2 == 1)
        elif k % 3 == 1:
            write_pc2(folder / f"{shot}.pc2", mesh)
        else:
            np.save(folder / f"{shot}.npy", mesh.astype(np.float32))
        turns[shot] = np.tile(np.float32([[[9.0, 15.0], [9.0, 15.0]]]), (frames, 1, 1))
        audio = speech(truth[shot][:, arkit.INDEX["jawOpen"]], 30.0, k, 48_000)
        for path in [root / "audio" / f"{shot}.wav", *(root / "audio" / "aug" / v / f"{shot}.wav" for v in voices)]:
            path.parent.mkdir(parents=True, exist_ok=True)
            soundfile.write(path, audio, 48_000, subtype="PCM_24")
    (root / "xform").mkdir()
    np.savez(root / "xform" / "eye_rotations_all.npz", **turns)
    (root / "geom" / "skin").mkdir(parents=True)
    np.save(root / "geom" / "skin" / "neutral_pose.npy", neutral)
    return truth
