"""What a whole program may decide for its process, and a library may not. Only `fmg-rt` uses it."""

import contextlib
import sys
from collections.abc import Iterator


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
