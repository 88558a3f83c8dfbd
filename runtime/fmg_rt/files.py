"""Files that are written completely or not at all, unused file names, and locks between programs."""

import contextlib
import errno
import os
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

_LOCK_AT = 1 << 30
"""Offset of the locked byte on Windows, where a locked range cannot be read; it lies beyond the data."""


@contextlib.contextmanager
def written_whole(path: str | os.PathLike[str], durable: bool = False) -> Iterator[BinaryIO]:
    """A file that is renamed to `path` when the block ends, and deleted if the block raises.

    `path` always holds the old or the new content, never a part. Two writers do not disturb each other; the last one
    wins.

    Parameters
    ----------
    durable : wait until the data is on the disk, so that it survives a power loss.

    Raises
    ------
    OSError
        It cannot be written; `path` stays as it was.
    """
    path = Path(path)
    beside = path.with_name(f"{path.name}.{uuid.uuid4().hex[:8]}.part")
    try:
        with open(beside, "xb") as file:
            yield file
            if durable:
                file.flush()
                os.fsync(file.fileno())
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)


def numbered(path: Path) -> Iterator[Path]:
    """`path`, then ``name-2.suffix``, ``name-3.suffix`` … beside it."""
    yield path
    number = 2
    while True:
        yield path.with_name(f"{path.stem}-{number}{path.suffix}")
        number += 1


def lock(file: BinaryIO) -> bool:
    """Lock an open file until it is closed; False if another program, or another open file of this one, holds the lock.

    True on a file system without locks.
    """
    try:
        if sys.platform == "win32":
            import msvcrt

            at = file.tell()
            file.seek(_LOCK_AT)
            try:
                msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
            finally:
                file.seek(at)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return error.errno not in (errno.EACCES, errno.EAGAIN, errno.EDEADLK)
    return True
