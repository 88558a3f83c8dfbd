"""Numba kernels: pure functions on arrays."""
