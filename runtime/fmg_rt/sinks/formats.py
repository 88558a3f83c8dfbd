"""Formats of recordings, by name."""

import json
from collections.abc import Sequence
from typing import BinaryIO

import numpy as np

from ..arkit import ARKIT_NAMES, N_COEFFICIENTS
from ..frame import Frame
from ..wire.livelink import pose
from ..wire.names import APPLE, LIVE_LINK_CSV, POSE, order, pascal
from .gltf import GlbFormat, VrmaFormat
from .rows import HEAD, Format, JournalFormat


def _line(columns: Sequence[str]) -> bytes:
    return (",".join(columns) + "\n").encode()


class CsvFormat(Format):
    """``time`` in seconds, the 52 names in alphabetical order, the head; nine digits give every float32 back exactly."""

    suffix = ".csv"
    heading = _line(["time", *ARKIT_NAMES, *HEAD])
    _ROW = "%.6f" + ",%.9g" * (N_COEFFICIENTS + len(HEAD)) + "\n"

    def row(self, frame: Frame) -> bytes:
        return (self._ROW % (frame.time, *frame.coefficients.tolist(), *frame.head.tolist())).encode()


class JsonlFormat(Format):
    """First a line ``{"names": [52 names], "head": [3 names]}``, then one a frame:
    ``{"timestamp": seconds, "blendshapes": [52 numbers], "head": [yaw, pitch, roll]}``.

    The lines of frames, without the head, are the predecessor's recordings.
    """

    suffix = ".jsonl"
    heading = json.dumps({"names": ARKIT_NAMES, "head": HEAD}).encode() + b"\n"
    _ROW = (
        '{"timestamp": %.6f, "blendshapes": ['
        + ", ".join(["%.9g"] * N_COEFFICIENTS)
        + '], "head": ['
        + ", ".join(["%.9g"] * len(HEAD))
        + "]}\n"
    )

    def row(self, frame: Frame) -> bytes:
        return (self._ROW % (frame.time, *frame.coefficients.tolist(), *frame.head.tolist())).encode()


class LiveLinkFormat(Format):
    """The CSV of the Live Link Face app: timecode, two pairs of columns swapped, rotations of head and eyes."""

    suffix = ".csv"
    heading = _line(["Timecode", "BlendshapeCount", *map(pascal, LIVE_LINK_CSV), *POSE])
    _ROW = "%02d:%02d:%02d:%02d.%03d," + f"{N_COEFFICIENTS + len(POSE)}" + ",%.10f" * (N_COEFFICIENTS + len(POSE)) + "\n"
    _ORDER = order(LIVE_LINK_CSV)

    def row(self, frame: Frame) -> bytes:
        seconds = int(frame.index / self.rate)
        # Thousandths of a frame since the full second; whole rates give whole frames.
        thousandths = max(0, round(1000 * (frame.index - seconds * self.rate)))
        timecode = (seconds // 3600 % 24, seconds // 60 % 60, seconds % 60, *divmod(thousandths, 1000))
        turns = (angle + 0.0 for angle in pose(frame))  # adding zero makes -0 to 0
        return (self._ROW % (*timecode, *frame.coefficients[self._ORDER].tolist(), *turns)).encode()


class NpzFormat(JournalFormat):
    """NumPy archive.

    ``time`` (n,) s, ``coefficients`` (n, 52) float32, ``head`` (n, 3) rad, ``names`` (52,), ``rate`` () Hz.
    """

    name, suffix = "npz", ".npz"

    def write(self, rows: np.ndarray, file: BinaryIO) -> None:
        np.savez(
            file,
            time=rows["time"],
            coefficients=rows["coefficients"],
            head=rows["head"],
            names=np.array(ARKIT_NAMES),
            rate=self.rate,
        )


class A2fFormat(JournalFormat):
    """The JSON of NVIDIA's Audio2Face export: names in Apple's order and a matrix of weights. It knows no head."""

    name, suffix = "a2f", ".json"
    _ORDER = order(APPLE)
    _CHUNK = 100  # frames

    def write(self, rows: np.ndarray, file: BinaryIO) -> None:
        content = {
            "exportFps": float(self.rate),
            "numFrames": len(rows),
            "numPoses": len(APPLE),
            "facsNames": list(APPLE),
            "weightMat": [],
        }
        file.write(json.dumps(content).encode().removesuffix(b"]}"))
        for start in range(0, len(rows), self._CHUNK):
            weights = rows["coefficients"][start : start + self._CHUNK, self._ORDER].astype(np.float64).round(6)
            text = json.dumps(weights.tolist())[1:-1]
            file.write((", " if start else "").encode() + text.encode())
        file.write(b"]}")


FORMATS: dict[str, type[Format]] = {
    "csv": CsvFormat,
    "jsonl": JsonlFormat,
    "npz": NpzFormat,
    "livelink": LiveLinkFormat,
    "a2f": A2fFormat,
    "glb": GlbFormat,
    "vrma": VrmaFormat,
}
BY_SUFFIX = {".csv": "csv", ".jsonl": "jsonl", ".npz": "npz", ".json": "a2f", ".glb": "glb", ".vrma": "vrma"}
"""The format that a file name asks for."""


def journal_of(part: BinaryIO) -> JournalFormat | None:
    """The format that a part says it becomes; None when it is no journal."""
    part.seek(0)
    heading = part.read(JournalFormat.HEADING.size)
    if len(heading) < JournalFormat.HEADING.size or not heading.startswith(JournalFormat.MAGIC):
        return None
    _, name, rate = JournalFormat.HEADING.unpack(heading)
    kind = FORMATS.get(name.rstrip(b"\0").decode("ascii", "replace"))
    return kind(rate) if kind is not None and issubclass(kind, JournalFormat) else None
