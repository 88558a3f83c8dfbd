"""From a mesh sequence to 52 coefficients: bounded, regularised least squares over a whole shot.

For frames t with displacements d_t from the neutral mesh, and the shapes as columns of B, minimise over w in [0, 1]::

    Σ_t ‖B w_t − d_t‖² + l2 ‖w_t‖² + l1 Σ w_t + symmetric Σ_pairs (w_l − w_r)² + temporal ‖w_t − w_{t−1}‖²

Only BᵀB (52, 52) and Bᵀd_t (52 a frame) are ever kept, so a shot of any length costs 416 bytes a frame. The minimum of
this convex problem is found by coordinate descent: within a frame until it settles, then over the frames to and fro,
visiting those alone whose neighbours still move.

References: Lewis and Anjyo, "Direct manipulation blendshapes", IEEE CG&A 30(4), 2010; Wright, "Coordinate descent
algorithms", Mathematical Programming 151, 2015.
"""

from collections.abc import Iterable

import numpy as np
from numba import njit

from fmg_rt import arkit

from .rig import Rig

TOLERANCE = 4e-6
"""Largest step of a coefficient at which a frame counts as settled."""
DESCENTS = 2_000
"""Most rounds over the coefficients of a frame in one visit."""
SWEEPS = 200
"""Most sweeps over the frames."""


class Solver:
    """The normal equations of one rig; `solve` may be called for any number of shots."""

    def __init__(self, rig: Rig):
        self._rig = rig
        basis = rig.shapes.reshape(arkit.N_COEFFICIENTS, -1)
        self._basis = np.ascontiguousarray(basis.T)  # (3 m, 52) float32
        self._rest = np.ascontiguousarray(rig.neutral[rig.mask])
        a = basis.astype(np.float64) @ basis.T.astype(np.float64)
        a += rig.l2 * np.eye(arkit.N_COEFFICIENTS)
        for i, j in rig.symmetry:
            a[[i, j], [i, j]] += rig.symmetric
            a[[i, j], [j, i]] -= rig.symmetric
        self._a = a
        self._cancel = np.array(rig.cancel, np.int64).reshape(-1, 2)

    def project(self, block: np.ndarray) -> np.ndarray:
        """Bᵀd of some frames: (n, vertices, 3) → (n, 52) float64."""
        moved = block[:, self._rig.mask] - self._rest
        return (moved.reshape(len(block), -1) @ self._basis).astype(np.float64)

    def solve(self, blocks: Iterable[np.ndarray]) -> np.ndarray:
        """Coefficients of a shot, (frames, 52) float32 in [0, 1]; inactive ones are 0.

        blocks : (n, vertices, 3) float32 pieces of the shot, in time order.
        """
        rig = self._rig
        b = np.concatenate([self.project(block) for block in blocks]) - 0.5 * rig.l1
        upper = np.repeat(rig.active[None].astype(np.float64), len(b), axis=0)
        weights = np.zeros_like(b)
        descend(self._a, b, upper, rig.temporal, weights, TOLERANCE, DESCENTS, SWEEPS)
        if len(self._cancel):
            # Of each pair the weaker one is shut out, then everything settles again around the other.
            for i, j in self._cancel:
                weaker = np.where(weights[:, i] < weights[:, j], i, j)
                upper[np.arange(len(b)), weaker] = 0.0
            np.minimum(weights, upper, out=weights)
            descend(self._a, b, upper, rig.temporal, weights, TOLERANCE, DESCENTS, SWEEPS)
        shaped = np.clip(weights * rig.multipliers + rig.offsets, 0.0, 1.0)
        return np.where(rig.active, shaped, 0.0).astype(np.float32)


@njit(cache=True)
def descend(
    a: np.ndarray,
    b: np.ndarray,
    upper: np.ndarray,
    temporal: float,
    weights: np.ndarray,
    tolerance: float,
    descents: int,
    sweeps: int,
) -> None:
    """Minimise Σ ½ wᵀaw − bᵀw + ½ temporal ‖w_t − w_{t−1}‖² over 0 ≤ w ≤ upper, in place.

    a : (k, k) positive semi-definite. b, upper, weights : (frames, k) float64; `weights` holds the start.
    """
    frames, k = b.shape
    gradient = np.empty(k)
    stirred = np.ones(frames, np.bool_)  # a neighbour moved since the frame was last settled
    for sweep in range(sweeps):
        settled = True
        for step in range(frames):
            t = step if sweep % 2 == 0 else frames - 1 - step
            if not stirred[t]:
                continue
            stirred[t] = False
            if sweep == 0 and t > 0:
                for i in range(k):
                    if weights[t, i] == 0.0:  # the frame before is a good guess
                        weights[t, i] = min(weights[t - 1, i], upper[t, i])
            n = (1.0 if t > 0 else 0.0) + (1.0 if t < frames - 1 else 0.0)
            for i in range(k):
                total = -b[t, i] + temporal * n * weights[t, i]
                if t > 0:
                    total -= temporal * weights[t - 1, i]
                if t < frames - 1:
                    total -= temporal * weights[t + 1, i]
                for j in range(k):
                    total += a[i, j] * weights[t, j]
                gradient[i] = total
            if _settle(a, upper[t], temporal * n, weights[t], gradient, tolerance, descents) > tolerance and temporal > 0.0:
                settled = False
                stirred[max(t - 1, 0)] = True
                stirred[min(t + 1, frames - 1)] = True
        if settled:
            return


@njit(cache=True)
def _settle(
    a: np.ndarray, upper: np.ndarray, pull: float, w: np.ndarray, gradient: np.ndarray, tolerance: float, descents: int
) -> float:
    """Coordinate descent within a frame; returns the largest change of a coefficient since the start."""
    k = len(w)
    start = w.copy()
    for _ in range(descents):
        largest = 0.0
        for i in range(k):
            curvature = a[i, i] + pull
            if curvature <= 0.0:
                continue
            new = min(max(w[i] - gradient[i] / curvature, 0.0), upper[i])
            change = new - w[i]
            if change != 0.0:
                w[i] = new
                for j in range(k):
                    gradient[j] += a[i, j] * change
                gradient[i] += pull * change
                largest = max(largest, abs(change))
        if largest <= tolerance:
            break
    farthest = 0.0
    for i in range(k):
        farthest = max(farthest, abs(w[i] - start[i]))
    return farthest
