"""The kernels of the predecessor's network against slow float64, their buffers filled with NaN beforehand."""

import os
import subprocess
import sys
from math import erf

import numpy as np
import pytest
from numba.core.registry import cpu_target

from fmg_rt.kernels import cross_attention as kernels
from fmg_rt.networks.cross_attention import _packed


def nan(*shape):
    return np.full(shape, np.nan, np.float32)


def normal(*shape, seed=0, spread=1.0):
    return np.random.default_rng(seed).normal(0, spread, shape).astype(np.float32)


@pytest.mark.parametrize("rows", [1, 2, 3, 4, 5, 52])
@pytest.mark.parametrize("n_in, n_out", [(80, 256), (512, 512), (256, 416), (1, 1), (33, 65)])
def test_dense(rows, n_in, n_out):
    weight, bias, x = normal(n_out, n_in), normal(n_out, seed=1), normal(rows, n_in, seed=2)
    packed, padded = _packed(weight, bias)
    out = nan(rows, len(padded))
    kernels.dense(packed, padded, x, out)
    expected = x.astype(np.float64) @ weight.T.astype(np.float64) + bias
    assert np.abs(out[:, :n_out] - expected).max() < 2e-6 * np.sqrt(n_in) * 4
    assert (out[:, n_out:] == 0).all()


@pytest.mark.parametrize("features, panel", [("+avx,+avx2,+fma", 16), ("+sse4.2", 16), ("+avx512f,+avx,+fma", 64)])
def test_dense_on_other_machines(features, panel, tmp_path):
    """Another vector width is another tile and another packing; narrower code runs on a wider machine too."""
    ours = cpu_target.target_context.codegen().magic_tuple()[2].split(",")
    if not set(features.split(",")) <= set(ours):
        pytest.skip(f"this machine lacks {features}")
    code = """
import numpy as np
from fmg_rt.kernels import cross_attention as kernels
from fmg_rt.networks.cross_attention import _packed
rng = np.random.default_rng(0)
weight, bias, x = (rng.standard_normal(s).astype(np.float32) for s in ((256, 512), 256, (53, 512)))
packed, padded = _packed(weight, bias)
out = np.full((53, 256), np.nan, np.float32)
kernels.dense(packed, padded, x, out)
print(kernels.PANEL, abs(out - (x.astype(float) @ weight.T + bias)).max() < 2e-4)
"""
    environment = os.environ | {"NUMBA_CPU_NAME": "generic", "NUMBA_CPU_FEATURES": features, "NUMBA_CACHE_DIR": str(tmp_path)}
    result = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=120)
    assert result.stdout.split() == [str(panel), "True"], result.stderr


def test_gelu_within_a_millionth():
    x = np.concatenate([np.linspace(-12, 12, 200_001), [0.0, -0.0, 1e-30, -1e-30, 88.0, -88.0, 3e4, -3e4]])
    x = x.astype(np.float32)
    values = np.array([kernels._gelu(v) for v in x], np.float64)
    half_erf = np.array([erf(float(v) / np.sqrt(2)) for v in x]) / 2
    assert np.abs(values - x * (0.5 + half_erf))[np.abs(x) <= 4].max() < 1e-6
    large = np.abs(x) > 4
    assert (np.abs(values - x * (0.5 + half_erf))[large] <= 1e-6 * np.abs(x[large])).all()


def test_exp():
    x = np.concatenate([np.linspace(-80, 0, 100_001), [-0.0, -1e-30, -200.0, -3e38]]).astype(np.float32)
    values = np.array([kernels._exp(v) for v in x], np.float64)
    exact = np.exp(x.astype(np.float64))
    shown = exact > 1e-30
    assert (np.abs(values[shown] / exact[shown] - 1) < 3e-7 + 1.2e-7 * np.abs(x[shown])).all()
    assert (values[~shown] < 2e-30).all() and (values >= 0).all()


@pytest.mark.parametrize("activation", ["relu", "gelu"])
def test_layer_norms(activation):
    gain, shift, x = normal(512, seed=1), normal(512, seed=2), normal(7, 512, seed=3, spread=5) + np.float32(3)
    x[2] = 0.25  # a constant row has no deviation
    exact = x.astype(np.float64)
    centred = exact - exact.mean(1, keepdims=True)
    expected = centred / np.sqrt((centred**2).mean(1, keepdims=True) + 1e-5) * gain + shift
    if activation == "relu":
        kernels.layer_norm_relu(gain, shift, x)
        expected = np.maximum(expected, 0)
    else:
        kernels.layer_norm_gelu(gain, shift, x)
        expected = expected * (0.5 + np.vectorize(erf)(expected / np.sqrt(2)) / 2)
    assert np.abs(x - expected).max() < 5e-6


def test_residual_layer_norm():
    gain, shift = normal(256, seed=1), normal(256, seed=2)
    x, residual = normal(52, 256, seed=3), normal(52, 256, seed=4)
    exact = x.astype(np.float64) + residual
    centred = exact - exact.mean(1, keepdims=True)
    kernels.residual_layer_norm(gain, shift, residual, x)
    expected = centred / np.sqrt((centred**2).mean(1, keepdims=True) + 1e-5) * gain + shift
    assert np.abs(x - expected).max() < 5e-6


def test_standardise():
    mean, scale, x, out = normal(80), normal(80, seed=1), normal(80, seed=2), nan(1, 80)
    kernels.standardise(mean, scale, x, out)
    assert np.allclose(out[0], (x - mean) * scale, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("oldest", range(7))
@pytest.mark.parametrize("spread", [1.0, 60.0])
def test_attention(oldest, spread):
    """Scores up to hundreds apart: no overflow, and the weights still sum to one."""
    n_queries, d_model = 52, 256
    scores, ages = normal(8, 448, spread=spread), normal(8, 448, seed=1)
    values, age_values = normal(8, d_model, seed=2), normal(8, d_model, seed=3)
    ages[7] = age_values[7] = 0
    attention, aged, context = nan(8, 448), nan(8, d_model), nan(n_queries, d_model)
    kernels.attend(ages, scores, oldest, attention)
    kernels.mix(age_values, values, oldest, attention, aged, context)

    order = [(oldest + i) % 7 for i in range(7)] + [7]
    logits = scores[order].astype(np.float64) + ages
    share = np.exp(logits - logits.max(0))
    share /= share.sum(0)
    assert np.abs(attention - share).max() < 1e-6 * max(1.0, spread)
    tokens = values[order].astype(np.float64) + age_values
    expected = np.empty((n_queries, d_model))
    for head in range(8):
        part = slice(32 * head, 32 * head + 32)
        expected[:, part] = share[:, head * n_queries : (head + 1) * n_queries].T @ tokens[:, part]
    assert np.abs(context - expected).max() < 2e-6 * max(1.0, spread)


def test_read_out():
    weight, x, out = normal(512, spread=0.3), normal(52, 512, seed=1), nan(52)
    x[0], x[1] = 100, -100  # saturates without overflow
    kernels.read_out(weight, np.float32(0.3), x, out)
    z = x.astype(np.float64) @ weight + 0.3
    assert np.abs(out - 1 / (1 + np.exp(-z))).max() < 1e-6
    assert ((out >= 0) & (out <= 1)).all()
