"""One step of the recurrent network: matrix-vector products and gates.

References: Cho et al., EMNLP 2014; gate order and biases as PyTorch's ``nn.GRU`` (reset, update, new).
"""

import numpy as np

from .jit import F32, IN1, IN2, OUT1, VOID, fast_kernel

_ZERO, _ONE, _HALF = np.float32(0.0), np.float32(1.0), np.float32(0.5)
# tanh(x) = x P(x²) / Q(x²) for |x| ≤ 9, fitted for the least maximum error: 4e-7 in float32. Unlike math.tanh it
# vectorises.
_TANH_LIMIT = np.float32(9.0)
_P0, _P1, _P2, _P3, _P4 = (np.float32(v) for v in (
    0.9999998807907104, 0.13373197615146637, 0.003486582078039646, 2.0471834432100877e-05, 1.3184228819795862e-08))  # fmt: skip
_Q1, _Q2, _Q3, _Q4 = (np.float32(v) for v in (
    0.4670649468898773, 0.025841979309916496, 0.0003271385794505477, 7.702665811848419e-07))  # fmt: skip


@fast_kernel(F32(F32))
def _tanh(x):
    x = min(max(x, -_TANH_LIMIT), _TANH_LIMIT)
    u = x * x
    p = (((_P4 * u + _P3) * u + _P2) * u + _P1) * u + _P0
    q = (((_Q4 * u + _Q3) * u + _Q2) * u + _Q1) * u + _ONE
    return x * p / q


@fast_kernel(VOID(IN2, IN1, IN1, OUT1))
def linear(weight, bias, x, out):
    """out (n,) = weight (n, m) @ x (m,) + bias (n,); n a multiple of 4 (four rows share each load of x)."""
    for row in range(0, weight.shape[0], 4):
        s0, s1, s2, s3 = _ZERO, _ZERO, _ZERO, _ZERO
        for i in range(weight.shape[1]):
            v = x[i]
            s0 += weight[row, i] * v
            s1 += weight[row + 1, i] * v
            s2 += weight[row + 2, i] * v
            s3 += weight[row + 3, i] * v
        out[row] = s0 + bias[row]
        out[row + 1] = s1 + bias[row + 1]
        out[row + 2] = s2 + bias[row + 2]
        out[row + 3] = s3 + bias[row + 3]


@fast_kernel(VOID(IN2, IN1, IN1, OUT1))
def linear_relu(weight, bias, x, out):
    """out (n,) = max(weight (n, m) @ x (m,) + bias (n,), 0); n a multiple of 4."""
    linear(weight, bias, x, out)
    for i in range(out.shape[0]):
        out[i] = max(out[i], _ZERO)


@fast_kernel(VOID(IN2, IN1, IN2, IN1, IN1, OUT1, OUT1, OUT1))
def layer(weight_ih, bias_ih, weight_hh, bias_hh, x, state, from_input, from_state):
    """state (d,) after x (m,), in place; from_input, from_state (3 d,) are scratch.

    from_input = weight_ih (3 d, m) @ x + bias_ih; from_state = weight_hh (3 d, d) @ state + bias_hh.
    """
    linear(weight_ih, bias_ih, x, from_input)
    linear(weight_hh, bias_hh, state, from_state)
    d = state.shape[0]
    for i in range(d):
        reset = _HALF * _tanh(_HALF * (from_input[i] + from_state[i])) + _HALF
        update = _HALF * _tanh(_HALF * (from_input[d + i] + from_state[d + i])) + _HALF
        new = _tanh(from_input[2 * d + i] + reset * from_state[2 * d + i])
        state[i] = new + update * (state[i] - new)


@fast_kernel(VOID(IN1, IN1, IN1, OUT1))
def standardise(mean, scale, x, out):
    """out = (x - mean) * scale, per band."""
    for i in range(out.shape[0]):
        out[i] = (x[i] - mean[i]) * scale[i]


@fast_kernel(VOID(IN2, F32, OUT1))
def between(faces, position, out):
    """out (52,) = the face at `position` between faces[0] (0) and faces[1] (1), clipped to [0, 1]."""
    for i in range(out.shape[0]):
        v = faces[0, i] + position * (faces[1, i] - faces[0, i])
        out[i] = min(max(v, _ZERO), _ONE)
