"""The predecessor's network on the runtime's side: folds constants at load, owns the state, calls the kernels."""

import math

import numpy as np

from .. import architectures, arkit, spec
from ..kernels import cross_attention as kernels
from ..weights import Weights

_N_FRAMES = architectures.CROSS_ATTENTION_FRAMES
_D_MODEL, _D_MLP, _N_HEADS, _D_HEAD = 256, 512, 8, kernels.D_HEAD


class CrossAttentionNetwork:
    """Cross-attention from 52 queries to the newest seven log-mel frames and the eGeMAPS; see `networks.Network`.

    What depends on the queries alone is constant: the scores of a token, ``(W_q q + b_q)ᵀ W_k token / √32``, are one
    matrix-vector product. ``b_k`` adds the same to all tokens and drops out of the softmax, ``b_v`` passes through it
    into the output bias, and a frame's position adds a constant to its scores and value. So each frame is encoded once,
    when it comes.

    Before seven frames have come, silence stands for those that are missing: the face moves with the first one.
    """

    step_length = spec.HOP_LENGTH
    """Samples between two faces that can differ."""
    hears_egemaps = True
    newest = None
    """A face costs too much to be made unasked."""

    presence = early_presence = None

    def __init__(self, weights: Weights, lookahead: int):
        self.lookahead = lookahead
        net = weights.tensors
        exact = {name: value.astype(np.float64) for name, value in net.items()}

        def packed(name: str) -> tuple[np.ndarray, np.ndarray]:
            return _packed(exact[f"{name}.weight"], exact[f"{name}.bias"])

        def norm(name: str) -> tuple[np.ndarray, np.ndarray]:
            return net[f"{name}.weight"], net[f"{name}.bias"]

        self._mel_scale = _scale(weights.mel_mean, weights.mel_std)
        self._egemaps_scale = _scale(weights.egemaps_mean, weights.egemaps_std)
        self._mel_encoder = *packed("audio_encoder.mel_encoder.0"), *norm("audio_encoder.mel_encoder.1")
        self._egemaps_encoder = *packed("audio_encoder.egemaps_encoder.0"), *norm("audio_encoder.egemaps_encoder.1")

        embeddings = exact["base_embeddings"] @ exact["embed_proj.weight"].T + exact["embed_proj.bias"]  # (52, 256)
        w_q, w_k, w_v, w_o = (exact[f"cross_attention.w_{name}.weight"] for name in "qkvo")
        b_q, b_v, b_o = (exact[f"cross_attention.w_{name}.bias"] for name in "qvo")
        queries = ((embeddings @ w_q.T + b_q) / math.sqrt(_D_HEAD)).reshape(-1, _N_HEADS, _D_HEAD)  # (52, 8, 32)
        by_head = w_k.reshape(_N_HEADS, _D_HEAD, _D_MODEL)
        scorer = np.einsum("qhd,hdn->hqn", queries, by_head).reshape(-1, _D_MODEL)  # (8 · 52, 256)
        positions = exact["audio_encoder.mel_pos_encoding"]  # (7, 256)

        self._scorer = _packed(scorer, np.zeros(len(scorer)))
        self._values = _packed(w_v, np.zeros(_D_MODEL))
        self._output = _packed(w_o, w_o @ b_v + b_o)
        self._attention_norm = norm("cross_attention.layer_norm")
        self._first_layer, self._first_norm = packed("blendshape_mlp.mlp.0"), norm("blendshape_mlp.mlp.1")
        self._second_layer, self._second_norm = packed("blendshape_mlp.mlp.4"), norm("blendshape_mlp.mlp.5")
        self._read_out = net["blendshape_mlp.mlp.8.weight"].reshape(-1), net["blendshape_mlp.mlp.8.bias"][0]
        self._embeddings = embeddings.astype(np.float32)  # (52, 256)

        n_tokens, n_pairs = kernels.N_TOKENS, len(self._scorer[1])
        self._position_scores = np.zeros((n_tokens, n_pairs), np.float32)  # (8, 448), row 7 stays zero
        self._position_scores[:_N_FRAMES, : len(scorer)] = positions @ scorer.T
        self._position_values = np.zeros((n_tokens, _D_MODEL), np.float32)  # (8, 256), row 7 stays zero
        self._position_values[:_N_FRAMES] = positions @ w_v.T

        self._frame = np.empty((1, spec.N_MELS), np.float32)  # (1, 80)
        self._functionals = np.empty((1, spec.N_EGEMAPS), np.float32)  # (1, 88)
        self._token = np.empty((1, _D_MODEL), np.float32)  # (1, 256)
        self._token_scores = np.zeros((n_tokens, n_pairs), np.float32)  # (8, 448): ring of frames, then functionals
        self._token_values = np.zeros((n_tokens, _D_MODEL), np.float32)  # (8, 256): ring of frames, then functionals
        self._attention = np.empty((n_tokens, n_pairs), np.float32)  # (8, 448)
        self._aged = np.empty((n_tokens, _D_MODEL), np.float32)  # (8, 256)
        self._context = np.empty((arkit.N_COEFFICIENTS, _D_MODEL), np.float32)  # (52, 256)
        self._attended = np.empty((arkit.N_COEFFICIENTS, _D_MODEL), np.float32)  # (52, 256)
        self._hidden = np.empty((2, arkit.N_COEFFICIENTS, _D_MLP), np.float32)  # (2, 52, 512)

        self._silence = np.full(spec.N_MELS, math.log(spec.LOG_OFFSET), np.float32)  # (80,)
        self.reset()

    def reset(self) -> None:
        self._oldest = self.horizon = 0
        self.set_egemaps(None)
        for _ in range(_N_FRAMES):
            self.push(self._silence)
        # As if the window of the frame before the first had ended here.
        self.horizon = spec.WIN_LENGTH - spec.HOP_LENGTH - self.lookahead

    def set_egemaps(self, features: np.ndarray | None) -> None:
        if features is None:
            self._functionals[:] = 0
        else:
            mean, scale = self._egemaps_scale
            limit = spec.EGEMAPS_LIMIT
            standard = np.nan_to_num((features - mean) * scale, nan=0.0, posinf=limit, neginf=-limit)
            self._functionals[0] = np.clip(standard, -limit, limit)
        self._encode(self._egemaps_encoder, self._functionals, _N_FRAMES)

    def push(self, mel: np.ndarray) -> None:
        if self.take(mel):
            self.step()

    def take(self, mel: np.ndarray) -> bool:
        kernels.standardise(*self._mel_scale, mel, self._frame)
        self._encode(self._mel_encoder, self._frame, self._oldest)
        return True

    def step(self) -> None:
        self._oldest = (self._oldest + 1) % _N_FRAMES
        self.horizon += self.step_length

    def evaluate(self, time: int, out: np.ndarray) -> None:
        first, second = self._hidden
        kernels.attend(self._position_scores, self._token_scores, self._oldest, self._attention)
        kernels.mix(self._position_values, self._token_values, self._oldest, self._attention, self._aged, self._context)
        kernels.dense(*self._output, self._context, self._attended)
        kernels.residual_layer_norm(*self._attention_norm, self._embeddings, self._attended)
        kernels.dense(*self._first_layer, self._attended, first)
        kernels.layer_norm_gelu(*self._first_norm, first)
        kernels.dense(*self._second_layer, first, second)
        kernels.layer_norm_gelu(*self._second_norm, second)
        kernels.read_out(*self._read_out, second, out)

    def _encode(self, encoder: tuple[np.ndarray, ...], features: np.ndarray, slot: int) -> None:
        """Scores and value of the token of `features` (1, n), standardised, into row `slot`."""
        weights, bias, gain, shift = encoder
        kernels.dense(weights, bias, features, self._token)
        kernels.layer_norm_relu(gain, shift, self._token)
        kernels.dense(*self._scorer, self._token, self._token_scores[slot : slot + 1])
        kernels.dense(*self._values, self._token, self._token_values[slot : slot + 1])


def _packed(weight: np.ndarray, bias: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Weights (n_out, n_in) and bias as `kernels.dense` wants them: whole panels, columns side by side, float32."""
    n_out, n_in = weight.shape
    panels = -(-n_out // kernels.PANEL)
    padded = np.zeros((panels * kernels.PANEL, n_in), np.float32)
    padded[:n_out] = weight
    padded_bias = np.zeros(len(padded), np.float32)
    padded_bias[:n_out] = bias
    return np.ascontiguousarray(padded.reshape(panels, kernels.PANEL, n_in).transpose(0, 2, 1)), padded_bias


def _scale(mean: np.ndarray, std: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return mean, (1.0 / (std.astype(np.float64) + spec.STD_OFFSET)).astype(np.float32)
