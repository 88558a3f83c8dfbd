"""Frames to a file: written beside it and renamed when finished, so that a file is either whole or not there."""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO, Protocol

import numpy as np

from ..arkit import ARKIT_NAMES, N_COEFFICIENTS
from ..errors import FmgError
from ..frame import Frame
from ..wire.names import APPLE, LIVE_LINK_CSV, POSE, order, pascal


class RecordError(FmgError):
    """A recording cannot be begun, continued or finished; the text says which and why."""


class Format(Protocol):
    """How frames become bytes. `write` is called for frames 0, 1, 2 … in order."""

    suffix: str

    def __init__(self, file: BinaryIO, rate: float): ...

    def write(self, frame: Frame) -> None: ...

    def finish(self) -> None: ...


def _line(columns: Sequence[str]) -> bytes:
    return (",".join(columns) + "\n").encode()


class CsvFormat:
    """``time`` in seconds and the 52 names in alphabetical order; nine digits give every float32 back exactly."""

    suffix = ".csv"
    _ROW = "%.6f" + ",%.9g" * N_COEFFICIENTS + "\n"

    def __init__(self, file: BinaryIO, rate: float):
        self._file = file
        file.write(_line(["time", *ARKIT_NAMES]))

    def write(self, frame: Frame) -> None:
        self._file.write((self._ROW % (frame.time, *frame.coefficients.tolist())).encode())

    def finish(self) -> None:
        pass


class JsonlFormat:
    """A line ``{"timestamp": seconds, "blendshapes": [52 numbers]}`` a frame, as the predecessor's recordings."""

    suffix = ".jsonl"
    _ROW = '{"timestamp": %.6f, "blendshapes": [' + ", ".join(["%.9g"] * N_COEFFICIENTS) + "]}\n"

    def __init__(self, file: BinaryIO, rate: float):
        self._file = file

    def write(self, frame: Frame) -> None:
        self._file.write((self._ROW % (frame.time, *frame.coefficients.tolist())).encode())

    def finish(self) -> None:
        pass


class LiveLinkFormat:
    """The CSV of the Live Link Face app: timecode, two pairs of columns swapped, rotations 0."""

    suffix = ".csv"
    _ROW = "%02d:%02d:%02d:%02d.%03d," + f"{N_COEFFICIENTS + len(POSE)}" + ",%.10f" * N_COEFFICIENTS
    _ROW += ",0.0000000000" * len(POSE) + "\n"
    _ORDER = order(LIVE_LINK_CSV)

    def __init__(self, file: BinaryIO, rate: float):
        self._file, self._rate = file, rate
        file.write(_line(["Timecode", "BlendshapeCount", *map(pascal, LIVE_LINK_CSV), *POSE]))

    def write(self, frame: Frame) -> None:
        seconds = int(frame.index / self._rate)
        # Thousandths of a frame since the full second; whole rates give whole frames.
        thousandths = max(0, round(1000 * (frame.index - seconds * self._rate)))
        timecode = (seconds // 3600 % 24, seconds // 60 % 60, seconds % 60, *divmod(thousandths, 1000))
        self._file.write((self._ROW % (*timecode, *frame.coefficients[self._ORDER].tolist())).encode())

    def finish(self) -> None:
        pass


class _Whole:
    """Base of the formats that need all frames before the first byte: 6 kB for a second at 30 Hz."""

    def __init__(self, file: BinaryIO, rate: float):
        self._file, self._rate = file, rate
        self._times: list[float] = []
        self._faces = bytearray()

    def write(self, frame: Frame) -> None:
        self._times.append(frame.time)
        self._faces += frame.coefficients.astype(np.float32, copy=False).tobytes()

    def _coefficients(self) -> np.ndarray:
        """All frames, (n, 52) float32."""
        return np.frombuffer(self._faces, np.float32).reshape(-1, N_COEFFICIENTS)


class NpzFormat(_Whole):
    """NumPy archive: ``time`` (n,) s, ``coefficients`` (n, 52) float32, ``names`` (52,), ``rate`` () Hz."""

    suffix = ".npz"

    def finish(self) -> None:
        np.savez(
            self._file, time=np.array(self._times, np.float64), coefficients=self._coefficients(),
            names=np.array(ARKIT_NAMES), rate=self._rate,
        )  # fmt: skip


class A2fFormat(_Whole):
    """The JSON of NVIDIA's Audio2Face export: names in Apple's order and a matrix of weights."""

    suffix = ".json"

    def finish(self) -> None:
        weights = self._coefficients()[:, order(APPLE)].astype(np.float64).round(6)
        content = {
            "exportFps": float(self._rate), "numFrames": len(weights), "numPoses": len(APPLE),
            "facsNames": list(APPLE), "weightMat": weights.tolist(),
        }  # fmt: skip
        self._file.write(json.dumps(content).encode())


FORMATS: dict[str, type[Format]] = {
    "csv": CsvFormat, "jsonl": JsonlFormat, "npz": NpzFormat, "livelink": LiveLinkFormat, "a2f": A2fFormat,
}  # fmt: skip
BY_SUFFIX = {".csv": "csv", ".jsonl": "jsonl", ".npz": "npz", ".json": "a2f"}
"""The format that a file name asks for."""


class Recorder:
    """A sink that writes `path` in one of `FORMATS`.

    The frames go to ``path.part``, which takes the name when the recording is closed and is deleted if it fails.

    Raises
    ------
    RecordError
        The file cannot be written; also from `send` and `close`.
    """

    live = False
    address: tuple[str, int] | None = None

    def __init__(self, path: str | os.PathLike[str], format: str, rate: float):
        self.path = Path(path)
        self.name = f"record {self.path}"
        self._part = self.path.with_name(self.path.name + ".part")
        if self.path.is_dir():
            raise RecordError(f"cannot write {self.path}: it is a folder")
        try:
            self._file: BinaryIO | None = open(self._part, "wb")  # noqa: SIM115, closed by `close`
        except OSError as error:
            raise RecordError(f"cannot write {self.path}: {error.strerror}") from error
        self._format = FORMATS[format](self._file, rate)

    def send(self, frame: Frame) -> None:
        """Take the next frame."""
        if self._file is None:
            raise RecordError(f"{self.path} is closed")
        try:
            self._format.write(frame)
        except OSError as error:
            self._give_up(error)

    def close(self) -> None:
        """Finish the file and give it its name; a second call does nothing."""
        if self._file is None:
            return
        try:
            self._format.finish()
            self._file.flush()
            os.fsync(self._file.fileno())
        except OSError as error:
            self._give_up(error)
        self._file.close()
        self._file = None
        try:
            os.replace(self._part, self.path)
        except OSError as error:  # on Windows: another program has it open
            raise RecordError(
                f"cannot replace {self.path}: {error.strerror}; the whole recording is in {self._part}"
            ) from error

    def discard(self) -> None:
        """Stop without leaving a file."""
        if self._file is None:
            return
        try:
            self._file.close()
        except OSError:  # what was still buffered did not fit either
            pass
        self._file = None
        self._part.unlink(missing_ok=True)

    def _give_up(self, error: OSError) -> None:
        self.discard()
        raise RecordError(f"cannot write {self.path}: {error.strerror}; the recording is lost") from error
