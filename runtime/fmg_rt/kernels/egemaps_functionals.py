"""The 88 functionals of a window of contours.

References
----------
Eyben et al., The Geneva Minimalistic Acoustic Parameter Set (GeMAPS), IEEE Trans. Affective Computing 7, 2016.
"""

import numpy as np

from .jit import F32, F64, I64, IN1, IN2, OUT1, OUT2, VOID, array_out, kernel, part

ZERO, ONE, THREE = np.float32(0), np.float32(1), np.float32(3)
NONE64, ONE64 = np.float64(0), np.float64(1)
FRAME_S = np.float64(0.01)
VOICED_ABOVE = np.float32(1e-6)
PEAK_RANGE, PEAK_RISE = np.float32(0.1), np.float32(1.05)
TEN = np.float64(10)
ENERGY_FLOOR = np.float64(1e-12)

# rows of the contours
LOUDNESS, MFCC, FLUX, ALPHA, ENERGY = 0, 1, 5, 6, 10
FORMANT, F0, JITTER, HNR, AMPLITUDE = 11, 17, 18, 20, 23
OPEN_AFTER, CLOSE_AFTER = 3, 2

PITCH, LOUDNESSES, FRAMES, PERIODS, VOICED, UNVOICED = 0, 10, 20, 30, 58, 76
"""Where each group of the 88 begins; `egemaps.names.FEATURE_NAMES` names all of them."""
PEAKS_PER_S, VOICED_PER_S, VOICED_S, UNVOICED_S, SOUND_LEVEL = 81, 82, 83, 85, 87


@part(VOID(IN1, I64, OUT1))
def smooth(x, n, out):
    """Mean of three neighbours; x (n,) or longer; out (n,); the ends count twice."""
    for i in range(n):
        out[i] = (x[max(i - 1, 0)] + x[i] + x[min(i + 1, n - 1)]) / THREE


@part(I64(IN1, I64, OUT1))
def smooth_voiced(x, n, out):
    """Mean of the values other than 0 among three neighbours, 0 where x is 0: x (n + 1,), the last only a neighbour.

    Writes all n to `out` (n,).
    """
    count = 0
    for i in range(n):
        here, left, right = x[i], x[max(i - 1, 0)], x[i + 1]
        if here == ZERO:
            out[i] = ZERO
            continue
        total, weight = here, ONE
        if left != ZERO:
            total, weight = total + left, weight + ONE
        if right != ZERO:
            total, weight = total + right, weight + ONE
        out[i] = total / weight
        count += 1
    return count


@part(I64(IN1, I64, OUT1))
def pack(x, n, out):
    """Move the values of x (n,) that are not 0 to the front of out; their number."""
    count = 0
    for i in range(n):
        if x[i] != ZERO:
            out[count] = x[i]
            count += 1
    return count


@part(VOID(IN1, I64, I64, OUT1))
def moments(x, n, at, out):
    """out[at], out[at + 1] = mean and standard deviation over mean of x (n,)."""
    out[at] = out[at + 1] = ZERO
    if n == 0:
        return
    mean, power = NONE64, NONE64
    for i in range(n):
        mean += F64(x[i])
    mean /= F64(n)
    for i in range(n):
        power += (F64(x[i]) - mean) * (F64(x[i]) - mean)
    deviation = np.sqrt(power / F64(n))
    out[at] = F32(mean)
    out[at + 1] = F32(deviation / mean) if F32(mean) != ZERO else F32(deviation)


@part(VOID(IN1, I64, I64, OUT1, OUT1))
def percentiles(x, n, at, sorted_x, out):
    """out[at:at + 4] = 20th, 50th and 80th percentile of x (n,) and the range from the first to the last."""
    out[at : at + 4] = ZERO
    if n == 0:
        return
    for i in range(n):
        sorted_x[i] = x[i]
    gap = 1
    while gap < n // 3:
        gap = 3 * gap + 1
    while gap > 0:  # Shell sort
        for i in range(gap, n):
            value, j = sorted_x[i], i
            while j >= gap and sorted_x[j - gap] > value:
                sorted_x[j] = sorted_x[j - gap]
                j -= gap
            sorted_x[j] = value
        gap //= 3
    for i in range(3):
        position = F64(2 + 3 * i) * F64(n - 1) / TEN
        low = I64(position)
        high = min(low + 1, n - 1)
        share = position - F64(low)
        out[at + i] = F32(F64(sorted_x[low]) * (ONE64 - share) + F64(sorted_x[high]) * share)
    out[at + 3] = np.abs(out[at + 2] - out[at])


@part(I64(IN1, I64, array_out(I64, 2)))
def extrema(x, n, events):
    """The peaks and valleys of x (n,) that stand out: rows of events (2, n): index, and 1 for a peak or -1; their number."""
    if n == 0:
        return 0
    low, high = x[0], x[0]
    for i in range(n):
        low, high = min(low, x[i]), max(high, x[i])
    threshold = PEAK_RANGE * (high - low)

    count = 0
    last = last_low = last_high = x[0]
    fallen = False  # since the last peak there was a valley deep enough to count
    for i in range(2, n - 2):
        here = x[i]
        near = np.abs(here - last) < threshold
        if here > x[i - 1] and here > x[i + 1]:
            last = here
            if near:
                if here - last_low < threshold:
                    continue
                if here > PEAK_RISE * last_high:
                    drop = count - 1
                    while drop >= 0 and events[1, drop] < 0:
                        drop -= 1
                    if drop >= 0:
                        for j in range(drop, count - 1):
                            events[0, j], events[1, j] = events[0, j + 1], events[1, j + 1]
                        count -= 1
                elif not fallen:
                    continue
            events[0, count], events[1, count] = i, 1
            count += 1
            last_high = here
            fallen = False
        elif here < x[i - 1] and here < x[i + 1]:
            last = here
            events[0, count], events[1, count] = i, -1
            count += 1
            if not near:
                last_low = here
                fallen = True

    found = count
    count = 0
    last_high = x[0]
    for e in range(found):
        here, kind = x[events[0, e]], events[1, e]
        if kind < 0 and last_high - here < threshold:
            continue
        if kind > 0:
            last_high = here
        if count > 0 and events[1, count - 1] == kind:
            before = x[events[0, count - 1]]
            if (kind > 0 and here > before) or (kind < 0 and here < before):
                events[0, count - 1] = events[0, e]
            continue
        events[0, count], events[1, count] = events[0, e], kind
        count += 1
    return count


@part(VOID(IN1, I64, I64, I64, array_out(I64, 2), OUT1))
def slopes(x, n, at, n_events, events, out):
    """out[at:at + 4] = mean and deviation of the rising slopes of x (n,), then of the falling ones, per second."""
    out[at : at + 4] = ZERO
    if n == 0:
        return
    if n_events == 0:
        rise = (x[n - 1] - x[0]) / F32(n)
        out[at if rise > ZERO else at + 2] = rise
        return
    for kind in (1, -1):
        row = at if kind > 0 else at + 2
        mean, power = NONE64, NONE64
        for turn in range(2):
            count = 0
            from_at, from_value = 0, F64(x[0])
            for e in range(n_events):
                value = F64(x[events[0, e]])
                if events[1, e] == kind:
                    slope = F64(kind) * (value - from_value) / (F64(events[0, e] - from_at) * FRAME_S)
                    count += 1
                    if turn == 0:
                        mean += slope
                    else:
                        power += (slope - mean) * (slope - mean)
                from_at, from_value = events[0, e], value
            if events[1, n_events - 1] == -kind:
                # the piece after the last event counts in the mean with its own sign, and in the deviation only as one more
                count += 1
                if turn == 0:
                    mean += (F64(x[n - 1]) - from_value) / (F64(n - 1 - from_at) * FRAME_S)
            if count == 0:
                break
            if turn == 0:
                mean /= F64(count)
            else:
                power /= F64(count)
        out[row] = F32(mean)
        out[row + 1] = F32(np.sqrt(power))


@part(VOID(IN1, I64, I64, array_out(F64, 1)))
def segments(pitch, n, voiced, out):
    """Number, mean length and deviation of lengths, frames, of the voiced (1) or unvoiced (0) stretches: out (3,)."""
    count, total, squares = 0, NONE64, NONE64
    start, inside, outside = 0, 0, 0
    opened = False
    for i in range(n + 1):
        if i < n and (pitch[i] != ZERO) == (voiced != 0):
            if inside == 0:
                start = i
            inside += 1
            outside = 0
            opened = opened or inside >= OPEN_AFTER
        else:
            outside += 1
            if (outside >= CLOSE_AFTER or i == n) and inside > 0:
                if opened:
                    length = F64((i - CLOSE_AFTER if i < n else n - 1) - start)
                    count += 1
                    total += length
                    squares += length * length
                inside = 0
                opened = False
    out[0] = F64(count)
    out[1] = total / F64(count) if count > 0 else NONE64
    out[2] = np.sqrt(max(squares / F64(count) - out[1] * out[1], NONE64)) if count > 1 else NONE64


BY_FRAME = (FLUX, MFCC, MFCC + 1, MFCC + 2, MFCC + 3)
BY_PERIOD = (
    JITTER,
    JITTER + 1,
    HNR,
    HNR + 1,
    HNR + 2,
    FORMANT,
    FORMANT + 1,
    AMPLITUDE,
    FORMANT + 2,
    FORMANT + 3,
    AMPLITUDE + 1,
    FORMANT + 4,
    FORMANT + 5,
    AMPLITUDE + 2,
)
BY_VOICE = (ALPHA, ALPHA + 1, ALPHA + 2, ALPHA + 3, FLUX, MFCC, MFCC + 1, MFCC + 2, MFCC + 3)
N_UNVOICED = 5
"""So many of BY_VOICE are also measured where there is no voice, by their mean alone."""


@part(VOID(IN2, I64, I64, OUT2, OUT1))
def of_frames(contours, first, n, scratch, out):
    """Flux and MFCC over all n frames of the window, voiced or not."""
    x, y = scratch[1], scratch[2]
    at = FRAMES
    for row in BY_FRAME:
        for i in range(n):
            x[i] = contours[row, first + i]
        if row == FLUX:
            x[0] = ZERO  # a window knows no frame before its first
        smooth(x, n, y)
        moments(y, n, at, out)
        at += 2


@part(VOID(IN2, I64, I64, IN2, I64, OUT2, OUT1))
def of_periods(contours, first, n, opening, n_opening, scratch, out):
    """Jitter, shimmer, harmonics and formants of the n frames whose pitch (`scratch`) is decided, where they are not 0."""
    pitch, x, y, z = scratch[0], scratch[1], scratch[2], scratch[3]
    at = PERIODS
    for row in BY_PERIOD:
        masked = FORMANT <= row < F0
        for i in range(n):
            x[i] = ZERO if masked and pitch[i] <= VOICED_ABOVE else contours[row, first + i]
        if JITTER <= row < HNR:
            for i in range(min(n_opening, n)):
                x[i] = opening[row - JITTER, i]
        if n > 0:
            x[n] = x[n - 1]
        smooth_voiced(x, n, y)
        moments(z, pack(y, n, z), at, out)
        at += 2


@part(I64(IN2, I64, I64, I64, I64, OUT2))
def where_voiced(contours, first, n, row, voiced, scratch):
    """Values of a contour, smoothed, where there is a voice (1) or none (0): at the front of scratch[3]; their number."""
    pitch, x, y, z = scratch[0], scratch[1], scratch[2], scratch[3]
    for i in range(n + 1):
        x[i] = contours[row, first + i] if (pitch[i] > VOICED_ABOVE) == (voiced != 0) else ZERO
    if row == FLUX:
        x[0] = ZERO
    smooth_voiced(x, n, y)
    return pack(y, n, z)


@part(VOID(IN2, I64, I64, OUT2, OUT1))
def of_spectrum(contours, first, n, scratch, out):
    """Slopes, alpha ratio, Hammarberg index, flux and MFCC of the voiced frames; the first five of them of the others."""
    y, z = scratch[2], scratch[3]
    for i in range(len(BY_VOICE)):
        moments(z, where_voiced(contours, first, n, BY_VOICE[i], 1, scratch), VOICED + 2 * i, out)
    for i in range(N_UNVOICED):
        moments(z, where_voiced(contours, first, n, BY_VOICE[i], 0, scratch), 0, y)
        out[UNVOICED + i] = y[0]


@part(VOID(I64, OUT2, array_out(I64, 2), array_out(F64, 1), OUT1))
def of_pitch(n, scratch, events, stretches, out):
    """Pitch, and the lengths of voiced and unvoiced stretches, of n frames of scratch[0]."""
    x, y, z = scratch[1], scratch[2], scratch[3]
    n_voiced = smooth_voiced(scratch[0], n, x)
    pack(x, n, y)
    moments(y, n_voiced, PITCH, out)
    percentiles(y, n_voiced, PITCH + 2, z, out)
    slopes(y, n_voiced, PITCH + 6, extrema(y, n_voiced, events), events, out)
    for voiced in range(2):
        segments(x, n, voiced, stretches)
        if voiced == 1:
            out[VOICED_PER_S] = F32(stretches[0] / (F64(n) * FRAME_S)) if n > 0 else ZERO
        at = VOICED_S if voiced == 1 else UNVOICED_S
        out[at] = F32(stretches[1] * FRAME_S)
        out[at + 1] = F32(stretches[2] * FRAME_S)


@part(VOID(IN2, I64, I64, OUT2, array_out(I64, 2), OUT1))
def of_loudness(contours, first, n, scratch, events, out):
    """Loudness, its peaks, and the equivalent sound level of all n frames of the window."""
    x, y, z = scratch[1], scratch[2], scratch[3]
    for i in range(n):
        x[i] = contours[LOUDNESS, first + i]
    smooth(x, n, y)
    moments(y, n, LOUDNESSES, out)
    percentiles(y, n, LOUDNESSES + 2, z, out)
    n_events = extrema(y, n, events)
    slopes(y, n, LOUDNESSES + 6, n_events, events, out)
    peaks = 0
    for e in range(n_events):
        peaks += events[1, e] > 0
    out[PEAKS_PER_S] = F32(F64(peaks) / (F64(n) * FRAME_S))

    energy = NONE64
    for i in range(n):
        energy += F64(contours[ENERGY, first + i])
    out[SOUND_LEVEL] = F32(TEN * np.log10(max(energy / F64(n), ENERGY_FLOOR)))


@kernel(VOID(IN2, I64, I64, I64, F32, IN2, I64, OUT2, array_out(I64, 2), array_out(F64, 1), OUT1))
def functionals(contours, first, n_frames, n_decided, next_pitch, opening, n_opening, scratch, events, stretches, out):
    """The 88 functionals of the columns first .. first + n_frames - 1 of `contours`; out (88,).

    n_decided: leading frames whose pitch is decided; next_pitch: likely pitch of the one after them, semitones; opening:
    jitter and shimmer of the first n_opening frames, see `egemaps_jitter.jitter_from`; scratch (4, n), of which the first
    row takes the pitch, events (2, n) with n > n_frames, stretches (3,).
    """
    for i in range(n_decided):
        scratch[0, i] = contours[F0, first + i]
    scratch[0, n_decided] = next_pitch
    of_pitch(n_decided, scratch, events, stretches, out)
    of_loudness(contours, first, n_frames, scratch, events, out)
    of_frames(contours, first, n_frames, scratch, out)
    of_periods(contours, first, n_decided, opening, n_opening, scratch, out)
    of_spectrum(contours, first, n_decided, scratch, out)
