"""The predecessor's network the slow and obvious way, float64, from its published description."""

from math import erf, sqrt

import numpy as np

_erf = np.vectorize(erf)


def linear(tensors, name, x):
    return x @ tensors[f"{name}.weight"].T + tensors[f"{name}.bias"]


def layer_norm(tensors, name, x):
    centred = x - x.mean(-1, keepdims=True)
    normal = centred / np.sqrt((centred**2).mean(-1, keepdims=True) + 1e-5)
    return normal * tensors[f"{name}.weight"] + tensors[f"{name}.bias"]


def gelu(x):
    return x * 0.5 * (1 + _erf(x / sqrt(2)))


def softmax(x):
    e = np.exp(x - x.max())
    return e / e.sum()


def forward(tensors, mel, egemaps):
    """(52,) from mel (7, 80), oldest first, and egemaps (88,), both standardised."""
    t = {name: np.asarray(value, np.float64) for name, value in tensors.items()}
    tokens = []
    for i in range(7):
        x = layer_norm(t, "audio_encoder.mel_encoder.1", linear(t, "audio_encoder.mel_encoder.0", mel[i]))
        tokens.append(np.maximum(x, 0) + t["audio_encoder.mel_pos_encoding"][i])
    x = layer_norm(t, "audio_encoder.egemaps_encoder.1", linear(t, "audio_encoder.egemaps_encoder.0", egemaps))
    tokens.append(np.maximum(x, 0))
    keys, values = (linear(t, f"cross_attention.{name}", np.array(tokens)) for name in ("w_k", "w_v"))  # (8, 256)

    out = np.empty(52)
    for c in range(52):
        residual = linear(t, "embed_proj", t["base_embeddings"][c])
        query = linear(t, "cross_attention.w_q", residual)
        context = np.empty(256)
        for head in range(8):
            part = slice(32 * head, 32 * head + 32)
            context[part] = softmax(keys[:, part] @ query[part] / sqrt(32)) @ values[:, part]
        x = layer_norm(t, "cross_attention.layer_norm", residual + linear(t, "cross_attention.w_o", context))
        x = gelu(layer_norm(t, "blendshape_mlp.mlp.1", linear(t, "blendshape_mlp.mlp.0", x)))
        x = gelu(layer_norm(t, "blendshape_mlp.mlp.5", linear(t, "blendshape_mlp.mlp.4", x)))
        out[c] = 1 / (1 + np.exp(-linear(t, "blendshape_mlp.mlp.8", x)[0]))
    return out
