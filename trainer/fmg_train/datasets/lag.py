"""By how much a face comes too early or too late: where its mouth follows a reference best."""

import numpy as np

GRID = 100.0
"""Shifts are tried in steps of 1 / GRID s; references have so many values a second."""
_LEAST = 1.0
"""Seconds that both must be known for."""


def best_shift(times: np.ndarray, curve: np.ndarray, reference: np.ndarray, longest: float) -> tuple[float, float]:
    """(seconds by which the curve should come later to follow the reference best, the correlation there).

    Of equal correlations the smallest shift counts; (0, -1) where nothing moves.

    Parameters
    ----------
    times : (n,) s, increasing. curve : (n,), NaN where unknown.
    reference : (m,), value k at k / GRID s.
    longest : the largest shift that is tried either way, s.
    """
    best = (0.0, -1.0)
    steps = round(longest * GRID)
    for shift in sorted(np.arange(-steps, steps + 1) / GRID, key=abs):
        at = np.arange(len(reference)) / GRID - shift
        moved = np.interp(at, times, curve, left=np.nan, right=np.nan)
        good = np.isfinite(moved)
        a, b = moved[good], reference[good]
        if len(a) > _LEAST * GRID and a.std() > 1e-6 and b.std() > 1e-9:
            best = max(best, (float(shift), float(np.corrcoef(a, b)[0, 1])), key=lambda pair: pair[1])
    return best
