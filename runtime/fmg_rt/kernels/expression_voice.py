"""What 10 ms of sound say beside the network: level, pitch, and whether a tone stands still as only a machine's does.

The network's presence decides whether somebody speaks; the tone decides where the network errs. A machine's tone fits itself
90 to 104 ms later as well as one period later. No throat's does: its periods differ by 0.3 to 1 %, and over ten of them the
differences add up. So a tone that stands still cannot open the gate or keep it open, and one that moves keeps it open.

One call a hop, ``listen``; `expression.gate` owns the state and turns the answer into a fade. ``tests/reference_voice.py`` is
the same in NumPy.
"""

import numpy as np

from .jit import F32, I64, IN1, IN2, OUT1, OUT2, VOID, fast_kernel, fast_part, record_out

RATE = 4_000
"""Samples per second of the wave in which periods are sought."""
HOP, STEP = 40, 80
"""Samples of a hop, and of a step: every 20 ms what is new is compared with what was before."""
TONE_STEPS, PITCH_STEPS = 6, 2
"""Steps over which a tone must fit itself (120 ms), and over which pitch is measured (40 ms)."""
SHORTEST_PERIOD, LONGEST_PERIOD = 10, 53
"""Lags of one period, samples: 400 to 75 Hz."""
SHORTEST_FAR, LONGEST_FAR = 360, 414
"""Lags at which a machine still fits itself, samples: 90 to 103.5 ms."""
LAGS = np.r_[LONGEST_PERIOD + 1 : SHORTEST_PERIOD - 2 : -1, LONGEST_FAR + 1 : SHORTEST_FAR - 2 : -1, 0]
"""(104,) lags compared: near ones, far ones, with one more at either end because a peak has two sides; and 0."""
N_NEAR, N_LAGS = LONGEST_PERIOD - SHORTEST_PERIOD + 3, len(LAGS)
N_WAVE = STEP + LONGEST_FAR + 1
"""Samples kept of the wave."""
_RATIO, N_TAPS = 4, 32  # of the decimation to 4 kHz
_KEPT = N_TAPS // _RATIO - 1  # of each phase from the hop before
_FIELDS = np.dtype(
    [
        ("phases", np.float32, (_RATIO, _KEPT + HOP)),  # newest samples at 16 kHz, each fourth in a row
        ("wave", np.float32, (N_WAVE,)),  # newest samples at 4 kHz without rumble, newest last
        ("unfiltered", np.float32),  # newest of the 4 kHz before the rumble is taken off
        ("products", np.float32, (TONE_STEPS, N_LAGS)),  # of each step with what was at each lag before it, in turn
        ("energies", np.float32, (TONE_STEPS, N_LAGS)),  # of what was there
        ("correlations", np.float32, (N_LAGS,)),
        ("level", np.float32),  # dB, power of the newest log-mel frame
        ("pitch", np.float32),  # semitones above 55 Hz, 0 when not voiced
        ("fit", np.float32),  # best correlation of the newest 120 ms one period ago, at most 1
        ("misfit", np.float32),  # how much less the best one 90 to 104 ms ago is: 1 as little as noise makes it, more: a throat
        ("still", np.float32),  # hops for which the tone has stood still
        ("tone", np.float32),  # dB, level of that tone
        ("loud", np.float32),  # dB, how loud who speaks has been
        ("spoken", np.float32),  # hops for which somebody has spoken
        ("hops", np.int32),  # heard
    ],
    align=True,
)
STATE = np.dtype((np.record, _FIELDS))
"""What `listen` keeps from hop to hop: one record, all zero at first."""
SILENT, SPEAKING, MACHINE = range(3)
"""Answers of `listen`. MACHINE: what was taken for a voice never was one."""

OPEN, STAY = np.float32(0.8), np.float32(0.5)
"""Presence from which somebody speaks, and below which nobody does any more."""
QUIET_DB = np.float32(-84)
"""Level below which nothing is speech: white noise at -99 dBFS."""
VOICED = np.float32(0.5)
"""Correlation one period ago from which a sound has a pitch."""
TONAL = np.float32(0.35)
"""Correlation 90 to 104 ms ago from which a sound may be a machine's tone."""
SUNG = np.float32(0.6)
"""Fit from which a moving tone keeps the gate open."""
STILL = np.float32(2)
"""Misfit below which a tone stands still; above it a tone moves as a throat's does."""
DOUBT = np.float32(4)
"""A tone that begins was a machine's when its misfit is below this times the presence's distance from 1."""
YOUNG_HOPS, GRACE_HOPS, LONG_HOPS = np.float32(30), np.float32(20), np.float32(80)
"""Hops of speech that are its beginning (300 ms); hops of a standing tone that a later one may have (200 ms), and those that
end it (800 ms)."""
TONE_PACE = np.float32(0.1)
"""Share of a new level in that of a standing tone, every other hop."""
LOUDER_DB = np.float32(6)
"""What exceeds a standing tone by this is another sound."""
SOFTER_DB, FORGET_DB = np.float32(8), np.float32(0.2)
"""A tone that much softer than who spoke does not keep the gate open; how much of that loudness a hop forgets (20 dB/s)."""
_CLEAN = np.float32(0.005)  # misfit of the best tone that counts
_SHORTER = np.float32(0.9)  # of the best correlation, which a shorter period must have: twice the period fits as well
_FAINT = np.float32(1e-5)  # of the energy: a sound that begins does not fit what was before
_TINY = np.float32(1e-12)
_TAPS = (np.sinc(2 * 1500 / 16_000 * (np.arange(N_TAPS) - (N_TAPS - 1) / 2)) * np.hamming(N_TAPS)).astype(np.float32)
_TAPS /= _TAPS.sum()  # -6 dB at 1.5 kHz, -50 dB at 2.5 kHz
_HIGH_PASS = np.float32(np.exp(-2 * np.pi * 120 / RATE))  # rumble and hum have periods too
_RUMBLE = 2  # mel bands below 90 Hz
_BANDS = np.float32(10)  # mel bands that the level averages, before it adds up
_TO_DB = np.float32(10 / np.log(10))
_SEMITONES = np.float32(12 / np.log(2))
_LAG_55 = np.float32(RATE / 55)
_ZERO, _ONE, _TWO, _HALF, _EIGHT = (np.float32(v) for v in (0, 1, 2, 0.5, 8))
_STATE = record_out(STATE)


@fast_part(F32(IN1))
def level_of(mel):
    """dB, power of a log-mel frame (80,) from 90 Hz on; not-a-number counts as silence."""
    total = _ZERO
    for k in range(_RUMBLE, mel.shape[0]):
        total += np.exp(mel[k])
    return _TO_DB * np.log(_TINY + (total / _BANDS if np.isfinite(total) else _ZERO))


@fast_part(F32(IN1, OUT2, OUT1, F32))
def decimate(hop, phases, wave, unfiltered):
    """Append a hop (160,) at 4 kHz, without rumble, to wave (495,), newest last; phases (4, 47) keep what the filter needs.

    unfiltered : the newest sample before the rumble is taken off; returns the one to hand in next.
    """
    for i in range(N_WAVE - HOP):
        wave[i] = wave[i + HOP]
    clean, out = wave[N_WAVE - 1], wave[N_WAVE - HOP :]
    for i in range(HOP):
        out[i] = _ZERO
    for p in range(_RATIO):
        phase = phases[p]
        for i in range(_KEPT):
            phase[i] = phase[i + HOP]
        for i in range(HOP):
            sample = hop[_RATIO * i + p]
            phase[_KEPT + i] = sample if np.isfinite(sample) else _ZERO
        for q in range(_KEPT + 1):
            for i in range(HOP):
                out[i] += _TAPS[_RATIO * q + p] * phase[i + q]
    for i in range(HOP):
        sample = out[i]
        clean = _HIGH_PASS * (clean + sample - unfiltered)
        # Digital silence would leave denormals forever, and they are slow.
        clean = clean if abs(clean) > _TINY else _ZERO
        out[i] = clean
        unfiltered = sample
    return unfiltered


@fast_part(VOID(IN1, OUT1, OUT1))
def compare(wave, products, energies):
    """Products (104,) of the newest step of wave with what was at each lag before it, and the energies (104,) of that."""
    newest = wave[N_WAVE - STEP :]
    for k in range(N_LAGS):
        then = wave[N_WAVE - STEP - LAGS[k] : N_WAVE - LAGS[k]]
        product, energy = _ZERO, _ZERO
        for i in range(STEP):
            product += newest[i] * then[i]
            energy += then[i] * then[i]
        products[k], energies[k] = product, energy


@fast_part(VOID(IN2, IN2, I64, I64, OUT1))
def correlate(products, energies, newest, n, out):
    """Normalised correlations (104,) over the `n` newest of the rows (6, 104), which are filled in turn."""
    for k in range(N_LAGS):
        product, energy, before = _ZERO, _TINY, _TINY
        for step in range(n):
            row = (newest + TONE_STEPS - step) % TONE_STEPS
            product += products[row, k]
            energy += energies[row, N_LAGS - 1]
            before += energies[row, k]
        out[k] = product / np.sqrt(energy * max(before, _FAINT * energy))


@fast_part(I64(IN1))
def highest(correlations):
    """Where the highest one with two neighbours stands; (lags,)."""
    at = 1
    for k in range(2, correlations.shape[0] - 1):
        if correlations[k] > correlations[at]:
            at = k
    return at


@fast_part(F32(IN1, I64))
def crest(correlations, at):
    """Height of the parabola through a sample and its neighbours, or the sample where that is no peak; at most 1."""
    before, here, after = correlations[at - 1], correlations[at], correlations[at + 1]
    bend, tilt = before - here - here + after, before - after
    if bend < _ZERO and abs(tilt) <= -(bend + bend):
        here -= tilt * tilt / (_EIGHT * bend)
    return min(here, _ONE)


@fast_part(F32(IN1))
def period(correlations):
    """Lag in samples of the peak of near correlations (46,); 0 below `VOICED`.

    The shortest lag that is nearly as good: twice the period fits as well as the period.
    """
    at = highest(correlations)
    best = correlations[at]
    if best < VOICED:
        return _ZERO
    for k in range(N_NEAR - 2, at, -1):
        here = correlations[k]
        if here > _SHORTER * best and here >= correlations[k - 1] and here >= correlations[k + 1]:
            at = k
            break
    before, here, after = correlations[at - 1], correlations[at], correlations[at + 1]
    bend = before - here - here + after
    return np.float32(LONGEST_PERIOD + 1 - at) + (_HALF * (after - before) / bend if bend < _ZERO else _ZERO)


@fast_part(VOID(_STATE))
def follow_tone(state):
    """Pitch, fit and misfit of the newest sound, and how long its tone has stood still."""
    s = state[0]
    row = s.hops // 2 % TONE_STEPS
    # Slices, for a field itself is not handed on as an array.
    products, energies, correlations = s.products[:], s.energies[:], s.correlations[:]
    near, far = correlations[:N_NEAR], correlations[N_NEAR : N_LAGS - 1]
    compare(s.wave[:], products[row], energies[row])
    correlate(products, energies, row, PITCH_STEPS, correlations)
    lag = period(near)
    s.pitch = _SEMITONES * np.log(_LAG_55 / lag) if lag > _ZERO else _ZERO
    correlate(products, energies, row, TONE_STEPS, correlations)
    s.fit, later = crest(near, highest(near)), crest(far, highest(far))
    s.misfit = (_ONE - later) / (_ONE - s.fit + _CLEAN)
    if later > TONAL and s.misfit < STILL:
        s.tone += (TONE_PACE if s.still > _ZERO else _ONE) * (s.level - s.tone)
        s.still += _TWO
    else:
        s.still = _ZERO


@fast_part(I64(F32, _STATE))
def decide(presence, state):
    """SILENT, SPEAKING or MACHINE, by the network's presence, 0 to 1, and the tone."""
    s = state[0]
    was, young = s.spoken > _ZERO, s.spoken < YOUNG_HOPS
    stands = s.still > _ZERO and s.level < s.tone + LOUDER_DB
    sings = s.fit > SUNG and s.level > s.loud - SOFTER_DB and s.still < (_ONE if young else GRACE_HOPS)
    answer = SILENT
    if s.level < QUIET_DB or (stands and not was):
        pass
    elif s.still > LONG_HOPS or (stands and young and s.misfit < DOUBT * (_ONE - presence)):
        answer = MACHINE
    elif presence >= (STAY if was else OPEN):
        answer = SPEAKING
        s.loud = max(s.level, s.loud - FORGET_DB) if was else s.level
    elif was and sings:
        answer = SPEAKING
        s.loud -= FORGET_DB
    s.spoken = s.spoken + _ONE if answer == SPEAKING else _ZERO
    return answer


@fast_kernel(I64(IN1, IN1, F32, _STATE))
def listen(hop, mel, presence, state):
    """Take a hop (160,), the newest log-mel frame (80,) and the presence; state (1,) of `STATE`. Returns as `decide`."""
    s = state[0]
    s.level = level_of(mel)
    s.unfiltered = decimate(hop, s.phases[:], s.wave[:], s.unfiltered)
    s.hops += 1
    if s.hops % 2 == 0:
        follow_tone(state)
    return decide(presence, state)
