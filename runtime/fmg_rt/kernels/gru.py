"""One step of the recurrent network, of one stream or of several together: matrix products and gates.

References: Cho et al., EMNLP 2014; gate order and biases as PyTorch's ``nn.GRU`` (reset, update, new).
"""

import numpy as np

from .jit import BF16, F32, I64, IN1, IN2, OUT1, OUT2, PAIR, VOID, array_in, fast_kernel, fast_part

PAIRS, PAIRS2 = array_in(PAIR, 1), array_in(PAIR, 2)
_HALF_WORD, _UPPER = np.uint32(16), np.uint32(0xFFFF0000)

_ZERO, _ONE, _HALF = np.float32(0.0), np.float32(1.0), np.float32(0.5)
# tanh(x) = x P(x²) / Q(x²) for |x| ≤ 9, fitted for the least maximum error: 4e-7 in float32. Unlike math.tanh it
# vectorises.
_TANH_LIMIT = np.float32(9.0)
_P0, _P1, _P2, _P3, _P4 = (
    np.float32(v)
    for v in (0.9999998807907104, 0.13373197615146637, 0.003486582078039646, 2.0471834432100877e-05, 1.3184228819795862e-08)
)
_Q1, _Q2, _Q3, _Q4 = (
    np.float32(v) for v in (0.4670649468898773, 0.025841979309916496, 0.0003271385794505477, 7.702665811848419e-07)
)


@fast_part(F32(F32))
def tanh(x):
    """Hyperbolic tangent within 4e-7."""
    x = min(max(x, -_TANH_LIMIT), _TANH_LIMIT)
    u = x * x
    p = (((_P4 * u + _P3) * u + _P2) * u + _P1) * u + _P0
    q = (((_Q4 * u + _Q3) * u + _Q2) * u + _Q1) * u + _ONE
    return x * p / q


@fast_part(F32(BF16))
def wide(bits):
    """The float32 of a bfloat16's bits."""
    return np.uint32(np.uint32(bits) << _HALF_WORD).view(np.float32)


@fast_part(F32(PAIR))
def first(pair):
    """The float32 of the bfloat16 in the lower half of a pair."""
    return np.uint32(pair << _HALF_WORD).view(np.float32)


@fast_part(F32(PAIR))
def second(pair):
    """The float32 of the bfloat16 in the upper half."""
    return np.uint32(pair & _UPPER).view(np.float32)


@fast_part(VOID(PAIRS2, IN1, IN1, OUT1))
def linear_row(weight, bias, x, out):
    """out (n,) = x (m,) @ weight + bias (n,); m a multiple of 4 (four inputs share each pass over out).

    weight (m / 2, n): inputs 2 k and 2 k + 1 in each pair. Bfloat16 halves what has to come from the cache in every step,
    and to take a pair apart is one operation a number, where widening is two. Inputs go outermost, so that neighbouring
    sums add up side by side and no vector is summed across.
    """
    for i in range(out.shape[0]):
        out[i] = bias[i]
    for k in range(0, weight.shape[0], 2):
        v0, v1, v2, v3 = x[2 * k], x[2 * k + 1], x[2 * k + 2], x[2 * k + 3]
        for i in range(out.shape[0]):
            p, q = weight[k, i], weight[k + 1, i]
            out[i] += first(p) * v0 + second(p) * v1 + first(q) * v2 + second(q) * v3


@fast_part(VOID(PAIRS2, IN1, IN2, OUT2))
def linear(weight, bias, x, out):
    """`linear_row` for each row of x (b, m) and out (b, n), to the last bit: four rows share each pass over the weights."""
    whole = x.shape[0] - x.shape[0] % 4
    for b in range(0, whole, 4):
        xa, xb, xc, xd = x[b], x[b + 1], x[b + 2], x[b + 3]
        oa, ob, oc, od = out[b], out[b + 1], out[b + 2], out[b + 3]
        for i in range(out.shape[1]):
            oa[i] = ob[i] = oc[i] = od[i] = bias[i]
        for k in range(0, weight.shape[0], 2):
            row = 2 * k
            a0, a1, a2, a3 = xa[row], xa[row + 1], xa[row + 2], xa[row + 3]
            b0, b1, b2, b3 = xb[row], xb[row + 1], xb[row + 2], xb[row + 3]
            c0, c1, c2, c3 = xc[row], xc[row + 1], xc[row + 2], xc[row + 3]
            d0, d1, d2, d3 = xd[row], xd[row + 1], xd[row + 2], xd[row + 3]
            p, q = weight[k], weight[k + 1]
            for i in range(out.shape[1]):
                w0, w1, w2, w3 = first(p[i]), second(p[i]), first(q[i]), second(q[i])
                oa[i] += w0 * a0 + w1 * a1 + w2 * a2 + w3 * a3
                ob[i] += w0 * b0 + w1 * b1 + w2 * b2 + w3 * b3
                oc[i] += w0 * c0 + w1 * c1 + w2 * c2 + w3 * c3
                od[i] += w0 * d0 + w1 * d1 + w2 * d2 + w3 * d3
    for b in range(whole, x.shape[0]):
        linear_row(weight, bias, x[b], out[b])


@fast_part(VOID(OUT2))
def relu(x):
    """max(x, 0), in place."""
    for b in range(x.shape[0]):
        for i in range(x.shape[1]):
            x[b, i] = max(x[b, i], _ZERO)


@fast_part(VOID(IN1, IN1, OUT1))
def gates(from_input, from_state, state):
    """The new state (d,) from what input and state give (3 d,) each: reset, update, new."""
    d = state.shape[0]
    for i in range(d):
        reset = _HALF * tanh(_HALF * (from_input[i] + from_state[i])) + _HALF
        update = _HALF * tanh(_HALF * (from_input[d + i] + from_state[d + i])) + _HALF
        new = tanh(from_input[2 * d + i] + reset * from_state[2 * d + i])
        state[i] = new + update * (state[i] - new)


@fast_kernel(VOID(PAIRS, IN1, PAIRS2, IN1, I64, I64, I64, OUT2, OUT1))
def step(matrices, vectors, face_weight, face_bias, d_input, d, d_head, memories, scratch):
    """One step of each of the streams whose `memories` (b, n) these are: input layer, two GRU layers, head, face.

    A memory is the last two faces (2, f), the states of both layers (2, d) and the log-mel frames (n_in,) that the step
    takes, not standardised. matrices: input (n_in / 2, d_input); of each layer, for its input (d_input or d / 2, 3 d) and for
    its state (d / 2, 3 d); head (d / 2, d_head). vectors: mean and scale of the frames (n_in,), then the biases in the same
    order. face_weight (d_head / 2, f); scratch: `n_scratch` of these sizes.
    """
    n, f = memories.shape[0], face_bias.shape[0]
    states = 2 * f
    frames = states + 2 * d
    n_in = memories.shape[1] - frames
    s = 0
    x, s = scratch[s : s + n * n_in].reshape((n, n_in)), s + n * n_in
    embedded, s = scratch[s : s + n * d_input].reshape((n, d_input)), s + n * d_input
    state, s = scratch[s : s + 2 * n * d].reshape((2, n, d)), s + 2 * n * d
    from_input, s = scratch[s : s + 3 * n * d].reshape((n, 3 * d)), s + 3 * n * d
    from_state, s = scratch[s : s + 3 * n * d].reshape((n, 3 * d)), s + 3 * n * d
    features, s = scratch[s : s + n * d_head].reshape((n, d_head)), s + n * d_head
    face = scratch[s : s + n * f].reshape((n, f))

    for b in range(n):
        for i in range(n_in):
            x[b, i] = (memories[b, frames + i] - vectors[i]) * vectors[n_in + i]
        for i in range(d):
            state[0, b, i], state[1, b, i] = memories[b, states + i], memories[b, states + d + i]
    v, m = 2 * n_in, n_in // 2 * d_input
    linear(matrices[:m].reshape((n_in // 2, d_input)), vectors[v : v + d_input], x, embedded)
    relu(embedded)
    v += d_input
    for layer in range(2):
        below, d_below = (embedded, d_input) if layer == 0 else (state[0], d)
        size = d_below // 2 * 3 * d
        linear(matrices[m : m + size].reshape((d_below // 2, 3 * d)), vectors[v : v + 3 * d], below, from_input)
        m, v, size = m + size, v + 3 * d, d // 2 * 3 * d
        linear(matrices[m : m + size].reshape((d // 2, 3 * d)), vectors[v : v + 3 * d], state[layer], from_state)
        m, v = m + size, v + 3 * d
        for b in range(n):
            gates(from_input[b], from_state[b], state[layer, b])
    linear(matrices[m:].reshape((d // 2, d_head)), vectors[v:], state[1], features)
    relu(features)
    linear(face_weight, face_bias, features, face)
    for b in range(n):
        for i in range(f):
            memories[b, i], memories[b, f + i] = memories[b, f + i], face[b, i]
        for i in range(d):
            memories[b, states + i], memories[b, states + d + i] = state[0, b, i], state[1, b, i]


def n_scratch(n, n_in, d_input, d, d_head, f):
    """Floats that `step` needs for `n` streams."""
    return n * (n_in + d_input + 8 * d + d_head + f)


@fast_kernel(VOID(IN2, F32, OUT1))
def between(faces, position, out):
    """out (52,) = the face at `position` between faces[0] (0) and faces[1] (1), clipped to [0, 1]."""
    for i in range(out.shape[0]):
        v = (_ONE - position) * faces[0, i] + position * faces[1, i]
        out[i] = min(max(v, _ZERO), _ONE)
