"""Split-radix transform of 512 real samples, float32, in one stated order of rounding.

The formants hang on the last bits of this transform (see `egemaps_formants`), so its sums and turns follow the reference
implementation one by one and nothing is fused or reordered. Where nothing depends on them, `egemaps_fft` is faster.

A block of n points is either an even one, sum_i a_i e^(2 pi i j k / n), or an odd one, with k + 1/2 for k. One step makes
four blocks of n / 4 of each: even, odd, even and again its own kind.

References
----------
Duhamel and Hollmann, Split radix FFT algorithm, Electronics Letters 20, 1984. Ooura, General purpose FFT package, 2006.
"""

import numpy as np

from .jit import F32, I32, I64, IN1, IN2, OUT1, OUT2, VOID, array_in, part

ZERO = np.float32(0)
SIZE = 256


@part(VOID(IN2, I64, I64, I64, I64, I64, OUT1, OUT1))
def even(twiddles, column, offset, quarter, first, last, re, im):
    """Split points first..last - 1 of the quarters of an even block."""
    o1, o2, o3 = offset + quarter, offset + 2 * quarter, offset + 3 * quarter
    for j in range(first, last):
        a_re, a_im, b_re, b_im = re[offset + j], im[offset + j], re[o1 + j], im[o1 + j]
        c_re, c_im, d_re, d_im = re[o2 + j], im[o2 + j], re[o3 + j], im[o3 + j]
        x0_re, x0_im, x1_re, x1_im = a_re + c_re, a_im + c_im, a_re - c_re, a_im - c_im
        x2_re, x2_im, x3_re, x3_im = b_re + d_re, b_im + d_im, b_re - d_re, b_im - d_im
        re[offset + j], im[offset + j] = x0_re + x2_re, x0_im + x2_im
        re[o1 + j], im[o1 + j] = x0_re - x2_re, x0_im - x2_im
        c, s = twiddles[0, column + j], twiddles[1, column + j]
        y_re, y_im = x1_re - x3_im, x1_im + x3_re
        re[o2 + j], im[o2 + j] = y_re * c - y_im * s, y_im * c + y_re * s
        c, s = twiddles[4, column + j], twiddles[5, column + j]
        y_re, y_im = x1_re + x3_im, x1_im - x3_re
        re[o3 + j], im[o3 + j] = y_re * c - y_im * s, y_im * c + y_re * s


@part(VOID(F32, I64, I64, I64, OUT1, OUT1))
def even_middle(root_half, offset, quarter, j, re, im):
    """As `even` for the one point that turns by an eighth: one product for each sum, not two."""
    o1, o2, o3 = offset + quarter, offset + 2 * quarter, offset + 3 * quarter
    a_re, a_im, b_re, b_im = re[offset + j], im[offset + j], re[o1 + j], im[o1 + j]
    c_re, c_im, d_re, d_im = re[o2 + j], im[o2 + j], re[o3 + j], im[o3 + j]
    x0_re, x0_im, x1_re, x1_im = a_re + c_re, a_im + c_im, a_re - c_re, a_im - c_im
    x2_re, x2_im, x3_re, x3_im = b_re + d_re, b_im + d_im, b_re - d_re, b_im - d_im
    re[offset + j], im[offset + j] = x0_re + x2_re, x0_im + x2_im
    re[o1 + j], im[o1 + j] = x0_re - x2_re, x0_im - x2_im
    y_re, y_im = x1_re - x3_im, x1_im + x3_re
    re[o2 + j], im[o2 + j] = root_half * (y_re - y_im), root_half * (y_re + y_im)
    y_re, y_im = x1_re + x3_im, x1_im - x3_re
    re[o3 + j], im[o3 + j] = -(root_half * (y_re + y_im)), root_half * (y_re - y_im)


@part(VOID(F32, IN2, I64, I64, I64, OUT1, OUT1))
def odd(root_half, twiddles, column, offset, quarter, re, im):
    """Split an odd block."""
    o1, o2, o3 = offset + quarter, offset + 2 * quarter, offset + 3 * quarter
    for j in range(quarter):
        a_re, a_im, b_re, b_im = re[offset + j], im[offset + j], re[o1 + j], im[o1 + j]
        c_re, c_im, d_re, d_im = re[o2 + j], im[o2 + j], re[o3 + j], im[o3 + j]
        x0_re, x0_im, x1_re, x1_im = a_re - c_im, a_im + c_re, a_re + c_im, a_im - c_re
        x2_re, x2_im, x3_re, x3_im = b_re - d_im, b_im + d_re, b_re + d_im, b_im - d_re
        t = column + j
        y0_re = x0_re * twiddles[0, t] - x0_im * twiddles[1, t]
        y0_im = x0_im * twiddles[0, t] + x0_re * twiddles[1, t]
        y1_re = x1_re * twiddles[4, t] - x1_im * twiddles[5, t]
        y1_im = x1_im * twiddles[4, t] + x1_re * twiddles[5, t]
        if j == 0:  # an eighth of a turn: one product for each sum, not two
            y2_re, y2_im = root_half * (x2_re - x2_im), root_half * (x2_re + x2_im)
            y3_re, y3_im = -(root_half * (x3_re + x3_im)), root_half * (x3_re - x3_im)
        else:
            y2_re = x2_re * twiddles[2, t] - x2_im * twiddles[3, t]
            y2_im = x2_im * twiddles[2, t] + x2_re * twiddles[3, t]
            y3_re = x3_re * twiddles[6, t] - x3_im * twiddles[7, t]
            y3_im = x3_im * twiddles[6, t] + x3_re * twiddles[7, t]
        re[offset + j], im[offset + j] = y0_re + y2_re, y0_im + y2_im
        re[o1 + j], im[o1 + j] = y0_re - y2_re, y0_im - y2_im
        re[o2 + j], im[o2 + j] = y1_re + y3_re, y1_im + y3_im
        re[o3 + j], im[o3 + j] = y1_re - y3_re, y1_im - y3_im


@part(VOID(array_in(I32, 2), IN2, array_in(I32, 1), IN2, F32, IN1, IN1, I64, OUT2, OUT2))
def short_spectrum(plan, twiddles, position, apart, root_half, window, wave, first, scratch, out):
    """Transform the windowed frame of `wave` that starts at `first`, centred in 512 samples.

    plan (85, 4), twiddles (8, n), position (256,), apart (2, 128): see `split_radix.build`; window (320,); scratch
    (2, 256); out (2, 257): real part, and imaginary part with the sign of exp(+ i w t).
    """
    re, im = scratch[0], scratch[1]
    re[:] = ZERO
    im[:] = ZERO
    n_window = window.shape[0]
    margin = (2 * SIZE - n_window) // 4
    for i in range(n_window // 2):
        re[margin + i] = window[2 * i] * wave[first + 2 * i]
        im[margin + i] = window[2 * i + 1] * wave[first + 2 * i + 1]
    for block in range(plan.shape[0]):
        offset, quarter, column = I64(plan[block, 0]), I64(plan[block, 1]), I64(plan[block, 3])
        if plan[block, 2] != 0:
            odd(root_half, twiddles, column, offset, quarter, re, im)
        elif quarter == 1:
            even(twiddles, column, offset, quarter, 0, 1, re, im)
        else:
            half = quarter // 2
            even(twiddles, column, offset, quarter, 0, half, re, im)
            even_middle(root_half, offset, quarter, half, re, im)
            even(twiddles, column, offset, quarter, half + 1, quarter, re, im)

    out[0, 0], out[0, SIZE] = re[0] + im[0], re[0] - im[0]
    out[1, 0], out[1, SIZE] = ZERO, ZERO
    middle = position[SIZE // 2]
    out[0, SIZE // 2], out[1, SIZE // 2] = re[middle], im[middle]
    for k in range(1, SIZE // 2):
        p, q = position[k], position[SIZE - k]
        x_re, x_im = re[p] - re[q], im[p] + im[q]
        y_re = apart[0, k] * x_re - apart[1, k] * x_im
        y_im = apart[0, k] * x_im + apart[1, k] * x_re
        out[0, k], out[1, k] = re[p] - y_re, im[p] - y_im
        out[0, SIZE - k], out[1, SIZE - k] = re[q] + y_re, im[q] - y_im
