"""The recurrent network on the runtime's side: owns the state, calls the kernels."""

import math
from collections.abc import Sequence

import numpy as np

from .. import arkit, spec
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
        for name, tensor in tensors.items():  # once for all streams of these weights
            if name not in weights.packed and not name.startswith(("readout.", "speech.")):
                weights.packed[name] = _columns(tensor) if tensor.ndim == 2 else tensor
        packed = weights.packed
        self._input = packed["input.weight"], packed["input.bias"]
        self._layers = [
            tuple(packed[f"gru.{kind}_l{layer}"] for kind in ("weight_ih", "bias_ih", "weight_hh", "bias_hh"))
            for layer in range(2)
        ]
        self._head = packed["head.weight"], packed["head.bias"]
        readout = weights.lookaheads.index(lookahead)
        self._tells_speech = "speech.weight" in tensors
        if f"faces.{readout}" not in packed:
            weight, bias = tensors[f"readout.{readout}.weight"], tensors[f"readout.{readout}.bias"]
            if self._tells_speech:  # two more rows, after the face's: presence and early presence
                rows = [readout, weights.lookaheads.index(min(weights.lookaheads))]
                weight = np.concatenate((weight, tensors["speech.weight"][rows]))
                bias = np.concatenate((bias, tensors["speech.bias"][rows]))
            packed[f"faces.{readout}"] = _columns(weight), bias
        self._readout = packed[f"faces.{readout}"]
        self.shares = id(packed["input.weight"]), readout
        """Equal for networks that can `step_with` each other."""

        self._stacked = np.empty(self._n_stack * spec.N_MELS, np.float32)  # (n_stack * 80,)
        self._embedded = np.empty(d_input, np.float32)  # (d_input,)
        self._from_input = np.empty(3 * d_model, np.float32)  # (3 d_model,)
        self._from_state = np.empty(3 * d_model, np.float32)  # (3 d_model,)
        self._features = np.empty(d_head, np.float32)  # (d_head,)
        self._states = [np.empty(d_model, np.float32) for _ in self._layers]  # a layer (d_model,)
        self._faces = np.empty((2, len(self._readout[1])), np.float32)  # (2 steps, 52 and two logits), not clipped
        self.newest = self._faces[1, : arkit.N_COEFFICIENTS]
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
        return self._sureness(-2)

    @property
    def early_presence(self) -> float | None:
        return self._sureness(-1)

    def _sureness(self, row: int) -> float | None:
        """The logistic function of a logit of the newest step; 0 before the first one."""
        if not self._tells_speech:
            return None
        if not self._frames // self._n_stack:
            return 0.0
        return 1.0 / (1.0 + math.exp(-min(max(self._faces.item(1, row), -30.0), 30.0)))

    def set_egemaps(self, features: np.ndarray | None) -> None:
        """This network hears the log-mel alone."""

    def push(self, mel: np.ndarray) -> None:
        if self.take(mel):
            self.step()

    def take(self, mel: np.ndarray) -> bool:
        slot = self._frames % self._n_stack * spec.N_MELS
        kernels.standardise(self._mean, self._scale, mel, self._stacked[slot : slot + spec.N_MELS])
        self._frames += 1
        return self._frames % self._n_stack == 0

    def step(self) -> None:
        kernels.linear_relu(*self._input, self._stacked, self._embedded)
        x = self._embedded
        for layer, state in zip(self._layers, self._states, strict=True):
            kernels.layer(*layer, x, state, self._from_input, self._from_state)
            x = state
        kernels.linear_relu(*self._head, x, self._features)
        self._faces[0] = self._faces[1]
        kernels.linear(*self._readout, self._features, self._faces[1])
        self.horizon += self.step_length

    def step_with(self, others: "Sequence[GRUNetwork]") -> None:
        """`step`, for networks of the same weights and look-ahead in one pass over the weights; equal to the last bit."""
        together = (self, *others)
        x = np.stack([network._stacked for network in together])  # (b, n_stack * 80)
        embedded = np.empty((len(together), len(self._embedded)), np.float32)
        kernels.linear_relu_many(*self._input, x, embedded)
        x, d = embedded, len(self._states[0])
        from_input, from_state = np.empty((2, len(together), 3 * d), np.float32)
        for i, layer in enumerate(self._layers):
            state = np.stack([network._states[i] for network in together])  # (b, d)
            kernels.layer_many(*layer, x, state, from_input, from_state)
            for network, row in zip(together, state, strict=True):
                network._states[i][:] = row
            x = state
        features = np.empty((len(together), len(self._features)), np.float32)
        kernels.linear_relu_many(*self._head, x, features)
        faces = np.empty((len(together), self._faces.shape[1]), np.float32)
        kernels.linear_many(*self._readout, features, faces)
        for network, face in zip(together, faces, strict=True):
            network._faces[0] = network._faces[1]
            network._faces[1] = face
            network.horizon += network.step_length

    def evaluate(self, time: int, out: np.ndarray) -> None:
        position = 1.0 - (self.horizon - time) / self.step_length
        kernels.between(self._faces, np.float32(max(position, 0.0)), out)
