"""The predecessor's network: matrix products in registers, attention over eight tokens, LayerNorm, GELU.

Nearly all of its 24 million multiply-adds are products of 52 rows with a 256- or 512-wide matrix. LLVM's loop
vectoriser finds no better shape for them than dot products, 60 % of the machine's peak; `_tile` writes the loop that
reaches it.
"""

import math

import numpy as np
from llvmlite import ir
from numba.core import types
from numba.core.registry import cpu_target
from numba.extending import intrinsic

from .jit import F32, I64, IN1, IN2, IN3, OUT1, OUT2, VOID, fast_kernel, fast_part

N_TOKENS, N_FRAMES, D_HEAD = 8, 7, 32

# A tile is N_ROWS rows by N_VECTORS vectors of N_LANES columns: as many accumulators as the machine has registers for.
# 52 is a multiple of four. The machine is the one that Numba compiles for, by which it also names its cache: asking the
# host instead would, under NUMBA_CPU_NAME, load code for another width.
_FEATURES = cpu_target.target_context.codegen().magic_tuple()[2].split(",")
if "+avx512f" in _FEATURES:
    N_LANES, N_VECTORS = 16, 4
elif "+avx" in _FEATURES:
    N_LANES, N_VECTORS = 8, 2
else:  # NEON, SSE
    N_LANES, N_VECTORS = 4, 4
N_ROWS = 4
PANEL = N_LANES * N_VECTORS
"""Columns of a tile; weights are packed in panels of that width."""

ZERO, HALF, ONE = np.float32(0), np.float32(0.5), np.float32(1)
EPSILON = np.float32(1e-5)

# Φ(x) - 1/2 = erf(x / √2) / 2 = x P(x²) / Q(x²) for |x| ≤ 5.4, where Φ is 1 to single precision. Fitted here for the
# least maximum error: 2e-7 evaluated in float32.
ERF_LIMIT = np.float32(5.4)
P0, P1, P2, P3, P4, P5 = (
    np.float32(v)
    for v in (
        0.3989420533180237,
        0.03449210524559021,
        0.004722401965409517,
        0.0001762665924616158,
        6.490401574410498e-06,
        2.277692878749349e-08,
    )
)
Q1, Q2, Q3, Q4, Q5 = (
    np.float32(v)
    for v in (0.2531231641769409, 0.029027916491031647, 0.0019254935905337334, 7.651045598322526e-05, 1.2086630931662512e-06)
)

# 2^f for |f| ≤ 1/2, relative error 2e-9 before rounding.
LOG2_E, EXP_LIMIT = np.float32(1.4426950408889634), np.float32(-125.0)
E1, E2, E3, E4, E5, E6 = (
    np.float32(v)
    for v in (
        0.6931471824645996,
        0.24022646248340607,
        0.05550328642129898,
        0.009618489071726799,
        0.0013399930903688073,
        0.00015345810970757157,
    )
)
EXPONENT_BIAS, EXPONENT_SHIFT = np.int32(127), np.int32(23)


def _tile(n_rows):
    """A register tile as LLVM vector code, for `n_rows` rows."""

    @intrinsic
    def tile(_, weights, panel, bias, x, row, out):
        """out[row + r, PANEL·panel + c] = bias[PANEL·panel + c] + Σ_k x[row + r, k] · weights[panel, k, c]."""

        def codegen(context, builder, signature, arguments):
            i64, i32, scalar = ir.IntType(64), ir.IntType(32), ir.FloatType()
            vector = ir.VectorType(scalar, N_LANES)
            arrays = {}
            for name, i in (("weights", 0), ("bias", 2), ("x", 3), ("out", 5)):
                arrays[name] = context.make_array(signature.args[i])(context, builder, arguments[i])
            panel, row = arguments[1], arguments[4]
            depth = builder.extract_value(arrays["x"].shape, 1)
            width = builder.extract_value(arrays["out"].shape, 1)

            def vectors(pointer, start):
                starts = (builder.add(start, i64(N_LANES * v)) for v in range(N_VECTORS))
                return [builder.bitcast(builder.gep(pointer, [s]), vector.as_pointer()) for s in starts]

            def broadcast(value):
                lanes = ir.Constant(ir.VectorType(i32, N_LANES), [i32(0)] * N_LANES)
                undefined = ir.Constant(vector, ir.Undefined)
                return builder.shuffle_vector(builder.insert_element(undefined, value, i32(0)), undefined, lanes)

            rows = [builder.add(row, i64(r)) for r in range(n_rows)]
            x_rows = [builder.gep(arrays["x"].data, [builder.mul(r, depth)]) for r in rows]
            column = builder.mul(panel, i64(PANEL))
            first = builder.mul(column, depth)
            start = [builder.load(p, align=4) for p in vectors(arrays["bias"].data, column)]

            before = builder.block
            loop, after = builder.append_basic_block("depth"), builder.append_basic_block("stored")
            builder.branch(loop)
            builder.position_at_end(loop)
            k = builder.phi(i64)
            sums = [[builder.phi(vector) for _ in range(N_VECTORS)] for _ in rows]
            packed = vectors(arrays["weights"].data, builder.add(first, builder.mul(k, i64(PANEL))))
            packed = [builder.load(p, align=4) for p in packed]
            totals = []
            for x_row, row_sums in zip(x_rows, sums, strict=True):
                value = broadcast(builder.load(builder.gep(x_row, [k])))
                # `contract` makes it one fused instruction where the machine has it, and two where it has not.
                products = [builder.fmul(value, w, flags=("contract",)) for w in packed]
                pairs = zip(products, row_sums, strict=True)
                totals.append([builder.fadd(product, s, flags=("contract",)) for product, s in pairs])
            following = builder.add(k, i64(1))
            k.add_incoming(i64(0), before)
            k.add_incoming(following, loop)
            for row_sums, row_totals in zip(sums, totals, strict=True):
                for v, (phi, total) in enumerate(zip(row_sums, row_totals, strict=True)):
                    phi.add_incoming(start[v], before)
                    phi.add_incoming(total, loop)
            builder.cbranch(builder.icmp_signed("<", following, depth), loop, after)

            builder.position_at_end(after)
            for r, row_totals in zip(rows, totals, strict=True):
                places = vectors(arrays["out"].data, builder.add(builder.mul(r, width), column))
                for place, total in zip(places, row_totals, strict=True):
                    builder.store(total, place, align=4)
            return context.get_dummy_value()

        return types.void(weights, types.int64, bias, x, types.int64, out), codegen

    return tile


_tile_rows, _tile_row = _tile(N_ROWS), _tile(1)


@intrinsic
def _float_of_bits(_, bits):
    """The float32 that has the bit pattern of an int32."""

    def codegen(context, builder, signature, arguments):
        return builder.bitcast(arguments[0], ir.FloatType())

    return types.float32(types.int32), codegen


@fast_kernel(VOID(IN3, IN1, IN2, OUT2))
def dense(weights, bias, x, out):
    """out (rows, panels · PANEL) = x (rows, n) @ weights (panels, n, PANEL) + bias (panels · PANEL,)."""
    whole = x.shape[0] - x.shape[0] % N_ROWS
    for panel in range(weights.shape[0]):
        for row in range(0, whole, N_ROWS):
            _tile_rows(weights, panel, bias, x, row, out)
        for row in range(whole, x.shape[0]):
            _tile_row(weights, panel, bias, x, row, out)


@fast_part(F32(F32))
def _exp(x):
    """exp(x) for x ≤ 0; vectorises, unlike math.exp."""
    t = max(x * LOG2_E, EXP_LIMIT)
    n = np.int32(t - HALF)  # cut towards zero: the nearest integer, as t ≤ 0
    f = t - np.float32(n)
    power = _float_of_bits(np.int32((n + EXPONENT_BIAS) << EXPONENT_SHIFT))
    return power * ((((((E6 * f + E5) * f + E4) * f + E3) * f + E2) * f + E1) * f + ONE)


@fast_part(F32(F32))
def _gelu(x):
    """x Φ(x), exact form. References: Hendrycks and Gimpel, arXiv 1606.08415."""
    z = min(max(x, -ERF_LIMIT), ERF_LIMIT)
    u = z * z
    p = ((((P5 * u + P4) * u + P3) * u + P2) * u + P1) * u + P0
    q = ((((Q5 * u + Q4) * u + Q3) * u + Q2) * u + Q1) * u + ONE
    return x * (HALF + z * p / q)


@fast_part(VOID(IN1, IN1, I64, OUT2))
def _layer_norm_row(gain, shift, row, x):
    """One row of x to mean 0 and variance 1, then times gain plus shift, in place."""
    n = x.shape[1]
    scale = ONE / np.float32(n)
    total = ZERO
    for j in range(n):
        total += x[row, j]
    mean = total * scale
    square = ZERO
    for j in range(n):
        square += (x[row, j] - mean) * (x[row, j] - mean)
    deviation = ONE / math.sqrt(square * scale + EPSILON)
    for j in range(n):
        x[row, j] = (x[row, j] - mean) * deviation * gain[j] + shift[j]


@fast_kernel(VOID(IN1, IN1, OUT2))
def layer_norm_relu(gain, shift, x):
    """x (rows, n) = max(LayerNorm(x), 0), in place."""
    for row in range(x.shape[0]):
        _layer_norm_row(gain, shift, row, x)
        for j in range(x.shape[1]):
            x[row, j] = max(x[row, j], ZERO)


@fast_kernel(VOID(IN1, IN1, OUT2))
def layer_norm_gelu(gain, shift, x):
    """x (rows, n) = GELU(LayerNorm(x)), in place."""
    for row in range(x.shape[0]):
        _layer_norm_row(gain, shift, row, x)
        for j in range(x.shape[1]):
            x[row, j] = _gelu(x[row, j])


@fast_kernel(VOID(IN1, IN1, IN2, OUT2))
def residual_layer_norm(gain, shift, residual, x):
    """x (rows, n) = LayerNorm(x + residual), in place."""
    for row in range(x.shape[0]):
        for j in range(x.shape[1]):
            x[row, j] += residual[row, j]
        _layer_norm_row(gain, shift, row, x)


@fast_kernel(VOID(IN1, IN1, IN1, OUT2))
def standardise(mean, scale, features, out):
    """out (1, n) = (features (n,) - mean) * scale."""
    for i in range(features.shape[0]):
        out[0, i] = (features[i] - mean[i]) * scale[i]


@fast_kernel(VOID(IN2, IN2, I64, OUT2))
def attend(position_scores, scores, oldest, attention):
    """attention (8, n) = softmax over the tokens, for n pairs of query and head.

    scores (8, n): rows 0 … 6 are a ring of frames that starts at row `oldest`, row 7 the functionals. position_scores
    (8, n) are added by age; their row 7 is zero. attention is in order of age.
    """
    n = attention.shape[1]
    for i in range(N_TOKENS):
        slot = (oldest + i) % N_FRAMES if i < N_FRAMES else i
        for j in range(n):
            attention[i, j] = scores[slot, j] + position_scores[i, j]
    for j in range(n):
        top = attention[0, j]
        for i in range(1, N_TOKENS):
            top = max(top, attention[i, j])
        total = ZERO
        for i in range(N_TOKENS):
            attention[i, j] = _exp(attention[i, j] - top)
            total += attention[i, j]
        share = ONE / total
        for i in range(N_TOKENS):
            attention[i, j] *= share


@fast_kernel(VOID(IN2, IN2, I64, IN2, OUT2, OUT2))
def mix(position_values, values, oldest, attention, aged, context):
    """context (52, 256) = attention @ values, head by head.

    attention (8, ≥ 8 · 52) as `attend` leaves it, query within head; values and position_values (8, 256), rows as
    there; scratch: aged (8, 256), the values in order of age.
    """
    n_queries, d_model = context.shape
    for i in range(N_TOKENS):
        slot = (oldest + i) % N_FRAMES if i < N_FRAMES else i
        for j in range(d_model):
            aged[i, j] = values[slot, j] + position_values[i, j]
    for head in range(d_model // D_HEAD):
        for query in range(n_queries):
            pair = head * n_queries + query
            a0, a1, a2, a3 = attention[0, pair], attention[1, pair], attention[2, pair], attention[3, pair]
            a4, a5, a6, a7 = attention[4, pair], attention[5, pair], attention[6, pair], attention[7, pair]
            for d in range(D_HEAD):
                j = head * D_HEAD + d
                newer = a4 * aged[4, j] + a5 * aged[5, j] + a6 * aged[6, j] + a7 * aged[7, j]
                context[query, j] = a0 * aged[0, j] + a1 * aged[1, j] + a2 * aged[2, j] + a3 * aged[3, j] + newer


@fast_kernel(VOID(IN1, F32, IN2, OUT1))
def read_out(weights, bias, x, out):
    """out (rows,) = sigmoid(x (rows, n) @ weights (n,) + bias)."""
    for row in range(x.shape[0]):
        total = ZERO
        for j in range(x.shape[1]):
            total += weights[j] * x[row, j]
        out[row] = ONE / (ONE + math.exp(-(total + bias)))
