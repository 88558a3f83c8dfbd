"""What every format of recordings is: a frame becomes a row of bytes, which is all that is kept of it."""

import struct
from abc import ABC, abstractmethod
from typing import BinaryIO

import numpy as np

from ..arkit import N_COEFFICIENTS
from ..frame import Frame

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


class JournalFormat(Format):
    """Base of the formats that need all frames before the first byte: their rows are a journal, made a file at the end.

    A journal says which format it becomes, so that one that was left behind can be finished by any later run.
    """

    MAGIC = b"fmg-rt journal 1\n"
    HEADING = struct.Struct("<17s8sd31x")
    """Magic, name of the format, frames per second."""
    ROW = np.dtype([("time", "<f8"), ("coefficients", "<f4", N_COEFFICIENTS), ("head", "<f4", len(HEAD))])
    name: str

    def __init__(self, rate: float):
        super().__init__(rate)
        self.heading = self.HEADING.pack(self.MAGIC, self.name.encode(), rate)

    def row(self, frame: Frame) -> bytes:
        return struct.pack("<d", frame.time) + np.concatenate((frame.coefficients, frame.head), dtype="<f4").tobytes()

    @classmethod
    def whole(cls, part: BinaryIO, end: int) -> tuple[int, int]:
        n = max(0, end - cls.HEADING.size) // cls.ROW.itemsize
        return cls.HEADING.size + n * cls.ROW.itemsize, n

    def finish(self, part: BinaryIO, file: BinaryIO) -> None:
        """Write `file` from a journal, without holding all of it in memory."""
        n = self.whole(part, part.seek(0, 2))[1]
        part.seek(0)
        rows = np.memmap(part, self.ROW, "r", self.HEADING.size, (n,)) if n else np.zeros(0, self.ROW)
        self.write(rows, file)

    @abstractmethod
    def write(self, rows: np.ndarray, file: BinaryIO) -> None:
        """Write `file` from `rows`, (n,) of `ROW`."""
