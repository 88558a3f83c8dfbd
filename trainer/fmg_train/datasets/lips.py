"""Landmarks and blendshapes of a film → the coefficients that are to be learnt. Pure arithmetic.

How far the lips are open and how wide they are is measured: in units of the distance between the outer corners of the eyes,
in space, so that neither the distance to the camera nor a turned head changes them. Of the blendshape model only smiles are
taken. It under-moves: over 40 minutes of GRID its jawOpen reaches 0.21 where the lips measured in the same pictures are 0.35
open; and what it misses or mistakes, a network would learn as stillness or as motion.

References
----------
docs/own-data.md has, for every coefficient, how well it came back from films of a face with known ones.
"""

from dataclasses import dataclass

import numpy as np

from fmg_rt import arkit

from ..teacher.measured import GRID_SCALE, fit_to_aperture

POINTS: dict[str, int] = {
    "right eye": 33,
    "left eye": 263,
    "bridge": 168,
    "upper lip": 13,
    "lower lip": 14,
    "right corner": 61,
    "left corner": 291,
}
"""Name → number among MediaPipe's 478 points; left and right are the subject's."""
OUTER = (61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291, 375, 321, 405, 314, 17, 84, 181, 91, 146)
INNER = (78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308, 324, 318, 402, 317, 14, 87, 178, 88, 95)
"""The rims of the lips, in order."""
KEPT = tuple(sorted({*POINTS.values(), *OUTER, *INNER}))
"""The points that are stored."""

KNOWN = ("jawOpen", "mouthPucker", "mouthSmileLeft", "mouthSmileRight")
"""What is learnt. Blinks and gaze are no speech; all else the blendshape model does not see, mistakes, or sees only when it is
large."""
NARROWS = 0.42
"""Share of its width that a mouth loses by a pucker of 1: GRID's mouth loses 9 % where the blendshape model says 0.22, the
drawn face of the preview 48 % at 1."""
_PARTED = 0.04
"""Lips that rest further apart than this are held open: no resting value is so large."""


@dataclass(frozen=True)
class Measures:
    """What was seen in the frames of a film, NaN where there was no face.

    Attributes
    ----------
    opening, width : (n,) distance of the inner rims of the lips and of the corners of the mouth, in outer-eye distances.
    size : (n,) outer-eye distance, pixels. centre : (n, 2) bridge of the nose, pixels.
    """

    opening: np.ndarray
    width: np.ndarray
    size: np.ndarray
    centre: np.ndarray


def measure(points: np.ndarray) -> Measures:
    """points : (n, len(KEPT), 3), pixels in all three axes."""
    place = {name: KEPT.index(number) for name, number in POINTS.items()}

    def distance(a: str, b: str) -> np.ndarray:
        return np.linalg.norm(points[:, place[a]] - points[:, place[b]], axis=1)

    size = distance("right eye", "left eye")
    return Measures(
        distance("upper lip", "lower lip") / size,
        distance("right corner", "left corner") / size,
        size,
        points[:, place["bridge"], :2],
    )


def coefficients(measures: Measures, shapes: np.ndarray, resting: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """((n, 52) float32 in [0, 1], (n,) aperture in coefficient units) of frames that all show a face.

    Everything is counted from this person's own rest: in `resting` frames, or where there are none from how the face is
    most of the time (the lips: when they are closest).

    shapes : (n, 52) of the blendshape model. resting : (n,) bool, frames of silence.
    """
    still = resting if resting.any() else np.ones(len(resting), bool)
    closed = np.median(measures.opening[still]) if resting.any() else np.percentile(measures.opening, 5)
    aperture = np.clip((measures.opening - min(closed, _PARTED)) * GRID_SCALE, 0, 1).astype(np.float32)

    smiles = [arkit.INDEX["mouthSmileLeft"], arkit.INDEX["mouthSmileRight"]]
    rest = np.median(shapes[still][:, smiles], axis=0)
    face = fit_to_aperture(np.zeros((len(shapes), arkit.N_COEFFICIENTS), np.float32), aperture)
    face[:, smiles] = np.clip((shapes[:, smiles] - rest) / np.maximum(1 - rest, 0.2), 0, 1)

    # Some mouths narrow as they open, which is no pucker: how much is this person's own.
    width = np.median(measures.width[still])
    open_by = measures.opening - measures.opening.mean()
    slope = min(0.0, float(open_by @ measures.width / max(open_by @ open_by, 1e-9)))
    narrow = width + slope * np.maximum(measures.opening - closed, 0) - measures.width
    face[:, arkit.INDEX["mouthPucker"]] = np.clip(narrow / width / NARROWS, 0, 1)
    return face, aperture
