"""Loudness, mfcc 1-4, spectral balance, slopes, flux and energy of one 20 ms frame."""

import numpy as np

from .jit import F32, F64, I32, I64, IN1, IN2, OUT1, OUT2, VOID, array_in, fast_part, kernel, part

ZERO, ONE, TEN = np.float32(0), np.float32(1), np.float32(10)
POWER_FLOOR, DB_FLOOR = np.float32(1e-14), np.float32(-140)
BAND_FLOOR, LOUDNESS_EXPONENT = np.float32(9.3e-10), np.float64(np.float32(0.33))
INT16_POWER = np.float32(32767.0**2)
FRAME = 320
BIN_1000, BIN_1500, BIN_2000, BIN_5000 = 32, 48, 64, 160


@part(F32(IN2, OUT1, OUT1))
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


@kernel(F32(array_in(I32, 1), IN1, IN1, IN1, OUT1))
def hear(mel_first, mel_falling, loudness_weights, power, bands):
    """Power in the 26 mel bands, and the loudness of them all.

    Nothing fused or reordered: the peaks of loudness are counted, and in near-silence they hang on the last bit.
    """
    rising, falling = ZERO, ZERO
    for segment in range(mel_first.shape[0] - 1):
        for k in range(mel_first[segment], mel_first[segment + 1]):
            part = power[k] * mel_falling[k]
            falling += part
            rising += power[k] - part
        if segment > 0:
            bands[segment - 1] = falling
        falling, rising = rising, ZERO
    loudness = ZERO
    for band in range(bands.shape[0]):
        loudness += F32(F64(max(bands[band], BAND_FLOOR) * loudness_weights[band]) ** LOUDNESS_EXPONENT)
    return loudness / F32(bands.shape[0])


@fast_part(VOID(array_in(I32, 1), IN1, IN1, IN2, array_in(F64, 2), IN2, IN1, I64, I64, OUT1, OUT1, OUT1, OUT2))
def spectral(
    mel_first, mel_falling, loudness_weights, dct, slopes, spectrum, wave, first, column, magnitude, power, bands, contours
):
    """Write rows 0-10 of `contours` (rows, n) at `column`.

    mel_first (28,): first bin of each of the 27 segments between band centres, and the end; mel_falling (257,): share of a
    bin that goes to the band that falls there; loudness_weights (26,); dct (4, 26), lifted; slopes (2, 49): what a bin's
    level adds to each slope, 1/Hz; spectrum (2, 257); wave: the frame is the 320 samples from `first`; magnitude (257,):
    of the frame before, then of this one; power (257,), bands (26,) scratch.
    """
    contours[5, column] = measure(spectrum, magnitude, power)

    contours[0, column] = hear(mel_first, mel_falling, loudness_weights, power, bands)
    contours[1:5, column] = ZERO
    for band in range(bands.shape[0]):
        level = np.log(max(bands[band] * INT16_POWER, ONE))
        for i in range(dct.shape[0]):
            contours[1 + i, column] += dct[i, band] * level

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
