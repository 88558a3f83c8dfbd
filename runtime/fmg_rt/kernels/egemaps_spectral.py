"""Loudness, mfcc 1-4, spectral balance, slopes, flux and energy of one 20 ms frame."""

import numpy as np

from .jit import F32, F64, I32, I64, IN1, IN2, OUT1, OUT2, VOID, array_in, fast_kernel, kernel

ZERO, ONE, TEN = np.float32(0), np.float32(1), np.float32(10)
POWER_FLOOR, DB_FLOOR = np.float32(1e-14), np.float32(-140)
BAND_FLOOR, LOUDNESS_EXPONENT = np.float32(9.3e-10), np.float32(0.33)
INT16_POWER = np.float32(32767.0**2)
FRAME = 320
BIN_500, BIN_1000, BIN_1500, BIN_2000, BIN_5000 = 16, 32, 48, 64, 160


@kernel(F32(IN2, OUT1, OUT1))
def measure(spectrum, magnitude, power):
    """Magnitudes of a spectrum (2, 257) in place of those of the frame before, and powers; the flux between the two.

    Nothing fused: a lone click has a flat spectrum, and its bands must be exactly equal for their ratio to be 0 dB.
    """
    flux = ZERO
    for k in range(power.shape[0]):
        m = np.sqrt(spectrum[0, k] * spectrum[0, k] + spectrum[1, k] * spectrum[1, k])
        if k < BIN_5000:
            flux += (m - magnitude[k]) * (m - magnitude[k])
        magnitude[k] = m
        power[k] = m * m
    return np.sqrt(flux / F32(BIN_5000))


@fast_kernel(VOID(array_in(I32, 2), IN2, IN1, IN2, array_in(F64, 2), IN2, IN1, I64, I64, OUT1, OUT1, OUT2))
def spectral(
    mel_bins, mel_weights, loudness_weights, dct, slopes, spectrum, wave, first, column, magnitude, power, contours
):
    """Write rows 0-10 of `contours` (rows, 2 n) at `column` and column + n.

    mel_bins (26, 2): first bin and number of bins of each band; mel_weights (26, 64); loudness_weights (26,); dct (4, 26),
    lifted; slopes (2, 49): what a bin's level adds to each slope, 1/Hz; spectrum (2, 257); wave: the frame is the 320
    samples from `first`; magnitude (257,): of the frame before, then of this one; power (257,) scratch.
    """
    n = contours.shape[1] // 2
    contours[5, column] = measure(spectrum, magnitude, power)

    contours[1:5, column] = ZERO
    loudness = ZERO
    for band in range(mel_bins.shape[0]):
        first_bin = mel_bins[band, 0]
        energy = ZERO
        for i in range(mel_bins[band, 1]):
            energy += mel_weights[band, i] * power[first_bin + i]
        loudness += (max(energy, BAND_FLOOR) * loudness_weights[band]) ** LOUDNESS_EXPONENT
        level = np.log(max(energy * INT16_POWER, ONE))
        for i in range(dct.shape[0]):
            contours[1 + i, column] += dct[i, band] * level
    contours[0, column] = loudness / F32(mel_bins.shape[0])

    low, high = ZERO, ZERO
    for k in range(BIN_1000):
        low += power[k]
    for k in range(BIN_1000, BIN_5000 + 1):
        high += power[k]
    contours[6, column] = TEN * np.log10(max(high, POWER_FLOOR) / low) if low > ZERO else ZERO
    low, high = ZERO, ZERO
    for k in range(BIN_2000):
        low = max(low, power[k])
    for k in range(BIN_2000, BIN_5000 + 1):
        high = max(high, power[k])
    contours[7, column] = TEN * np.log10(low / high) if high > ZERO else ZERO

    slope_low, slope_high = F64(ZERO), F64(ZERO)
    for k in range(BIN_1500 + 1):
        level = TEN * np.log10(power[k]) if power[k] > POWER_FLOOR else DB_FLOOR
        slope_low += slopes[0, k] * level
        slope_high += slopes[1, k] * level
    contours[8, column] = slope_low
    contours[9, column] = slope_high

    energy = ZERO
    for i in range(FRAME):
        energy += wave[first + i] * wave[first + i]
    contours[10, column] = energy / F32(FRAME)
    for row in range(11):
        contours[row, column + n] = contours[row, column]
