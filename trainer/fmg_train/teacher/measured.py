"""Lips measured from video, and how the teacher's curves are made to agree with them.

References
----------
M. Cooke, J. Barker, S. Cunningham, X. Shao, An audio-visual corpus for speech perception and automatic speech
recognition (GRID), 2006.
"""

import numpy as np

from fmg_rt import arkit

GRID_CLOSED = 0.004
"""`open_inner` up to which lips are closed, in outer-eye distances: the median of the training sentences, half of
whose frames are silence (lips of a held p b m lie at 0.003…0.004)."""
GRID_SCALE = 3.4
"""Aperture in coefficient units for one outer-eye distance of inner lip opening: the 95th percentile of the training
sentences (0.123) becomes 0.40, the teacher's own on the same sentences."""
VOCALTRACTLAB_SCALE = 0.45
"""Aperture in coefficient units for one centimetre of VocalTractLab's lip distance: see `GRID_SCALE`."""
_OPENING = {
    "jawOpen": 1.0,
    "mouthLowerDownLeft": 0.2,
    "mouthLowerDownRight": 0.2,
    "mouthUpperUpLeft": 0.15,
    "mouthUpperUpRight": 0.15,
    "mouthFunnel": 0.2,
}
_CLOSING = {"mouthClose": 1.0, "mouthRollLower": 0.2, "mouthRollUpper": 0.2, "mouthPressLeft": 0.1, "mouthPressRight": 0.1}
_WIDER = {
    "jawOpen": 0.92,
    "mouthLowerDownLeft": 0.17,
    "mouthLowerDownRight": 0.17,
    "mouthUpperUpLeft": 0.04,
    "mouthUpperUpRight": 0.04,
}
"""What one more unit of aperture adds; shaped like an open vowel."""


def is_grid_test(index: int) -> bool:
    """Whether the `index`-th of the 800 clip names in alphabetical order is held out for testing (80 of them are)."""
    return index % 10 == 9


def aperture_from_grid(open_inner: np.ndarray) -> np.ndarray:
    """Lip aperture in coefficient units from GRID's inner lip opening, 0 when closed. Any shape; float32."""
    return np.clip((np.asarray(open_inner, np.float64) - GRID_CLOSED) * GRID_SCALE, 0.0, 1.0).astype(np.float32)


def aperture_from_vocaltractlab(distance: np.ndarray) -> np.ndarray:
    """Lip aperture in coefficient units from the lip distance of VocalTractLab, cm. Any shape; float32."""
    return np.clip(np.asarray(distance, np.float64) * VOCALTRACTLAB_SCALE, 0.0, 1.0).astype(np.float32)


def _table(weights: dict[str, float]) -> tuple[np.ndarray, np.ndarray]:
    return np.array([arkit.INDEX[name] for name in weights]), np.array(list(weights.values()))


def fit_to_aperture(curves: np.ndarray, aperture: np.ndarray) -> np.ndarray:
    """Move the opening of the mouth so that its aperture (`scores.aperture`) is the measured one.

    Too wide: what opens and what closes is scaled down together. Too narrow: the closing is undone first, then the jaw
    and the lips open further. All other coefficients stay.

    Parameters
    ----------
    curves : (n, 52) coefficients of the teacher.
    aperture : (n,) measured, coefficient units in [0, 1]; where it is NaN the curves stay as they are.

    Returns
    -------
    (n, 52) float32 in [0, 1], with mouthClose ≤ jawOpen.
    """
    out = np.array(curves, np.float64)
    known = np.isfinite(aperture)
    opening, opens = _table(_OPENING)
    closing, closes = _table(_CLOSING)
    wider, widens = _table(_WIDER)
    opened, closed = out[:, opening] @ opens, out[:, closing] @ closes
    wanted = np.where(known, aperture, opened - closed)

    share = np.where(known & (wanted < opened - closed), wanted / np.maximum(opened - closed, 1e-6), 1.0)
    out[:, np.concatenate((opening, closing))] *= share[:, None]

    narrow = known & (wanted > opened - closed)
    left = np.where(narrow, np.clip((opened - wanted) / np.maximum(closed, 1e-6), 0.0, 1.0), 1.0)
    out[:, closing] *= left[:, None]
    missing = np.where(narrow, np.maximum(wanted - opened, 0.0), 0.0)
    out[:, wider] += missing[:, None] * widens
    out = np.clip(out, 0.0, 1.0)
    close, jaw = arkit.INDEX["mouthClose"], arkit.INDEX["jawOpen"]
    out[:, close] = np.minimum(out[:, close], out[:, jaw])
    return out.astype(np.float32)
