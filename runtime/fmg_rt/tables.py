"""Windows, transform factors and mel filters: computed in float64, rounded to float32 once."""

import numpy as np


def hann_window(n: int) -> np.ndarray:
    """Periodic Hann window, (n,) float32."""
    return (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n) / n)).astype(np.float32)


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


def split_dft(n_rows: int, n_columns: int, n_lanes: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Factors of a real transform of ``n_rows · n_columns`` points done as two small matrix products.

    With n = n_columns·r + c and k = a + n_rows·b,
    X[k] = Σ_c columns[c, b] · twiddles[a, c] · Σ_r rows[a, r] · x[n]. A real signal needs a = 0 … n_rows / 2 only.
    The last axis of the tables over c and over b is padded with zeros to `n_lanes`, whole vectors of any machine.

    Returns
    -------
    rows : (2, n_rows // 2 + 1, n_rows) float32, real and imaginary parts.
    twiddles : (2, n_rows // 2 + 1, n_lanes) float32.
    columns : (2, n_columns, n_lanes) float32.

    References: J. Cooley and J. Tukey, Mathematics of Computation 19 (1965), the factorisation n = r · s.
    """
    n = n_rows * n_columns
    a, c = np.arange(n_rows // 2 + 1), np.arange(n_columns)

    def parts(left: np.ndarray, right: np.ndarray, period: int, width: int) -> np.ndarray:
        table = np.zeros((2, len(left), width), np.float32)
        angle = -2 * np.pi * (np.outer(left, right) % period) / period  # reduced first: exact for large products
        table[0, :, : len(right)], table[1, :, : len(right)] = np.cos(angle), np.sin(angle)
        return table

    return (parts(a, np.arange(n_rows), n_rows, n_rows), parts(a, c, n, n_lanes), parts(c, c, n_columns, n_lanes))


def sparse_bands(filters: np.ndarray, n_rows: int, n_lanes: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The non-zero entries of `filters` (n_mels, n_bins) addressed in the bin order that `split_dft` leaves.

    Returns
    -------
    starts : (n_mels + 1,) int32, first entry of each band.
    places : (entries,) int32, index into the flattened (n_rows // 2 + 1, n_lanes) power.
    gains : (entries,) float32.
    """
    bands, bins = np.nonzero(filters)
    n_fft = 2 * (filters.shape[1] - 1)
    mirrored = bins % n_rows > n_rows // 2  # that bin is the conjugate of bin n_fft - k
    k = np.where(mirrored, n_fft - bins, bins)
    places = (k % n_rows) * n_lanes + k // n_rows
    starts = np.searchsorted(bands, np.arange(filters.shape[0] + 1))
    return starts.astype(np.int32), places.astype(np.int32), filters[bands, bins].astype(np.float32)
