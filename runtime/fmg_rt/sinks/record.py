"""Frames to a file that loses as little as can be: on disk every second, whole when it ends, recovered when it was cut."""

import os
import threading
from collections import deque
from pathlib import Path
from typing import BinaryIO

from ..errors import FmgError
from ..files import lock, numbered, written_whole
from ..frame import Frame
from .formats import FORMATS, CsvFormat, JsonlFormat, journal_of
from .rows import Format, JournalFormat

_EVERY = 1.0
"""Seconds between two times that what came is written and the disk is waited for."""
_MOST_WAITING = 100_000
"""Frames, almost an hour at 30 Hz and some 60 MB, that may wait for a disk that does not answer."""


class RecordError(FmgError):
    """A recording cannot be begun, continued or finished; the text says which, why, and where that is which was saved."""


class Recorder:
    """A sink that writes `path` in one of `formats.FORMATS`.

    The rows go to ``path.part``, which becomes the file when the recording is closed. A thread writes them once a second
    and waits for the disk, so `send` never waits, and a power loss takes one second. The part is locked: another program
    that records to the same name takes another. A part that a killed program left behind is first made a file of its own.

    Parameters
    ----------
    overwrite : replace what has that name, and the part that was left of it. Otherwise a number is added to the name.
    all_or_nothing : when the disk is full leave nothing. Otherwise what was written stays.

    Attributes
    ----------
    path : the name that the file will have.
    notes : lines that a person wants to know at the start.

    Raises
    ------
    RecordError
        The file cannot be written; also from `send` and `close`. What was written and stays is named.
    """

    live = False
    address: tuple[str, int] | None = None

    def __init__(
        self, path: str | os.PathLike[str], format: str, rate: float, overwrite: bool = False, all_or_nothing: bool = False
    ):
        wanted = Path(path)
        self.notes: list[str] = []
        self._overwrite, self._all_or_nothing = overwrite, all_or_nothing
        self._format = FORMATS[format](rate)
        if wanted.is_dir():
            raise RecordError(f"cannot write {wanted}: it is a folder")
        if wanted.exists() and not wanted.is_file():  # which a file would replace
            raise RecordError(f"cannot write {wanted}: it is a device or a pipe; name a file")
        try:
            self.path, self._file = self._open(wanted)
        except OSError as error:
            raise RecordError(f"cannot write {wanted}: {error.strerror or error}") from error
        if self.path != wanted:
            self.notes.append(f"{wanted} is there already or being recorded: this goes to {self.path}")
        self.name = f"record {self.path}"
        self._waiting = deque([self._format.heading])
        self._n_written = 0  # bytes
        self._error: OSError | None = None
        self._ends = threading.Event()
        self._writer = threading.Thread(target=self._write, name="fmg recording", daemon=True)
        self._writer.start()

    def _open(self, wanted: Path) -> tuple[Path, BinaryIO]:
        """The name to take and its part, empty, open and locked."""
        names = numbered(wanted)
        path = next(names)
        while True:
            part = _part(path)
            if self._overwrite or part.exists() or not path.exists():
                file = _claim(part)
                if file is None and self._overwrite:
                    raise RecordError(f"cannot write {path}: another program is recording to it")
                if file is not None and not self._overwrite and os.fstat(file.fileno()).st_size:
                    self._recover(part, file, wanted)  # after which there is no such part
                    continue
                if file is not None and (self._overwrite or not path.exists()):
                    if os.fstat(file.fileno()).st_size:
                        file.truncate(0)
                    return path, file
                if file is not None:
                    file.close()
                    part.unlink()
            path = next(names)

    def _recover(self, part: Path, file: BinaryIO, wanted: Path) -> None:
        """Make a part that was left behind a file of its own; one that cannot be made one keeps its rows, out of the way."""
        journal = journal_of(file)
        size, n = _kind(file, journal).whole(file, file.seek(0, os.SEEK_END))
        target = _free(wanted)
        try:
            if n == 0:
                part.unlink()
                return
            if journal is not None:
                with written_whole(target, durable=True) as whole:
                    journal.finish(file, whole)
                part.unlink()
            else:
                file.truncate(size)
                file.close()  # Windows renames no open file
                os.replace(part, target)
            self.notes.append(f"an earlier recording that was cut off is in {target}, {n} frames")
        except OSError as error:
            kept = _free(part.with_name(part.name + ".kept"))
            file.close()
            os.replace(part, kept)
            self.notes.append(
                f"an earlier recording that was cut off cannot be finished ({error.strerror or error}); it is kept as {kept}"
            )
        finally:
            file.close()

    def send(self, frame: Frame) -> None:
        """Take the next frame."""
        if self._file.closed:
            raise RecordError(f"{self.path} is closed")
        if self._error is not None:
            self._give_up(self._error)
        if len(self._waiting) > _MOST_WAITING:
            raise RecordError(f"cannot write {self.path}: the disk does not answer; what it has taken is in {_part(self.path)}")
        self._waiting.append(self._format.row(frame))

    def close(self) -> None:
        """Finish the file and give it its name; a second call does nothing."""
        if self._file.closed:
            return
        self._stop()
        if self._error is not None:
            self._give_up(self._error)
        try:
            self._deliver()
        except OSError as error:  # no room for a second file; on Windows: another program has the first one open
            why = f"cannot write {self.path}: {error.strerror or error}"
            if self._all_or_nothing:
                _part(self.path).unlink(missing_ok=True)
                raise RecordError(why) from error
            raise RecordError(f"{why}; {_where(self.path)}") from error

    def discard(self) -> None:
        """Stop without leaving a file."""
        if self._file.closed:
            return
        self._stop()
        self._file.close()
        _part(self.path).unlink(missing_ok=True)

    def _write(self) -> None:
        """The thread: write what waits, once a second."""
        ended = False
        while not ended:
            ended = self._ends.wait(_EVERY)
            data = memoryview(b"".join([self._waiting.popleft() for _ in range(len(self._waiting))]))
            try:
                while data:
                    n = self._file.write(data)
                    self._n_written += n
                    data = data[n:]
                os.fsync(self._file.fileno())
            except OSError as error:
                self._error = error
                return

    def _stop(self) -> None:
        self._ends.set()
        self._writer.join()

    def _deliver(self) -> None:
        """Make the part the file."""
        part = _part(self.path)
        target = self.path if self._overwrite else _free(self.path)  # which someone else may have written meanwhile
        try:
            if isinstance(self._format, JournalFormat):
                with written_whole(target, durable=True) as whole:
                    self._format.finish(self._file, whole)
        finally:
            self._file.close()
        if isinstance(self._format, JournalFormat):
            part.unlink()
        else:
            os.replace(part, target)
        self.path = target

    def _give_up(self, error: OSError) -> None:
        """Save what there is, and say where it is."""
        self._stop()
        why = f"cannot write {self.path}: {error.strerror or error}"
        size, n = self._format.whole(self._file, self._n_written)
        if n == 0 or self._all_or_nothing:
            self.discard()
            raise RecordError(f"{why}; nothing was recorded") from error
        self._file.truncate(size)
        until = f"{why}; the recording ends after {n / self._format.rate:.1f} s"
        try:
            self._deliver()
        except OSError:
            raise RecordError(f"{until}; {_where(self.path)}") from error
        raise RecordError(f"{until} and is in {self.path}") from error


def _part(path: Path) -> Path:
    return path.with_name(path.name + ".part")


def _where(path: Path) -> str:
    return f"it is in {_part(path)}, of which the next recording to {path} makes a file"


def _free(path: Path) -> Path:
    """The first of the numbered names that nothing has."""
    return next(p for p in numbered(path) if not p.exists())


def _claim(part: Path) -> BinaryIO | None:
    """Open and lock a part, made if need be; None when it is being recorded to."""
    while True:
        # Not truncated, not buffered: what was written is in the file, whatever becomes of this program.
        file = open(os.open(part, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o666), "r+b", buffering=0)
        if not lock(file):
            file.close()
            return None
        try:
            if os.path.samestat(os.fstat(file.fileno()), os.stat(part)):
                return file
        except FileNotFoundError:
            pass
        file.close()  # between the two lines it became a file


def _kind(file: BinaryIO, journal: JournalFormat | None) -> type[Format]:
    """The format of a part, as far as its rows go."""
    if journal is not None:
        return type(journal)
    file.seek(0)
    return JsonlFormat if file.read(1) == b"{" else CsvFormat
