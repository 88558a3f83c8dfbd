"""The recurrent network on the runtime's side: owns the state, calls the kernels."""

import math

import numpy as np

from .. import spec
from ..kernels import gru as kernels
from ..weights import Weights


def bfloat16(weight: np.ndarray) -> np.ndarray:
    """The nearest bfloat16 of each float32, ties to even, as its bits: uint16 of the same shape. The numbers are finite."""
    bits = np.ascontiguousarray(weight, np.float32).view(np.uint32)
    return ((bits + 0x7FFF + (bits >> 16 & 1)) >> 16).astype(np.uint16)


def _columns(weight: np.ndarray) -> np.ndarray:
    """A matrix (n, m) as the kernels read it: (m, n) bfloat16."""
    return np.ascontiguousarray(bfloat16(weight).T)


class GRUNetwork:
    """Two GRU layers over stacked log-mel frames; see `networks.Network` for the contract.

    Step ``n`` takes the frames ``n_stack * n … n_stack * (n + 1) - 1`` and gives the face `lookahead` samples before the
    end of the newest one. Between two steps the face is interpolated linearly. The matrices are kept as bfloat16, to which
    `fmg_train.fit.export` rounds them too: the file and the runtime agree to the last bit.
    """

    def __init__(self, weights: Weights, lookahead: int):
        config, tensors = weights.config, weights.tensors
        self.lookahead = lookahead
        self._n_stack = config["n_stack"]
        self.step_length = self._n_stack * spec.HOP_LENGTH
        d_input, d_model, d_head = config["d_input"], config["d_model"], config["d_head"]

        self._mean = weights.mel_mean  # (80,)
        self._scale = (1.0 / (weights.mel_std.astype(np.float64) + spec.STD_OFFSET)).astype(np.float32)  # (80,)
        self._input = _columns(tensors["input.weight"]), tensors["input.bias"]
        self._layers = [
            (_columns(tensors[f"gru.weight_ih_l{layer}"]), tensors[f"gru.bias_ih_l{layer}"],
             _columns(tensors[f"gru.weight_hh_l{layer}"]), tensors[f"gru.bias_hh_l{layer}"])
            for layer in range(2)
        ]  # fmt: skip
        self._head = _columns(tensors["head.weight"]), tensors["head.bias"]
        readout = weights.lookaheads.index(lookahead)
        weight, bias = tensors[f"readout.{readout}.weight"], tensors[f"readout.{readout}.bias"]
        self._tells_speech = "speech.weight" in tensors
        if self._tells_speech:  # one more row, after the face's
            weight = np.concatenate((weight, tensors["speech.weight"][readout : readout + 1]))
            bias = np.concatenate((bias, tensors["speech.bias"][readout : readout + 1]))
        self._readout = _columns(weight), bias

        self._stacked = np.empty(self._n_stack * spec.N_MELS, np.float32)  # (n_stack * 80,)
        self._embedded = np.empty(d_input, np.float32)  # (d_input,)
        self._from_input = np.empty(3 * d_model, np.float32)  # (3 d_model,)
        self._from_state = np.empty(3 * d_model, np.float32)  # (3 d_model,)
        self._features = np.empty(d_head, np.float32)  # (d_head,)
        self._states = [np.empty(d_model, np.float32) for _ in self._layers]  # a layer (d_model,)
        self._faces = np.empty((2, len(bias)), np.float32)  # (previous and newest step, 52 and the logit), not clipped
        self.reset()

    def reset(self) -> None:
        self._frames = 0
        for state in self._states:
            state[:] = 0
        self._faces[:] = 0
        # Before the first step nothing is known: the face is at rest until then.
        self.horizon = spec.WIN_LENGTH - spec.HOP_LENGTH - self.lookahead

    @property
    def presence(self) -> float | None:
        if not self._tells_speech:
            return None
        if not self._frames // self._n_stack:
            return 0.0
        return 1.0 / (1.0 + math.exp(-min(max(float(self._faces[1, -1]), -30.0), 30.0)))

    def set_egemaps(self, features: np.ndarray | None) -> None:
        """This network hears the log-mel alone."""

    def push(self, mel: np.ndarray) -> None:
        slot = self._frames % self._n_stack * spec.N_MELS
        kernels.standardise(self._mean, self._scale, mel, self._stacked[slot : slot + spec.N_MELS])
        self._frames += 1
        if self._frames % self._n_stack:
            return
        kernels.linear_relu(*self._input, self._stacked, self._embedded)
        x = self._embedded
        for layer, state in zip(self._layers, self._states, strict=True):
            kernels.layer(*layer, x, state, self._from_input, self._from_state)
            x = state
        kernels.linear_relu(*self._head, x, self._features)
        self._faces[0] = self._faces[1]
        kernels.linear(*self._readout, self._features, self._faces[1])
        self.horizon += self.step_length

    def evaluate(self, time: int, out: np.ndarray) -> None:
        position = 1.0 - (self.horizon - time) / self.step_length
        kernels.between(self._faces, np.float32(max(position, 0.0)), out)
