"""Samples as openSMILE's wrapper hands them over: 16-bit integers, divided by 32 767."""

import numpy as np

from .jit import F32, I64, IN1, OUT1, VOID, kernel

TO_INT16 = np.float32(32768)
LOWEST, HIGHEST = np.float32(-32768), np.float32(32767)
ZERO, FULL_SCALE = np.float32(0), np.float32(32767)


@kernel(VOID(IN1, I64, I64, I64, OUT1))
def append(samples, first, count, position, wave):
    """Quantise samples[first:first + count] into both copies of the ring `wave` (2 n,), from `position` on.

    Every window of up to n samples then lies in one piece. What is not a number counts as silence.
    """
    size = wave.shape[0] // 2
    for i in range(count):
        sample = F32(samples[first + i] * TO_INT16)
        if not np.isfinite(sample):
            sample = ZERO if np.isnan(sample) else (HIGHEST if sample > ZERO else LOWEST)
        level = np.trunc(min(max(sample, LOWEST), HIGHEST)) / FULL_SCALE
        wave[position + i] = level
        wave[position + i + size] = level
