"""What a whole program may decide for its process, and a library may not. Only `fmg-rt` uses it."""

import atexit
import contextlib
import logging
import os
import sys
import threading
from collections.abc import Callable, Iterator

_log = logging.getLogger(__name__)


def prepare() -> None:
    """Prepare a process for output: existing streams, an encoding for every name, a compiler that runs.

    A windowed program has no streams (``sys.stderr is None``), and so has one started with them closed: what is opened next
    would then get their numbers, and a library's warning would land in a recording.
    """
    if os.name == "posix":
        with contextlib.suppress(OSError):
            while (number := os.open(os.devnull, os.O_RDWR)) <= 2:
                os.set_inheritable(number, True)
            os.close(number)
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115
        elif hasattr(stream, "reconfigure"):
            # Names of files and devices may hold letters that this console, or any, lacks.
            stream.reconfigure(errors="backslashreplace")
    if os.environ.get("NUMBA_DISABLE_JIT", "0") not in ("", "0"):
        # Before Numba is imported, which reads it once; other processes of ours inherit this.
        os.environ["NUMBA_DISABLE_JIT"] = "0"
        _log.warning("NUMBA_DISABLE_JIT is ignored: without the compiler a frame would take two seconds")

    atexit.unregister(_quiet_end)
    atexit.register(_quiet_end)


def end_without_output(line: str) -> None:
    """Say why, where that is possible, and let nothing more be written to a standard output that takes nothing."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        print(line, file=sys.stderr, flush=True)
    with contextlib.suppress(OSError, ValueError, AttributeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _quiet_end() -> None:
    """Let no library complain of what a thread still holds that waits for a pipe or a name server, and is left behind."""
    if any(thread.daemon for thread in threading.enumerate()):
        with contextlib.suppress(OSError, ValueError, AttributeError):
            sys.stderr.flush()
            os.dup2(os.open(os.devnull, os.O_WRONLY), 2)


@contextlib.contextmanager
def remarks_to(report: Callable[[str], None]) -> Iterator[None]:
    """Let what the library remarks (`logging`) be told by `report` instead of written over the status line."""

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            report(record.getMessage())

    logger, handler = logging.getLogger(__package__.partition(".")[0]), Handler(logging.WARNING)
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)


@contextlib.contextmanager
def without_scipy() -> Iterator[None]:
    """Keep Numba from loading SciPy's linear algebra: 0.05 to 0.1 s and 16 MB for what no kernel uses.

    The program may decide that for itself; `kernels.jit`, imported by others, may not take `np.dot` from their kernels.
    """
    if "scipy" in sys.modules:
        yield
        return
    sys.modules["scipy"] = None  # type: ignore[assignment]  # makes its import fail, which Numba is prepared for
    try:
        yield
    finally:
        del sys.modules["scipy"]


@contextlib.contextmanager
def fine_waits() -> Iterator[None]:
    """Make the waits of this process exact to about 1 ms; Windows rounds them up to 15.6 ms unless asked.

    References
    ----------
    Microsoft, `timeBeginPeriod` (timeapi.h).
    """
    if sys.platform != "win32":
        yield
        return
    import ctypes

    ctypes.windll.winmm.timeBeginPeriod(1)
    try:
        yield
    finally:
        ctypes.windll.winmm.timeEndPeriod(1)
