"""Fourier transform of 1024 real samples, float32, planar.

Two real samples make one complex one, so it costs one of 512 points. That is split in two steps of 16 and 32 points, each
done for all columns at once: every inner loop runs over at least 16 neighbouring numbers, as the vector units want it.

References
----------
Gentleman and Sande, Fast Fourier Transforms, AFIPS 1966 (the two-step split). Swarztrauber, FFT algorithms for vector
computers, Parallel Computing 1, 1984 (self-sorting passes). Cooley, Lewis, Welch, The FFT algorithm: programming
considerations, 1970 (real input).
"""

import numpy as np

from .jit import F32, I64, IN1, IN2, OUT1, OUT2, VOID, fast_part

ZERO, HALF = np.float32(0), np.float32(0.5)
N = 1024
SIZE = N // 2
ROWS, COLUMNS = 16, 32


@fast_part(VOID(IN1, IN1, I64, I64, IN1, IN1, OUT1, OUT1))
def pass4(cos, sin, n, stride, x_re, x_im, y_re, y_im):
    """One radix-4 pass over `stride` columns of sequences that still need n-point transforms."""
    quarter = n // 4
    step = N // n
    for p in range(quarter):
        c1, s1 = cos[p * step], sin[p * step]
        c2, s2 = cos[2 * p * step], sin[2 * p * step]
        c3, s3 = cos[3 * p * step], sin[3 * p * step]
        i0, i1, i2, i3 = p * stride, (p + quarter) * stride, (p + 2 * quarter) * stride, (p + 3 * quarter) * stride
        o0 = 4 * p * stride
        o1, o2, o3 = o0 + stride, o0 + 2 * stride, o0 + 3 * stride
        for q in range(stride):
            a_re, a_im = x_re[i0 + q], x_im[i0 + q]
            b_re, b_im = x_re[i1 + q], x_im[i1 + q]
            c_re, c_im = x_re[i2 + q], x_im[i2 + q]
            d_re, d_im = x_re[i3 + q], x_im[i3 + q]
            t0_re, t0_im = a_re + c_re, a_im + c_im
            t1_re, t1_im = a_re - c_re, a_im - c_im
            t2_re, t2_im = b_re + d_re, b_im + d_im
            t3_re, t3_im = b_im - d_im, d_re - b_re  # -i (b - d)
            y_re[o0 + q] = t0_re + t2_re
            y_im[o0 + q] = t0_im + t2_im
            u_re, u_im = t1_re + t3_re, t1_im + t3_im
            y_re[o1 + q] = u_re * c1 - u_im * s1
            y_im[o1 + q] = u_re * s1 + u_im * c1
            u_re, u_im = t0_re - t2_re, t0_im - t2_im
            y_re[o2 + q] = u_re * c2 - u_im * s2
            y_im[o2 + q] = u_re * s2 + u_im * c2
            u_re, u_im = t1_re - t3_re, t1_im - t3_im
            y_re[o3 + q] = u_re * c3 - u_im * s3
            y_im[o3 + q] = u_re * s3 + u_im * c3


@fast_part(VOID(IN1, IN1, IN1, OUT2, OUT2))
def rfft(cos, sin, x, scratch, out):
    """Bins 0..512 of the transform of x, without any factor.

    cos, sin (1024,) of -2 pi k / 1024; x (1024,); scratch (4, 512); out (2, 513): real and imaginary part.
    """
    a_re, a_im, b_re, b_im = scratch[0], scratch[1], scratch[2], scratch[3]
    for i in range(SIZE):
        a_re[i] = x[2 * i]
        a_im[i] = x[2 * i + 1]
    # 16-point transforms down the columns of (16, 32)
    pass4(cos, sin, 16, COLUMNS, a_re, a_im, b_re, b_im)
    pass4(cos, sin, 4, 4 * COLUMNS, b_re, b_im, a_re, a_im)
    # turn, and transpose to (32, 16)
    for column in range(COLUMNS):
        for row in range(ROWS):
            w_re, w_im = cos[2 * row * column], sin[2 * row * column]
            v_re, v_im = a_re[row * COLUMNS + column], a_im[row * COLUMNS + column]
            b_re[column * ROWS + row] = v_re * w_re - v_im * w_im
            b_im[column * ROWS + row] = v_re * w_im + v_im * w_re
    # 32-point transforms down the columns: one pass by 2, two by 4; the result stands in natural order
    for row in range(COLUMNS // 2):
        w_re, w_im = cos[row * (N // COLUMNS)], sin[row * (N // COLUMNS)]
        for q in range(ROWS):
            i, o = row * ROWS + q, 2 * row * ROWS + q
            p_re, p_im, q_re, q_im = b_re[i], b_im[i], b_re[i + SIZE // 2], b_im[i + SIZE // 2]
            a_re[o], a_im[o] = p_re + q_re, p_im + q_im
            d_re, d_im = p_re - q_re, p_im - q_im
            a_re[o + ROWS], a_im[o + ROWS] = d_re * w_re - d_im * w_im, d_re * w_im + d_im * w_re
    pass4(cos, sin, 16, 2 * ROWS, a_re, a_im, b_re, b_im)
    pass4(cos, sin, 4, 8 * ROWS, b_re, b_im, a_re, a_im)
    # Z = even + i odd  ->  X_k = (Z_k + Z*_-k) / 2 - i w_k (Z_k - Z*_-k) / 2
    out[0, 0] = a_re[0] + a_im[0]
    out[1, 0] = ZERO
    out[0, SIZE] = a_re[0] - a_im[0]
    out[1, SIZE] = ZERO
    for k in range(1, SIZE):
        p_re, p_im, q_re, q_im = a_re[k], a_im[k], a_re[SIZE - k], a_im[SIZE - k]
        e_re, e_im = HALF * (p_re + q_re), HALF * (p_im - q_im)
        o_re, o_im = HALF * (p_im + q_im), HALF * (q_re - p_re)
        out[0, k] = e_re + o_re * cos[k] - o_im * sin[k]
        out[1, k] = e_im + o_re * sin[k] + o_im * cos[k]


@fast_part(F32(IN1, IN1, IN1, IN1, I64, OUT2, OUT2))
def spectrum(window, cos, sin, wave, first, scratch, out):
    """Transform the windowed frame of `wave` that starts at `first`, centred in 1024 samples; its root mean square.

    window (960,); cos, sin (1024,); scratch (6, 512); out (2, 513).
    """
    x = scratch[4:].reshape(N)
    n_window = window.shape[0]
    margin = (N - n_window) // 2
    x[:margin] = ZERO
    x[margin + n_window :] = ZERO
    power = ZERO
    for i in range(n_window):
        value = window[i] * wave[first + i]
        x[margin + i] = value
        power += value * value
    rfft(cos, sin, x, scratch, out)
    return np.sqrt(power / F32(n_window))


@fast_part(VOID(IN1, IN1, IN1, OUT2, OUT2))
def autocorrelation(cos, sin, magnitude, scratch, out):
    """Row 0 of out (2, 513): 1024 times the autocorrelation of the signal with these magnitudes (513,).

    cos, sin (1024,); scratch (6, 512).
    """
    x = scratch[4:].reshape(N)
    for k in range(magnitude.shape[0]):
        x[k] = magnitude[k] * magnitude[k]
    for k in range(1, SIZE):
        x[N - k] = x[k]
    rfft(cos, sin, x, scratch, out)


@fast_part(VOID(IN2, OUT1))
def magnitudes(spectrum, out):
    """Magnitudes, out (513,), of a spectrum (2, 513)."""
    for k in range(out.shape[0]):
        out[k] = np.sqrt(spectrum[0, k] * spectrum[0, k] + spectrum[1, k] * spectrum[1, k])
