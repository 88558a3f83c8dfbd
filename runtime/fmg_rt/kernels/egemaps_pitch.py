"""Pitch: candidates by sub-harmonic summation, then the best path through them.

References
----------
Hermes, Measurement of pitch by subharmonic summation, JASA 83, 1988. Viterbi, Error bounds for convolutional codes,
IEEE Trans. Inf. Theory 1967. Press et al., Numerical Recipes, section 3.3 (natural cubic spline).
"""

import numpy as np

from .jit import F32, F64, I32, I64, IN1, IN2, OUT1, OUT2, VOID, array_in, array_out, fast_part, kernel, part

IN_I32, IN2_I32, OUT_F64, OUT_I32 = array_in(I32, 1), array_in(I32, 2), array_out(F64, 1), array_out(I32, 2)
ZERO, ONE, HALF, QUARTER = np.float32(0), np.float32(1), np.float32(0.5), np.float32(0.25)
N_BINS = 513
N_HARMONICS = 15
N_CANDIDATES = 6
LOWEST_HZ, HIGHEST_HZ = np.float32(55), np.float32(1000)
OCTAVES_PER_POINT = np.float64(np.log2(320) / 512)
FIRST_HZ = np.float64(25)

UNVOICED, N_STATES = 6, 7
BUFFER = 64
"""Frames that the rings of the path search hold; more than may be pending."""
MAX_PENDING = 40
LEAST_LEVEL = np.float32(0.001)
VOICED = np.float64(np.float32(0.7))
NONE, UNIT, TWO, LEAST_VOICING = np.float64(0), np.float64(1), np.float64(2), np.float64(0.01)
TOO_HIGH = np.float64(1.2)
UNLIKELY_CANDIDATE, MISSED_CANDIDATE, NO_FREQUENCY = np.float64(4), np.float64(8), np.float64(999)
JUMP, BEND, SWITCH, STAY_UNVOICED = np.float64(10), np.float64(10), np.float64(10), np.float64(1)


@fast_part(VOID(IN2, OUT1, OUT1))
def peaks_only(spectrum, magnitude, out):
    """Magnitudes (513,) of a spectrum (2, 513); out: the same without what lies between the peaks, then smoothed."""
    for k in range(N_BINS):
        magnitude[k] = np.sqrt(spectrum[0, k] * spectrum[0, k] + spectrum[1, k] * spectrum[1, k])
    for k in range(N_BINS):
        out[k] = magnitude[k]
    last, found = -1, 0
    for k in range(N_BINS):
        above_left = k == 0 or magnitude[k] > magnitude[k - 1]
        above_right = k == N_BINS - 1 or magnitude[k] > magnitude[k + 1]
        above_right = above_right or (k > 0 and magnitude[k] == magnitude[k + 1])
        if above_left and above_right:
            if found > 0:
                for i in range(last + 3, k - 2):
                    out[i] = ZERO
            last = k
            found += 1
    if found == 1:
        out[3:] = ZERO
    left = ZERO
    for k in range(N_BINS - 1):
        here = out[k]
        out[k] = QUARTER * (left + here + here + out[k + 1])
        left = here


@fast_part(VOID(IN2, IN2, IN_I32, IN2, IN1, OUT2, OUT1))
def to_octaves(system, curvature, node, interpolation, y, scratch, out):
    """Natural cubic spline through the magnitudes, evaluated on 513 points from 25 Hz to 8 kHz, weighted.

    system (3, 513): right-hand side as weights of the left, own and right magnitude; curvature (3, 513): eliminated
    tridiagonal system; node (513,); interpolation (4, 513): weights of two magnitudes and two curvatures, times the
    point's weight; y (513,); scratch (1, 513); out (513,).
    """
    second = scratch[0]
    second[0] = ZERO
    for i in range(1, N_BINS - 1):
        second[i] = system[0, i] * y[i - 1] + system[1, i] * y[i] + system[2, i] * y[i + 1]
    for i in range(1, N_BINS - 1):
        second[i] = second[i] * curvature[1, i] - curvature[0, i] * second[i - 1]
    second[N_BINS - 1] = ZERO
    for k in range(N_BINS - 2):
        i = N_BINS - 2 - k
        second[i] = second[i] - curvature[2, i] * second[i + 1]
    for i in range(N_BINS):
        left = node[i]
        value = interpolation[0, i] * y[left] + interpolation[1, i] * y[left + 1]
        value += interpolation[2, i] * second[left] + interpolation[3, i] * second[left + 1]
        out[i] = max(value, ZERO)


@fast_part(VOID(IN_I32, IN1, IN1, OUT1, OUT2))
def candidates(shift, decay, octaves, summed, out):
    """Up to six pitch candidates, out (2, 6): frequency in Hz (0: none) and voicing in [0, 1].

    shift, decay (15,): how far up each harmonic lies, points, and what it counts; octaves (513,); summed (513,) scratch.
    """
    summed[:] = ZERO
    for h in range(N_HARMONICS):
        offset, weight = shift[h], decay[h]
        for j in range(N_BINS - offset):
            summed[j] += weight * octaves[j + offset]
    mean = ZERO
    for j in range(N_BINS):
        mean += summed[j]
    mean /= F32(N_BINS)

    points = out[0]  # holds the points, as floats, until the frequencies are known
    heights = out[1]
    found = 0
    for j in range(1, N_BINS - 1):
        height = summed[j]
        if height > summed[j - 1] and height > summed[j + 1]:
            if found == N_CANDIDATES and height <= heights[found - 1]:
                continue
            at = found if found < N_CANDIDATES else found - 1
            while at > 0 and heights[at - 1] < height:
                points[at], heights[at] = points[at - 1], heights[at - 1]
                at -= 1
            points[at], heights[at] = F32(j), height
            found = min(found + 1, N_CANDIDATES)

    kept, best = 0, -1
    best_score = ZERO
    for i in range(found):
        j = I64(points[i])
        a, b, c = F64(summed[j - 1]), F64(summed[j]), F64(summed[j + 1])
        curve = a - TWO * b + c
        offset = (a - c) / (TWO * curve)
        score = F32(b - (a - c) * (a - c) / (F64(8) * curve))
        hz = F32(FIRST_HZ * TWO ** ((F64(j) + offset) * OCTAVES_PER_POINT))
        if hz < LOWEST_HZ or hz > HIGHEST_HZ:
            continue
        out[0, kept] = hz
        out[1, kept] = ONE - mean / score if score > mean else ZERO
        if best < 0 or score > best_score:
            best, best_score = kept, score
        kept += 1
    if best > 0:
        out[0, 0], out[0, best] = out[0, best], out[0, 0]
        out[1, 0], out[1, best] = out[1, best], out[1, 0]
    out[:, kept:] = ZERO


@part(F64(F64))
def range_cost(hz):
    """What it costs a candidate to lie outside 100-350 Hz."""
    if hz == NONE:
        return TWO
    if hz < F64(100):
        return UNIT - hz / F64(100)
    if hz <= F64(350):
        return NONE
    if hz < F64(600):
        return (hz - F64(350)) / F64(250)
    return TOO_HIGH


@part(F64(IN2, IN1, OUT_F64))
def cost_of_candidates(candidate, before, scratch):
    """What each candidate costs by itself; returns what it costs to call the frame unvoiced.

    candidate (2, 6); before (7,): frequencies of the frame before, Hz; scratch (18,): the costs, the logarithms of the
    candidates' frequencies, and those of the frame before; 0 for no frequency.
    """
    cost, log_hz, log_before = scratch[:6], scratch[6:12], scratch[12:18]
    missed = NONE
    for i in range(N_CANDIDATES):
        hz, voicing = F64(candidate[0, i]), F64(candidate[1, i])
        cost[i] = -np.log(min(max(voicing, LEAST_VOICING), UNIT))
        if voicing < VOICED:
            cost[i] += UNLIKELY_CANDIDATE
        else:
            missed = MISSED_CANDIDATE
        cost[i] = TWO * cost[i] + range_cost(hz)
        log_hz[i] = np.log(hz) if hz > NONE else NONE
        log_before[i] = np.log(F64(before[i])) if before[i] > ZERO else NONE
    return missed


@part(VOID(IN2, IN1, F64, I64, OUT_F64, OUT_I32, OUT_I32, OUT_F64))
def extend(candidate, before, missed, slot, costs, paths, ways, scratch):
    """The best way into each state by one more frame, which is column `slot` of the paths.

    missed and scratch[:18] as `cost_of_candidates` leaves them; scratch[18:25] takes the costs; the rest as for `follow`.
    """
    cost, log_hz, log_before, total = scratch[:6], scratch[6:12], scratch[12:18], scratch[18:25]
    last_jump = costs[N_STATES]
    for state in range(N_STATES):
        best, lowest = 0, np.inf
        for origin in range(N_STATES):
            if state < UNVOICED and origin < UNVOICED:
                if candidate[0, state] == ZERO or before[origin] == ZERO:
                    step = NO_FREQUENCY
                else:
                    jump = log_hz[state] - log_before[origin]
                    # the jump compared with is that of the transition looked at before this one, whichever it was
                    step = JUMP * np.abs(jump) + BEND * np.abs(jump - last_jump)
                    last_jump = jump
            elif state == origin:
                step = STAY_UNVOICED
            else:
                step = SWITCH
                last_jump = NONE
            if costs[origin] + step < lowest:
                best, lowest = origin, costs[origin] + step
        total[state] = lowest + (cost[state] if state < UNVOICED else missed)
        for i in range(BUFFER):
            ways[state, i] = paths[best, i]
        ways[state, slot] = state
    least = total[0]
    for state in range(1, N_STATES):
        least = min(least, total[state])
    for state in range(N_STATES):
        costs[state] = total[state] - least
        for i in range(BUFFER):
            paths[state, i] = ways[state, i]
    costs[N_STATES] = last_jump


@kernel(I64(IN2, OUT_F64, IN2_I32, I64, I64, OUT1))
def decide(ring, costs, paths, decided, pending, out):
    """Frames on which all paths agree, and those that have waited for too long; returns their number.

    pending: frames that are not decided; the rest as for `follow`.
    """
    best = 0
    for state in range(1, N_STATES):
        if costs[state] < costs[best]:
            best = state
    count = 0
    while True:
        at = (decided + count) % BUFFER
        state = paths[best, at]
        hz = ring[at, state] if state < UNVOICED else ZERO
        out[count] = hz if ring[at, N_CANDIDATES] > LEAST_LEVEL else ZERO
        agreed = True
        for other in range(N_STATES):
            agreed = agreed and paths[other, at] == state
        if not agreed and pending - count < MAX_PENDING:
            return count
        count += 1


@part(I64(IN2, F32, I64, I64, OUT2, OUT_F64, OUT_I32, OUT_I32, OUT_F64, OUT1))
def follow(candidate, level, decided, frame, ring, costs, paths, ways, scratch, out):
    """One step of the path search; returns how many frames it has decided.

    candidate (2, 6); level: root mean square of the windowed frame; decided: frames decided before; frame: number of this
    frame, from 0; ring (64, 7): frequencies and level of the pending frames; costs (8,): of the seven states, and the
    last jump; paths (7, 64): the state of each pending frame on the best way into each state; ring, costs and paths are
    state; ways (7, 64), scratch (25,); out (48,): pitch in Hz, 0 when unvoiced, of each frame now decided, then of the
    frame after them on the currently best way.
    """
    slot = frame % BUFFER
    before = ring[(frame - 1) % BUFFER]
    for i in range(N_CANDIDATES):
        ring[slot, i] = candidate[0, i]
    ring[slot, N_CANDIDATES] = level
    missed = cost_of_candidates(candidate, before, scratch)
    if frame == 0:
        for state in range(N_STATES):
            costs[state] = scratch[state] if state < UNVOICED else missed
            paths[state, slot] = state
        costs[N_STATES] = UNIT
    else:
        extend(candidate, before, missed, slot, costs, paths, ways, scratch)
    return decide(ring, costs, paths, decided, frame - decided + 1, out)
