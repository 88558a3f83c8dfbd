"""One log-mel frame of 400 samples: window, real transform, sparse mel bands, logarithm.

400 = 16 · 25: two small transforms by direct sums, each with its long axis in 32 or 16 lanes, so that the inner loops
are whole vectors without a remainder; at this size that beats the short butterflies of a fast transform. The sums are
in float64: in float32 their noise moves the bands that lie 100 dB below the loudest one by 1e-3.
"""

import math

import numpy as np

from .jit import F32, F64, I32, I64, IN1, OUT1, OUT3, VOID, array_in, array_out, fast_part, kernel, part

N_ROWS, N_COLUMNS, N_LANES = 16, 25, 32
N_HALF, N_PAIRS = N_ROWS // 2 + 1, N_COLUMNS // 2 + 1
ZERO, ONE, NOTHING = np.float32(0), np.float32(1), np.float64(0)
IN_INDEX = array_in(I32, 1)
IN_EXACT2, IN_EXACT3, OUT_EXACT2, OUT_EXACT3 = (make(F64, n) for make in (array_in, array_out) for n in (2, 3))
IN_EXACT, OUT_EXACT = array_in(F64, 1), array_out(F64, 1)
# Where things lie in one array each, because every array costs 50 ns a call: tables, scratch, and what a stream keeps.
TABLES = (N_ROWS * N_LANES, N_HALF**2, N_HALF**2, 2 * N_HALF * N_LANES, N_PAIRS * N_LANES // 2, N_PAIRS * N_LANES // 2)
"""Numbers of window, row cosines and sines, twiddles, column cosines and sines, in this order."""
N_FOLDED = 2 * N_HALF * N_LANES
N_SCRATCH = 2 * N_FOLDED + 4 * N_PAIRS
N_SAMPLES, N_POWER = 480, N_HALF * N_LANES
N_MEMORY = N_SAMPLES + N_POWER
_WINDOW, _ROW_COSINES, _ROW_SINES, _TWIDDLES, _COLUMN_COSINES, _COLUMN_SINES = (sum(TABLES[: i + 1]) for i in range(6))


@part(VOID(IN1, OUT1))
def push_hop(hop, samples):
    """Move `samples` (n,) up by the length of `hop` and append it, clipped to [-1, 1]; silence if it is not finite."""
    n_hop = hop.shape[0]
    n_old = samples.shape[0] - n_hop
    for i in range(n_old):
        samples[i] = samples[i + n_hop]
    finite = True
    for i in range(n_hop):
        finite &= math.isfinite(hop[i])
    for i in range(n_hop):
        samples[n_old + i] = min(max(hop[i], -ONE), ONE) if finite else ZERO


@fast_part(VOID(IN_EXACT2, IN1, OUT_EXACT3))
def fold_rows(window, samples, folded):
    """Window samples (≥ 407,) as 16 rows of 25; folded (2, 9, 32): sums and differences of the rows r and 16 - r.

    window (16, 32) is zero from column 25, which hides what lane 25 and later read of the next row.
    """
    half = N_ROWS // 2
    for j in range(N_LANES):
        folded[0, 0, j] = window[0, j] * samples[j]
        folded[0, half, j] = window[half, j] * samples[half * N_COLUMNS + j]
        folded[1, 0, j] = folded[1, half, j] = NOTHING
    for r in range(1, half):
        m = N_ROWS - r
        for j in range(N_LANES):
            upper, lower = window[r, j] * samples[r * N_COLUMNS + j], window[m, j] * samples[m * N_COLUMNS + j]
            folded[0, r, j] = upper + lower
            folded[1, r, j] = upper - lower


@fast_part(VOID(IN_EXACT2, IN_EXACT2, IN_EXACT3, IN_EXACT3, OUT_EXACT3))
def transform_rows(cosines, sines, twiddles, folded, partial):
    """partial (2, 9, 32) = twiddles (2, 9, 32) times the 16-point transforms of the columns of folded (2, 9, 32)."""
    for a in range(N_HALF):
        for j in range(N_LANES):
            re, im = NOTHING, NOTHING
            for r in range(N_HALF):
                re += cosines[a, r] * folded[0, r, j]
                im -= sines[a, r] * folded[1, r, j]
            partial[0, a, j] = re * twiddles[0, a, j] - im * twiddles[1, a, j]
            partial[1, a, j] = re * twiddles[1, a, j] + im * twiddles[0, a, j]


@fast_part(VOID(IN_EXACT2, IN_EXACT2, IN_EXACT3, OUT_EXACT2, OUT3))
def transform_columns(cosines, sines, partial, pairs, power):
    """power (2, 9, 16) of the 25-point transforms of the rows of partial: bin a + 16·b at [0, a, b], -b at [1, a, b].

    cosines, sines (13, 16); scratch: pairs (4, 13), sums and differences of the terms c and 25 - c.
    """
    for a in range(N_HALF):
        pairs[0, 0], pairs[1, 0] = partial[0, a, 0], partial[1, a, 0]
        pairs[2, 0] = pairs[3, 0] = NOTHING
        for c in range(1, N_PAIRS):
            m = N_COLUMNS - c
            pairs[0, c] = partial[0, a, c] + partial[0, a, m]
            pairs[1, c] = partial[1, a, c] + partial[1, a, m]
            pairs[2, c] = partial[0, a, c] - partial[0, a, m]
            pairs[3, c] = partial[1, a, c] - partial[1, a, m]
        for b in range(N_LANES // 2):
            even_re, even_im, odd_re, odd_im = NOTHING, NOTHING, NOTHING, NOTHING
            for c in range(N_PAIRS):
                even_re += cosines[c, b] * pairs[0, c]
                even_im += cosines[c, b] * pairs[1, c]
                odd_re += sines[c, b] * pairs[3, c]
                odd_im -= sines[c, b] * pairs[2, c]
            re, im = even_re + odd_re, even_im + odd_im
            power[0, a, b] = re * re + im * im
            re, im = even_re - odd_re, even_im - odd_im
            power[1, a, b] = re * re + im * im


@part(VOID(IN_INDEX, IN_INDEX, IN1, F32, IN1, OUT1))
def log_bands(starts, places, gains, offset, power, out):
    """out (n_mels,) = ln(filters @ power + offset); filters as `tables.sparse_bands` lists them, power flattened."""
    for band in range(out.shape[0]):
        total = ZERO
        for i in range(starts[band], starts[band + 1]):
            total += gains[i] * power[places[i]]
        out[band] = math.log(total + offset)


@kernel(VOID(IN_EXACT, IN_INDEX, IN_INDEX, IN1, F32, I64, IN1, OUT1, OUT_EXACT, OUT1))
def log_mel_hop(tables, starts, places, gains, offset, full, hop, memory, scratch, frame):
    """Take a hop (160,); with a `full` window (not 0) overwrite `frame` (80,).

    tables: flat, see `TABLES`; starts, places, gains: the mel bands; memory (N_MEMORY,): the newest samples, and room for
    the power; scratch (N_SCRATCH,).
    """
    samples, power = memory[:N_SAMPLES], memory[N_SAMPLES:]
    push_hop(hop, samples)
    if full == 0:
        return
    window = tables[:_WINDOW].reshape((N_ROWS, N_LANES))
    row_cosines = tables[_WINDOW:_ROW_COSINES].reshape((N_HALF, N_HALF))
    row_sines = tables[_ROW_COSINES:_ROW_SINES].reshape((N_HALF, N_HALF))
    twiddles = tables[_ROW_SINES:_TWIDDLES].reshape((2, N_HALF, N_LANES))
    column_cosines = tables[_TWIDDLES:_COLUMN_COSINES].reshape((N_PAIRS, N_LANES // 2))
    column_sines = tables[_COLUMN_COSINES:_COLUMN_SINES].reshape((N_PAIRS, N_LANES // 2))
    folded = scratch[:N_FOLDED].reshape((2, N_HALF, N_LANES))
    partial = scratch[N_FOLDED : 2 * N_FOLDED].reshape((2, N_HALF, N_LANES))
    pairs = scratch[2 * N_FOLDED :].reshape((4, N_PAIRS))
    fold_rows(window, samples, folded)
    transform_rows(row_cosines, row_sines, twiddles, folded, partial)
    transform_columns(column_cosines, column_sines, partial, pairs, power.reshape((2, N_HALF, N_LANES // 2)))
    log_bands(starts, places, gains, offset, power, frame)
