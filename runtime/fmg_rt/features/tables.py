"""Windows, transform factors and mel filters: computed in float64, rounded once where a kernel wants float32."""

import numpy as np


def hann_window(n: int) -> np.ndarray:
    """Periodic Hann window, (n,) float64."""
    return 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n) / n)


def mel_filters(sample_rate: int, n_fft: int, n_mels: int) -> np.ndarray:
    """Triangular filters of equal area from 0 Hz to half the sample rate, (n_mels, n_fft // 2 + 1) float32.

    The mel scale is linear below 1 kHz (3 mel per 200 Hz) and logarithmic above (27 mel per factor 6.4); each triangle
    is divided by half its width in Hz.

    References: M. Slaney, Auditory Toolbox, Interval Research Technical Report 1998-010.
    """
    step = np.log(6.4) / 27
    top = 15 + np.log(sample_rate / 2 / 1000) / step
    mels = np.linspace(0, top, n_mels + 2)
    edges = np.where(mels < 15, mels * 200 / 3, 1000 * np.exp(step * (mels - 15)))  # (n_mels + 2,) Hz
    lower, centre, upper = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    frequencies = np.arange(n_fft // 2 + 1) * sample_rate / n_fft
    rising = (frequencies - lower) / (centre - lower)
    falling = (upper - frequencies) / (upper - centre)
    return (np.maximum(0, np.minimum(rising, falling)) * 2 / (upper - lower)).astype(np.float32)


def split_dft(n_rows: int, n_columns: int, n_lanes: int) -> tuple[np.ndarray, ...]:
    """Factors of a real transform of ``n_rows · n_columns`` points done as two small transforms, float64.

    With n = n_columns·r + c and k = a + n_rows·b,
    X[k] = Σ_c exp(-2πi bc / n_columns) · twiddles[a, c] · Σ_r exp(-2πi ar / n_rows) · x[n].
    A real signal needs a = 0 … n_rows / 2 only, and the sums and differences of the terms r and n_rows - r (likewise
    c and n_columns - c) need the cosines and sines of half the terms only. The last axis of what is indexed by c or b
    is padded with zeros to `n_lanes` or half of it, whole vectors of any machine.

    Returns
    -------
    row_cosines, row_sines : (n_rows // 2 + 1, n_rows // 2 + 1), indexed [a, r].
    twiddles : (2, n_rows // 2 + 1, n_lanes), real and imaginary parts.
    column_cosines, column_sines : (n_columns // 2 + 1, n_lanes // 2), indexed [c, b].

    References: J. Cooley and J. Tukey, Mathematics of Computation 19 (1965), the factorisation n = r · s.
    """

    def angles(n_left: int, n_right: int, period: int) -> np.ndarray:
        return 2 * np.pi * (np.outer(np.arange(n_left), np.arange(n_right)) % period) / period

    def padded(table: np.ndarray, width: int) -> np.ndarray:
        return np.pad(table, ((0, 0), (0, width - table.shape[1])))

    n_half, n_pairs = n_rows // 2 + 1, n_columns // 2 + 1
    row = angles(n_half, n_half, n_rows)
    twiddle = angles(n_half, n_columns, n_rows * n_columns)
    column = angles(n_pairs, n_pairs, n_columns)
    return (
        np.cos(row),
        np.sin(row),
        np.stack([padded(np.cos(twiddle), n_lanes), padded(-np.sin(twiddle), n_lanes)]),
        padded(np.cos(column), n_lanes // 2),
        padded(np.sin(column), n_lanes // 2),
    )


def sparse_bands(filters: np.ndarray, n_rows: int, n_columns: int, n_lanes: int) -> tuple[np.ndarray, ...]:
    """The non-zero entries of `filters` (n_mels, n_bins), addressed as the transform by `split_dft` leaves the bins.

    Bin a + n_rows·b lies at [0, a, b], bin a + n_rows·(n_columns - b) at [1, a, b].

    Returns
    -------
    starts : (n_mels + 1,) int32, first entry of each band.
    places : (entries,) int32, index into the flattened (2, n_rows // 2 + 1, n_lanes // 2) power.
    gains : (entries,) float32.
    """
    bands, bins = np.nonzero(filters)
    n_fft = 2 * (filters.shape[1] - 1)
    mirrored = bins % n_rows > n_rows // 2  # that bin is the conjugate of bin n_fft - k
    k = np.where(mirrored, n_fft - bins, bins)
    a, b = k % n_rows, k // n_rows
    second = b > n_columns // 2
    places = np.where(second, n_rows // 2 + 1 + a, a) * (n_lanes // 2) + np.where(second, n_columns - b, b)
    starts = np.searchsorted(bands, np.arange(filters.shape[0] + 1))
    return starts.astype(np.int32), places.astype(np.int32), filters[bands, bins].astype(np.float32)
