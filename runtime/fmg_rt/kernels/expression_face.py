"""Per-frame arithmetic of the expression: ranges, what is added, fades, emotions, springs, smoothing, lips.

Everything works in place on one face, (52,) float32 in the order of ``arkit.ARKIT_NAMES``; the positions come in as an
array because a kernel module knows nothing but `jit`.
"""

import numpy as np

from .jit import F32, I32, I64, IN1, IN2, OUT1, OUT2, VOID, array_in, kernel

_INDEX = array_in(I32, 1)

# Rows of `where` (11,), positions in a face
JAW_OPEN, CLOSE, FUNNEL, ROLL_LOWER, ROLL_UPPER = range(5)
LOWER_LEFT, LOWER_RIGHT, UPPER_LEFT, UPPER_RIGHT, PRESS_LEFT, PRESS_RIGHT = range(5, 11)
# Positions in the lip guard's `state` (3,)
RECENT, CLOSED, SINCE = range(3)

_ZERO, _ONE, _HALF = np.float32(0), np.float32(1), np.float32(0.5)
_TWO, _THREE = np.float32(2), np.float32(3)
_TWO_PI = np.float32(2 * np.pi)
FORGET_OPENING = np.float32(1.0)
"""Seconds in which the memory of the recent opening falls to 1/e."""
CLOSED_BELOW, FREE_ABOVE = np.float32(0.10), np.float32(0.20)
"""Share of the recent opening below which the lips meet, and above which they stay as they are."""
SMALLEST_OPENING = np.float32(0.04)
"""Recent opening below which nothing counts as a closure: the mouth hardly moves."""
HOLD_SECONDS = np.float32(0.02)
"""A closure lasts at least this long, so that a viewer sees it."""
ROUNDED_KEEPS = np.float32(0.6)
"""Share of an emotion's mouth that a fully rounded mouth takes away."""


@kernel(VOID(OUT1))
def keep_in_range(face):
    """Values outside [0, 1] go to the nearer end, not-a-number to 0; all others keep their bits."""
    for i in range(face.shape[0]):
        x = face[i]
        if not x >= _ZERO:  # also true of NaN
            face[i] = _ZERO
        elif x > _ONE:
            face[i] = _ONE


@kernel(VOID(IN2, OUT1))
def keep_between(bounds, face):
    """As `keep_in_range`, with bounds (2, 52) lowest and highest of each."""
    for i in range(face.shape[0]):
        x = face[i]
        if not x >= bounds[0, i]:
            face[i] = bounds[0, i]
        elif x > bounds[1, i]:
            face[i] = bounds[1, i]


@kernel(VOID(IN2, OUT1))
def scale_and_shift(affine, face):
    """Kept in [0, 1], times a scale, plus a bias, kept in [0, 1]; affine (2, 52)."""
    keep_in_range(face)
    for i in range(face.shape[0]):
        face[i] = min(max(face[i] * affine[0, i] + affine[1, i], _ZERO), _ONE)


@kernel(VOID(IN1, IN2, IN2, F32, OUT1))
def add_and_scale(amounts, parts, factors, gain, face):
    """face + amounts (n,) @ parts (n, 52), at most 1 after each; then times the factors, at most 1.

    factors (2, 52): the first row counts everywhere, `gain` besides where the second is not 0.
    """
    for k in range(parts.shape[0]):
        amount = amounts[k]
        if amount > _ZERO:
            for i in range(face.shape[0]):
                face[i] = min(face[i] + amount * parts[k, i], _ONE)
    for i in range(face.shape[0]):
        factor = factors[0, i] * gain if factors[1, i] > _ZERO else factors[0, i]
        face[i] = min(face[i] * factor, _ONE)


@kernel(VOID(IN1, F32, F32, OUT1))
def fade(mouth, gain, others, face):
    """Times `gain` where mouth (52,) is 1, times `others` where it is 0."""
    for i in range(face.shape[0]):
        face[i] *= gain if mouth[i] > _ZERO else others


@kernel(F32(_INDEX, IN1, IN1))
def aperture(where, weights, face):
    """How far the lips stand apart, 0 when they touch: `weights` (n,) of the values at `where` (n,), each kept in [0, 1]."""
    total = _ZERO
    for k in range(where.shape[0]):
        total += weights[k] * min(max(face[where[k]], _ZERO), _ONE)
    return max(_ZERO, total)


@kernel(VOID(_INDEX, IN2, F32, OUT1, OUT1, OUT1))
def one_euro(region, parameters, seconds, face, value, speed):
    """One-Euro filter with one cut-off a region, so that relations between its coefficients survive.

    region (52,) row of `parameters`, −1 leaves a coefficient; parameters (regions, 3) lowest cut-off Hz, Hz gained per
    unit/s, cut-off of the speed Hz; `seconds` since the last frame, 0 starts again. value, speed (52,) state.

    References
    ----------
    G. Casiez, N. Roussel, D. Vogel, 1 € filter, CHI 2012, algorithm 1.
    """
    for r in range(parameters.shape[0]):
        fastest = _ZERO
        if seconds > _ZERO:
            w = _TWO_PI * parameters[r, 2] * seconds
            smoothing = w / (_ONE + w)
            for i in range(face.shape[0]):
                if region[i] == r:
                    speed[i] += smoothing * ((face[i] - value[i]) / seconds - speed[i])
                    fastest = max(fastest, abs(speed[i]))
        w = _TWO_PI * (parameters[r, 0] + parameters[r, 1] * fastest) * seconds
        smoothing = w / (_ONE + w)
        for i in range(face.shape[0]):
            if region[i] == r:
                if seconds <= _ZERO:
                    value[i] = face[i]
                else:
                    value[i] += smoothing * (face[i] - value[i])
                    face[i] = value[i]


@kernel(F32(F32, F32))
def closure_of(opening, recent):
    """How far the lips are to close, 0 to 1, at an aperture `opening`, by its share of the recent one."""
    x = (opening / recent - CLOSED_BELOW) / (FREE_ABOVE - CLOSED_BELOW)
    x = min(max(x, _ZERO), _ONE)
    return _ONE - x * x * (_THREE - _TWO * x)


@kernel(F32(F32, F32, F32, F32, OUT1))
def see_closure(opening, least, most, seconds, state):
    """How far the lips of a frame are to close, 0 to 1; also ``state[CLOSED]``, state (3,).

    opening : aperture of the frame, ≥ 0. least, most : smallest and largest aperture of the network's steps since the
    last frame, `seconds` ago. A frame shows its own closure, and one that fell between it and the frame before when
    neither shows it: a closure is late by less than a frame, and lasts no longer at 30 frames a second than at 100. It
    lasts at least `HOLD_SECONDS`.
    """
    state[RECENT] = max(max(opening, most), state[RECENT] * np.exp(-seconds / FORGET_OPENING))
    before, closed = state[CLOSED], _ZERO
    if state[RECENT] > SMALLEST_OPENING:
        closed = closure_of(opening, state[RECENT])
        missed = closure_of(least, state[RECENT])
        if missed > before:
            closed = max(closed, missed)
    state[SINCE] += seconds
    if closed >= _ONE and before < _ONE:
        state[SINCE] = _ZERO
    elif before >= _ONE and state[SINCE] < HOLD_SECONDS:
        closed = _ONE
    state[CLOSED] = closed
    return closed


@kernel(VOID(_INDEX, IN1, F32, OUT1))
def guard_lips(where, weights, closed, face):
    """Bring the lips together by `closed`, 0 to 1; mouthClose never exceeds jawOpen, and costs no opening to keep so."""
    surplus = face[where[CLOSE]] - face[where[JAW_OPEN]]
    if surplus > _ZERO:
        face[where[CLOSE]] = face[where[JAW_OPEN]]
        lower = weights[LOWER_LEFT] * face[where[LOWER_LEFT]] + weights[LOWER_RIGHT] * face[where[LOWER_RIGHT]]
        upper = weights[UPPER_LEFT] * face[where[UPPER_LEFT]] + weights[UPPER_RIGHT] * face[where[UPPER_RIGHT]]
        if lower + upper > _ZERO:
            keep = max(_ZERO, _ONE - surplus / (lower + upper))
            for k in (LOWER_LEFT, LOWER_RIGHT, UPPER_LEFT, UPPER_RIGHT):
                face[where[k]] *= keep
    if closed > _ZERO:
        face[where[CLOSE]] += closed * (face[where[JAW_OPEN]] - face[where[CLOSE]])
        for k in (LOWER_LEFT, LOWER_RIGHT, UPPER_LEFT, UPPER_RIGHT):
            face[where[k]] *= _ONE - closed
        press = _HALF * (face[where[PRESS_LEFT]] + face[where[PRESS_RIGHT]])
        inward = face[where[ROLL_LOWER]] + face[where[ROLL_UPPER]] + press
        if face[where[FUNNEL]] > inward:
            face[where[FUNNEL]] += closed * (inward - face[where[FUNNEL]])


@kernel(VOID(F32, F32, IN1, OUT1, OUT1))
def spring(pace, seconds, target, value, speed):
    """Let value (n,) go on by `seconds` towards target (n,) as a critically damped spring of `pace` rad/s; exact.

    Nine tenths of a step take 3.9 / pace seconds; neither value nor speed (n,) jumps.
    """
    decay = np.exp(-pace * seconds)
    for i in range(value.shape[0]):
        away = value[i] - target[i]
        pull = (speed[i] + pace * away) * seconds
        speed[i] = (speed[i] - pace * pull) * decay
        value[i] = target[i] + (away + pull) * decay


@kernel(F32(IN2, F32, F32, F32, IN1, OUT2))
def mix_emotions(values, strength, upper, mouth, told, amounts):
    """amounts (2, n) of upper face and mouth from values (2, n) chosen and heard; upper, mouth: shares of the heard.

    Returns how far the upper face's differ from `told` (n,) at most.
    """
    largest = _ZERO
    for k in range(values.shape[1]):
        chosen, heard = max(values[0, k], _ZERO), max(values[1, k], _ZERO)
        amounts[0, k] = min(_ONE, strength * (chosen + upper * heard))
        amounts[1, k] = min(_ONE, strength * (chosen + mouth * heard))
        largest = max(largest, abs(amounts[0, k] - told[k]))
    return largest


@kernel(F32(IN1, I64, I64))
def highest_above(mel, first, hiss):
    """By how much the loudest band from `hiss` on exceeds the loudest from `first` up to there; mel (80,) ln."""
    below, above = mel[first], mel[hiss]
    for k in range(first, hiss):
        below = max(below, mel[k])
    for k in range(hiss, mel.shape[0]):
        above = max(above, mel[k])
    return above - below


@kernel(VOID(_INDEX, IN1, IN2, IN2, F32, OUT1))
def show_emotions(rounding, mouth, amounts, directions, least, face):
    """Move face (52,) along directions (n, 52) by amounts (2, n): those of the upper face, those of the mouth.

    A positive entry takes the coefficient that share of the way to 1, a negative one that share of the way to 0. A
    rounded mouth, the two positions `rounding`, yields less to an emotion; mouth (52,) is 1 where speech decides.
    Amounts up to `least` are left out.
    """
    rounded = min(_ONE, face[rounding[0]] + face[rounding[1]])
    room = _ONE - ROUNDED_KEEPS * rounded
    for k in range(directions.shape[0]):
        if amounts[0, k] <= least and amounts[1, k] <= least:
            continue
        upper, lower = amounts[0, k], amounts[1, k] * room
        for i in range(face.shape[0]):
            step = directions[k, i] * (lower if mouth[i] > _ZERO else upper)
            if step > _ZERO:
                face[i] += min(step, _ONE) * (_ONE - face[i])
            elif step < _ZERO:
                face[i] *= max(_ZERO, _ONE + step)


@kernel(VOID(IN1, F32, OUT1, OUT1))
def take_off(which, learning, usual, face):
    """Subtract from each coefficient of face (52,) with which (52,) > 0 its usual value, which is learnt; not below 0."""
    for i in range(face.shape[0]):
        if which[i] > _ZERO:
            usual[i] += learning * (face[i] - usual[i])
            face[i] = max(_ZERO, face[i] - which[i] * usual[i])


@kernel(VOID(_INDEX, _INDEX, IN1, OUT1))
def lean(pairs, groups, leans, face):
    """Make the left of each of pairs (2 n,), left then right, larger and the right smaller by the lean of its group (n,)."""
    for k in range(groups.shape[0]):
        left, right, share = pairs[2 * k], pairs[2 * k + 1], leans[groups[k]]
        face[left] = min(face[left] * (_ONE + share), _ONE)
        face[right] *= _ONE - share
