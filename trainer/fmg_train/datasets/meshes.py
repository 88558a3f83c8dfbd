"""Mesh sequences of any kind (Maya cache, ``.pc2``, ``.npy``), read in blocks so that their length costs no memory."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from . import maya_cache
from .form import DatasetError

RATE = 30.0
"""Frames per second of kinds that do not say."""
BLOCK_BYTES = 1 << 24
_PC2_HEAD = struct.Struct("<12siiffi")


@dataclass(frozen=True)
class Sequence:
    """blocks : (n, vertices, 3) float32 pieces in time order; frames : in all. rate : frames per second."""

    path: Path
    frames: int
    rate: float
    blocks: Iterator[np.ndarray]


def find(folder: Path, shot: str) -> Path | None:
    """The file that holds a shot in a ``cache/skin`` folder."""
    candidates = (folder / shot / f"{shot}.xml", folder / f"{shot}.xml", folder / f"{shot}.pc2", folder / f"{shot}.npy")
    return next((path for path in candidates if path.is_file()), None)


def read(path: Path, vertices: int) -> Sequence:
    """Open a mesh sequence of `vertices` vertices.

    Raises
    ------
    DatasetError
        Now or while reading: unreadable, truncated, another number of vertices, or a coordinate that is not finite.
    """
    opened = {".xml": _maya, ".pc2": _pc2, ".npy": _npy}[path.suffix](path, vertices)
    return Sequence(path, opened.frames, opened.rate, _finite(opened))


def _finite(sequence: Sequence) -> Iterator[np.ndarray]:
    done = 0
    for block in sequence.blocks:
        if not np.isfinite(block).all():
            bad = done + int(np.flatnonzero(~np.isfinite(block).all((1, 2)))[0])
            raise DatasetError(f"{sequence.path}: frame {bad} holds a coordinate that is not a number")
        done += len(block)
        yield block


def _per_block(vertices: int) -> int:
    return max(1, BLOCK_BYTES // (12 * vertices))


def _maya(path: Path, vertices: int) -> Sequence:
    description = maya_cache.describe(path)

    def blocks() -> Iterator[np.ndarray]:
        gathered: list[np.ndarray] = []
        for number, channels in enumerate(maya_cache.frames(path)):
            gathered.append(_skin(channels, vertices, path, number))
            if len(gathered) == _per_block(vertices):
                yield np.stack(gathered)
                gathered = []
        if gathered:
            yield np.stack(gathered)

    return Sequence(path, description.frames, description.rate, blocks())


def _skin(channels: dict[str, np.ndarray], vertices: int, path: Path, number: int) -> np.ndarray:
    """The channel that has as many points as the rig, or all channels together where the skin lies in several."""
    for points in channels.values():
        if len(points) == vertices:
            return points
    if sum(map(len, channels.values())) == vertices:
        return np.concatenate(list(channels.values()))
    found = ", ".join(f"'{name}' {len(points)}" for name, points in channels.items()) or "none"
    raise DatasetError(f"{path}: frame {number} has no channel with the rig's {vertices} vertices (found: {found})")


def _pc2(path: Path, vertices: int) -> Sequence:
    try:
        size, head = path.stat().st_size, path.open("rb").read(_PC2_HEAD.size)
    except OSError as error:
        raise DatasetError(f"{path}: cannot read the cache ({error.strerror or error})") from error
    if len(head) < _PC2_HEAD.size or not head.startswith(b"POINTCACHE2"):
        raise DatasetError(f"{path}: not a .pc2 point cache")
    _, _, points, _, _, frames = _PC2_HEAD.unpack(head)
    _check_count(path, points, vertices)
    if frames < 1 or size < _PC2_HEAD.size + 12 * points * frames:
        raise DatasetError(f"{path}: truncated ({max(0, size - _PC2_HEAD.size) // (12 * points)} of {frames} frames)")
    array = np.memmap(path, "<f4", "r", _PC2_HEAD.size, (frames, points, 3))
    return Sequence(path, frames, RATE, _slices(array))


def _npy(path: Path, vertices: int) -> Sequence:
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise DatasetError(f"{path}: truncated, or not an array ({error})") from error
    if array.ndim != 3 or array.shape[2] != 3 or array.dtype.kind != "f" or len(array) == 0:
        raise DatasetError(f"{path}: {array.dtype} {array.shape}, not float32 (frames, vertices, 3)")
    _check_count(path, array.shape[1], vertices)
    return Sequence(path, len(array), RATE, _slices(array))


def _slices(array: np.ndarray) -> Iterator[np.ndarray]:
    step = _per_block(array.shape[1])
    return (np.asarray(array[i : i + step], np.float32) for i in range(0, len(array), step))


def _check_count(path: Path, found: int, vertices: int) -> None:
    if found != vertices:
        raise DatasetError(f"{path}: {found} vertices, the rig has {vertices}")
