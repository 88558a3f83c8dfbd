"""The predecessor's affine calibration: one scale and one bias a coefficient, from a JSON file."""

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from .. import arkit
from ..errors import FmgError
from ..files import written_whole


class CalibrationError(FmgError, ValueError):
    """The file is no calibration; the message says what is wrong with it."""


LARGEST = 1000.0
"""Most that a scale or bias may be: a coefficient has nothing left to it far below."""
_LONGEST = 1 << 18
"""Letters of a file."""


def check_affine(affine: Mapping[str, tuple[float, float]]) -> None:
    """Raise `CalibrationError` unless every name is known and every number lies within ±`LARGEST`."""
    for name, (scale, bias) in affine.items():
        if name not in arkit.INDEX:
            raise CalibrationError(f"calibration names {name!r}, which is no ARKit coefficient")
        if not (abs(scale) <= LARGEST and abs(bias) <= LARGEST):  # which nan is not
            raise CalibrationError(f"calibration of {name}: scale and bias must be finite numbers of at most {LARGEST:g}")


def read_calibration(path: str | Path) -> dict[str, tuple[float, float]]:
    """``{"affine": {"jawOpen": {"scale": 5.39, "bias": -0.18}}}`` → name → (scale, bias); absent names are not touched.

    Raises
    ------
    CalibrationError
        Unreadable, not JSON, or not of that form; one line.
    """
    try:
        with open(path, encoding="utf-8-sig") as file:
            text = file.read(_LONGEST + 1)
        if len(text) > _LONGEST:
            raise CalibrationError(f"{path}: this is no calibration, it is too long")
        content = json.loads(text)
    except OSError as error:
        raise CalibrationError(f"cannot read calibration {path}: {error.strerror or error}") from error
    except CalibrationError:
        raise
    except (ValueError, RecursionError) as error:  # no UTF-8, no JSON, a number of thousands of digits
        raise CalibrationError(f"calibration {path} is not JSON: {error}") from error
    affine = content.get("affine") if isinstance(content, dict) else None
    if not isinstance(affine, dict):
        raise CalibrationError(f'calibration {path} is not of the form {{"affine": {{"jawOpen": {{"scale": 2}}}}}}')
    result = {}
    for name, entry in affine.items():
        if not isinstance(entry, dict) or not set(entry) <= {"scale", "bias"}:
            raise CalibrationError(f'calibration {path}: {name} must be {{"scale": number, "bias": number}}')
        values = (entry.get("scale", 1.0), entry.get("bias", 0.0))
        if any(isinstance(value, bool) or not isinstance(value, int | float) for value in values):
            raise CalibrationError(f"calibration {path}: scale and bias of {name} must be numbers")
        try:
            result[name] = (float(values[0]), float(values[1]))
        except OverflowError:
            raise CalibrationError(f"calibration {path}: scale and bias of {name} must be finite numbers") from None
    try:
        check_affine(result)
    except CalibrationError as error:
        raise CalibrationError(f"{path}: {error}") from None
    return result


def write_calibration(path: str | Path, affine: Mapping[str, tuple[float, float]]) -> None:
    """Write what `read_calibration` reads; the file appears whole or not at all."""
    content = {"affine": {name: {"scale": scale, "bias": bias} for name, (scale, bias) in affine.items()}}
    with written_whole(path) as file:
        file.write((json.dumps(content, indent=2) + "\n").encode())


def laid_out(affine: Mapping[str, tuple[float, float]]) -> np.ndarray:
    """Scale and bias of all, (2, 52) float32, as the kernel takes them: absent names are not touched."""
    array = np.ones((2, arkit.N_COEFFICIENTS), np.float32)
    array[1] = 0
    for name, scale_and_bias in affine.items():
        array[:, arkit.INDEX[name]] = scale_and_bias
    return array
