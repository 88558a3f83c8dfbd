"""Raw samples from a pipe: little-endian signed 16 bit, mono."""

import sys
from collections.abc import Generator

import numpy as np

from . import SourceError
from .blocks import BlockSource

_SCALE = np.float32(1 / 32768)


def open_stdin(sample_rate: float) -> BlockSource:
    """The source of raw s16le mono on standard input.

    Raises
    ------
    SourceError
        Standard input is closed or a terminal.
    """
    if sys.stdin is None or sys.stdin.isatty():
        raise SourceError("--input - reads raw s16le samples from a pipe, and standard input is none")
    # The unbuffered file: a thread that waits in the buffered one at exit would abort the interpreter.
    raw = sys.stdin.buffer.raw  # type: ignore[attr-defined, union-attr]
    return BlockSource("standard input", _blocks(raw, sample_rate), sample_rate)


def _blocks(raw, sample_rate: float) -> Generator[np.ndarray, None, None]:
    size = 2 * max(round(sample_rate / 100), 1)  # bytes of 10 ms
    odd = b""
    while data := raw.read(size):
        data = odd + data
        whole = len(data) - len(data) % 2
        odd = data[whole:]
        yield np.frombuffer(data[:whole], "<i2").astype(np.float32) * _SCALE
