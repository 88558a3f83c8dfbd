"""Per-frame arithmetic of the expression, part by part, and `shape_voice`, which is all that the voice decides in one call.

Everything works in place on one face, (52,) float32 in the order of ``arkit.ARKIT_NAMES``; the positions come in as an
array because a kernel module knows nothing but `jit`.
"""

import numpy as np

from .jit import F32, F64, I32, I64, IN1, IN2, OUT1, OUT2, VOID, array_in, array_out, kernel, part

_INDEX, _EXACT = array_in(I32, 1), array_out(F64, 1)

# Parts that `shape_voice` may leave out
CALIBRATION, LIPS, LEVEL, ACCENTS, SMOOTHING, ASYMMETRY, GATE, EMOTION = (1 << i for i in range(8))

# Rows of `where` (11,), positions in a face
JAW_OPEN, CLOSE, FUNNEL, ROLL_LOWER, ROLL_UPPER = range(5)
LOWER_LEFT, LOWER_RIGHT, UPPER_LEFT, UPPER_RIGHT, PRESS_LEFT, PRESS_RIGHT = range(5, 11)
# Positions in the lip guard's `state` (3,)
RECENT, CLOSED, SINCE = range(3)

# Positions in `exact` (16,): what parts keep from frame to frame in float64, since a decision hangs on it
LOG_LEVEL, GAIN, SHOWN_GAIN = range(3)  # levelling, strength
SPOKEN, USUAL_PITCH, USUAL_LEVEL, ACCENT, EFFORT, WAS_SPEAKING, SINCE_END = range(3, 10)  # accents
PITCH_SPREAD, LEVEL_SPREAD = range(10, 12)  # accents
LOUD, FORWARD, PUFFED, SHRUGGED = range(12, 16)  # asymmetry
N_EXACT = 16
# Positions in `moved` (8,) of what asymmetry moves
SWAY_JAW, SWAY_MOUTH, OPEN, JAW_FORWARD, CHEEK_PUFF, SHRUG_UPPER = 0, 2, 4, 5, 6, 7

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
CHOSEN_PACE, HEARD_PACE = np.float32(8.0), np.float32(2.6)
"""rad/s of emotions: nine tenths of the way in 0.5 s and in 1.5 s."""
LEAST_EMOTION = np.float32(0.003)
"""Amount of an emotion up to which it is left out."""

_NONE, _UNIT = np.float64(0), np.float64(1)
TARGET = np.float64(0.4)
"""Aperture that nine tenths of a levelled speaker's moving frames stay below."""
LOWEST, HIGHEST = np.float64(0.6), np.float64(1.8)
"""Bounds of the levelling gain."""
_SHARE = np.float64(0.9)
_PACE, _LONGEST = np.float64(0.5), np.float64(0.1)  # natural-log units a second, most s of a frame
_MOVING = np.float64(0.02)  # aperture below which a frame says nothing about the speaker
# Bounds of the level's logarithm, a little outside the gain's range, so that it comes back soon.
_QUIETEST, _LOUDEST = np.log(TARGET / HIGHEST) - np.float64(0.1), np.log(TARGET / LOWEST) + np.float64(0.1)
_NOTICED = np.float64(0.002)  # change of the gain that is worth following

# Memory of a speaker's usual pitch and level, seconds of speech; before, it is a mean over all, from the first guess on.
_BASE_SECONDS, _FIRST_SECONDS = np.float64(2.5), np.float64(0.15)
_RISE, _FALL = np.float64(0.06), np.float64(0.18)  # s, of an accent
# Standard deviations of a speaker's pitch and level, semitones and dB: at first, and at least.
_FIRST_SPREADS = np.float64(2.0), np.float64(3.3)
_LEAST_SPREADS = np.float64(1.5), np.float64(2.5)
_WIDEST = np.float64(12.0)  # semitones or dB: an octave error counts as no more
_ORDINARY, _PROMINENT = np.float64(1.5), np.float64(3.0)  # deviations above the usual where an accent begins and is full
_HALF_AS_FAST = np.float64(0.5)  # a spread is learnt over twice the time
_OF_A_NORMAL = np.float64(1.25)  # standard deviation of a normal distribution over its mean absolute deviation
_OF_PITCH, _OF_LEVEL = np.float64(0.65), np.float64(0.35)
_SETTLE, _SETTLE_SECONDS = np.float64(0.06), np.float64(0.4)  # brows sink after a phrase
_PI = np.float64(np.pi)

LEAN_PACE = np.float32(1.6)
"""rad/s at which a lean is followed."""
SWAY = np.float64(0.12)
"""Share of the opening that the jaw sways sideways at most; the mouth sways the other half."""
HISS_FORWARD = np.float64(0.18)
"""jawForward of f, s, ʃ and the like at their strongest."""
PUFF, SHRUG = np.float64(0.15), np.float64(0.1)
"""cheekPuff of a strong p or b, mouthShrugUpper of any closure."""
_HALF_SWAY, _FORGET_LOUD = np.float64(0.5), np.float64(3.0)  # dB/s
_FOLLOW_SECONDS = np.float64(0.06)  # in which chin, cheeks and upper lip follow a hiss or a closure
_LOWEST_BAND, _LOWEST_HISS = 8, 60  # mel bands: 300 Hz, 4.1 kHz
_TO_DB = np.float64(4.343)
_HISS_DB, _FULL_DB = np.float64(3.0), np.float64(12.0)  # hiss over what lies below it: begins to count, counts in full
_PRESSED = np.float64(18.0)  # dB below the usual level: a stop, where an m hums on


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


@part(VOID(IN1, IN2, IN2, F32, OUT1))
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


@part(VOID(IN1, F32, F32, OUT1))
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


@part(VOID(_INDEX, IN2, F32, OUT1, OUT1, OUT1))
def one_euro(members, parameters, seconds, face, value, speed):
    """One-Euro filter with one cut-off a region, so that relations between its coefficients survive.

    members: how many coefficients each region has, then their positions, region after region; parameters (regions, 3)
    lowest cut-off Hz, Hz gained per unit/s, cut-off of the speed Hz; `seconds` since the last frame, 0 starts again. value,
    speed (52,) state.

    References
    ----------
    G. Casiez, N. Roussel, D. Vogel, 1 € filter, CHI 2012, algorithm 1.
    """
    start = parameters.shape[0]
    for r in range(parameters.shape[0]):
        end = start + members[r]
        if seconds <= _ZERO:
            for k in range(start, end):
                value[members[k]] = face[members[k]]
        else:
            w = _TWO_PI * parameters[r, 2] * seconds
            smoothing = w / (_ONE + w)
            fastest = _ZERO
            for k in range(start, end):
                i = members[k]
                speed[i] += smoothing * ((face[i] - value[i]) / seconds - speed[i])
                fastest = max(fastest, abs(speed[i]))
            w = _TWO_PI * (parameters[r, 0] + parameters[r, 1] * fastest) * seconds
            smoothing = w / (_ONE + w)
            for k in range(start, end):
                i = members[k]
                value[i] += smoothing * (face[i] - value[i])
                face[i] = value[i]
        start = end


@part(F32(F32, F32))
def closure_of(opening, recent):
    """How far the lips are to close, 0 to 1, at an aperture `opening`, by its share of the recent one."""
    x = (opening / recent - CLOSED_BELOW) / (FREE_ABOVE - CLOSED_BELOW)
    x = min(max(x, _ZERO), _ONE)
    return _ONE - x * x * (_THREE - _TWO * x)


@part(F32(F32, F32, F32, F32, OUT1))
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


@part(VOID(_INDEX, IN1, F32, OUT1))
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


@part(VOID(F32, F32, IN1, OUT1, OUT1))
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


@part(F32(IN2, F32, F32, F32, IN1, OUT2))
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


@part(F32(IN1, I64, I64))
def highest_above(mel, first, hiss):
    """By how much the loudest band from `hiss` on exceeds the loudest from `first` up to there; mel (80,) ln."""
    below, above = mel[first], mel[hiss]
    for k in range(first, hiss):
        below = max(below, mel[k])
    for k in range(hiss, mel.shape[0]):
        above = max(above, mel[k])
    return above - below


@part(VOID(_INDEX, IN1, IN2, IN2, F32, OUT1))
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


@part(VOID(_INDEX, _INDEX, IN1, OUT1))
def lean(pairs, groups, leans, face):
    """Make the left of each of pairs (2 n,), left then right, larger and the right smaller by the lean of its group (n,)."""
    for k in range(groups.shape[0]):
        left, right, share = pairs[2 * k], pairs[2 * k + 1], leans[groups[k]]
        face[left] = min(face[left] * (_ONE + share), _ONE)
        face[right] *= _ONE - share


@part(VOID(F32, F64, _EXACT))
def follow_level(gap, seconds, exact):
    """Learn ``exact[GAIN]`` from the aperture of a speaking moment; see `expression.level.Levelling`."""
    if gap < _MOVING:
        return
    step = _PACE * seconds if seconds < _LONGEST else _PACE * _LONGEST
    if np.log(F64(gap)) > exact[LOG_LEVEL]:
        exact[LOG_LEVEL] = min(exact[LOG_LEVEL] + step * _SHARE, _LOUDEST)
    else:
        exact[LOG_LEVEL] = max(exact[LOG_LEVEL] - step * (_UNIT - _SHARE), _QUIETEST)
    exact[GAIN] = min(max(TARGET / np.exp(exact[LOG_LEVEL]), LOWEST), HIGHEST)


@part(F64(F64, F64, I64, _EXACT))
def exceed(now, learning, which, exact):
    """How far `now` exceeds what this speaker usually does, 0 to 1; the usual and its spread learn.

    which : 0 pitch, 1 level. A lively speaker has no more accents than a flat one.
    """
    usual, spread = USUAL_PITCH + which, PITCH_SPREAD + which
    if not np.isfinite(now):
        return _NONE
    if not np.isfinite(exact[usual]):
        exact[usual], exact[spread] = now, _FIRST_SPREADS[which]
        return _NONE
    above = now - exact[usual]
    deviations = above / exact[spread]
    wide = min(_OF_A_NORMAL * abs(above), _WIDEST)
    exact[usual] += above * learning
    exact[spread] = max(exact[spread] + (wide - exact[spread]) * _HALF_AS_FAST * learning, _LEAST_SPREADS[which])
    return min(max((deviations - _ORDINARY) / (_PROMINENT - _ORDINARY), _NONE), _UNIT)


@part(VOID(F64, F64, F64, I64, _EXACT, OUT1))
def weigh_accents(seconds, pitch, level, speaking, exact, amounts):
    """How much of an accent, of effort and of a phrase end this moment adds, amounts (3,); see `expression.accents`.

    pitch : semitones, 0 when not voiced; level : dB; speaking : 0 from a phrase end on.
    """
    rising, falling = _UNIT - np.exp(-seconds / _RISE), _UNIT - np.exp(-seconds / _FALL)
    raised, loud = _NONE, _NONE
    if speaking:
        exact[SPOKEN] += seconds
        learning = _UNIT - np.exp(-seconds / min(_BASE_SECONDS, max(_FIRST_SECONDS, exact[SPOKEN])))
        if pitch > _NONE:
            raised = exceed(pitch, learning, 0, exact)
        if pitch > _NONE or not np.isfinite(exact[USUAL_LEVEL]):
            loud = exceed(level, learning, 1, exact)
    elif exact[WAS_SPEAKING] > _NONE:
        exact[SINCE_END] = _NONE
    exact[WAS_SPEAKING] = F64(speaking)
    exact[SINCE_END] += seconds
    excess = _OF_PITCH * raised + _OF_LEVEL * loud - exact[ACCENT]
    exact[ACCENT] += excess * (rising if excess > _NONE else falling)
    excess = loud - exact[EFFORT]
    exact[EFFORT] += excess * (rising if excess > _NONE else falling)
    settle = exact[SINCE_END] / _SETTLE_SECONDS
    amounts[0], amounts[1] = exact[ACCENT], exact[EFFORT]
    amounts[2] = _SETTLE * np.sin(_PI * settle) if settle < _UNIT else _NONE


@part(VOID(_INDEX, F64, F64, F64, I64, F64, F32, IN1, _EXACT, OUT1))
def stir(moved, sway, seconds, closed, speaking, level, audible, mel, exact, face):
    """The jaw sways as far as it opens; chin, cheeks and upper lip follow hisses and closures. See `expression.asymmetry`.

    sway: -1 to 1; level: dB of the moment's sound; audible: 1 where mel (80,), its log-mel frame, may be a hiss, else 0.
    """
    hiss = _NONE
    if audible > _ZERO:
        above = _TO_DB * highest_above(mel, _LOWEST_BAND, _LOWEST_HISS)
        hiss = min(max((above - _HISS_DB) / (_FULL_DB - _HISS_DB), _NONE), _UNIT)
    if speaking:
        exact[LOUD] = max(level, exact[LOUD] - _FORGET_LOUD * seconds)
    side = 0 if sway > _NONE else 1
    swaying = abs(sway * SWAY)
    opening = F64(face[moved[OPEN]])
    face[moved[SWAY_JAW + side]] += F32(swaying * opening)
    face[moved[SWAY_MOUTH + 1 - side]] += F32(_HALF_SWAY * swaying * opening)
    share = _UNIT - np.exp(-seconds / _FOLLOW_SECONDS)
    if not speaking:
        hiss = closed = _NONE
    # Teeth nearly meet for f, s, ʃ: the lower jaw comes forward.
    exact[FORWARD] += share * (hiss - exact[FORWARD])
    face[moved[JAW_FORWARD]] += F32(HISS_FORWARD * exact[FORWARD])
    # Behind closed lips pressure builds up when nothing sounds: p and b, not m.
    pressed = closed if level < exact[LOUD] - _PRESSED else _NONE
    exact[PUFFED] += share * (pressed - exact[PUFFED])
    face[moved[CHEEK_PUFF]] += F32(PUFF * exact[PUFFED])
    exact[SHRUGGED] += share * (closed - exact[SHRUGGED])
    face[moved[SHRUG_UPPER]] += F32(SHRUG * exact[SHRUGGED])


_MOMENT = (I64, F64, I64, F32, F32, F64, F64, I64, I64, F32, F32, F32, F32, F32)
_PARTS = (
    (_EXACT, IN2),
    (_INDEX, IN1, OUT1),
    (IN2, IN2, OUT1),
    (_INDEX, IN2, OUT1, OUT1),
    (_INDEX, _INDEX, _INDEX, IN2, IN2, IN1, OUT1, OUT1),
    (IN1,),
    (_INDEX, IN2, OUT2, OUT2, OUT2, IN1, OUT2),
)


@kernel(F32(*_MOMENT, *(array for part in _PARTS for array in part), OUT1))
def shape_voice(
    parts,
    seconds,
    speaking,
    least,
    most,
    pitch,
    level,
    fresh,
    slot,
    fade_mouth,
    fade_upper,
    strength,
    heard_upper,
    heard_mouth,
    exact,
    affine,
    where,
    weights,
    lips,
    added,
    factors,
    accents,
    members,
    tuning,
    smooth,
    speed,
    pairs,
    groups,
    moved,
    mels,
    sounds,
    leans,
    lean_value,
    lean_speed,
    mouth,
    rounding,
    directions,
    felt,
    felt_value,
    felt_speed,
    told,
    emotions,
    face,
):
    """Make the network's face what the voice lets it be: `parts` in their order, each with the arguments that it names.

    `seconds` since the last frame; slot: the column of the rings `mels` and `sounds` in which the moment's sound is.
    Returns how far the emotions of the upper face differ from `told` at most.
    """
    passed = F32(seconds)
    if parts & CALIBRATION:
        scale_and_shift(affine, face)
    else:
        keep_in_range(face)
    gap = aperture(where, weights, face)
    if parts & LIPS:
        see_closure(gap, min(least, gap), max(most, gap), passed, lips)
    if parts & LEVEL and speaking:
        follow_level(gap, seconds, exact)
    if parts & ACCENTS:
        weigh_accents(seconds, pitch, level, speaking, exact, accents)
    gain = exact[GAIN] if parts & LEVEL else _UNIT
    if abs(gain - exact[SHOWN_GAIN]) > _NOTICED:
        exact[SHOWN_GAIN] = gain
    add_and_scale(accents, added, factors, F32(exact[SHOWN_GAIN]), face)
    if parts & SMOOTHING:
        one_euro(members, tuning, _ZERO if fresh else passed, face, smooth, speed)
    if parts & ASYMMETRY:
        spring(LEAN_PACE, passed, leans, lean_value, lean_speed)
        lean(pairs, groups, lean_value, face)
        sway, closed = lean_value[lean_value.shape[0] - 1], lips[CLOSED]
        stir(moved, sway, seconds, closed, speaking, sounds[0, slot], sounds[1, slot], mels[slot], exact, face)
    if parts & GATE:
        fade(mouth, fade_mouth, fade_upper, face)
    change = _ZERO
    if parts & EMOTION:
        spring(CHOSEN_PACE, passed, felt[0], felt_value[0], felt_speed[0])
        spring(HEARD_PACE, passed, felt[1], felt_value[1], felt_speed[1])
        change = mix_emotions(felt_value, strength, heard_upper, heard_mouth, told, emotions)
        show_emotions(rounding, mouth, emotions, directions, LEAST_EMOTION, face)
    if parts & LIPS:
        guard_lips(where, weights, lips[CLOSED], face)
    return change


@kernel(VOID(F32, F32, F32, F32, IN1, OUT1, OUT1, OUT1))
def move_head(pace, seconds, nod, strength, posture, value, speed, out):
    """Let the head follow its posture, all (3,), and nod; out (3,) times `strength`."""
    spring(pace, seconds, posture, value, speed)
    for i in range(out.shape[0]):
        out[i] = strength * (value[i] + nod if i == 1 else value[i])
