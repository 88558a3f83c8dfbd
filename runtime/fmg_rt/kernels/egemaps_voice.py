"""What is measured at the pitch of a 60 ms frame: harmonics-to-noise ratio and the strength of harmonics.

References
----------
Boersma, Accurate short-term analysis of the fundamental frequency and the harmonics-to-noise ratio, IFA Proc. 17, 1993.
"""

import numpy as np

from .jit import F32, I64, IN1, OUT2, VOID, part

ZERO, HALF, ONE, EIGHTH = np.float32(0), np.float32(0.5), np.float32(1), np.float32(0.125)
TEN, TWENTY = np.float32(10), np.float32(20)
SAMPLE_RATE, BIN_HZ = np.float32(16_000), np.float32(15.625)
LOWEST_RATIO, HIGHEST_RATIO = np.float32(1e-9), np.float32(1e11)
N_BINS = 513
N_HARMONICS = 100
FAINTEST, ABSENT = np.float32(-200), np.float32(-201)
TAKEN = np.float32(-1)
NEAR_BELOW, NEAR_ABOVE = np.float32(0.8), np.float32(1.2)
SEMITONES, REFERENCE_HZ, LOWEST_HZ = np.float32(12), np.float32(27.5), np.float32(29.136)


@part(F32(F32))
def semitones(hz):
    """Semitones above 27.5 Hz; at least 1 when voiced, 0 when not."""
    if hz <= ZERO:
        return ZERO
    return SEMITONES * np.log2(hz / REFERENCE_HZ) if hz > LOWEST_HZ else ONE


@part(F32(F32, IN1))
def harmonics_to_noise(hz, correlation):
    """Decibels, from the autocorrelation (513,) at the peak nearest to one period; 0 without a peak."""
    start = I64(np.floor(SAMPLE_RATE / hz))
    lag = -1
    for distance in range(N_BINS):
        left, right = start - distance, start + distance
        if 0 < left < N_BINS - 1:
            here = np.abs(correlation[left])
            if here > np.abs(correlation[left - 1]) and here > np.abs(correlation[left + 1]):
                lag = left
                break
        if 0 < right < N_BINS - 1:
            here = np.abs(correlation[right])
            if here > np.abs(correlation[right - 1]) and here > np.abs(correlation[right + 1]):
                lag = right
                break
    if lag < 0:
        return ZERO
    here = np.abs(correlation[lag])
    noise = np.abs(correlation[0]) - here
    ratio = here / noise if noise != ZERO else HIGHEST_RATIO
    return TEN * np.log10(min(max(ratio, LOWEST_RATIO), HIGHEST_RATIO))


@part(I64(F32))
def nearest_bin(hz):
    """The bin nearest to a frequency; 0 beyond 8 kHz."""
    k = I64(hz / BIN_HZ + HALF)
    return k if k < N_BINS else 0


@part(VOID(F32, IN1, OUT2))
def find_harmonics(hz, magnitude, out):
    """Rows of out (4, 100): bin (0: none; -1: the one before has it), raw and interpolated magnitude, frequency in Hz."""
    lowest, last = nearest_bin(HALF * hz), 0
    for h in range(N_HARMONICS):
        centre = nearest_bin(F32(h + 1) * hz)
        left, right = nearest_bin((F32(h) + HALF) * hz), nearest_bin((F32(h + 1) + HALF) * hz)
        if right == 0:
            right = N_BINS - 1
        peak = 0
        if centre > 0:
            for distance in range(N_BINS):
                up, down = centre + distance, centre - distance
                if up > right and down < left:
                    break
                if (
                    up <= right
                    and 0 < up < N_BINS - 1
                    and magnitude[up] > magnitude[up - 1]
                    and magnitude[up] > magnitude[up + 1]
                ):
                    peak = up
                    break
                if (
                    down >= left
                    and 0 < down < N_BINS - 1
                    and magnitude[down] > magnitude[down - 1]
                    and magnitude[down] > magnitude[down + 1]
                ):
                    peak = down
                    break
        if h > 0 and peak == last:
            out[:, h] = ZERO
            out[0, h] = TAKEN
            last = 0
            continue
        last = peak
        if peak < lowest or peak == 0:
            out[:, h] = ZERO
            continue
        a, b, c = magnitude[peak - 1], magnitude[peak], magnitude[peak + 1]
        curve = a - b - b + c
        out[0, h] = F32(peak)
        out[1, h] = b
        out[2, h] = b - EIGHTH * (a - c) * (a - c) / curve
        out[3, h] = (F32(peak) + HALF * (a - c) / curve) * BIN_HZ


@part(F32(I64, OUT2))
def relative(h, found):
    """Level of harmonic h (from 0) over the fundamental, dB."""
    if found[1, 0] == ZERO or (h > 0 and found[0, h] < ZERO):
        return ABSENT
    if h == 0:
        return ZERO
    ratio = found[2, h] / found[1, 0]
    return max(TWENTY * np.log10(ratio), FAINTEST) if ratio > ZERO else FAINTEST


@part(I64(F32, OUT2))
def strongest_near(hz, found):
    """The harmonic of the largest raw magnitude within a fifth of a frequency, or -1."""
    best = -1
    for h in range(N_HARMONICS):
        frequency = found[3, h]
        if NEAR_BELOW * hz <= frequency <= NEAR_ABOVE * hz and found[1, h] > ZERO:
            if best < 0 or found[1, h] > found[1, best]:
                best = h
    return best


@part(VOID(F32, IN1, IN1, I64, OUT2, OUT2))
def voice(hz, magnitude, correlation, column, found, contours):
    """Write rows 17, 20-25 and 26 of `contours` (rows, n) at `column`, reading the formants of that frame.

    hz: pitch, 0 when unvoiced; magnitude (513,); correlation (513,), not read when unvoiced; found (4, 100) scratch.
    """
    contours[17, column] = semitones(hz)
    contours[20:23, column] = ZERO
    contours[23:26, column] = ABSENT
    if hz > ZERO:
        contours[20, column] = harmonics_to_noise(hz, correlation)
        find_harmonics(hz, magnitude, found)
        second, third = relative(1, found), relative(2, found)
        contours[21, column] = min(max(second - third, ABSENT), -ABSENT)
        for i in range(3):
            h = strongest_near(contours[11 + 2 * i, column], found)
            contours[23 + i, column] = relative(h, found) if h >= 0 else ZERO
            if i == 2:
                gap = second - contours[25, column] if h >= 0 else second + ABSENT
                contours[22, column] = min(max(gap, ABSENT), -ABSENT)
    contours[26, column] = hz
