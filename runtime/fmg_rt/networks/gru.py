"""The recurrent network on the runtime's side: owns the state, calls the kernels."""

import math
import threading
from collections.abc import Sequence

import numpy as np

from .. import arkit, spec
from ..kernels import gru as kernels
from ..weights import Weights


def bfloat16(weight: np.ndarray) -> np.ndarray:
    """The nearest bfloat16 of each float32, ties to even, as its bits: uint16 of the same shape. The numbers are finite."""
    bits = np.ascontiguousarray(weight, np.float32).view(np.uint32)
    return ((bits + 0x7FFF + (bits >> 16 & 1)) >> 16).astype(np.uint16)


def pairs(weight: np.ndarray) -> np.ndarray:
    """A matrix (n, m) as the kernels read it, m even: (m / 2, n) uint32, of inputs 2 k and 2 k + 1 as bfloat16."""
    bits = bfloat16(weight).T.astype(np.uint32)
    return np.ascontiguousarray(bits[0::2] | bits[1::2] << 16)


class _Scratch(threading.local):
    """Arrays that one step needs and the next one overwrites: one set for each thread, whatever the number of streams."""

    def __init__(self) -> None:
        self.memories = self.floats = np.empty(0, np.float32)

    def grow(self, n_memories: int, n_floats: int) -> None:
        """Have at least so many numbers in each."""
        if len(self.memories) < n_memories:
            self.memories = np.empty(n_memories, np.float32)
        if len(self.floats) < n_floats:
            self.floats = np.empty(n_floats, np.float32)


_scratch = _Scratch()


class GRUNetwork:
    """Two GRU layers over stacked log-mel frames; see `networks.Network` for the contract.

    Step ``n`` takes the frames ``n_stack * n … n_stack * (n + 1) - 1`` and gives the face `lookahead` samples before the
    end of the newest one. Between two steps the face is interpolated linearly. The matrices are kept as bfloat16, to which
    `fmg_train.fit.export` rounds them too: the file and the runtime agree to the last bit.
    """

    hears_egemaps = False

    def __init__(self, weights: Weights, lookahead: int):
        config, tensors = weights.config, weights.tensors
        self.lookahead = lookahead
        self._n_stack = config["n_stack"]
        self.step_length = self._n_stack * spec.HOP_LENGTH
        readout = weights.lookaheads.index(lookahead)
        self._tells_speech = "speech.weight" in tensors
        packed = weights.packed  # made once for all streams of these weights
        if "matrices" not in packed:
            packed["matrices"], packed["vectors"] = _packed(weights)
        if f"faces.{readout}" not in packed:
            weight, bias = tensors[f"readout.{readout}.weight"], tensors[f"readout.{readout}.bias"]
            if self._tells_speech:  # two more rows, after the face's: presence and early presence
                rows = [readout, weights.lookaheads.index(min(weights.lookaheads))]
                weight = np.concatenate((weight, tensors["speech.weight"][rows]))
                bias = np.concatenate((bias, tensors["speech.bias"][rows]))
            packed[f"faces.{readout}"] = pairs(weight), np.ascontiguousarray(bias)
        d_input, d_model, d_head = config["d_input"], config["d_model"], config["d_head"]
        self._weights = packed["matrices"], packed["vectors"], *packed[f"faces.{readout}"], d_input, d_model, d_head
        self.shares = id(packed["matrices"]), readout
        """Equal for networks that can `step_with` each other."""

        n_in, n_faces = self._n_stack * spec.N_MELS, len(packed[f"faces.{readout}"][1])
        self._n_scratch = kernels.n_scratch(1, n_in, d_input, d_model, d_head, n_faces)
        # The last two faces, not clipped, of 52 and two logits each; the states of both layers; the frames of a step.
        self._memory = np.zeros(2 * n_faces + 2 * d_model + n_in, np.float32)
        self._alone = self._memory[None]  # (1, n)
        self._faces = self._memory[: 2 * n_faces].reshape(2, n_faces)
        self._stacked = self._memory[-n_in:].reshape(self._n_stack, spec.N_MELS)
        self.newest = self._faces[1, : arkit.N_COEFFICIENTS]
        self.reset()

    def reset(self) -> None:
        self._frames = 0
        self._memory[:] = 0
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
        self._stacked[self._frames % self._n_stack] = mel
        self._frames += 1
        return self._frames % self._n_stack == 0

    def step(self) -> None:
        _scratch.grow(0, self._n_scratch)
        kernels.step(*self._weights, self._alone, _scratch.floats)
        self.horizon += self.step_length

    def step_with(self, others: "Sequence[GRUNetwork]") -> None:
        """`step`, for networks of the same weights and look-ahead in one pass over the weights; equal to the last bit."""
        together = (self, *others)
        n, size = len(together), len(self._memory)
        _scratch.grow(n * size, n * self._n_scratch)
        flat = _scratch.memories[: n * size]
        np.concatenate([network._memory for network in together], out=flat)
        memories = flat.reshape(n, size)
        kernels.step(*self._weights, memories, _scratch.floats)
        for network, memory in zip(together, memories, strict=True):
            network._memory[:] = memory
            network.horizon += network.step_length

    def evaluate(self, time: int, out: np.ndarray) -> None:
        position = 1.0 - (self.horizon - time) / self.step_length
        kernels.between(self._faces, position if position > 0.0 else 0.0, out)


def _packed(weights: Weights) -> tuple[np.ndarray, np.ndarray]:
    """All matrices but the read-outs', and mean, scale and biases, each as one array in the order of `kernels.step`."""
    layers = [f"gru.{{}}_{of}_l{layer}" for layer in range(2) for of in ("ih", "hh")]
    names = ["input.{}", *layers, "head.{}"]
    scale = (1.0 / (weights.mel_std.astype(np.float64) + spec.STD_OFFSET)).astype(np.float32)  # (80,)
    n_stack = weights.config["n_stack"]
    matrices = [pairs(weights.tensors[name.format("weight")]).reshape(-1) for name in names]
    biases = [weights.tensors[name.format("bias")] for name in names]
    vectors = [np.tile(weights.mel_mean, n_stack), np.tile(scale, n_stack), *biases]
    return np.concatenate(matrices), np.concatenate(vectors).astype(np.float32)
