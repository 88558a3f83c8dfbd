"""The recurrent network the slow and obvious way, float64, from the weight file's tensors alone: sound in, faces out.

References: Cho et al., "Learning Phrase Representations using RNN Encoder-Decoder", EMNLP 2014, with the reset gate after the
product, as PyTorch's `nn.GRU` documents it.
"""

import numpy as np
import reference_logmel


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def bfloat16(weight):
    """Each number rounded to eight significant bits, ties to even, as weight files keep matrices."""
    mantissa, exponent = np.frexp(np.asarray(weight, np.float64))
    return np.ldexp(np.round(mantissa * 256) / 256, exponent)


def steps(weights, mel):
    """(n_steps, look-aheads, 52), not clipped, of log-mel (frames, 80)."""
    t = {name: bfloat16(value) if value.ndim == 2 else value.astype(np.float64) for name, value in weights.tensors.items()}
    n_stack, d = weights.config["n_stack"], weights.config["d_model"]
    x = (mel - weights.mel_mean) / (weights.mel_std.astype(np.float64) + 1e-10)
    states = [np.zeros(d), np.zeros(d)]
    out = []
    for n in range(len(x) // n_stack):
        heard = np.maximum(t["input.weight"] @ x[n * n_stack : (n + 1) * n_stack].ravel() + t["input.bias"], 0)
        for layer in range(2):
            before = states[layer]
            from_input = t[f"gru.weight_ih_l{layer}"] @ heard + t[f"gru.bias_ih_l{layer}"]
            from_state = t[f"gru.weight_hh_l{layer}"] @ before + t[f"gru.bias_hh_l{layer}"]
            reset = sigmoid(from_input[:d] + from_state[:d])
            update = sigmoid(from_input[d : 2 * d] + from_state[d : 2 * d])
            new = np.tanh(from_input[2 * d :] + reset * from_state[2 * d :])
            heard = states[layer] = (1 - update) * new + update * before
        features = np.maximum(t["head.weight"] @ heard + t["head.bias"], 0)
        out.append([t[f"readout.{i}.weight"] @ features + t[f"readout.{i}.bias"] for i in range(len(weights.lookaheads))])
    return np.array(out)


def faces(weights, wave, times, lookahead):
    """(len(times), 52) in [0, 1]: the faces at these samples of a wave (n,) at 16 kHz, look-ahead in samples."""
    raw = steps(weights, reference_logmel.log_mel(wave))[:, weights.lookaheads.index(lookahead)]
    length = 160 * weights.config["n_stack"]
    # Step n ends with frame n_stack (n + 1) - 1 of the log-mel, which covers 400 samples from 160 times its number.
    shown = np.arange(len(raw)) * length + length - 160 + 400 - lookahead
    still = np.zeros((1, 52))  # before the first step the face is at rest
    shown, raw = np.concatenate([[shown[0] - length], shown]), np.concatenate([still, raw])
    return np.clip([[np.interp(time, shown, column) for column in raw.T] for time in times], 0, 1)
