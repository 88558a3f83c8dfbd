"""One step of the recurrent network: matrix-vector products and gates.

References: Cho et al., EMNLP 2014; gate order and biases as PyTorch's ``nn.GRU`` (reset, update, new).
"""

import numpy as np

from .jit import BF16, F32, IN1, IN2, OUT1, OUT2, VOID, array_in, fast_kernel

WEIGHT = array_in(BF16, 2)
_HALF_WORD = np.uint32(16)

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


@fast_kernel(F32(F32))
def tanh(x):
    """Hyperbolic tangent within 4e-7."""
    x = min(max(x, -_TANH_LIMIT), _TANH_LIMIT)
    u = x * x
    p = (((_P4 * u + _P3) * u + _P2) * u + _P1) * u + _P0
    q = (((_Q4 * u + _Q3) * u + _Q2) * u + _Q1) * u + _ONE
    return x * p / q


@fast_kernel(F32(BF16))
def wide(bits):
    """The float32 of a bfloat16's bits."""
    return np.uint32(np.uint32(bits) << _HALF_WORD).view(np.float32)


@fast_kernel(VOID(WEIGHT, IN1, IN1, OUT1))
def linear(weight, bias, x, out):
    """out (n,) = x (m,) @ weight (m, n) + bias (n,); m a multiple of 4 (four inputs share each pass over out).

    The weights are bfloat16, which halves what has to come from the cache in every step: that, not the arithmetic, takes
    the time. Inputs go outermost, so that neighbouring sums add up side by side and no vector is summed across.
    """
    for i in range(out.shape[0]):
        out[i] = bias[i]
    for row in range(0, weight.shape[0], 4):
        v0, v1, v2, v3 = x[row], x[row + 1], x[row + 2], x[row + 3]
        for i in range(out.shape[0]):
            out[i] += (
                wide(weight[row, i]) * v0
                + wide(weight[row + 1, i]) * v1
                + wide(weight[row + 2, i]) * v2
                + wide(weight[row + 3, i]) * v3
            )


@fast_kernel(VOID(WEIGHT, IN1, IN1, OUT1))
def linear_relu(weight, bias, x, out):
    """out (n,) = max(x (m,) @ weight (m, n) + bias (n,), 0); m a multiple of 4."""
    linear(weight, bias, x, out)
    for i in range(out.shape[0]):
        out[i] = max(out[i], _ZERO)


@fast_kernel(VOID(IN1, IN1, OUT1))
def gates(from_input, from_state, state):
    """The new state (d,) from what input and state give (3 d,) each: reset, update, new."""
    d = state.shape[0]
    for i in range(d):
        reset = _HALF * tanh(_HALF * (from_input[i] + from_state[i])) + _HALF
        update = _HALF * tanh(_HALF * (from_input[d + i] + from_state[d + i])) + _HALF
        new = tanh(from_input[2 * d + i] + reset * from_state[2 * d + i])
        state[i] = new + update * (state[i] - new)


@fast_kernel(VOID(WEIGHT, IN1, WEIGHT, IN1, IN1, OUT1, OUT1, OUT1))
def layer(weight_ih, bias_ih, weight_hh, bias_hh, x, state, from_input, from_state):
    """state (d,) after x (m,), in place; from_input, from_state (3 d,) are scratch.

    from_input = x @ weight_ih (m, 3 d) + bias_ih; from_state = state @ weight_hh (d, 3 d) + bias_hh.
    """
    linear(weight_ih, bias_ih, x, from_input)
    linear(weight_hh, bias_hh, state, from_state)
    gates(from_input, from_state, state)


@fast_kernel(VOID(WEIGHT, IN1, IN2, OUT2))
def linear_many(weight, bias, x, out):
    """As `linear` for each row of x (b, m) and out (b, n), to the last bit: four rows share each pass over the weights."""
    whole = x.shape[0] - x.shape[0] % 4
    for b in range(0, whole, 4):
        xa, xb, xc, xd = x[b], x[b + 1], x[b + 2], x[b + 3]
        oa, ob, oc, od = out[b], out[b + 1], out[b + 2], out[b + 3]
        for i in range(out.shape[1]):
            oa[i] = ob[i] = oc[i] = od[i] = bias[i]
        for row in range(0, weight.shape[0], 4):
            a0, a1, a2, a3 = xa[row], xa[row + 1], xa[row + 2], xa[row + 3]
            b0, b1, b2, b3 = xb[row], xb[row + 1], xb[row + 2], xb[row + 3]
            c0, c1, c2, c3 = xc[row], xc[row + 1], xc[row + 2], xc[row + 3]
            d0, d1, d2, d3 = xd[row], xd[row + 1], xd[row + 2], xd[row + 3]
            r0, r1, r2, r3 = weight[row], weight[row + 1], weight[row + 2], weight[row + 3]
            for i in range(out.shape[1]):
                w0, w1, w2, w3 = wide(r0[i]), wide(r1[i]), wide(r2[i]), wide(r3[i])
                oa[i] += w0 * a0 + w1 * a1 + w2 * a2 + w3 * a3
                ob[i] += w0 * b0 + w1 * b1 + w2 * b2 + w3 * b3
                oc[i] += w0 * c0 + w1 * c1 + w2 * c2 + w3 * c3
                od[i] += w0 * d0 + w1 * d1 + w2 * d2 + w3 * d3
    for b in range(whole, x.shape[0]):
        linear(weight, bias, x[b], out[b])


@fast_kernel(VOID(WEIGHT, IN1, IN2, OUT2))
def linear_relu_many(weight, bias, x, out):
    """As `linear_relu` for each row."""
    linear_many(weight, bias, x, out)
    for b in range(out.shape[0]):
        for i in range(out.shape[1]):
            out[b, i] = max(out[b, i], _ZERO)


@fast_kernel(VOID(WEIGHT, IN1, WEIGHT, IN1, IN2, OUT2, OUT2, OUT2))
def layer_many(weight_ih, bias_ih, weight_hh, bias_hh, x, state, from_input, from_state):
    """As `layer` for each row of x (b, m) and state (b, d); from_input, from_state (b, 3 d) are scratch."""
    linear_many(weight_ih, bias_ih, x, from_input)
    linear_many(weight_hh, bias_hh, state, from_state)
    for b in range(state.shape[0]):
        gates(from_input[b], from_state[b], state[b])


@fast_kernel(VOID(IN1, IN1, IN1, OUT1))
def standardise(mean, scale, x, out):
    """out = (x - mean) * scale, per band."""
    for i in range(out.shape[0]):
        out[i] = (x[i] - mean[i]) * scale[i]


@fast_kernel(VOID(IN2, F32, OUT1))
def between(faces, position, out):
    """out (52,) = the face at `position` between faces[0] (0) and faces[1] (1), clipped to [0, 1]."""
    for i in range(out.shape[0]):
        v = (_ONE - position) * faces[0, i] + position * faces[1, i]
        out[i] = min(max(v, _ZERO), _ONE)
