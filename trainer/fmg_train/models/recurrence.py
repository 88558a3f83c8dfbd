"""GRU layers as a CPU learns them quickly: fused gates, weight gradients in one product at the end, bfloat16 where it pays.

The same arithmetic as `torch.nn.GRU`, gate order and biases included; a test compares values and gradients. PyTorch's own
layer multiplies the gradient of the weights once a step and makes a dozen passes over the gates: this one takes 0.6 to 0.8
of its time (there and back; bfloat16, 128 and 64 sequences of 3 s on one core of an Intel Xeon with AMX; float32, 64
sequences on one core of an AMD EPYC without AVX-512: 0.8).
"""

import numpy as np
import torch
from numba.extending import overload
from torch import nn

from fmg_rt.kernels.gru import tanh, wide
from fmg_rt.kernels.jit import BF16, F32, IN1, OUT1, OUT2, VOID, array_in, array_out, fast_kernel

_TYPES = [(array_in(dtype, 2), array_out(dtype, 2)) for dtype in (BF16, F32)]
_HALF, _ONE = np.float32(0.5), np.float32(1.0)
_WORD, _ROUND, _LAST = np.uint32(16), np.uint32(0x7FFF), np.uint32(1)


@fast_kernel(BF16(F32))
def _narrow(x):
    """The bits of the nearest bfloat16, as `fmg_rt.networks.gru.bfloat16` gives those of an array."""
    bits = np.float32(x).view(np.uint32)
    return np.uint16(np.uint32(bits + _ROUND + ((bits >> _WORD) & _LAST)) >> _WORD)


def _load(value):
    """The float32 of an element, in kernels."""


@overload(_load)
def _(value):
    return (lambda value: wide(value)) if value == BF16 else (lambda value: value)


def _store(array, row, column, value):
    """A float32 into an array of either type, in kernels."""


@overload(_store)
def _(array, row, column, value):
    if array.dtype == BF16:

        def store(array, row, column, value):
            array[row, column] = _narrow(value)

    else:

        def store(array, row, column, value):
            array[row, column] = value

    return store


# Numba's cache does not see edits of `tanh` and `wide`, which are the runtime's: touch this file after one.
# Few arrays in each loop, or the compiler gives up on proving that they do not overlap and does one element at a time.
@fast_kernel([VOID(r, r, IN1, OUT1, OUT2, w, w) for r, w in _TYPES])
def _gates(from_input, from_state, bias, scratch, state, rounded, kept):
    """One step: state (B, d) in place and `rounded`; kept (B, 4 d) for the way back: reset, update, new, recurrent part.

    from_input, from_state (B, 3 d): what the input and the state give the gates; bias (3 d,) belongs to the latter;
    scratch (4 d,).
    """
    d = state.shape[1]
    reset, update, new, recurrent = scratch[:d], scratch[d : 2 * d], scratch[2 * d : 3 * d], scratch[3 * d :]
    for b in range(state.shape[0]):
        heard, known, own = from_input[b], from_state[b], state[b]
        for i in range(2 * d):
            scratch[i] = _HALF * tanh(_HALF * (_load(heard[i]) + _load(known[i]) + bias[i])) + _HALF
        for i in range(d):
            recurrent[i] = _load(known[2 * d + i]) + bias[2 * d + i]
        for i in range(d):
            new[i] = tanh(_load(heard[2 * d + i]) + reset[i] * recurrent[i])
        for i in range(d):
            own[i] = new[i] + update[i] * (own[i] - new[i])
        for i in range(d):
            _store(rounded, b, i, own[i])
        for i in range(4 * d):
            _store(kept, b, i, scratch[i])


@fast_kernel([VOID(r, r, r, r, OUT1, OUT2, w, w) for r, w in _TYPES])
def _gates_back(kept, before, outer, through, scratch, gradient, of_input, of_state):
    """One step back: gradient (B, d) of the state after it becomes, but for the product with the weights, that before it.

    kept : as `_gates` left it. before (B, d): the state before the step. outer (B, d): what the loss adds to the gradient.
    through (B, d): the product that the step after it left to add. of_input, of_state (B, 3 d): gradients of the gates.
    scratch (8 d,).
    """
    d = gradient.shape[1]
    reset, update, new, recurrent = scratch[:d], scratch[d : 2 * d], scratch[2 * d : 3 * d], scratch[3 * d : 4 * d]
    of_gates = scratch[4 * d :]
    for b in range(gradient.shape[0]):
        slope = gradient[b]
        for i in range(4 * d):
            scratch[i] = _load(kept[b, i])
        for i in range(d):
            slope[i] += _load(outer[b, i]) + _load(through[b, i])
        for i in range(d):
            of_gates[d + i] = slope[i] * (_load(before[b, i]) - new[i]) * update[i] * (_ONE - update[i])
        for i in range(d):
            of_new = slope[i] * (_ONE - update[i]) * (_ONE - new[i] * new[i])
            of_gates[i] = of_new * recurrent[i] * reset[i] * (_ONE - reset[i])
            of_gates[2 * d + i] = of_new
            of_gates[3 * d + i] = of_new * reset[i]
        for i in range(d):
            slope[i] *= update[i]
        for i in range(3 * d):
            _store(of_input, b, i, of_gates[i])
        for i in range(2 * d):
            _store(of_state, b, i, of_gates[i])
        for i in range(d):
            _store(of_state, b, 2 * d + i, of_gates[3 * d + i])


def _array(tensor: torch.Tensor) -> np.ndarray:
    """A tensor as the kernels take it: the same memory."""
    return (tensor.view(torch.uint16) if tensor.dtype == torch.bfloat16 else tensor).numpy()


class _Layer(torch.autograd.Function):
    """from_input (steps, B, 3 d) → states (steps, B, d) of the same type, bfloat16 or float32, from a state of zeros."""

    @staticmethod
    def forward(ctx, from_input: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
        steps, batch, gates = from_input.shape
        d, kind = gates // 3, from_input.dtype
        across = weight.detach().t().to(kind).contiguous()  # (d, 3 d)
        states = torch.zeros(steps + 1, batch, d, dtype=kind)
        kept = torch.empty(steps, batch, 4 * d, dtype=kind)
        from_state = torch.empty(batch, gates, dtype=kind)
        state, offset, scratch = np.zeros((batch, d), np.float32), bias.detach().numpy(), np.empty(4 * d, np.float32)
        inputs, rounded, for_later, recurrent = (_array(t) for t in (from_input.detach(), states, kept, from_state))
        for t in range(steps):
            torch.mm(states[t], across, out=from_state)
            _gates(inputs[t], recurrent, offset, scratch, state, rounded[t + 1], for_later[t])
        ctx.save_for_backward(weight, states, kept)
        return states[1:]

    @staticmethod
    def backward(ctx, gradient: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        weight, states, kept = ctx.saved_tensors
        (steps, batch, d), kind = gradient.shape, states.dtype
        across = weight.to(kind).contiguous()  # (3 d, d)
        of_input = torch.empty(steps, batch, 3 * d, dtype=kind)
        of_state = torch.empty(steps, batch, 3 * d, dtype=kind)
        through = torch.zeros(batch, d, dtype=kind)
        slope, scratch = np.zeros((batch, d), np.float32), np.empty(8 * d, np.float32)
        outer = gradient.to(kind).contiguous()
        arrays = (_array(t) for t in (kept, states, outer, through, of_input, of_state))
        for_later, before, added, product, inputs, recurrent = arrays
        for t in reversed(range(steps)):
            _gates_back(for_later[t], before[t], added[t], product, scratch, slope, inputs[t], recurrent[t])
            torch.mm(of_state[t], across, out=through)
        flat = of_state.view(-1, 3 * d)
        of_weight = torch.mm(flat.t(), states[:-1].reshape(-1, d))
        return of_input, of_weight.to(weight.dtype), flat.sum(0).to(weight.dtype)


def run(gru: nn.GRU, x: torch.Tensor) -> torch.Tensor:
    """The states (B, steps, d) of the last layer of `gru`, from states of zeros; x (B, steps, m).

    In bfloat16 under autocast, else in float32.
    """
    kind = torch.get_autocast_dtype("cpu") if torch.is_autocast_enabled("cpu") else torch.float32
    x = x.transpose(0, 1).to(kind)
    for layer in range(gru.num_layers):
        of_input = [getattr(gru, f"{name}_ih_l{layer}") for name in ("weight", "bias")]
        of_state = [getattr(gru, f"{name}_hh_l{layer}") for name in ("weight", "bias")]
        from_input = nn.functional.linear(x, *(p.to(kind) for p in of_input))
        x = _Layer.apply(from_input, *of_state)
    return x.transpose(0, 1)
