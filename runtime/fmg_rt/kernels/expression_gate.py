"""Is this 10 ms speech? Levels in eight bands against their noise floors, periodicity, and how steady the sound is.

One call a hop, ``gate_hop``; `expression.gate` owns the buffers and turns the answer into a fade.
"""

import numpy as np

from .jit import IN1, OUT1, OUT2, VOID, fast_kernel

N_GROUPS = 8
"""Groups of ten neighbouring mel bands."""
N_HISTORY = 20
"""Hops over which steadiness is judged (200 ms)."""
N_SEGMENTS = 4
"""Means of 50 ms compared with each other: 50 and 60 Hz hum repeat exactly within 50 ms."""
N_MINIMA = 8
"""Sub-windows of the minimum search."""
N_WAVE = 214
"""Decimated samples kept for the periodicity (4 kHz): a 40 ms window and the longest lag."""

# Positions in `state` (16,)
EVIDENCE, SPEAKING, SMOOTH, COUNT, SLOT, FILLED, LAST_SAMPLE = range(7)
STEADY, PERIODICITY, LAG, TONE, LEVEL, SEMITONES, LAST_CLEAN, LOUDEST = range(7, 15)
N_STATE = 16
UNHEARD = -120.0
"""Start of ``state[LOUDEST]``, dB."""
N_SCRATCH = 56
"""Correlations, one a lag."""

_BANDS, _RUMBLE = 10, 2
_SUBWINDOW = np.float32(16)  # hops: the eight of them search 1.28 s
_WINDOW, _LAG_MIN, _LAG_MAX = 160, 10, 53  # of the 4 kHz signal: 75 to 400 Hz
_ZERO, _ONE, _HALF, _QUARTER = np.float32(0), np.float32(1), np.float32(0.5), np.float32(0.25)
_TINY = np.float32(1e-12)
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
_VOICED, _RARELY = np.float32(0.5), np.float32(0.25)
_AUDIBLE = np.float32(5)  # dB above the floor
_STRONG = np.float32(0.1)  # of the loudest group's power
_SAME_PITCH, _SAME_LEVEL = np.float32(0.004), np.float32(0.6)
_LIKE_PITCH, _LIKE_LEVEL, _LONG = np.float32(0.015), np.float32(2.0), np.float32(15)
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
def periodicity(hop, wave, state, scratch):
    """Highest normalised cross-correlation of the newest 40 ms with itself 2.5 to 13.3 ms earlier, and its lag.

    hop (160,); wave (214,) pre-emphasised signal at 4 kHz, newest last, updated; scratch (56,).
    """
    n_new = hop.shape[0] // 4
    keep = N_WAVE - n_new
    for i in range(keep):
        wave[i] = wave[i + n_new]
    for i in range(n_new):
        sample = _QUARTER * (hop[4 * i] + hop[4 * i + 1] + hop[4 * i + 2] + hop[4 * i + 3])
        if not np.isfinite(sample):
            sample = _ZERO
        clean = _HIGH_PASS * (state[LAST_CLEAN] + sample - state[LAST_SAMPLE])
        wave[keep + i] = clean - _PRE_EMPHASIS * state[LAST_CLEAN]
        state[LAST_SAMPLE], state[LAST_CLEAN] = sample, clean

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


@fast_kernel(VOID(IN1, OUT2, OUT2, OUT2, OUT1, OUT1, OUT2))
def recognise_noise(powers, history, pitch, minima, floor, state, parts):
    """Set ``state[STEADY]`` to 1, and the floor to the present level, when the last 200 ms were a machine's.

    history (20, 8) powers and pitch (20, 2) periodicity and lag, newest last, updated; scratch parts (5, 8). A machine is
    either hiss, hardly periodic and as level as noise is; or hum, whose period and level stand stiller than a voice can
    hold them: at once when they do not move at all, after 150 ms more when they hardly move.
    """
    for i in range(N_HISTORY - 1):
        for g in range(N_GROUPS):
            history[i, g] = history[i + 1, g]
        pitch[i, 0], pitch[i, 1] = pitch[i + 1, 0], pitch[i + 1, 1]
    for g in range(N_GROUPS):
        history[N_HISTORY - 1, g] = powers[g]
    pitch[N_HISTORY - 1, 0], pitch[N_HISTORY - 1, 1] = state[PERIODICITY], state[LAG]
    state[STEADY] = _ZERO
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
                parts[k, g] += history[i, g] / np.float32(span)
        for g in range(N_GROUPS):
            parts[N_SEGMENTS, g] += parts[k, g] / np.float32(N_SEGMENTS)
    loudest = _TINY
    for g in range(N_GROUPS):
        loudest = max(loudest, parts[N_SEGMENTS, g])
    audible = False
    worst_noise, worst_tone = _ZERO, _ZERO
    for g in range(N_GROUPS):
        if _TO_DB * np.log(parts[N_SEGMENTS, g] + _TINY) < floor[g] + _AUDIBLE:
            continue
        audible = True
        lowest, highest = parts[0, g], parts[0, g]
        for k in range(1, N_SEGMENTS):
            lowest, highest = min(lowest, parts[k, g]), max(highest, parts[k, g])
        spread = _TO_DB * np.log((highest + _TINY) / (lowest + _TINY))
        worst_noise = max(worst_noise, spread / _LOOSE[g])
        if parts[N_SEGMENTS, g] > _STRONG * loudest:
            worst_tone = max(worst_tone, spread)
    if not audible:
        return
    voiced, shortest, longest = _ZERO, np.float32(np.inf), _ZERO
    for i in range(N_HISTORY):
        if pitch[i, 0] > _VOICED:
            voiced += _ONE / np.float32(N_HISTORY)
        shortest, longest = min(shortest, pitch[i, 1]), max(longest, pitch[i, 1])
    wobble = (longest - shortest) / max(longest, _ONE)
    hiss = voiced < _RARELY and worst_noise < _ONE
    state[TONE] = state[TONE] + _ONE if wobble < _LIKE_PITCH and worst_tone < _LIKE_LEVEL else _ZERO
    hum = worst_tone < _SAME_LEVEL and (wobble < _SAME_PITCH or voiced < _RARELY)
    if not (hiss or hum or state[TONE] > _LONG):
        return
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


@fast_kernel(VOID(IN1, IN1, OUT1, OUT2, OUT2, OUT2, OUT1, OUT1, OUT1, OUT1, OUT2))
def gate_hop(hop, mel, wave, history, pitch, minima, floor, state, scratch, powers, parts):
    """One hop (160,) and the newest log-mel frame (80,): ``state[SPEAKING]`` and ``state[STEADY]`` answer."""
    group_powers(mel, powers)
    periodicity(hop, wave, state, scratch)
    track_floor(powers, minima, floor, state)
    recognise_noise(powers, history, pitch, minima, floor, state, parts)
    decide(powers, floor, state)
