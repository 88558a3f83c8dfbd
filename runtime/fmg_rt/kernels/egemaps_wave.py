"""Samples as openSMILE's wrapper hands them over: 16-bit integers, divided by 32 767."""

import numpy as np

from .jit import F32, I16, I64, IN1, OUT1, VOID, array_in, array_out, kernel, part

IN_INT16, OUT_INT16 = array_in(I16, 1), array_out(I16, 1)

TO_INT16 = np.float32(32768)
LOWEST, HIGHEST = np.float32(-32768), np.float32(32767)
ZERO, FULL_SCALE = np.float32(0), np.float32(32767)


@part(VOID(IN1, I64, I64, I64, OUT_INT16))
def append(samples, first, count, position, wave):
    """Quantise samples[first:first + count] into the ring `wave` (n,), from `position` on; it does not wrap within them.

    What is not a number counts as silence.
    """
    for i in range(count):
        sample = F32(samples[first + i] * TO_INT16)
        if not np.isfinite(sample):
            sample = ZERO if np.isnan(sample) else (HIGHEST if sample > ZERO else LOWEST)
        wave[position + i] = np.int16(np.trunc(min(max(sample, LOWEST), HIGHEST)))


@kernel(VOID(IN_INT16, I64, OUT1))
def recall(wave, first, out):
    """The samples from `first` of the ring `wave` (n,) on, as fractions of 32 767; out (m,), m at most n."""
    n = wave.shape[0]
    before = min(out.shape[0], n - first)
    for i in range(before):
        out[i] = F32(wave[first + i]) / FULL_SCALE
    for i in range(before, out.shape[0]):
        out[i] = F32(wave[first + i - n]) / FULL_SCALE
