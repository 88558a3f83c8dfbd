"""Read the predecessor's checkpoint and pickled statistics without running anything that they contain."""

import hashlib
import importlib
import io
import json
import pickle
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from fmg_rt import architectures, spec

from . import config as configuration
from .fit.checkpoint import Checkpoint
from .models import Statistics


class PredecessorError(ValueError):
    """The file is not what the predecessor writes; the message names the file and says why."""


def _encode(text: str, encoding: str) -> bytes:
    if encoding != "latin1":  # the only one that pickles of bytes use; others decompress
        raise pickle.UnpicklingError(f"encoding '{encoding}'")
    return text.encode(encoding)


_ADMITTED: dict[tuple[str, str], Any] = {
    ("collections", "OrderedDict"): OrderedDict,
    ("_codecs", "encode"): _encode,
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
}
_CORES = ("numpy.core", "numpy._core")  # as numpy 1 and 2 call it; a file may come from either
_CORE = _CORES[int(np.__version__.split(".")[0]) >= 2]
for _module, _name in (("multiarray", "_reconstruct"), ("multiarray", "scalar"), ("numeric", "_frombuffer")):
    _value = getattr(importlib.import_module(f"{_CORE}.{_module}"), _name)
    _ADMITTED |= {(f"{core}.{_module}", _name): _value for core in _CORES}


class _ArraysOnly(pickle.Unpickler):
    """A pickle is code. This one may name what numpy arrays are made of, and nothing else."""

    def find_class(self, module: str, name: str) -> Any:
        try:
            return _ADMITTED[module, name]
        except KeyError:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}") from None


def read_statistics(path: Path) -> Statistics:
    """Feature statistics from ``{'mel': {'mean', 'std'}, 'egemaps': {'mean', 'std'}}``, pickled.

    Raises
    ------
    PredecessorError
        Missing or truncated file; anything but arrays and plain containers in it; wrong sizes; values not finite.
    """
    try:
        content = _ArraysOnly(io.BytesIO(_bytes(path))).load()
    except pickle.UnpicklingError as error:
        raise PredecessorError(f"{path}: refused: only arrays and plain containers are admitted ({error})") from error
    except Exception as error:  # noqa: BLE001  a damaged pickle can raise anything
        raise PredecessorError(f"{path}: truncated or not a pickle ({type(error).__name__})") from error

    def vector(group: str, name: str, n: int) -> np.ndarray:
        try:
            values = np.asarray(content[group][name], np.float32).reshape(-1)
        except (KeyError, TypeError, IndexError, ValueError) as error:
            raise PredecessorError(f"{path}: no usable array '{name}' under '{group}'") from error
        if values.shape != (n,):
            raise PredecessorError(f"{path}: {group} {name} has {values.size} values, not {n}")
        if not np.isfinite(values).all() or (name == "std" and (values < 0).any()):
            raise PredecessorError(f"{path}: {group} {name} holds negative or not finite values")
        return values

    return Statistics(
        vector("mel", "mean", spec.N_MELS),
        vector("mel", "std", spec.N_MELS),
        vector("egemaps", "mean", spec.N_EGEMAPS),
        vector("egemaps", "std", spec.N_EGEMAPS),
    )


def read_tensors(path: Path) -> tuple[dict[str, torch.Tensor], Any]:
    """The network's tensors, float32, and the training configuration that lies beside them.

    Raises
    ------
    PredecessorError
        Missing or truncated file; Python objects in it; tensors missing, unknown or of another shape.
    """
    try:
        content = torch.load(io.BytesIO(_bytes(path)), map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        reason = "not a checkpoint, or it holds more than tensors and plain values"
        raise PredecessorError(f"{path}: refused: {reason}") from error
    except Exception as error:  # noqa: BLE001  a damaged archive can raise anything
        raise PredecessorError(f"{path}: truncated or not a checkpoint ({type(error).__name__})") from error
    tensors = content.get("model_state_dict") if isinstance(content, Mapping) else None
    if not isinstance(tensors, Mapping) or not all(isinstance(value, torch.Tensor) for value in tensors.values()):
        raise PredecessorError(f"{path}: not a checkpoint of the predecessor: no 'model_state_dict' of tensors")
    shapes = architectures.cross_attention_tensors({})
    missing, unknown = sorted(set(shapes) - set(tensors)), sorted(set(tensors) - set(shapes))
    if missing or unknown:
        found = f"{_some(missing)} missing, {_some(unknown)} unknown"
        raise PredecessorError(f"{path}: a checkpoint of another architecture: {found}")
    for name, shape in shapes.items():
        if tuple(tensors[name].shape) != shape:
            raise PredecessorError(f"{path}: '{name}' has shape {tuple(tensors[name].shape)}, not {shape}")
        if not torch.isfinite(tensors[name]).all():
            raise PredecessorError(f"{path}: '{name}' holds values that are not finite")
    return {name: tensors[name].detach().to(torch.float32).contiguous() for name in shapes}, content.get("config")


def read(checkpoint: Path, statistics: Path) -> tuple[Checkpoint, dict[str, Any]]:
    """A checkpoint as `export` takes it, and its provenance.

    Raises
    ------
    PredecessorError
        As `read_tensors` and `read_statistics`.
    """
    tensors, original = read_tensors(checkpoint)
    model = configuration.Model(architecture="cross_attention", lookaheads_ms=(0,), default_lookahead_ms=0)
    saved = Checkpoint(configuration.Config(model=model), read_statistics(statistics), tensors, {}, ())
    return saved, {
        "imported_from": checkpoint.name,
        "checkpoint_sha256": hashlib.sha256(_bytes(checkpoint)).hexdigest(),
        "statistics_sha256": hashlib.sha256(_bytes(statistics)).hexdigest(),
        "config": json.loads(json.dumps(original, default=str, skipkeys=True)),
    }


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise PredecessorError(f"{path}: cannot read it ({error.strerror or error})") from error


def _some(names: list[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "") if names else "none"
