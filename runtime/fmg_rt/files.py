"""Files that appear whole or not at all, names that are free, and locks between programs."""

import contextlib
import errno
import os
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

_LOCK_AT = 1 << 30
"""Byte that is locked on Windows, where nobody can read what is locked."""


@contextlib.contextmanager
def written_whole(path: str | os.PathLike[str], durable: bool = False) -> Iterator[BinaryIO]:
    """A file to write to that takes the name `path` when the block ends, and is deleted when the block raises.

    Whatever happens, `path` is what it was or what was written, never a part of it. Two writers do not disturb each other;
    the last one stays.

    Parameters
    ----------
    durable : wait until it is on the disk, so that it survives a power loss.

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
    """Claim an open file until it is closed; False when another program, or another place in this one, has it.

    Where the file system knows no locks the file is yours.
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
