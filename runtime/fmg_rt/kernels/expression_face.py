"""Per-frame arithmetic of the expression: ranges, what the voice adds, fades, aperture, One-Euro smoothing, lip guard.

Everything works in place on one face, (52,) float32 in the order of ``arkit.ARKIT_NAMES``; the positions come in as an
array because a kernel module knows nothing but `jit`.
"""

import numpy as np

from .jit import F32, I32, IN1, IN2, OUT1, VOID, array_in, kernel

_INDEX = array_in(I32, 1)

# Rows of `where` (11,), positions in a face
JAW_OPEN, CLOSE, FUNNEL, ROLL_LOWER, ROLL_UPPER = range(5)
LOWER_LEFT, LOWER_RIGHT, UPPER_LEFT, UPPER_RIGHT, PRESS_LEFT, PRESS_RIGHT = range(5, 11)
# Positions in the lip guard's `state` (4,)
RECENT, CLOSED, FRAMES, SECONDS = range(4)

_ZERO, _ONE, _HALF = np.float32(0), np.float32(1), np.float32(0.5)
_LOWER, _UPPER, _FIFTH = np.float32(0.4), np.float32(0.3), np.float32(0.2)
_TWO_PI = np.float32(2 * np.pi)
_FORGET = np.float32(1.0)  # s in which the memory of the recent opening falls to 1/e
_ENTER, _LEAVE = np.float32(0.12), np.float32(0.25)  # of the recent opening
_NOTICED, _BARELY = np.float32(0.04), np.float32(0.01)
_HOLD_FRAMES, _HOLD_SECONDS = np.float32(2), np.float32(0.035)


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


@kernel(F32(_INDEX, IN1))
def aperture(where, face):
    """How far the lips stand apart: left and right averaged, 0 when they touch."""
    lower = _HALF * (face[where[LOWER_LEFT]] + face[where[LOWER_RIGHT]])
    upper = _HALF * (face[where[UPPER_LEFT]] + face[where[UPPER_RIGHT]])
    press = _HALF * (face[where[PRESS_LEFT]] + face[where[PRESS_RIGHT]])
    roll = face[where[ROLL_LOWER]] + face[where[ROLL_UPPER]]
    gap = face[where[JAW_OPEN]] - face[where[CLOSE]] + _LOWER * lower + _UPPER * upper
    return max(_ZERO, gap + _FIFTH * (face[where[FUNNEL]] - roll - press))


@kernel(VOID(_INDEX, IN2, F32, F32, OUT1, OUT1, OUT1))
def one_euro(region, parameters, seconds, through, face, value, speed):
    """One-Euro filter with one cut-off a region, so that relations between its coefficients survive.

    region (52,) row of `parameters`, −1 leaves a coefficient; parameters (regions, 3) lowest cut-off Hz, Hz gained per
    unit/s, cut-off of the speed Hz; `seconds` since the last frame, 0 starts anew; region `through` ≥ 0 passes
    unfiltered this time and is remembered as it came. value, speed (52,) state.

    References
    ----------
    G. Casiez, N. Roussel, D. Vogel, 1 € filter, CHI 2012, algorithm 1.
    """
    for r in range(parameters.shape[0]):
        fresh = seconds <= _ZERO or np.float32(r) == through
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
                if fresh:
                    value[i] = face[i]
                else:
                    value[i] += smoothing * (face[i] - value[i])
                    face[i] = value[i]


@kernel(F32(_INDEX, F32, IN1, OUT1))
def see_closure(where, seconds, face, state):
    """Set ``state[CLOSED]``, and return it: the aperture fell below an eighth of the recent opening; a quarter ends it.

    A closure lasts at least two frames and 35 ms, so a single low frame neither vanishes nor flutters.
    """
    gap = aperture(where, face)
    state[RECENT] = max(gap, state[RECENT] * np.exp(-seconds / _FORGET))
    if state[CLOSED] > _ZERO:
        state[FRAMES] += _ONE
        state[SECONDS] += seconds
        held = state[FRAMES] >= _HOLD_FRAMES and state[SECONDS] >= _HOLD_SECONDS
        if held and gap > max(_LEAVE * state[RECENT], _BARELY):
            state[CLOSED] = _ZERO
    elif state[RECENT] > _NOTICED and gap < _ENTER * state[RECENT]:
        state[CLOSED] = _ONE
        state[FRAMES] = state[SECONDS] = _ZERO
    return state[CLOSED]


@kernel(VOID(_INDEX, IN1, OUT1))
def guard_lips(where, state, face):
    """Bring the lips together while ``state[CLOSED]``; never let mouthClose exceed jawOpen."""
    if state[CLOSED] > _ZERO:
        face[where[CLOSE]] = face[where[JAW_OPEN]]
        for k in (LOWER_LEFT, LOWER_RIGHT, UPPER_LEFT, UPPER_RIGHT):
            face[where[k]] = _ZERO
        press = _HALF * (face[where[PRESS_LEFT]] + face[where[PRESS_RIGHT]])
        inward = face[where[ROLL_LOWER]] + face[where[ROLL_UPPER]] + press
        face[where[FUNNEL]] = min(face[where[FUNNEL]], inward)
    face[where[CLOSE]] = min(face[where[CLOSE]], face[where[JAW_OPEN]])
