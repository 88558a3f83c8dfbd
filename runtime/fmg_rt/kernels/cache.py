"""Compiled kernels on disk: loaded if they are intact, compiled again otherwise. The cache can never prevent a start.

One file holds one kernel: SHA-256 of the rest (32 bytes), SHA-256 of what it was made from (32 bytes), then Numba's pickled
machine code. It is checked before it is unpacked, since damaged code can abort the process inside LLVM. It appears whole or
not at all, so that several first starts at once do not meet.

References
----------
`numba.core.caching`, whose base class this implements. Numba's own cache does not verify what it reads, and raises an error if
it cannot write.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import logging
import os
import pickle
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numba
from numba import config
from numba.core.caching import _Cache
from numba.core.compiler import CompileResult
from numba.core.serialize import dumps
from numba.misc.appdirs import AppDirs

from ..files import written_whole

SUFFIX = ".kernel"
_DIGEST = hashlib.sha256().digest_size
_log = logging.getLogger(__name__)


class Tally:
    """How this process got its kernels.

    Attributes
    ----------
    loaded, compiled, damaged : number of kernels. place : folder of the last one read or written; None: none yet.
    refusal : why a kernel could not be stored; empty if all were.
    """

    def __init__(self) -> None:
        self.loaded = self.compiled = self.damaged = 0
        self.place: Path | None = None
        self.refusal = ""


tally = Tally()


def places() -> list[Path]:
    """Folders of the kernels: all are read; new kernels go to the first writable one.

    ``NUMBA_CACHE_DIR`` alone if it is set; else beside the sources, then the user's cache folder. The application is packed
    with kernels beside its sources, and adds none to what was signed: there the user's folder comes first.
    """
    here = Path(__file__).parent
    if config.CACHE_DIR:
        return [Path(config.CACHE_DIR) / "fmg"]
    beside = here / "__pycache__"
    own = Path(AppDirs("fmg", appauthor=False).user_cache_dir) / hashlib.sha256(os.fsencode(here)).hexdigest()[:16]
    return [own, beside] if getattr(sys, "frozen", False) else [beside, own]


def kept() -> Iterator[tuple[Path, bool]]:
    """Every file of every folder, and whether it is intact."""
    for place in places():
        with contextlib.suppress(OSError):
            for path in sorted(place.glob(f"*{SUFFIX}")):
                yield path, _read(path) is not None


def clear() -> tuple[int, list[str]]:
    """Delete all files of all folders. Returns their number and an error line for each that could not be deleted."""
    n, refusals = 0, []
    for path, _ in kept():
        try:
            path.unlink()
            n += 1
        except OSError as error:
            refusals.append(f"{path}: cannot be deleted ({error.strerror or error})")
    return n, refusals


class KernelCache(_Cache):
    """The file of one kernel, by its function. made_by : the compile flags, of which a change makes it stale."""

    def __init__(self, function: Any, made_by: str):
        self._function = function
        self._made_by = made_by
        self._enabled = True

    @property
    def cache_path(self) -> str | None:
        return None if tally.place is None else str(tally.place)

    def enable(self) -> None:
        self._enabled = True

    def disable(self) -> None:
        self._enabled = False

    def flush(self) -> None:
        """Numba calls it for `recompile`, which kernels of one signature never do."""

    def load_overload(self, sig: Any, target_context: Any) -> CompileResult | None:
        """The compiled kernel, or None where it must be compiled."""
        target_context.refresh()
        name, origin = self._names(sig, target_context.codegen())
        for place in places() if self._enabled else []:
            path = place / name
            if not path.exists():
                continue
            content = _read(path)
            if content is not None and content[:_DIGEST] != origin:  # of other sources
                continue
            try:
                if content is None:
                    raise ValueError("checksum")
                result = CompileResult._rebuild(target_context, *pickle.loads(content[_DIGEST:]))
            except Exception:  # the checksum is right, but it cannot be unpickled: written with another NumPy, for instance
                if not tally.damaged:
                    _log.warning("fmg: compiled kernels in %s are damaged; they are deleted and compiled again", place)
                tally.damaged += 1
                with contextlib.suppress(OSError):
                    path.unlink()
                continue
            tally.loaded += 1
            tally.place = place
            return result
        return None

    def save_overload(self, sig: Any, data: CompileResult) -> None:
        """Store a compiled kernel, if possible."""
        tally.compiled += 1
        if not self._enabled:
            return
        name, origin = self._names(sig, data.codegen)
        rest = origin + dumps(data._reduce())
        content = hashlib.sha256(rest).digest() + rest
        refusal = ""
        for place in places():
            try:
                _write(place / name, content)
            except OSError as error:
                refusal = refusal or f"{place}: {error.strerror or error}"
            else:
                tally.place = place
                return
        if not tally.refusal:
            _log.warning(
                "fmg: compiled kernels cannot be stored (%s): every start compiles them again, which takes some "
                "seconds; set NUMBA_CACHE_DIR to a folder with room",
                refusal,
            )
        tally.refusal = tally.refusal or refusal

    def _names(self, sig: Any, codegen: Any) -> tuple[str, bytes]:
        """File name, by kernel, signature, processor and Python; digest of what the machine code was made from."""
        function = self._function
        machine = repr((sig, codegen.magic_tuple(), sys.version_info[:2], getattr(sys, "abiflags", "")))
        kind = hashlib.sha256(machine.encode()).hexdigest()[:12]
        origin = repr((machine, numba.__version__, self._made_by, _source(function.__code__.co_filename)))
        module = function.__module__.rpartition(".")[2]
        return f"{module}.{function.__qualname__}-{kind}{SUFFIX}", hashlib.sha256(origin.encode()).digest()


@functools.cache
def _source(path: str) -> str:
    """Digest of a module's source. In the application paths are relative to its folder."""
    return hashlib.sha256((Path(__file__).parents[2] / path).read_bytes()).hexdigest()


def _read(path: Path) -> bytes | None:
    """The content after the checksum; None for a damaged file."""
    try:
        content = path.read_bytes()
    except OSError:
        return None
    rest = content[_DIGEST:]
    return rest if len(rest) > _DIGEST and hashlib.sha256(rest).digest() == content[:_DIGEST] else None


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with written_whole(path) as file:
            file.write(content)
    except PermissionError as error:
        # Windows refuses the renaming (two names) while another process reads the file that it has just written itself.
        if error.filename2 is None or not path.exists():
            raise
