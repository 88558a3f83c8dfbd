"""Is this 10 ms speech? Levels in eight bands against their noise floors, periodicity, and how steady the sound is.

Steady is a hiss whose bands keep their levels, and a tone that fits itself 90 to 104 ms later as well as one period
later. No throat does that: its periods differ by 0.3 to 1 %, and over ten of them the differences add up.

One call a hop, ``gate_hop``; `expression.gate` owns the buffers and turns the answer into a fade.
"""

import numpy as np

from .jit import F32, I64, IN1, OUT1, OUT2, VOID, fast_kernel

N_GROUPS = 8
"""Groups of ten neighbouring mel bands."""
N_HISTORY = 20
"""Hops over which steadiness is judged (200 ms)."""
N_SEGMENTS = 4
"""Means of 50 ms compared with each other: 50 and 60 Hz hum repeat exactly within 50 ms."""
N_MINIMA = 8
"""Sub-windows of the minimum search."""
N_TAPS = 32
"""Of the low-pass before decimation to 4 kHz; as many samples of the last hop are kept."""
N_NEAR, N_FAR = 62, 73
"""Lags compared for coherence, 2.5 to 13.25 ms and 90 to 103.5 ms, each with nine more on both sides."""
N_LAGS = N_NEAR + N_FAR
N_ROWS = 12
"""Hops over which coherence is judged (120 ms, and those 104 ms before them)."""
N_RAW = N_TAPS + 160
N_WAVE = 464
"""Decimated samples kept: the newest 10 ms and the longest lag."""
N_SAMPLES = N_RAW + N_WAVE
N_GROUP_ROWS = N_HISTORY + (2 + N_MINIMA) + 2 + (N_SEGMENTS + 1)
"""Of eight groups: history, minima, floor, powers, parts."""

# Positions in `state` (19,)
EVIDENCE, SPEAKING, SMOOTH, COUNT, SLOT, FILLED, LAST_SAMPLE = range(7)
STEADY, PERIODICITY, LAG, AGE, LEVEL, SEMITONES, LAST_CLEAN, LOUDEST = range(7, 15)
RUN, PIN, NEWEST, NEAR = range(15, 19)
N_STATE = 19
UNHEARD = -120.0
"""Start of ``state[LOUDEST]``, dB."""
N_SCRATCH = N_LAGS
"""Correlations, one a lag."""

_FLOOR = N_HISTORY + 2 + N_MINIMA
_BANDS, _RUMBLE = 10, 2
_SUBWINDOW = np.float32(16)  # hops: the eight of them search 1.28 s
_WINDOW, _LAG_MIN, _LAG_MAX = 160, 10, 53  # of the 4 kHz signal: 75 to 400 Hz
_HOP, _FAR = 40, 360  # of the 4 kHz signal: 10 ms, 90 ms
_TAPS = (np.sinc(2 * 1500 / 16_000 * (np.arange(N_TAPS) - (N_TAPS - 1) / 2)) * np.hamming(N_TAPS)).astype(np.float32)
_TAPS /= _TAPS.sum()  # -6 dB at 1.5 kHz, -50 dB at 2.5 kHz
# A correlation between two lags is the sum of these weights, eight lags on both sides, for quarters from -1/2 to 1/4.
_REACH, _MARGIN, _QUARTERS = 8, 9, 4
_OFFSETS = np.arange(-_REACH, _REACH + 1) - (np.arange(_QUARTERS)[:, None] - 2) / _QUARTERS  # (4, 17)
_BETWEEN = (np.sinc(_OFFSETS) * (0.5 + 0.5 * np.cos(np.pi * _OFFSETS / (_REACH + 0.5)))).astype(np.float32)
_ZERO, _ONE, _HALF, _QUARTER = np.float32(0), np.float32(1), np.float32(0.5), np.float32(0.25)
_EIGHT = np.float32(8)
_TINY, _INAUDIBLE = np.float32(1e-12), np.float32(1e-12)
_ROUNDING = np.float32(1e-5)  # of a running sum that went from loud to quiet
_TO_DB = np.float32(10 / np.log(10))
_OCTAVE = np.float32(12 / np.log(2))  # semitones
_LOWEST = np.float32(4000 / 55)  # lag of 55 Hz
_FLOOR_DB = np.float32(-84)  # of band power: white noise at -90 dBFS; what lies below is silence
_QUIET = np.float32(10 ** (-84 / 10))  # all bands together
_SMOOTHING = np.float32(0.8)
_PRE_EMPHASIS = np.float32(0.9)
_HIGH_PASS = np.float32(np.exp(-2 * np.pi * 120 / 4000))  # rumble and hum have periods too
# Standard deviation, dB, of one frame's group level in white noise, and how far the minimum of the smoothed power
# lies below its mean; both measured on ten minutes of white and pink noise.
_SPREAD = np.array([2.9, 2.2, 2.0, 1.8, 1.5, 1.2, 1.1, 1.0], np.float32)
_BIAS = np.array([3.0, 2.3, 2.0, 1.8, 1.5, 1.2, 1.0, 0.8], np.float32)
# Range, dB, of the four segment means that noise stays below (about its 99th percentile).
_LOOSE = np.array([7.0, 5.3, 4.8, 4.2, 3.5, 2.9, 2.5, 2.1], np.float32)
_Z_MIN, _Z_MAX = np.float32(-1), np.float32(6)
_DRIFT, _OPEN, _STAY = np.float32(0.7), np.float32(2.5), np.float32(0.5)
_RANGE = np.float32(40)  # dB that the faintest sound of speech lies below the loudest of the last seconds
_PEAK_PACE, _PEAK_DECAY = np.float32(0.25), np.float32(0.02)  # a hop: 40 ms to reach it, 2 dB/s to forget it
_VOICED = np.float32(0.5)
_AUDIBLE = np.float32(5)  # dB above the floor
_TONAL, _HISS = np.float32(0.3), np.float32(0.4)  # near correlations: above it may be tone, below it may be hiss
_INCOHERENT, _KNOWN, _CLEAN = np.float32(1.5), np.float32(3), np.float32(0.003)
_LOST = np.float32(0.12)  # of the correlation, at most: speech in noise loses 0.16 and more
_SWELLING = np.float32(1.9)  # times what noise stays below: two tones close together beat
_YOUNG, _LONG = np.float32(25), np.float32(80)
_NEAR_BEST = np.float32(0.9)


@fast_kernel(VOID(IN1, OUT1))
def group_powers(mel, out):
    """Mean power in each group of ten mel bands, the first without what lies below 90 Hz: mel (80,) ln → out (8,)."""
    for g in range(N_GROUPS):
        total = _ZERO
        first = g * _BANDS if g > 0 else _RUMBLE
        for k in range(first, (g + 1) * _BANDS):
            total += np.exp(mel[k])
        power = total / np.float32((g + 1) * _BANDS - first)
        out[g] = power if np.isfinite(power) else _ZERO


@fast_kernel(VOID(IN1, OUT1, OUT1, OUT1))
def decimate(hop, raw, wave, state):
    """Append a hop (160,) at 4 kHz, without rumble and pre-emphasised, to wave (464,), newest last.

    raw (192,): the last 32 samples of the hop before, and this one.
    """
    for i in range(N_TAPS):
        raw[i] = raw[i + hop.shape[0]]
    for i in range(hop.shape[0]):
        raw[N_TAPS + i] = hop[i] if np.isfinite(hop[i]) else _ZERO
    keep = N_WAVE - _HOP
    for i in range(keep):
        wave[i] = wave[i + _HOP]
    for i in range(_HOP):
        sample, heard = _ZERO, raw[4 * i + 4 :]
        for k in range(N_TAPS):
            sample += _TAPS[k] * heard[k]
        clean = _HIGH_PASS * (state[LAST_CLEAN] + sample - state[LAST_SAMPLE])
        if abs(clean) < _INAUDIBLE:  # or digital silence would leave denormals for ever, and they are slow
            clean = _ZERO
        wave[keep + i] = clean - _PRE_EMPHASIS * state[LAST_CLEAN]
        state[LAST_SAMPLE], state[LAST_CLEAN] = sample, clean


@fast_kernel(VOID(IN1, OUT1, OUT1))
def periodicity(wave, state, scratch):
    """Highest normalised cross-correlation of the newest 40 ms with itself 2.5 to 13.3 ms earlier, and its lag.

    wave (464,); scratch (135,).
    """
    start = N_WAVE - _WINDOW
    energy = _TINY
    for i in range(start, N_WAVE):
        energy += wave[i] * wave[i]
    lagged = _TINY
    for i in range(start - _LAG_MIN + 1, N_WAVE - _LAG_MIN + 1):
        lagged += wave[i] * wave[i]
    for lag in range(_LAG_MIN - 1, _LAG_MAX + 2):
        product = _ZERO
        for i in range(_WINDOW):
            product += wave[start + i] * wave[start + i - lag]
        scratch[lag] = product / np.sqrt(energy * max(lagged, _ROUNDING * energy))
        if lag <= _LAG_MAX:
            before, after = wave[start - lag - 1], wave[N_WAVE - lag - 1]
            lagged += before * before - after * after
    best, at = _ZERO, 0
    for lag in range(_LAG_MIN, _LAG_MAX + 1):
        if scratch[lag] > best and scratch[lag] >= scratch[lag - 1] and scratch[lag] >= scratch[lag + 1]:
            best, at = scratch[lag], lag
    # The shortest lag that is nearly as good: twice the period fits as well as the period.
    for lag in range(_LAG_MIN, at):
        if scratch[lag] > _NEAR_BEST * best and scratch[lag] >= scratch[lag - 1] and scratch[lag] >= scratch[lag + 1]:
            at = lag
            break
    state[PERIODICITY] = best
    state[LAG] = _ZERO
    if at > 0:
        a, b, c = scratch[at - 1], scratch[at], scratch[at + 1]
        bend = a - b - b + c
        state[LAG] = np.float32(at) + (_HALF * (a - c) / bend if bend < _ZERO else _ZERO)


@fast_kernel(VOID(IN1, I64, OUT1, OUT1))
def correlate_with(wave, longest, energies, out):
    """Normalised correlations of the newest 10 ms with earlier ones, `longest` lag first; energies and out (lags,)."""
    oldest = N_WAVE - _HOP - longest
    newest, before, after = wave[N_WAVE - _HOP :], wave[oldest:], wave[oldest + _HOP :]
    energy, lagged = _TINY, _TINY
    for i in range(_HOP):
        energy += newest[i] * newest[i]
        lagged += before[i] * before[i]
    for k in range(out.shape[0]):
        energies[k] = energy * max(lagged, _ROUNDING * energy)
        lagged += after[k] * after[k] - before[k] * before[k]
        out[k] = _ZERO
    for i in range(_HOP):  # sample by sample, for then the lags lie side by side
        sample, then = newest[i], wave[oldest + i :]
        for k in range(out.shape[0]):
            out[k] += sample * then[k]
    for k in range(out.shape[0]):
        out[k] /= np.sqrt(energies[k])


@fast_kernel(VOID(IN1, OUT2, OUT1, OUT1))
def correlate(wave, lags, mean, state):
    """Correlations of the newest 10 ms with itself at the near and the far lags, and their mean over 120 ms.

    wave (464,); lags (12, 135) one row a hop, a ring, longest lag first; mean (135,). Each 10 ms weighs the same, so a
    tone that swells and fades fits itself as well as a level one.
    """
    newest = (int(state[NEWEST]) + 1) % N_ROWS
    state[NEWEST] = np.float32(newest)
    row = lags[newest]
    correlate_with(wave, _LAG_MIN - _MARGIN + N_NEAR - 1, mean, row[:N_NEAR])
    correlate_with(wave, _FAR - _MARGIN + N_FAR - 1, mean, row[N_NEAR:])
    for k in range(N_LAGS):
        mean[k] = _ZERO
    for i in range(N_ROWS):
        row = lags[i]
        for k in range(N_LAGS):
            mean[k] += row[k]
    for k in range(N_LAGS):
        mean[k] *= _ONE / np.float32(N_ROWS)


@fast_kernel(F32(IN1, I64))
def between(mean, pin):
    """The mean correlation (135,) at `pin`, a position counted in quarters."""
    at = (pin + _QUARTERS // 2) // _QUARTERS
    weights = pin - _QUARTERS * at + _QUARTERS // 2
    value = _ZERO
    for j in range(2 * _REACH + 1):
        value += _BETWEEN[weights, j] * mean[at - _REACH + j]
    return value


@fast_kernel(F32(IN1, I64))
def crest(mean, pin):
    """The highest mean correlation (135,) within a quarter of `pin`."""
    before, here, after = between(mean, pin - 1), between(mean, pin), between(mean, pin + 1)
    bend, tilt = before - here - here + after, before - after
    if abs(tilt) >= -(bend + bend):
        return max(before, here, after)
    return here - tilt * tilt / (_EIGHT * bend)


@fast_kernel(I64(IN1, I64, I64))
def peak(mean, first, count):
    """The pin at which the mean correlation is highest among `count` lags, the nine at both ends left out."""
    at = first + _MARGIN
    for k in range(first + _MARGIN, first + count - _MARGIN):
        if mean[k] > mean[at]:
            at = k
    pin = _QUARTERS * at
    best = pin
    for near in range(pin - 2, pin + 3):
        if between(mean, near) > between(mean, best):
            best = near
    return best


@fast_kernel(VOID(IN1, OUT1))
def follow_tone(mean, state):
    """Count in ``state[RUN]`` the hops for which one and the same far lag has fitted as well as the best near one.

    Once the sound is known as a machine's a looser fit will do: its tone may swell above the air and sink again.
    """
    near = crest(mean, peak(mean, 0, N_NEAR))
    state[NEAR] = near
    if state[RUN] > _LONG:
        least = _ONE - _KNOWN * (_ONE - near + _CLEAN)
    else:
        least = max(_ONE - _INCOHERENT * (_ONE - near + _CLEAN), near - _LOST)
    if near < _TONAL:
        state[RUN] = _ZERO
        return
    if state[RUN] > _ZERO and crest(mean, int(state[PIN])) > least:
        state[RUN] += _ONE
        return
    pin = peak(mean, N_NEAR, N_FAR)
    state[PIN] = np.float32(pin)
    state[RUN] = _ONE if crest(mean, pin) > least else _ZERO


@fast_kernel(VOID(IN1, OUT2, OUT1, OUT1))
def track_floor(powers, minima, floor, state):
    """Noise floor of each group, dB: minimum of the smoothed power over 1.28 s, plus its bias; floor (8,) overwritten.

    minima (10, 8): row 0 the smoothed power, row 1 the minimum of the running sub-window, rows 2 … 9 finished ones.
    While a voice sounds the floor can fall but not rise, so a held note does not become noise.

    References
    ----------
    R. Martin, Noise power spectral density estimation based on optimal smoothing and minimum statistics, IEEE Trans.
    Speech and Audio Processing 9(5), 2001; here with fixed smoothing and a measured bias.
    """
    voiced = state[PERIODICITY] > _VOICED and state[SPEAKING] > _ZERO
    if not voiced:
        state[COUNT] += _ONE
    turn = state[COUNT] >= _SUBWINDOW
    slot = int(state[SLOT])
    if turn:
        state[COUNT] = _ZERO
        state[SLOT] = np.float32((slot + 1) % N_MINIMA)
    for g in range(N_GROUPS):
        smoothed = _SMOOTHING * minima[0, g] + (_ONE - _SMOOTHING) * powers[g]
        minima[0, g] = smoothed
        if not voiced or smoothed < minima[1, g]:
            minima[1, g] = min(minima[1, g], smoothed)
        if turn:
            minima[2 + slot, g] = minima[1, g]
            minima[1, g] = smoothed
        lowest = minima[1, g]
        for k in range(N_MINIMA):
            lowest = min(lowest, minima[2 + k, g])
        floor[g] = max(_TO_DB * np.log(lowest + _TINY) + _BIAS[g], _FLOOR_DB)


@fast_kernel(VOID(IN1, OUT2, OUT2, OUT1, OUT1, OUT2))
def recognise_noise(powers, history, minima, floor, state, parts):
    """Set ``state[STEADY]`` to 1, and the floor to the present level, when the last 200 ms were a machine's.

    history (20, 8) powers, newest last, updated; scratch parts (5, 8). A machine is either hiss, hardly periodic and as
    level as noise is; or tone whose lag stands still, about as level: at once when the sound has just begun, later
    only after a second, for a held note's sake.
    """
    for i in range(N_HISTORY - 1):
        for g in range(N_GROUPS):
            history[i, g] = history[i + 1, g]
    for g in range(N_GROUPS):
        history[N_HISTORY - 1, g] = powers[g]
    state[STEADY] = _ZERO
    state[AGE] = min(state[AGE] + _ONE, _LONG) if state[SPEAKING] > _ZERO else _ZERO
    state[FILLED] = min(state[FILLED] + _ONE, np.float32(N_HISTORY))
    if state[FILLED] < np.float32(N_HISTORY):
        return

    # parts: the power of each segment and, last, of the whole, each a mean.
    span = N_HISTORY // N_SEGMENTS
    for g in range(N_GROUPS):
        parts[N_SEGMENTS, g] = _ZERO
    for k in range(N_SEGMENTS):
        for g in range(N_GROUPS):
            parts[k, g] = _ZERO
        for i in range(k * span, (k + 1) * span):
            for g in range(N_GROUPS):
                parts[k, g] += history[i, g]
        for g in range(N_GROUPS):
            parts[k, g] *= _ONE / np.float32(span)
            parts[N_SEGMENTS, g] += parts[k, g] * (_ONE / np.float32(N_SEGMENTS))
    audible = False
    worst = _ZERO
    for g in range(N_GROUPS):
        if _TO_DB * np.log(parts[N_SEGMENTS, g] + _TINY) < floor[g] + _AUDIBLE:
            continue
        audible = True
        lowest, highest = parts[0, g], parts[0, g]
        for k in range(1, N_SEGMENTS):
            lowest, highest = min(lowest, parts[k, g]), max(highest, parts[k, g])
        spread = _TO_DB * np.log((highest + _TINY) / (lowest + _TINY))
        worst = max(worst, spread / _LOOSE[g])
    hiss = audible and worst < _ONE and state[NEAR] < _HISS
    known = state[RUN] > _LONG
    sudden = audible and state[RUN] > _ZERO and state[AGE] < _YOUNG
    if not (hiss or ((known or sudden) and worst < _SWELLING)):
        return
    if not hiss:
        state[RUN] = max(state[RUN], _LONG + _ONE)
    state[STEADY] = _ONE
    for g in range(N_GROUPS):
        minimum = parts[N_SEGMENTS, g] * np.exp(-_BIAS[g] / _TO_DB)
        for k in range(1, 2 + N_MINIMA):
            minima[k, g] = minimum
        floor[g] = max(_TO_DB * np.log(minimum + _TINY) + _BIAS[g], _FLOOR_DB)


@fast_kernel(VOID(IN1, IN1, OUT1))
def decide(powers, floor, state):
    """Set ``state[SPEAKING]``: enough evidence above the floors opens, little keeps open.

    The evidence is a cumulative sum that noise keeps at zero, so a loud onset counts after one hop and a faint one
    after a few.

    References
    ----------
    E. S. Page, Continuous inspection schemes, Biometrika 41, 1954.
    """
    excess, total = _ZERO, _ZERO
    for g in range(N_GROUPS):
        total += powers[g]
        z = (_TO_DB * np.log(powers[g] + _TINY) - floor[g]) / _SPREAD[g]
        excess += min(max(z, _Z_MIN), _Z_MAX)
    excess /= np.float32(N_GROUPS)
    voiced = state[PERIODICITY] > _VOICED
    state[LEVEL] = _TO_DB * np.log(total + _TINY)
    state[SEMITONES] = _OCTAVE * np.log(_LOWEST / state[LAG]) if voiced else _ZERO
    state[SMOOTH] += _HALF * (excess - state[SMOOTH])
    if voiced and state[SPEAKING] > _ZERO and state[LEVEL] > state[LOUDEST]:
        state[LOUDEST] += _PEAK_PACE * (state[LEVEL] - state[LOUDEST])
    else:
        state[LOUDEST] -= _PEAK_DECAY
    if total < _QUIET or state[LEVEL] < state[LOUDEST] - _RANGE or state[STEADY] > _ZERO:
        state[EVIDENCE] = state[SPEAKING] = state[SMOOTH] = _ZERO
        return
    gain = excess - _DRIFT
    if voiced and excess > _HALF:
        gain += _ONE
    state[EVIDENCE] = max(state[EVIDENCE] + gain, _ZERO)
    if state[EVIDENCE] > _OPEN:
        state[EVIDENCE] = _OPEN
        state[SPEAKING] = _ONE
    elif state[SMOOTH] < (_HALF * _STAY if voiced else _STAY):
        state[SPEAKING] = _ZERO


@fast_kernel(VOID(IN1, IN1, OUT1, OUT2, OUT2, OUT1, OUT1))
def gate_hop(hop, mel, samples, lags, groups, state, scratch):
    """One hop (160,) and the newest log-mel frame (80,): ``state[SPEAKING]`` and ``state[STEADY]`` answer.

    samples (656,), lags (12, 135), groups (37, 8), state (19,) and scratch (135,) are the caller's, zero at first but
    for ``state[LOUDEST]``: few arrays, because every one costs 50 ns a call.
    """
    raw, wave = samples[:N_RAW], samples[N_RAW:]
    history, minima, floor = groups[:N_HISTORY], groups[N_HISTORY:_FLOOR], groups[_FLOOR]
    powers, parts = groups[_FLOOR + 1], groups[_FLOOR + 2 :]
    group_powers(mel, powers)
    decimate(hop, raw, wave, state)
    periodicity(wave, state, scratch)
    track_floor(powers, minima, floor, state)
    correlate(wave, lags, scratch, state)
    follow_tone(scratch, state)
    recognise_noise(powers, history, minima, floor, state, parts)
    decide(powers, floor, state)
