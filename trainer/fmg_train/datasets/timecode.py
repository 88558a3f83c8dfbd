"""Timecodes: as text in a capture's table, and as the start of a sound in its file."""

import re
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

import numpy as np

from .form import DatasetError

_PATTERN = re.compile(r"(\d{1,2}):(\d{1,2}):(\d{1,2})([:;.,])(\d{1,3})(?:[.,](\d{1,9}))?$", re.ASCII)
_RATES = (24, 25, 30, 48, 50, 60, 100, 120)
LONGEST_GAP = 600.0
"""Seconds between two rows of a take beyond which a timecode is taken for damaged."""
_DAY = 86_400.0
_BEXT_TIME_REFERENCE = 338
"""Byte of the 64-bit sample count since midnight in a ``bext`` chunk (EBU Tech 3285, section 2.3)."""


def seconds(texts: Sequence[str], path: Path, fps: float | None = None) -> np.ndarray:
    """Timecodes ``HH:MM:SS:FF.mmm`` (mmm: thousandths of a frame) as seconds since midnight, (n,) float64.

    The frame rate is `fps`, or the smallest usual one that the frame numbers allow; what the numbers cannot tell is that a
    camera of 23.976, 29.97 or 59.94 frames a second counts 24, 30 or 60 to its second. Drop-frame counting (SMPTE ST 12-1:
    two numbers in thirty are left out at each minute but the tenth, and a second lasts 1.001 s) is told by a ``;`` or ``,``,
    or by the numbers left out. Past midnight the time goes on.

    Raises
    ------
    DatasetError
        A text that is not a timecode, more frames in a second than `fps`, or a gap of more than `LONGEST_GAP`.
    """
    fields = []
    dropped = False
    for row, text in enumerate(texts):
        match = _PATTERN.match(text.strip())
        if match is None:
            raise DatasetError(f"{path}: row {row + 2} begins with '{text}', not with a timecode HH:MM:SS:FF.mmm")
        hours, minutes, whole, mark, frame, part = match.groups()
        dropped |= mark in ";,"
        fields.append((int(hours), int(minutes), int(whole), int(frame) + float(f"0.{part or 0}")))
    h, m, s, f = np.array(fields, float).reshape(-1, 4).T
    rate = round(fps) if fps else next((r for r in _RATES if r > f.max(initial=0)), _RATES[-1])
    if f.max(initial=0) >= rate:
        raise DatasetError(f"{path}: frame {f.max():g} in a second; at {fps or rate:g} frames a second there is none")
    left_out = rate // 15
    total = 60 * h + m
    starts = np.flatnonzero((np.diff(total) == 1) & (m[1:] % 10 != 0)) + 1
    dropped |= rate % 30 == 0 and any(
        s[i] == 0 and int(f[i]) == left_out and s[i - 1] == 59 and int(f[i - 1]) == rate - 1 for i in starts
    )
    times = (total * 60 + s) + f / rate
    if dropped:
        times = (times * rate - left_out * (total - total // 10)) * 1.001 / rate
    elif fps:
        times *= rate / fps
    times = times + _DAY * np.cumsum(np.concatenate([[0], np.diff(times) < -_DAY / 2]))
    far = np.flatnonzero(np.diff(times) > LONGEST_GAP)
    if len(far):
        raise DatasetError(f"{path}: from row {far[0] + 2} to the next the timecode jumps by {np.diff(times)[far[0]]:.0f} s")
    return times


def start_of(sound: Path) -> float | None:
    """Seconds since midnight of the first sample: from the wave file's ``bext`` chunk, or from the ``tmcd`` track of the
    film that lies beside it; None where neither says."""
    try:
        if sound.suffix.lower() == ".wav":
            with open(sound, "rb") as file:
                found = _bext(file)
            if found is not None:
                return found
        for film in (sound.with_suffix(".mov"), sound.with_suffix(".MOV")):
            if film.is_file():
                with open(film, "rb") as file:
                    return _tmcd(file)
    except (OSError, struct.error):
        return None
    return None


def _bext(file: BinaryIO) -> float | None:
    head = file.read(12)
    sample_rate, samples = 0, 0
    while len(chunk := file.read(8)) == 8 and head[8:] == b"WAVE":
        tag, size = struct.unpack("<4sI", chunk)
        if tag == b"data":
            file.seek(size + size % 2, 1)
            continue
        data = file.read(size + size % 2)
        if tag == b"fmt ":
            sample_rate = struct.unpack_from("<I", data, 4)[0]
        elif tag == b"bext":
            samples = struct.unpack_from("<Q", data, _BEXT_TIME_REFERENCE)[0]
    return samples / sample_rate if samples and sample_rate else None


def _tmcd(file: BinaryIO) -> float | None:
    """Start of a QuickTime timecode track (Apple, QuickTime File Format, "Timecode media")."""
    size = file.seek(0, 2)
    for moov in _atoms(file, 0, size, b"moov"):
        for trak in _atoms(file, *moov, b"trak"):
            tables = [
                table
                for mdia in _atoms(file, *trak, b"mdia")
                for minf in _atoms(file, *mdia, b"minf")
                for table in _atoms(file, *minf, b"stbl")
            ]
            for table in tables:
                described = next(iter(_atoms(file, *table, b"stsd")), None)
                offsets = next(iter(_atoms(file, *table, b"stco")), None)
                if described is None or offsets is None:
                    continue
                file.seek(described[0] + 8)
                entry = file.read(described[1] - described[0] - 8)
                if entry[4:8] != b"tmcd":
                    continue
                flags, scale, duration, rate = struct.unpack_from(">IIIB", entry, 20)
                file.seek(offsets[0] + 8)
                file.seek(struct.unpack(">I", file.read(4))[0])
                number = struct.unpack(">I", file.read(4))[0]
                # The number counts real frames, whatever numbers drop-frame leaves out of their names.
                return number * duration / scale if scale and duration and rate else None
    return None


def _atoms(file: BinaryIO, first: int, end: int, kind: bytes) -> list[tuple[int, int]]:
    """(start, end) of the bodies of all atoms of a kind between two positions."""
    found = []
    while first + 8 <= end:
        file.seek(first)
        size, tag = struct.unpack(">I4s", file.read(8))
        body = first + 8
        if size == 1:
            size, body = struct.unpack(">Q", file.read(8))[0], first + 16
        elif size == 0:
            size = end - first
        if size < body - first:
            break
        if tag == kind:
            found.append((body, min(first + size, end)))
        first += size
    return found
