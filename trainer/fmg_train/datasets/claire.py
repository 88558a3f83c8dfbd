"""NVIDIA's training-data layout (the Claire set, or one's own in the same form): meshes, a rig, eye rotations, audio."""

import functools
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from fmg_rt import architectures, arkit

from . import form, meshes, rig
from .assemble import Skipped, Take, read_sound
from .form import DatasetError
from .solve import Solver

FULL_TURN = 30.0
"""Degrees of an eye that make an eyeLook coefficient of 1."""
EYES = Path("xform", "eye_rotations_all.npz")
LICENCE = "as the source data set"


def takes(source: Path, language: str) -> tuple[Iterator[Take], list[Skipped]]:
    """The shots of a data set, each in its own voice and in every other (``audio/aug/VOICE``) with the same face.

    Raises
    ------
    DatasetError
        No such layout, or an unusable rig.
    """
    root = next((p for p in (source, *sorted(source.glob("data/*"))) if (p / "audio").is_dir()), None)
    if root is None:
        raise DatasetError(f"{source}: no folder 'audio' here nor in data/*; not NVIDIA's layout")
    solver, shapes = _solver(root)
    turns, problems = _eye_rotations(root)
    folder = root / "cache" / "skin"
    known = {p.stem for p in folder.glob("*") if p.is_dir() or p.suffix in (".pc2", ".npy", ".xml")}
    shots = sorted(known | {path.stem for path in (root / "audio").glob("*.wav")})
    if not shots:
        raise DatasetError(f"{root}: neither audio/*.wav nor a cache in {folder}")

    def each() -> Iterator[Take]:
        for shot in shots:
            face = functools.cache(functools.partial(_face, folder, shot, shapes, solver, turns.get(shot)))
            files = {root.name: root / "audio" / f"{shot}.wav"}
            files |= {p.parent.name: p for p in sorted((root / "audio" / "aug").glob(f"*/{shot}.wav"))}
            for voice, path in files.items():
                name = shot if voice == root.name else f"{shot}-{voice}"
                load = functools.partial(_load, path, face)
                yield Take(name, shot, voice, load, language, "claire", LICENCE, _emotion(shot))

    return each(), problems


def eye_looks(rotations: np.ndarray) -> dict[int, np.ndarray]:
    """The eight eyeLook curves: position in a 52-vector → (frames,) in [0, 1].

    rotations : (frames, 2, 2) right and left eye; pitch (about X, positive is down) and yaw (about Y, positive is to the
    subject's left), degrees, of a face that looks along +Z with Y up.
    """
    curves = {}
    for eye, side in enumerate(("Right", "Left")):
        pitch, yaw = rotations[:, eye].T / FULL_TURN
        outward = yaw if side == "Left" else -yaw
        for name, value in (("Down", pitch), ("Up", -pitch), ("Out", outward), ("In", -outward)):
            curves[arkit.INDEX[f"eyeLook{name}{side}"]] = np.clip(value, 0, 1)
    return curves


def _solver(root: Path) -> tuple[Solver, rig.Rig]:
    shapes = rig.read(root / "bs_data" / "bs_skin.npz", root / "bs_data" / "bs_skin_config.json")
    return Solver(shapes), shapes


def _eye_rotations(root: Path) -> tuple[Mapping[str, np.ndarray], list[Skipped]]:
    """Rotations by shot; without the file the eyes are what the skin around them tells."""
    path = root / EYES
    if not path.is_file():
        return {}, []
    try:
        with np.load(path, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}, []
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        return {}, [Skipped("eye rotations", f"{path}: cannot read the eye rotations ({error})")]


def _face(folder: Path, shot: str, shapes: rig.Rig, solver: Solver, rotations: np.ndarray | None) -> form.Face:
    path = meshes.find(folder, shot)
    if path is None:
        raise DatasetError(f"{folder / shot}: no cache (.xml and .mc, .pc2 or .npy) of this shot")
    sequence = meshes.read(path, len(shapes.neutral))
    coefficients, known = solver.solve(sequence.blocks), shapes.active.copy()
    if rotations is not None:
        if rotations.shape != (len(coefficients), 2, 2) or not np.isfinite(rotations).all():
            raise DatasetError(
                f"{folder.parent.parent / EYES}: '{shot}' is {rotations.shape}, or not finite; "
                f"its mesh has {len(coefficients)} frames"
            )
        for place, curve in eye_looks(rotations).items():
            coefficients[:, place] = curve
            known[place] = True
    return form.Face(coefficients, sequence.rate, known=known)


def _load(path: Path, face) -> tuple[np.ndarray, list[form.Face]]:
    audio = read_sound(path)  # first: it is cheap to find missing
    return audio, [face()]


def _emotion(shot: str) -> str | None:
    name = shot.rsplit("_", 1)[-1].lower()
    return name if name in architectures.EMOTIONS else None
