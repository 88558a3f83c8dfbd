"""Is this 10 ms speech? Levels in eight bands against their noise floors, periodicity, and how steady the sound is.

Steady is a hiss whose bands keep their levels, and a tone that fits itself 90 to 104 ms later as well as one period
later. No throat does that: its periods differ by 0.3 to 1 %, and over ten of them the differences add up.

One call a hop, ``gate_hop``; `expression.gate` owns the buffers and turns the answer into a fade.
"""

import numpy as np

from .jit import F32, I64, IN1, IN2, OUT1, OUT2, VOID, fast_kernel

N_GROUPS = 8
"""Groups of ten neighbouring mel bands."""
N_HISTORY = 20
"""Hops over which steadiness is judged (200 ms)."""
N_SEGMENTS = 4
"""Means of 50 ms compared with each other: 50 and 60 Hz hum repeat exactly within 50 ms."""
N_MINIMA = 8
"""Sub-windows of the minimum search."""
N_NEAR, N_FAR = 64, 80
"""Lags compared for coherence, longest first: 16 to 0.25 ms and 105.75 to 86 ms; their peaks are sought in between."""
N_LAGS = N_NEAR + N_FAR
N_ROWS = 12
"""Hops over which coherence is judged (120 ms, and those 106 ms before them)."""
N_WAVE = 464
"""Decimated samples kept: the newest 10 ms and the longest lag."""

# Positions in `state` (19,)
EVIDENCE, SPEAKING, SMOOTH, COUNT, SLOT, FILLED, LAST_SAMPLE = range(7)
STEADY, PERIODICITY, LAG, AGE, LEVEL, SEMITONES, LAST_CLEAN, LOUDEST = range(7, 15)
RUN, PIN, NEWEST, NEAR = range(15, 19)
N_STATE = 19
UNHEARD = -120.0
"""Start of ``state[LOUDEST]``, dB."""
# Where things lie in `memory`, one array because every one costs 50 ns a call; `state` comes last.
_N_TAPS, _PHASES = 32, 4  # of the low-pass before decimation to 4 kHz
_N_PHASE = (_N_TAPS + 160) // _PHASES  # (48,) each fourth sample of the hop and of the 32 samples before it
_N_ROW = N_LAGS + N_NEAR  # normalised correlations, and the near ones as they were before
_FLOOR = N_HISTORY + 2 + N_MINIMA
_N_GROUP_ROWS = _FLOOR + 2 + (N_SEGMENTS + 1)  # of eight groups: history, minima, floor, powers, parts
_WAVE = _PHASES * _N_PHASE
_ENERGIES = _WAVE + N_WAVE
_ROWS = _ENERGIES + N_WAVE
_SCRATCH = _ROWS + N_ROWS * _N_ROW
_GROUPS = _SCRATCH + N_LAGS
_STATE = _GROUPS + _N_GROUP_ROWS * N_GROUPS
N_MEMORY = _STATE + N_STATE
"""Floats that `gate_hop` keeps from hop to hop."""

_BANDS, _RUMBLE = 10, 2
_SUBWINDOW = np.float32(16)  # hops: the eight of them search 1.28 s
_TOGETHER = 8  # samples that share each pass over the lags
_HOP, _HOPS = 40, 4  # samples of the 4 kHz signal in a hop, and hops over which periodicity is judged
# Where a peak may lie among the lags, first and last: 13.25 to 2.5 ms (75 to 400 Hz), and 103.5 to 90 ms.
_NEAR_FIRST, _NEAR_LAST = N_NEAR - 53, N_NEAR - 10
_FAR_LONGEST = 423
_FAR_FIRST, _FAR_LAST = N_NEAR + _FAR_LONGEST - 414, N_NEAR + _FAR_LONGEST - 360
_TAPS = (np.sinc(2 * 1500 / 16_000 * (np.arange(_N_TAPS) - (_N_TAPS - 1) / 2)) * np.hamming(_N_TAPS)).astype(np.float32)
_TAPS = np.ascontiguousarray((_TAPS / _TAPS.sum()).reshape(-1, _PHASES).T)  # (4, 8) -6 dB at 1.5 kHz, -50 dB at 2.5 kHz
# A correlation between two lags is the sum of these weights, eight lags on both sides, for quarters from -1/2 to 1/4.
_REACH, _QUARTERS = 8, 4
_OFFSETS = np.arange(-_REACH, _REACH + 1) - (np.arange(_QUARTERS)[:, None] - 2) / _QUARTERS  # (4, 17)
_BETWEEN = (np.sinc(_OFFSETS) * (0.5 + 0.5 * np.cos(np.pi * _OFFSETS / (_REACH + 0.5)))).astype(np.float32)
_ZERO, _ONE, _HALF = np.float32(0), np.float32(1), np.float32(0.5)
_EIGHT = np.float32(8)
_TINY, _INAUDIBLE = np.float32(1e-12), np.float32(1e-12)
_FAINT = np.float32(1e-5)  # of the energy: a sound that begins does not fit what was before
_TO_DB = np.float32(10 / np.log(10))
# e^x = 2^n 2^r with |r| ≤ 1/2, the latter a polynomial in r ln 2 that is exact to 2e-7. Unlike np.exp it vectorises.
_FAINTEST = np.float32(-87)
_OCTAVES, _NATURAL = np.float32(1 / np.log(2)), np.float32(np.log(2))
_E2, _E3, _E4, _E5, _E6 = (np.float32(1 / v) for v in (2, 6, 24, 120, 720))
_EXPONENT, _MANTISSA_BITS = np.int32(127), np.uint32(23)
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


@fast_kernel(F32(F32))
def exponential(x):
    """e^x of x up to 88, and next to nothing of what is no number."""
    x = x if x > _FAINTEST else _FAINTEST
    n = np.floor(x * _OCTAVES + _HALF)
    r = x - n * _NATURAL
    power = np.uint32(np.uint32(np.int32(n) + _EXPONENT) << _MANTISSA_BITS).view(np.float32)
    return power * ((((((_E6 * r + _E5) * r + _E4) * r + _E3) * r + _E2) * r + _ONE) * r + _ONE)


@fast_kernel(VOID(IN1, OUT1, OUT1))
def group_powers(mel, linear, out):
    """Mean power in each group of ten mel bands, the first without what lies below 90 Hz: mel (80,) ln → out (8,)."""
    for k in range(mel.shape[0]):
        linear[k] = exponential(mel[k])
    for g in range(N_GROUPS):
        total = _ZERO
        first = g * _BANDS if g > 0 else _RUMBLE
        for k in range(first, (g + 1) * _BANDS):
            total += linear[k]
        power = total / np.float32((g + 1) * _BANDS - first)
        out[g] = power if np.isfinite(power) else _ZERO


@fast_kernel(VOID(IN1, OUT2, OUT1, OUT1))
def decimate(hop, phases, wave, state):
    """Append a hop (160,) at 4 kHz, without rumble and pre-emphasised, to wave (464,), newest last.

    phases (4, 48): row p holds each fourth sample of the hop from p on, behind the last eight of the hop before.
    """
    for i in range(N_WAVE - _HOP):
        wave[i] = wave[i + _HOP]
    out = wave[N_WAVE - _HOP :]
    for i in range(_HOP):
        out[i] = _ZERO
    for p in range(_PHASES):
        phase = phases[p]
        for i in range(_N_PHASE - _HOP):
            phase[i] = phase[i + _HOP]
        for i in range(_HOP):
            sample = hop[_PHASES * i + p]
            phase[_N_PHASE - _HOP + i] = sample if np.isfinite(sample) else _ZERO
        for i in range(_HOP):  # the taps innermost, for then the outputs lie side by side
            for q in range(_N_TAPS // _PHASES):
                out[i] += _TAPS[p, q] * phase[i + 1 + q]
    last, clean = state[LAST_SAMPLE], state[LAST_CLEAN]
    for i in range(_HOP):
        sample, before = out[i], clean
        clean = _HIGH_PASS * before + _HIGH_PASS * (sample - last)
        out[i] = clean - _PRE_EMPHASIS * before
        last = sample
    # Digital silence would leave denormals forever, and they are slow.
    state[LAST_SAMPLE], state[LAST_CLEAN] = last, clean if abs(clean) > _INAUDIBLE else _ZERO


@fast_kernel(VOID(IN1, OUT1, OUT1))
def measure_energies(wave, energies, squares):
    """Append to energies (464,) those of the 10 ms that end with each of the newest 40 samples; scratch squares (144,).

    Doubled from pair to eight, not added up and subtracted: nothing of what was loud is left when it is quiet.
    """
    for i in range(N_WAVE - _HOP):
        energies[i] = energies[i + _HOP]
    recent = wave[N_WAVE - 2 * _HOP :]
    for i in range(2 * _HOP):
        squares[i] = recent[i] * recent[i]
    for span in (1, 2, 4):
        for i in range(2 * _HOP - span):
            squares[i] += squares[i + span]
    out = energies[N_WAVE - _HOP :]
    for i in range(_HOP):
        out[i] = squares[i + 1] + squares[i + 9] + squares[i + 17] + squares[i + 25] + squares[i + 33]


@fast_kernel(VOID(IN1, I64, OUT1))
def multiply(wave, longest, out):
    """Sums of products of the newest 10 ms with earlier ones, `longest` lag first; out (lags,)."""
    newest, then = wave[N_WAVE - _HOP :], wave[N_WAVE - _HOP - longest :]
    for k in range(out.shape[0]):
        out[k] = _ZERO
    for i in range(0, _HOP, _TOGETHER):  # samples outermost, for then the lags lie side by side
        for k in range(out.shape[0]):
            total = _ZERO
            for j in range(i, i + _TOGETHER):
                total += newest[j] * then[j + k]
            out[k] += total


@fast_kernel(VOID(IN1, IN1, I64, OUT1))
def normalise(products, energies, longest, out):
    """`products` by the root of both energies, `longest` lag first; out (lags,)."""
    energy, then = _TINY + energies[N_WAVE - 1], energies[N_WAVE - 1 - longest :]
    for k in range(out.shape[0]):
        out[k] = products[k] / np.sqrt(energy * max(_TINY + then[k], _FAINT * energy))


@fast_kernel(VOID(IN1, IN1, OUT2, OUT1, OUT1))
def correlate(wave, energies, rows, state, scratch):
    """Correlations of the newest 10 ms with itself at the near and the far lags, in the next of `rows`, a ring.

    wave and energies (464,); rows (12, 208): near and far correlations, and the near ones not normalised; scratch (144,).
    """
    newest = (int(state[NEWEST]) + 1) % N_ROWS
    state[NEWEST] = np.float32(newest)
    row = rows[newest]
    near, far, near_products, far_products = row[:N_NEAR], row[N_NEAR:N_LAGS], row[N_LAGS:], scratch[:N_FAR]
    multiply(wave, N_NEAR, near_products)
    normalise(near_products, energies, N_NEAR, near)
    multiply(wave, _FAR_LONGEST, far_products)
    normalise(far_products, energies, _FAR_LONGEST, far)


@fast_kernel(VOID(IN2, OUT1))
def average(rows, mean):
    """Mean correlation (144,) over 120 ms.

    Each 10 ms weighs the same, so a tone that swells and fades fits itself as well as a level one.
    """
    for k in range(N_LAGS):
        total = _ZERO
        for i in range(N_ROWS):
            total += rows[i, k]
        mean[k] = total * (_ONE / np.float32(N_ROWS))


@fast_kernel(VOID(IN2, IN1, OUT1, OUT1))
def periodicity(rows, energies, state, scratch):
    """Highest normalised cross-correlation of the newest 40 ms with itself 2.5 to 13.3 ms earlier, and its lag.

    rows (12, 208) and energies (464,) as `correlate` left them: 40 ms are the sum of four hops; scratch (144,).
    """
    newest = int(state[NEWEST])
    a, b = rows[newest, N_LAGS:], rows[(newest + N_ROWS - 1) % N_ROWS, N_LAGS:]
    c, d = rows[(newest + N_ROWS - 2) % N_ROWS, N_LAGS:], rows[(newest + N_ROWS - 3) % N_ROWS, N_LAGS:]
    energy = _TINY
    for j in range(_HOPS):
        energy += energies[N_WAVE - 1 - j * _HOP]
    then = energies[N_WAVE - 1 - N_NEAR - (_HOPS - 1) * _HOP :]
    for k in range(N_NEAR):
        lagged = _TINY + then[k] + then[k + _HOP] + then[k + 2 * _HOP] + then[k + 3 * _HOP]
        scratch[k] = (a[k] + b[k] + c[k] + d[k]) / np.sqrt(energy * max(lagged, _FAINT * energy))
    best, at = _ZERO, N_NEAR
    for k in range(_NEAR_LAST, _NEAR_FIRST - 1, -1):
        if scratch[k] > best and scratch[k] >= scratch[k - 1] and scratch[k] >= scratch[k + 1]:
            best, at = scratch[k], k
    # The shortest lag that is nearly as good: twice the period fits as well as the period.
    for k in range(_NEAR_LAST, at, -1):
        if scratch[k] > _NEAR_BEST * best and scratch[k] >= scratch[k - 1] and scratch[k] >= scratch[k + 1]:
            at = k
            break
    state[PERIODICITY] = best
    state[LAG] = _ZERO
    if best > _ZERO:
        longer, here, shorter = scratch[at - 1], scratch[at], scratch[at + 1]
        bend = longer - here - here + shorter
        state[LAG] = np.float32(N_NEAR - at) + (_HALF * (shorter - longer) / bend if bend < _ZERO else _ZERO)


@fast_kernel(F32(IN1, I64))
def between(mean, pin):
    """The mean correlation (144,) at `pin`, a position counted in quarters."""
    at = (pin + _QUARTERS // 2) // _QUARTERS
    weights = pin - _QUARTERS * at + _QUARTERS // 2
    value = _ZERO
    for j in range(2 * _REACH + 1):
        value += _BETWEEN[weights, j] * mean[at - _REACH + j]
    return value


@fast_kernel(F32(IN1, I64))
def crest(mean, pin):
    """The highest mean correlation (144,) within a quarter of `pin`."""
    before, here, after = between(mean, pin - 1), between(mean, pin), between(mean, pin + 1)
    bend, tilt = before - here - here + after, before - after
    if abs(tilt) >= -(bend + bend):
        return max(before, here, after)
    return here - tilt * tilt / (_EIGHT * bend)


@fast_kernel(I64(IN1, I64, I64))
def peak(mean, first, last):
    """The pin at which the mean correlation (144,) is highest between two positions."""
    best, at = mean[first], first
    for k in range(first + 1, last + 1):
        if mean[k] > best:
            best, at = mean[k], k
    highest, pin = mean[at], _QUARTERS * at
    for near in range(_QUARTERS * at - 2, _QUARTERS * at + 3):
        value = between(mean, near)
        if value > highest:
            highest, pin = value, near
    return pin


@fast_kernel(VOID(IN1, OUT1))
def follow_tone(mean, state):
    """Count in ``state[RUN]`` the hops for which one and the same far lag has fitted as well as the best near one.

    Once the sound is known as a machine's a looser fit will do: its tone may swell above the air and sink again.
    """
    near = crest(mean, peak(mean, _NEAR_FIRST, _NEAR_LAST))
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
    pin = peak(mean, _FAR_FIRST, _FAR_LAST)
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
    for g in range(N_GROUPS):
        lowest = minima[1, g]
        for k in range(2, 2 + N_MINIMA):
            lowest = min(lowest, minima[k, g])
        floor[g] = lowest
    for g in range(N_GROUPS):
        floor[g] = max(_TO_DB * np.log(floor[g] + _TINY) + _BIAS[g], _FLOOR_DB)


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
        whole = _ZERO
        for k in range(N_SEGMENTS):
            total = _ZERO
            for i in range(k * span, (k + 1) * span):
                total += history[i, g]
            parts[k, g] = total * (_ONE / np.float32(span))
            whole += parts[k, g]
        parts[N_SEGMENTS, g] = whole * (_ONE / np.float32(N_SEGMENTS))
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


@fast_kernel(F32(IN1, IN1, OUT1))
def gate_hop(hop, mel, memory):
    """Is somebody speaking, by one hop (160,) and the newest log-mel frame (80,)? ``state[SPEAKING]``: 1 yes, 0 no.

    memory (N_MEMORY,), whose last N_STATE are `state`, is the caller's, zero at first but for ``state[LOUDEST]``.
    """
    phases = memory[:_WAVE].reshape((_PHASES, _N_PHASE))
    wave, energies = memory[_WAVE:_ENERGIES], memory[_ENERGIES:_ROWS]
    rows = memory[_ROWS:_SCRATCH].reshape((N_ROWS, _N_ROW))
    scratch, state = memory[_SCRATCH:_GROUPS], memory[_STATE:]
    groups = memory[_GROUPS:_STATE].reshape((_N_GROUP_ROWS, N_GROUPS))
    history, minima, floor = groups[:N_HISTORY], groups[N_HISTORY:_FLOOR], groups[_FLOOR]
    powers, parts = groups[_FLOOR + 1], groups[_FLOOR + 2 :]
    group_powers(mel, scratch, powers)
    decimate(hop, phases, wave, state)
    measure_energies(wave, energies, scratch)
    correlate(wave, energies, rows, state, scratch)
    periodicity(rows, energies, state, scratch)
    track_floor(powers, minima, floor, state)
    average(rows, scratch)
    follow_tone(scratch, state)
    recognise_noise(powers, history, minima, floor, state, parts)
    decide(powers, floor, state)
    return state[SPEAKING]
