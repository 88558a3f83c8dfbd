"""Formants of one 20 ms frame: 11 kHz by partial inverse transform, linear prediction, roots.

The signal at 11 kHz holds nothing above 3.4 kHz, so the autocorrelation matrix is nearly singular and rounding decides
the answer: everything from the transform (`egemaps_split`) to the prediction is float32, each sum in one stated order,
nothing fused or reordered.

References
----------
Makhoul, Linear prediction: a tutorial review, Proc. IEEE 1975 (Levinson-Durbin). Aberth, Iteration methods for finding
all zeros of a polynomial simultaneously, Math. Comp. 1973.
"""

import numpy as np

from .jit import F32, F64, I64, IN1, IN2, OUT1, OUT2, VOID, array_in, array_out, part

ZERO, ONE = np.float32(0), np.float32(1)
SCALE = np.float32(1.0 / 256.0)
ORDER = 11
N_SAMPLES = 220
N_BINS = 109
NONE64, ONE64 = np.float64(0), np.float64(1)
RADIANS_TO_HZ = np.float64(11_000 / (2 * np.pi))
LOG_TO_HZ = np.float64(11_000 / np.pi)
LOWEST_HZ, HIGHEST_HZ = np.float64(50), np.float64(5450)
CONVERGED = np.float64(1e-18)
MAX_ITERATIONS = 60


@part(VOID(IN2, IN2, IN2, OUT1))
def resample(cos, sin, spectrum, out):
    """out (231,) = 220 samples at 11 kHz of a frame's spectrum (2, 257), exp(+ i w t), then zeros. cos, sin (109, 220)."""
    for i in range(N_SAMPLES):
        out[i] = spectrum[0, 0]
    for k in range(N_BINS):
        re, im = spectrum[0, k + 1], spectrum[1, k + 1]
        for i in range(N_SAMPLES):
            out[i] = (out[i] + re * cos[k, i]) + im * sin[k, i]
    for i in range(N_SAMPLES):
        out[i] *= SCALE
    out[N_SAMPLES:] = ZERO


@part(I64(IN1, OUT2, OUT1))
def predict(x, scratch, out):
    """Prediction coefficients out (11,) of x (231,), A(z) = 1 + sum out_i z^-(i+1); 0 for silence. scratch (2, 12)."""
    r, previous = scratch[0], scratch[1]
    r[:] = ZERO
    for i in range(N_SAMPLES):
        for lag in range(ORDER + 1):
            r[lag] += x[i] * x[i + lag]
    out[:] = ZERO
    error = r[0]
    if error == ZERO:
        return 0
    for i in range(ORDER):
        k = r[i + 1]
        for j in range(i):
            k += out[j] * r[i - j]
        k = -k * (ONE / error)
        for j in range(i):
            previous[j] = out[j]
        for j in range(i):
            out[j] = previous[j] + k * previous[i - 1 - j]
        out[i] = k
        error *= ONE - k * k
        if error == ZERO:
            break
    return 1


@part(VOID(array_in(F64, 2), IN1, array_out(F64, 2)))
def roots(start, coefficients, z):
    """Zeros of z^11 - c_0 z^10 - ... - c_10 by Aberth's iteration, all at once.

    start (2, 12): where the iteration begins, no two conjugate; coefficients (11,); z (8, 12): the first two rows receive
    real and imaginary parts of the 11 zeros; the rest is scratch.
    """
    p_re, p_im, d_re, d_im, s_re, s_im = z[2], z[3], z[4], z[5], z[6], z[7]
    for i in range(ORDER):
        z[0, i], z[1, i] = start[0, i], start[1, i]
    for _ in range(MAX_ITERATIONS):
        for i in range(ORDER):  # Horner: polynomial and derivative
            p_re[i], p_im[i], d_re[i], d_im[i] = ONE64, NONE64, NONE64, NONE64
        for c in range(ORDER):
            coefficient = F64(coefficients[c])
            for i in range(ORDER):
                x, y = z[0, i], z[1, i]
                t = d_re[i] * x - d_im[i] * y + p_re[i]
                d_im[i] = d_re[i] * y + d_im[i] * x + p_im[i]
                d_re[i] = t
                t = p_re[i] * x - p_im[i] * y - coefficient
                p_im[i] = p_re[i] * y + p_im[i] * x
                p_re[i] = t
        for i in range(ORDER):
            s_re[i], s_im[i] = NONE64, NONE64
        for j in range(ORDER):
            x, y = z[0, j], z[1, j]
            for i in range(ORDER):  # repulsion by the other zeros
                u, v = z[0, i] - x, z[1, i] - y
                square = u * u + v * v
                inverse = ONE64 / square if square > NONE64 else NONE64
                s_re[i] += u * inverse
                s_im[i] -= v * inverse
        largest = NONE64
        for i in range(ORDER):
            # step = p / (p' - p s)
            q_re = d_re[i] - (p_re[i] * s_re[i] - p_im[i] * s_im[i])
            q_im = d_im[i] - (p_re[i] * s_im[i] + p_im[i] * s_re[i])
            square = q_re * q_re + q_im * q_im
            if square > NONE64:
                u = (p_re[i] * q_re + p_im[i] * q_im) / square
                v = (p_im[i] * q_re - p_re[i] * q_im) / square
                z[0, i] -= u
                z[1, i] -= v
                largest = max(largest, u * u + v * v)
        if largest < CONVERGED:
            return


@part(VOID(IN2, IN2, array_in(F64, 2), IN2, I64, OUT1, OUT2, OUT1, array_out(F64, 2), OUT2))
def formants(cos, sin, start, spectrum, column, x, lags, lpc, z, contours):
    """Write rows 11-16 of `contours` (rows, n), frequency and bandwidth of F1-F3, at `column`.

    cos, sin (109, 220); start (2, 12); spectrum (2, 257); x (231,), lags (2, 12), lpc (11,), z (8, 12) scratch.
    """
    resample(cos, sin, spectrum, x)
    contours[11:17, column] = ZERO
    if predict(x, lags, lpc) > 0:
        roots(start, lpc, z)
        found = 0
        frequency, bandwidth = z[2], z[3]
        for i in range(ORDER):
            re, im = z[0, i], z[1, i]
            if im < NONE64:
                continue
            hz = np.arctan2(im, re) * RADIANS_TO_HZ
            if hz < LOWEST_HZ or hz > HIGHEST_HZ:
                continue
            # a zero outside the unit circle is mirrored into it: |log| of the radius is all that counts
            width = np.abs(np.log(np.sqrt(re * re + im * im))) * LOG_TO_HZ
            at = found
            while at > 0 and frequency[at - 1] > hz:
                frequency[at], bandwidth[at] = frequency[at - 1], bandwidth[at - 1]
                at -= 1
            frequency[at], bandwidth[at] = hz, width
            found += 1
        for i in range(min(found, 3)):
            contours[11 + 2 * i, column] = F32(frequency[i])
            contours[12 + 2 * i, column] = F32(bandwidth[i])
