"""Recordings as glTF animations: a file of shapes that move, and VRM's form of it. See `formats`.

References
----------
Khronos, glTF 2.0 specification; VRM consortium, VRMC_vrm_animation 1.0.
"""

import json
import struct
from abc import abstractmethod
from typing import Any, BinaryIO, NamedTuple

import numpy as np

from ..arkit import ARKIT_NAMES, N_COEFFICIENTS
from .rows import JournalFormat

_CHUNK = 4096
"""Rows that are turned into bytes at once."""
_FLOAT = 5126
"""glTF's number of a float32."""


class Track(NamedTuple):
    """What one property of one node does: `values` turns rows (n,) of `JournalFormat.ROW` into (n, `columns`) float32."""

    node: int
    path: str
    kind: str
    columns: int
    values: Any


class _GltfFormat(JournalFormat):
    """Base of the two: one binary file whose animation ``fmg`` has a key at every frame."""

    def write(self, rows: np.ndarray, file: BinaryIO) -> None:
        content = self.scene() | {"asset": {"version": "2.0", "generator": "fmg-rt"}, "scene": 0}
        tracks = self.tracks() if len(rows) else []
        size = 4 * len(rows) * (1 + sum(track.columns for track in tracks)) if tracks else 0
        if tracks:
            self._animate(content, tracks, rows)
        text = json.dumps(content, ensure_ascii=False).encode()
        text += b" " * (-len(text) % 4)
        chunks = 20 + len(text) + (8 + size if size else 0)
        file.write(struct.pack("<4sIIII", b"glTF", 2, chunks, len(text), 0x4E4F534A) + text)
        if not size:
            return
        file.write(struct.pack("<II", size, 0x004E4942))
        file.write(rows["time"].astype("<f4").tobytes())
        for track in tracks:
            for start in range(0, len(rows), _CHUNK):
                file.write(np.ascontiguousarray(track.values(rows[start : start + _CHUNK]), "<f4").tobytes())

    def _animate(self, content: dict[str, Any], tracks: list[Track], rows: np.ndarray) -> None:
        """Add the animation of `tracks` and where its numbers are in the binary part: times, then track after track."""
        n, accessors, views = len(rows), content.setdefault("accessors", []), content.setdefault("bufferViews", [])
        at = 0

        def numbers(count: int, kind: str, columns: int, **more: Any) -> int:
            nonlocal at
            views.append({"buffer": 0, "byteOffset": at, "byteLength": 4 * n * columns})
            at += 4 * n * columns
            accessors.append({"bufferView": len(views) - 1, "componentType": _FLOAT, "count": count, "type": kind} | more)
            return len(accessors) - 1

        first, last = (float(np.float32(rows["time"][k])) for k in (0, -1))
        times = numbers(n, "SCALAR", 1, min=[first], max=[last])
        animation: dict[str, Any] = {"name": "fmg", "samplers": [], "channels": []}
        for k, track in enumerate(tracks):
            count = n * track.columns if track.kind == "SCALAR" else n
            output = numbers(count, track.kind, track.columns)
            animation["samplers"].append({"input": times, "output": output, "interpolation": "LINEAR"})
            animation["channels"].append({"sampler": k, "target": {"node": track.node, "path": track.path}})
        content["animations"] = [animation]
        content["buffers"] = [{"byteLength": at}]

    @abstractmethod
    def scene(self) -> dict[str, Any]:
        """What there is, without the animation."""

    @abstractmethod
    def tracks(self) -> list[Track]:
        """What moves."""


class GlbFormat(_GltfFormat):
    """A node ``head`` that turns, on it a mesh ``face`` with the 52 morph targets under ARKit's names, whose weights move.

    The mesh is one triangle, and its shapes are empty: the animation is what counts, to be put on a face with those names.
    """

    name, suffix = "glb", ".glb"

    def scene(self) -> dict[str, Any]:
        nothing = {"componentType": _FLOAT, "count": 3, "type": "VEC3", "min": [0, 0, 0], "max": [0, 0, 0]}  # all zeros
        mesh = {
            "name": "face",
            "primitives": [{"attributes": {"POSITION": 0}, "targets": [{"POSITION": 0}] * N_COEFFICIENTS}],
            "weights": [0] * N_COEFFICIENTS,
            "extras": {"targetNames": list(ARKIT_NAMES)},
        }
        return {
            "scenes": [{"nodes": [0]}],
            "nodes": [{"name": "head", "children": [1]}, {"name": "face", "mesh": 0}],
            "meshes": [mesh],
            "accessors": [nothing],
        }

    def tracks(self) -> list[Track]:
        return [
            Track(1, "weights", "SCALAR", N_COEFFICIENTS, lambda rows: rows["coefficients"]),
            Track(0, "rotation", "VEC4", 4, lambda rows: _quaternions(rows["head"])),
        ]


class VrmaFormat(_GltfFormat):
    """VRM animation: the 52 as custom expressions under ARKit's names, each the x of a node that moves. It has no head."""

    name, suffix = "vrma", ".vrma"

    def scene(self) -> dict[str, Any]:
        custom = {name: {"node": k} for k, name in enumerate(ARKIT_NAMES)}
        return {
            "scenes": [{"nodes": list(range(N_COEFFICIENTS))}],
            "nodes": [{"name": name} for name in ARKIT_NAMES],
            "extensionsUsed": ["VRMC_vrm_animation"],
            "extensions": {"VRMC_vrm_animation": {"specVersion": "1.0", "expressions": {"custom": custom}}},
        }

    def tracks(self) -> list[Track]:
        return [Track(k, "translation", "VEC3", 3, lambda rows, k=k: _along_x(rows, k)) for k in range(N_COEFFICIENTS)]


def _along_x(rows: np.ndarray, k: int) -> np.ndarray:
    """(n, 3): coefficient `k` along x."""
    places = np.zeros((len(rows), 3), np.float32)
    places[:, 0] = rows["coefficients"][:, k]
    return places


def _quaternions(head: np.ndarray) -> np.ndarray:
    """(n, 4) x, y, z, w of yaw, pitch, roll (n, 3) as in `Frame.head`; glTF has the same axes."""
    (sy, sp, sr), (cy, cp, cr) = np.sin(head.T / 2), np.cos(head.T / 2)
    return np.stack(
        (cy * sp * cr + sy * cp * sr, sy * cp * cr - cy * sp * sr, cy * cp * sr - sy * sp * cr, cy * cp * cr + sy * sp * sr),
        axis=1,
    )
