"""Jitter and shimmer: the periods of a voiced frame, one after the other, in the waveform.

The periods are compared by normalised correlation; sums in float64, since a constant offset may dwarf the sound.
"""

import numpy as np

from .jit import F32, F64, I64, IN1, IN2, OUT1, OUT2, VOID, array_out, fast_part, kernel, part

OUT_F64 = array_out(F64, 1)
ZERO, HALF, ONE, TWENTY = np.float32(0), np.float32(0.5), np.float32(1), np.float32(20)
NONE, TWO, UNKNOWN = np.float64(0), np.float64(2), np.float64(np.nan)
SAMPLE_RATE = np.float32(16_000)
SHORTEST, LONGEST = np.float32(0.9), np.float32(1.1)
HOP, FRAME = 160, 960


@fast_part(F64(IN1, I64, I64, OUT_F64, OUT_F64, I64))
def similarity(wave, first, lag, sums, squares, start):
    """Correlation coefficient of the `lag` samples from first + start with the `lag` samples after them.

    Not a number when one of the two is constant: neither it nor its neighbours are then a maximum.

    sums, squares: running sums of wave[first:] and its square, one entry ahead.
    """
    product = NONE
    for i in range(lag):
        product += F64(wave[first + start + i]) * F64(wave[first + start + lag + i])
    middle, end = start + lag, start + lag + lag
    sum_a, sum_b = sums[middle] - sums[start], sums[end] - sums[middle]
    power_a = squares[middle] - squares[start] - sum_a * sum_a / F64(lag)
    power_b = squares[end] - squares[middle] - sum_b * sum_b / F64(lag)
    power = power_a * power_b
    return (product - sum_a * sum_b / F64(lag)) / np.sqrt(power) if power > NONE else UNKNOWN


@part(F32(IN1, I64, I64))
def swing(wave, first, lag):
    """Peak to peak amplitude of a period, its first and last sample left out."""
    low = high = wave[first + 1]
    for i in range(2, lag - 1):
        low, high = min(low, wave[first + i]), max(high, wave[first + i])
    return high - low


@part(VOID(F32, IN1, I64, OUT1, OUT_F64, OUT_F64, OUT_F64))
def follow_periods(hz, wave, first, state, sums, squares, match):
    """Go on through the periods of the frame that starts at sample `first` of `wave`; see `jitter`."""
    if hz <= ZERO:
        state[:] = ZERO
        return
    missed = I64(state[0])
    cursor = first - missed
    period = SAMPLE_RATE / hz
    shortest, longest = I64(np.floor(SHORTEST * period)), I64(np.ceil(LONGEST * period))
    typical = I64(period + HALF)
    n_read = min(max(HOP + missed, 2 * longest + 2), FRAME + missed)
    sums[0] = squares[0] = NONE
    for i in range(n_read):
        value = F64(wave[cursor + i])
        sums[i + 1] = sums[i] + value
        squares[i + 1] = squares[i] + value * value

    last_period = state[1]
    n_periods, n_changes = 0, 0
    total, change, swings, swing_change = ZERO, ZERO, ZERO, ZERO
    start, last = 0, 0
    while start < n_read - 2 * longest - 1:
        n_lags = longest - shortest + 1
        for i in range(n_lags):
            match[i] = similarity(wave, cursor, shortest + i, sums, squares, start)
        best = -1
        for i in range(1, n_lags - 2):
            if match[i] > match[i - 1] and match[i] > match[i + 1] and (best < 0 or match[i] > match[best]):
                best = i
        lag = typical
        if best >= 0:
            lag = shortest + best
            a, b, c = match[best - 1], match[best], match[best + 1]
            curve = a - b - b + c
            length = F32((F64(lag) + (a - c) / (TWO * curve)) / F64(SAMPLE_RATE))  # seconds
            if b - (a - c) * (a - c) / (F64(8) * curve) > F64(HALF):
                here, after = swing(wave, cursor + start, lag), swing(wave, cursor + start + lag, lag)
                n_periods += 1
                total += length
                if last_period > ZERO:
                    change += np.abs(length - last_period)
                    n_changes += 1
                last_period = length
                swings += HALF * (here + after)
                swing_change += np.abs(here - after)
        if start < HOP + missed - 1:
            last = start
        start += lag
    if start < HOP + missed - 1:
        last = start

    if n_periods > 0:
        state[2] = min(change / F32(n_changes) / (total / F32(n_periods)), ONE) if n_changes > 0 else ZERO
        state[3] = TWENTY * np.log10(ONE + min(swing_change / swings, ONE)) if swings > ZERO else ZERO
    state[0] = F32(HOP + missed - last)
    state[1] = last_period


@part(VOID(F32, IN1, I64, I64, OUT1, OUT_F64, OUT_F64, OUT_F64, OUT2))
def jitter(hz, wave, first, column, state, sums, squares, match, contours):
    """Write rows 18-19 of `contours` (rows, n) at `column`.

    hz: pitch, 0 when unvoiced; wave: the frame starts at sample `first`, at least 1024 samples precede it; state (4,):
    samples that the last frame left unread, its last period, last jitter, last shimmer; sums, squares (2048,), match (128,)
    scratch.
    """
    follow_periods(hz, wave, first, state, sums, squares, match)
    for i in range(2):
        contours[18 + i, column] = state[2 + i]


@kernel(I64(IN2, I64, IN1, I64, OUT1, OUT_F64, OUT_F64, OUT_F64, OUT2))
def jitter_from(contours, column, wave, first, state, sums, squares, match, out):
    """Jitter and shimmer, rows of out (2, n), of a voiced stretch as if nothing were known of before it.

    Where the first period is taken to begin decides where all others of the stretch do, so a window that starts in the
    middle of a voice must follow the periods from its own start. contours: the stretch starts at `column`, and its first
    frame at sample `first` of `wave`; state (4,) and the rest as for `jitter`, scratch. Returns its length, at most n.
    """
    state[:] = ZERO
    for i in range(out.shape[1]):
        hz = contours[26, column + i]
        if hz <= ZERO:
            return i
        follow_periods(hz, wave, first + i * HOP, state, sums, squares, match)
        out[0, i], out[1, i] = state[2], state[3]
    return out.shape[1]
