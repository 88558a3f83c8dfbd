"""Read a Maya geometry cache: an ``.xml`` that describes it and one ``.mc`` with all frames (big-endian IFF, "OneFile").

``FOR4`` int32 size, header chunks; then for every frame ``FOR4`` int32 size ``MYCH`` with ``TIME`` and, for every channel,
``CHNM`` (name), ``SIZE`` (points) and ``FVCA`` (float32) or ``DVCA`` (float64), three values a point. Chunks are padded to
four bytes.

References: Autodesk, Maya API documentation, "Maya nCache file format" (.mc, 32-bit IFF).
"""

import struct
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from .form import DatasetError

UNITS_PER_SECOND = 6000
"""Maya's clock."""
_ARRAYS = {b"FVCA": ">f4", b"DVCA": ">f8"}


@dataclass(frozen=True)
class Description:
    """What the ``.xml`` says: number of frames, frames per second, the channels' names in order."""

    frames: int
    rate: float
    channels: tuple[str, ...]


def describe(xml: Path) -> Description:
    """Read the ``.xml`` of a cache.

    Raises
    ------
    DatasetError
        Unreadable, or a cache of another kind.
    """
    try:
        root = ElementTree.parse(xml).getroot()
        kind = root.find("cacheType").attrib  # type: ignore[union-attr]
        first, last = (int(n) for n in root.find("time").attrib["Range"].rsplit("-", 1))  # type: ignore[union-attr]
        step = int(root.find("cacheTimePerFrame").attrib["TimePerFrame"])  # type: ignore[union-attr]
        channels = tuple(c.attrib["ChannelName"] for c in root.find("Channels"))  # type: ignore[union-attr]
    except (OSError, ElementTree.ParseError, AttributeError, KeyError, ValueError, TypeError) as error:
        raise DatasetError(f"{xml}: not the description of a Maya cache ({error})") from error
    if kind.get("Type") != "OneFile" or kind.get("Format", "mcc") != "mcc":
        raise DatasetError(f"{xml}: a cache of type {kind.get('Type')} {kind.get('Format')}; export it as OneFile, mcc")
    if step <= 0 or last < first or not channels:
        raise DatasetError(f"{xml}: no frames or no channels (time {first}-{last}, {step} a frame)")
    return Description((last - first) // step + 1, UNITS_PER_SECOND / step, channels)


def frames(xml: Path) -> Iterator[dict[str, np.ndarray]]:
    """The frames of a cache one after another: channel name → (points, 3) float32.

    Raises
    ------
    DatasetError
        Missing, truncated or damaged, or fewer frames than the ``.xml`` promises.
    """
    description, path = describe(xml), Path(xml).with_suffix(".mc")
    try:
        with open(path, "rb") as file:
            _group(file, path, b"CACH", "the header")
            for number in range(description.frames):
                yield _frame(_group(file, path, b"MYCH", f"frame {number} of {description.frames}"), path, number)
    except OSError as error:
        raise DatasetError(f"{path}: cannot read the cache ({error.strerror or error})") from error


def _group(file: BinaryIO, path: Path, kind: bytes, what: str) -> bytes:
    """The body of the next ``FOR4`` group, after its type."""
    head = file.read(12)
    if len(head) < 12:
        raise DatasetError(f"{path}: truncated before {what}")
    tag, size, found = struct.unpack(">4si4s", head)
    if tag != b"FOR4" or found != kind or size < 4:
        raise DatasetError(f"{path}: damaged at {what} ({tag!r} {found!r} instead of FOR4 {kind.decode()})")
    body = file.read(size - 4)
    if len(body) < size - 4:
        raise DatasetError(f"{path}: truncated in {what}")
    file.read(-size % 4)
    return body


def _frame(body: bytes, path: Path, number: int) -> dict[str, np.ndarray]:
    channels: dict[str, np.ndarray] = {}
    name, points, position = "", 0, 0
    while position + 8 <= len(body):
        tag, size = struct.unpack_from(">4si", body, position)
        data = body[position + 8 : position + 8 + size]
        if size < 0 or len(data) < size:
            raise DatasetError(f"{path}: damaged in frame {number} (chunk {tag!r} of {size} bytes)")
        position += 8 + size + -size % 4
        if tag == b"CHNM":
            name = data.split(b"\0")[0].decode("utf-8", "replace")
        elif tag == b"SIZE" and size == 4:
            points = struct.unpack(">i", data)[0]
        elif tag in _ARRAYS:
            values = np.frombuffer(data, _ARRAYS[tag]) if size % int(_ARRAYS[tag][-1]) == 0 else np.empty(0)
            if not points or len(values) != 3 * points:
                raise DatasetError(f"{path}: frame {number}, channel '{name}' has {len(values)} values for {points} points")
            channels[name] = values.astype(np.float32).reshape(points, 3)
    return channels
