"""Formats of recordings. Each turns a frame into a row of bytes, which is all that is kept of it."""

import json
import struct
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import BinaryIO

import numpy as np

from ..arkit import ARKIT_NAMES, N_COEFFICIENTS
from ..frame import Frame
from ..wire.livelink import pose
from ..wire.names import APPLE, LIVE_LINK_CSV, POSE, order, pascal

HEAD = ("headYaw", "headPitch", "headRoll")
"""Columns of `Frame.head`, radians."""


class Format(ABC):
    """Base of the formats that are rows of text after a heading.

    Parameters
    ----------
    rate : frames per second.
    """

    suffix: str
    heading = b""

    def __init__(self, rate: float):
        self.rate = rate

    @abstractmethod
    def row(self, frame: Frame) -> bytes:
        """One frame; frames come in their order."""

    @classmethod
    def whole(cls, part: BinaryIO, end: int) -> tuple[int, int]:
        """(bytes, frames) up to the last whole row of the first `end` bytes of a part."""
        part.seek(0)
        size = at = lines = 0
        while chunk := part.read(min(1 << 20, end - at)):
            lines += chunk.count(b"\n")
            last = chunk.rfind(b"\n")
            size = at + last + 1 if last >= 0 else size
            at += len(chunk)
        return size, max(0, lines - (1 if cls.heading else 0))


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
    """A line ``{"timestamp": seconds, "blendshapes": [52 numbers], "head": [yaw, pitch, roll]}`` a frame.

    The first two are the predecessor's recordings.
    """

    suffix = ".jsonl"
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


class JournalFormat(Format):
    """Base of the formats that need all frames before the first byte: their rows are a journal, made a file at the end.

    A journal says which format it becomes, so that one that was left behind can be finished by any later run.
    """

    MAGIC = b"fmg-rt journal 1\n"
    _HEADING = struct.Struct("<17s8sd31x")
    """Magic, name of the format, frames per second."""
    ROW = np.dtype([("time", "<f8"), ("coefficients", "<f4", N_COEFFICIENTS), ("head", "<f4", len(HEAD))])
    name: str

    def __init__(self, rate: float):
        super().__init__(rate)
        self.heading = self._HEADING.pack(self.MAGIC, self.name.encode(), rate)

    def row(self, frame: Frame) -> bytes:
        return struct.pack("<d", frame.time) + np.concatenate((frame.coefficients, frame.head), dtype="<f4").tobytes()

    @classmethod
    def whole(cls, part: BinaryIO, end: int) -> tuple[int, int]:
        n = max(0, end - cls._HEADING.size) // cls.ROW.itemsize
        return cls._HEADING.size + n * cls.ROW.itemsize, n

    @classmethod
    def of(cls, part: BinaryIO) -> "JournalFormat | None":
        """The format that a part says it becomes; None when it is no journal."""
        part.seek(0)
        heading = part.read(cls._HEADING.size)
        if len(heading) < cls._HEADING.size or not heading.startswith(cls.MAGIC):
            return None
        _, name, rate = cls._HEADING.unpack(heading)
        kind = FORMATS.get(name.rstrip(b"\0").decode("ascii", "replace"))
        return kind(rate) if kind is not None and issubclass(kind, JournalFormat) else None

    def finish(self, part: BinaryIO, file: BinaryIO) -> None:
        """Write `file` from a journal, without holding all of it in memory."""
        n = self.whole(part, part.seek(0, 2))[1]
        part.seek(0)
        rows = np.memmap(part, self.ROW, "r", self._HEADING.size, (n,)) if n else np.zeros(0, self.ROW)
        self.write(rows, file)

    @abstractmethod
    def write(self, rows: np.ndarray, file: BinaryIO) -> None:
        """Write `file` from `rows`, (n,) of `ROW`."""


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
}
BY_SUFFIX = {".csv": "csv", ".jsonl": "jsonl", ".npz": "npz", ".json": "a2f"}
"""The format that a file name asks for."""
