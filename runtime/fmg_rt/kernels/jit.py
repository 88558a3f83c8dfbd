"""Compile flags and array types of every kernel, here and nowhere else.

A kernel is decorated with ``@kernel(signature)``: compiled for exactly that signature when its module is
imported, cached on disk, without bounds checks, holding no GIL. ``fast_kernel`` also lets the compiler
reorder sums (``reassoc``): use it where a bench shows the gain and parity holds.
"""

from numba import config, njit
from numba.core.codegen import get_host_cpu_features
from numba.types import Array, complex64, float32, float64, int32, int64, uint16, void

__all__ = [
    "BF16", "C64", "F32", "F64", "I32", "I64", "IN1", "IN2", "IN3", "OUT1", "OUT2", "OUT3", "VOID",
    "array_in", "array_out", "fast_kernel", "kernel",
]  # fmt: skip

F32, F64, I32, I64, C64, VOID = float32, float64, int32, int64, complex64, void
BF16 = uint16
"""A bfloat16 by its bits: the upper half of a float32."""


def array_in(dtype, ndim):
    """A C-contiguous array that the kernel only reads."""
    return Array(dtype, ndim, "C", readonly=True)


def array_out(dtype, ndim):
    """A C-contiguous array that the kernel writes."""
    return Array(dtype, ndim, "C")


IN1, IN2, IN3 = (array_in(float32, n) for n in (1, 2, 3))
OUT1, OUT2, OUT3 = (array_out(float32, n) for n in (1, 2, 3))


def _wide_vectors() -> None:
    """Let LLVM use vectors of 512 bits where they cost no clock rate: on processors that know bfloat16, not on older ones.

    By itself LLVM halves them for Intel's processors, new and old. With whole ones the network takes three quarters of the time
    and `fmg-rt bake` nine tenths (Intel Xeon with AMX).
    """
    features = get_host_cpu_features()
    if "+avx512bf16" in features and config.CPU_FEATURES is None and config.CPU_NAME is None:
        config.CPU_FEATURES = f"{features},-prefer-256-bit"


_wide_vectors()

_FLAGS = {"cache": True, "nogil": True, "boundscheck": False, "error_model": "numpy"}


def kernel(signature):
    """Compile for `signature` at import, cached."""
    return njit(signature, **_FLAGS)


def fast_kernel(signature):
    """As `kernel`, and sums may be reordered: ``reassoc`` keeps ``isfinite`` and signed zeros, full fastmath does not."""
    return njit(signature, fastmath={"reassoc", "contract"}, **_FLAGS)
