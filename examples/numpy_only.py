"""The packaged network in NumPy alone, as a reference for other languages: no Numba, no state but two vectors.

    python examples/numpy_only.py

Feeds one second of silence and one of noise, and prints how far the jaw opens.
"""

import numpy as np

from fmg_rt import arkit, spec, weights
from fmg_rt.features.logmel import log_mel

w = weights.read(weights.packaged())
net = w.tensors


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def step(stacked, states):
    """One step of 20 ms: stacked (160,) standardised log-mel, states two vectors (176,); returns the face (52,)."""
    x = np.maximum(net["input.weight"] @ stacked + net["input.bias"], 0)
    for layer, h in enumerate(states):
        a = net[f"gru.weight_ih_l{layer}"] @ x + net[f"gru.bias_ih_l{layer}"]
        b = net[f"gru.weight_hh_l{layer}"] @ h + net[f"gru.bias_hh_l{layer}"]
        (ar, az, an), (br, bz, bn) = np.split(a, 3), np.split(b, 3)
        update = sigmoid(az + bz)
        states[layer] = x = (1 - update) * np.tanh(an + sigmoid(ar + br) * bn) + update * h
    x = np.maximum(net["head.weight"] @ x + net["head.bias"], 0)
    readout = w.lookaheads.index(w.config["default_lookahead"])
    return np.clip(net[f"readout.{readout}.weight"] @ x + net[f"readout.{readout}.bias"], 0, 1)


noise = np.random.default_rng(0).standard_normal(spec.SAMPLE_RATE)
audio = np.concatenate([np.zeros(spec.SAMPLE_RATE), 0.1 * noise]).astype(np.float32)
mel = (log_mel(audio) - w.mel_mean) / (w.mel_std + spec.STD_OFFSET)
states = [np.zeros(w.config["d_model"]) for _ in range(2)]
stack = w.config["n_stack"]
for i in range(0, len(mel) - stack + 1, stack):
    face = step(mel[i : i + stack].ravel(), states)
    if i % 20 == 0:
        print(f"{i / 100:5.2f} s  jawOpen {face[arkit.INDEX['jawOpen']]:.3f}")
