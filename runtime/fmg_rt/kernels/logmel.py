"""One log-mel frame of 400 samples: window, real transform as two small matrix products, sparse mel bands, logarithm.

400 = 16 · 25. Each product keeps its long axis in 32 lanes (25 used), so that the inner loops are whole vectors without a
remainder; at this size that beats a fast transform's short butterflies.
"""

import math

import numpy as np

from .jit import F32, I32, IN1, IN2, IN3, OUT1, OUT2, OUT3, VOID, array_in, fast_kernel, kernel

N_ROWS, N_COLUMNS, N_LANES = 16, 25, 32
N_HALF = N_ROWS // 2 + 1
ZERO, ONE = np.float32(0), np.float32(1)
IN_INDEX = array_in(I32, 1)


@kernel(VOID(IN1, OUT1))
def push_hop(hop, samples):
    """Move `samples` (n,) up by the length of `hop` and append it, clipped to [-1, 1]; one that is not finite is silence."""
    n_hop = hop.shape[0]
    n_old = samples.shape[0] - n_hop
    for i in range(n_old):
        samples[i] = samples[i + n_hop]
    finite = True
    for i in range(n_hop):
        finite &= math.isfinite(hop[i])
    for i in range(n_hop):
        samples[n_old + i] = min(max(hop[i], -ONE), ONE) if finite else ZERO


@fast_kernel(VOID(IN2, IN3, IN3, IN3, IN1, OUT2, OUT3, OUT2))
def power_spectrum(window, rows, twiddles, columns, samples, grid, partial, power):
    """Power of samples[:400] in the order of `tables.split_dft`.

    window (16, 32), zero from column 25; rows (2, 9, 16); twiddles (2, 9, 32); columns (2, 25, 32); samples (≥ 407,);
    scratch: grid (16, 32), partial (2, 9, 32); power (9, 32): bin a + 16·b at [a, b], b < 25.
    """
    for r in range(N_ROWS):
        for j in range(N_LANES):  # the zeros of the window hide what j ≥ 25 reads from the next row
            grid[r, j] = window[r, j] * samples[N_COLUMNS * r + j]
    # partial (9, 32) = twiddles (9, 32) * (rows (9, 16) @ grid (16, 32)), complex
    for a in range(N_HALF):
        for j in range(N_LANES):
            re, im = ZERO, ZERO
            for r in range(N_ROWS):
                re += rows[0, a, r] * grid[r, j]
                im += rows[1, a, r] * grid[r, j]
            partial[0, a, j] = re * twiddles[0, a, j] - im * twiddles[1, a, j]
            partial[1, a, j] = re * twiddles[1, a, j] + im * twiddles[0, a, j]
    # power (9, 32) = |partial (9, 25) @ columns (25, 32)|², complex
    for a in range(N_HALF):
        for j in range(N_LANES):
            re, im = ZERO, ZERO
            for c in range(N_COLUMNS):
                re += partial[0, a, c] * columns[0, c, j] - partial[1, a, c] * columns[1, c, j]
                im += partial[0, a, c] * columns[1, c, j] + partial[1, a, c] * columns[0, c, j]
            power[a, j] = re * re + im * im


@kernel(VOID(IN_INDEX, IN_INDEX, IN1, F32, IN1, OUT1))
def log_bands(starts, places, gains, offset, power, out):
    """out (n_mels,) = ln(filters @ power + offset); the filters as `tables.sparse_bands` lists them, power flattened."""
    for band in range(out.shape[0]):
        total = ZERO
        for i in range(starts[band], starts[band + 1]):
            total += gains[i] * power[places[i]]
        out[band] = math.log(total + offset)
