"""A face rig in NVIDIA's form: ``bs_skin.npz`` (the shapes) and ``bs_skin_config.json`` (how to solve for them)."""

import json
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fmg_rt import arkit

from .form import DatasetError


@dataclass(frozen=True)
class Rig:
    """Shapes and solver settings, in alphabetical ARKit order.

    Attributes
    ----------
    neutral : (vertices, 3) float32.
    mask : (m,) indices of the vertices that are solved for.
    shapes : (52, m, 3) float32 displacements; zero for a shape that the rig lacks.
    active : (52,) bool, to be solved for.
    cancel, symmetry : pairs of positions; of a cancel pair only one may be active at a time.
    multipliers, offsets : (52,) applied to the solution.
    l2, l1, temporal, symmetric : strengths of the terms, already scaled to the size of this mesh.
    """

    neutral: np.ndarray
    mask: np.ndarray
    shapes: np.ndarray
    active: np.ndarray
    cancel: tuple[tuple[int, int], ...]
    symmetry: tuple[tuple[int, int], ...]
    multipliers: np.ndarray
    offsets: np.ndarray
    l2: float
    l1: float
    temporal: float
    symmetric: float


def read(npz: Path, config: Path) -> Rig:
    """Read a rig.

    The rig's ``mouthClose`` contains the opened jaw, ARKit's does not. The shape is changed here, by taking ``jawOpen``
    away from it, and nothing else has to know: a mouth closed over an open jaw, 0.6 of the rig's shape, is the same mesh
    as 0.6 of jawOpen plus 0.6 of ARKit's mouthClose, and that is what is solved for.

    Raises
    ------
    DatasetError
        Unreadable, or shapes and settings that do not fit together.
    """
    try:
        with np.load(npz, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
        names = [n.decode() if isinstance(n, bytes) else str(n) for n in arrays["poseNames"]][1:]
        neutral, mask = np.asarray(arrays["neutral"], np.float32), np.asarray(arrays["frontalMask"], int)
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise DatasetError(f"{npz}: cannot read the rig ({error})") from error
    if neutral.ndim != 2 or neutral.shape[1] != 3 or not np.isfinite(neutral).all():
        raise DatasetError(f"{npz}: 'neutral' is not (vertices, 3), or not finite")
    if mask.ndim != 1 or len(mask) == 0 or mask.min() < 0 or mask.max() >= len(neutral):
        raise DatasetError(f"{npz}: 'frontalMask' names vertices that the mesh of {len(neutral)} does not have")
    shapes = np.zeros((arkit.N_COEFFICIENTS, len(mask), 3), np.float32)
    for name in set(names) & set(arkit.INDEX):
        shape = arrays.get(name)
        if shape is None or shape.shape != neutral.shape or not np.isfinite(shape).all():
            raise DatasetError(f"{npz}: '{name}' is missing, not {neutral.shape}, or not finite")
        shapes[arkit.INDEX[name]] = shape[mask]
    if "mouthClose" in names and "jawOpen" in names:
        shapes[arkit.INDEX["mouthClose"]] -= shapes[arkit.INDEX["jawOpen"]]
    return _with_settings(config, names, neutral, mask, shapes)


def _with_settings(path: Path, names: list[str], neutral: np.ndarray, mask: np.ndarray, shapes: np.ndarray) -> Rig:
    try:
        settings = json.loads(path.read_text(encoding="utf-8"))["blendshape_params"]
        n = len(names)
        lists = {
            key: np.array(settings.get(key, default), float)
            for key, default in (
                ("bsSolveActivePoses", [1] * n),
                ("bsSolveCancelPoses", [-1] * n),
                ("bsSolveSymmetryPoses", [-1] * n),
                ("bsWeightMultipliers", [1] * n),
                ("bsWeightOffsets", [0] * n),
            )
        }
        strengths = [
            float(settings[f"strength{key}"])
            for key in ("L2regularization", "L1regularization", "TemporalSmoothing", "Symmetry")
        ]
        template = float(settings["templateBBSize"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DatasetError(f"{path}: cannot read the solver settings ({type(error).__name__}: {error})") from error
    for key, values in lists.items():
        if values.shape != (n,) or not np.isfinite(values).all():
            raise DatasetError(f"{path}: '{key}' has {values.size} entries, the rig has {n} poses")
    if not min(*strengths) >= 0 or not template > 0:
        raise DatasetError(f"{path}: the strengths must be at least 0 and templateBBSize greater than 0")
    # Squared displacements grow with the square of the mesh: so do the terms that are weighed against them.
    scale = (float(np.ptp(neutral[:, 1])) / template) ** 2
    places = [arkit.INDEX.get(name, -1) for name in names]

    def spread(values: np.ndarray, missing: float) -> np.ndarray:
        out = np.full(arkit.N_COEFFICIENTS, missing, float)
        for place, value in zip(places, values, strict=True):
            if place >= 0:
                out[place] = value
        return out

    moves = np.abs(shapes).max((1, 2)) > 0
    jaw_and_lips = {arkit.INDEX["jawOpen"], arkit.INDEX["mouthClose"]}
    # ARKit's mouthClose always goes with jawOpen: where the rig's two exclude each other, these two must not.
    cancel = tuple(p for p in _pairs(lists["bsSolveCancelPoses"], places) if set(p) != jaw_and_lips)
    return Rig(
        neutral,
        mask,
        shapes,
        (spread(lists["bsSolveActivePoses"], 0) != 0) & moves,
        cancel,
        _pairs(lists["bsSolveSymmetryPoses"], places),
        spread(lists["bsWeightMultipliers"], 1),
        spread(lists["bsWeightOffsets"], 0),
        *(strength * scale for strength in strengths),
    )


def _pairs(ids: np.ndarray, places: list[int]) -> tuple[tuple[int, int], ...]:
    """Positions that carry the same non-negative id, two by two."""
    groups: dict[int, list[int]] = {}
    for number, place in zip(ids.astype(int).tolist(), places, strict=True):
        if number >= 0 and place >= 0:
            groups.setdefault(number, []).append(place)
    return tuple((a, b) for members in groups.values() for i, a in enumerate(members) for b in members[i + 1 :])
