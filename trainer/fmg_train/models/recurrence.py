"""GRU layers as a CPU learns them quickly: bfloat16 products, fused gates, weight gradients in one product at the end.

The same arithmetic as `torch.nn.GRU` under autocast, gate order and biases included; a test compares values and gradients.
PyTorch's own layer multiplies the gradient of the weights once a step and makes a dozen passes over the gates: this one
takes 0.6 to 0.8 of its time (there and back, 128 and 64 sequences of 3 s, one core of an Intel Xeon with AMX).
"""

import numpy as np
import torch
from torch import nn

from fmg_rt.kernels.gru import tanh, wide
from fmg_rt.kernels.jit import BF16, F32, IN1, OUT1, OUT2, VOID, array_in, array_out, fast_kernel

_READ, _WRITE = array_in(BF16, 2), array_out(BF16, 2)
_HALF, _ONE = np.float32(0.5), np.float32(1.0)
_WORD, _ROUND, _LAST = np.uint32(16), np.uint32(0x7FFF), np.uint32(1)


@fast_kernel(BF16(F32))
def _narrow(x):
    """The bits of the nearest bfloat16, as `fmg_rt.networks.gru.bfloat16` gives those of an array."""
    bits = np.float32(x).view(np.uint32)
    return np.uint16(np.uint32(bits + _ROUND + ((bits >> _WORD) & _LAST)) >> _WORD)


# Numba's cache does not see edits of `tanh` and `wide`, which are the runtime's: touch this file after one.
# Few arrays in each loop, or the compiler gives up on proving that they do not overlap and does one element at a time.
@fast_kernel(VOID(_READ, _READ, IN1, OUT1, OUT2, _WRITE, _WRITE))
def _gates(from_input, from_state, bias, scratch, state, rounded, kept):
    """One step: state (B, d) in place and `rounded`; kept (B, 4 d) for the way back: reset, update, new, its recurrent part.

    from_input, from_state (B, 3 d): what the input and the state give the gates; bias (3 d,) belongs to the latter;
    scratch (4 d,).
    """
    d = state.shape[1]
    reset, update, new, recurrent = scratch[:d], scratch[d : 2 * d], scratch[2 * d : 3 * d], scratch[3 * d :]
    for b in range(state.shape[0]):
        heard, known, own = from_input[b], from_state[b], state[b]
        for i in range(2 * d):
            scratch[i] = _HALF * tanh(_HALF * (wide(heard[i]) + wide(known[i]) + bias[i])) + _HALF
        for i in range(d):
            recurrent[i] = wide(known[2 * d + i]) + bias[2 * d + i]
        for i in range(d):
            new[i] = tanh(wide(heard[2 * d + i]) + reset[i] * recurrent[i])
        for i in range(d):
            own[i] = new[i] + update[i] * (own[i] - new[i])
        for i in range(d):
            rounded[b, i] = _narrow(own[i])
        for i in range(4 * d):
            kept[b, i] = _narrow(scratch[i])


@fast_kernel(VOID(_READ, _READ, _READ, _READ, OUT1, OUT2, _WRITE, _WRITE))
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
            scratch[i] = wide(kept[b, i])
        for i in range(d):
            slope[i] += wide(outer[b, i]) + wide(through[b, i])
        for i in range(d):
            of_gates[d + i] = slope[i] * (wide(before[b, i]) - new[i]) * update[i] * (_ONE - update[i])
        for i in range(d):
            of_new = slope[i] * (_ONE - update[i]) * (_ONE - new[i] * new[i])
            of_gates[i] = of_new * recurrent[i] * reset[i] * (_ONE - reset[i])
            of_gates[2 * d + i] = of_new
            of_gates[3 * d + i] = of_new * reset[i]
        for i in range(d):
            slope[i] *= update[i]
        for i in range(3 * d):
            of_input[b, i] = _narrow(of_gates[i])
        for i in range(2 * d):
            of_state[b, i] = _narrow(of_gates[i])
        for i in range(d):
            of_state[b, 2 * d + i] = _narrow(of_gates[3 * d + i])


def _bits(tensor: torch.Tensor) -> np.ndarray:
    """A bfloat16 tensor as the kernels take it: the same memory."""
    return tensor.view(torch.uint16).numpy()


class _Layer(torch.autograd.Function):
    """from_input (steps, B, 3 d) bfloat16 → states (steps, B, d) bfloat16, from a state of zeros."""

    @staticmethod
    def forward(ctx, from_input: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
        steps, batch, gates = from_input.shape
        d = gates // 3
        across = weight.detach().t().bfloat16().contiguous()  # (d, 3 d)
        states = torch.zeros(steps + 1, batch, d, dtype=torch.bfloat16)
        kept = torch.empty(steps, batch, 4 * d, dtype=torch.bfloat16)
        from_state = torch.empty(batch, gates, dtype=torch.bfloat16)
        state, offset, scratch = np.zeros((batch, d), np.float32), bias.detach().numpy(), np.empty(4 * d, np.float32)
        inputs, rounded, for_later, recurrent = (_bits(t) for t in (from_input.detach(), states, kept, from_state))
        for t in range(steps):
            torch.mm(states[t], across, out=from_state)
            _gates(inputs[t], recurrent, offset, scratch, state, rounded[t + 1], for_later[t])
        ctx.save_for_backward(weight, states, kept)
        return states[1:]

    @staticmethod
    def backward(ctx, gradient: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        weight, states, kept = ctx.saved_tensors
        steps, batch, d = gradient.shape
        across = weight.bfloat16().contiguous()  # (3 d, d)
        of_input = torch.empty(steps, batch, 3 * d, dtype=torch.bfloat16)
        of_state = torch.empty(steps, batch, 3 * d, dtype=torch.bfloat16)
        through = torch.zeros(batch, d, dtype=torch.bfloat16)
        slope, scratch = np.zeros((batch, d), np.float32), np.empty(8 * d, np.float32)
        outer = gradient.to(torch.bfloat16).contiguous()
        arrays = (_bits(t) for t in (kept, states, outer, through, of_input, of_state))
        for_later, before, added, product, inputs, recurrent = arrays
        for t in reversed(range(steps)):
            _gates_back(for_later[t], before[t], added[t], product, scratch, slope, inputs[t], recurrent[t])
            torch.mm(of_state[t], across, out=through)
        flat = of_state.view(-1, 3 * d)
        of_weight = torch.mm(flat.t(), states[:-1].reshape(-1, d))
        return of_input, of_weight.to(weight.dtype), flat.sum(0).to(weight.dtype)


def run(gru: nn.GRU, x: torch.Tensor) -> torch.Tensor:
    """The states (B, steps, d) of the last layer of `gru`, bfloat16, from states of zeros; x (B, steps, m)."""
    x = x.transpose(0, 1).to(torch.bfloat16)
    for layer in range(gru.num_layers):
        of_input = [getattr(gru, f"{name}_ih_l{layer}") for name in ("weight", "bias")]
        of_state = [getattr(gru, f"{name}_hh_l{layer}") for name in ("weight", "bias")]
        from_input = nn.functional.linear(x, *(p.to(torch.bfloat16) for p in of_input))
        x = _Layer.apply(from_input, *of_state)
    return x.transpose(0, 1)
