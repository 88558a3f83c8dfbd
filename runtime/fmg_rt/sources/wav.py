"""WAV files with defects: from a pipe, from a recorder that was killed, with chunks that are not padded.

References
----------
Microsoft and IBM, Multimedia Programming Interface and Data Specifications 1.0 (RIFF WAVE); Microsoft,
WAVEFORMATEXTENSIBLE; EBU Tech 3306 (RF64).
"""

import struct
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

MAGIC = (b"RIFF", b"RF64")
_PCM, _FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE
_ENDLESS = 0x7FF00000
"""Data lengths from here on say that the writer did not know; so does 0."""
_LONGEST_CHUNK = 1 << 24
"""Bytes of a chunk before the sound that are read over."""
MAX_CHANNELS = 64


class WavError(ValueError):
    """This is no WAV whose samples are plain numbers; the message says why."""


@dataclass(frozen=True)
class Format:
    """How samples lie in bytes.

    Attributes
    ----------
    rate : Hz, 1 to 768 000. channels : 1 to 64. kind : NumPy's type of one sample; ``""`` for 24-bit integers.
    n_bytes : of the sound; None: up to the end.
    """

    rate: float
    channels: int
    kind: str = "<i2"
    n_bytes: int | None = None

    @property
    def sample_bytes(self) -> int:
        return np.dtype(self.kind).itemsize if self.kind else 3

    @property
    def frame_bytes(self) -> int:
        return self.sample_bytes * self.channels

    def decode(self, data: bytes) -> np.ndarray:
        """Whole frames → (n, channels) float32 in [-1, 1]; floats as they are."""
        if not self.kind:
            wide = np.zeros((len(data) // 3, 4), np.uint8)
            wide[:, 1:] = np.frombuffer(data, np.uint8).reshape(-1, 3)
            samples = wide.view("<i4")[:, 0].astype(np.float32) * np.float32(2.0**-31)
        else:
            samples = np.frombuffer(data, self.kind)
            if self.kind == "u1":
                samples = (samples.astype(np.float32) - 128) * np.float32(1 / 128)
            elif self.kind[1] == "i":
                samples = samples.astype(np.float32) * np.float32(0.5 ** (8 * self.sample_bytes - 1))
            else:
                with np.errstate(all="ignore"):
                    samples = samples.astype(np.float32)
        return samples.reshape(-1, self.channels)


def read_header(read: Callable[[int], bytes]) -> Format:
    """Read from the first byte up to the first sample.

    read : gives as many bytes as asked for, fewer only at the end.

    Raises
    ------
    WavError
        No WAV, cut short, compressed, or with absurd numbers.
    """
    start = read(12)
    if len(start) < 12 or start[:4] not in MAGIC or start[8:] != b"WAVE":
        raise WavError("no WAV header")
    form: Format | None = None
    carried, long_size = b"", None
    while True:
        head = carried + read(8 - len(carried))
        carried = b""
        if len(head) < 8:
            raise WavError("its header is cut short" if form is None else "there is no sound in the file")
        name, size = head[:4], struct.unpack("<I", head[4:])[0]
        if name == b"data":
            if form is None:
                raise WavError("its samples come before their description")
            if size == 0xFFFFFFFF and long_size is not None:
                n_bytes = long_size
            else:
                n_bytes = None if size == 0 or size >= _ENDLESS else size
            return Format(form.rate, form.channels, form.kind, n_bytes)
        if size > _LONGEST_CHUNK:
            raise WavError("its header is damaged")
        body = read(size)
        if len(body) < size:
            raise WavError("its header is cut short")
        if name == b"fmt ":
            form = _format(body)
        elif name == b"ds64" and size >= 16:
            long_size = struct.unpack("<Q", body[8:16])[0] or None
        if size % 2:
            pad = read(1)
            carried = b"" if pad == b"\0" else pad  # no name begins with 0: a writer that does not pad


def _format(body: bytes) -> Format:
    if len(body) < 16:
        raise WavError("its header is cut short")
    tag, channels, rate, _, _, bits = struct.unpack("<HHIIHH", body[:16])
    if tag == _EXTENSIBLE and len(body) >= 26:
        tag = struct.unpack("<H", body[24:26])[0]
    kind = {
        (_PCM, 8): "u1",
        (_PCM, 16): "<i2",
        (_PCM, 24): "",
        (_PCM, 32): "<i4",
        (_FLOAT, 32): "<f4",
        (_FLOAT, 64): "<f8",
    }.get((tag, bits))
    if kind is None:
        raise WavError(f"its samples are compressed or unusual (format {tag}, {bits} bits)")
    if not 1 <= channels <= MAX_CHANNELS or not 1000 <= rate <= 768_000:
        raise WavError(f"its header is damaged ({channels} channels, {rate} Hz)")
    return Format(float(rate), channels, kind)
