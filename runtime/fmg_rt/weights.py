"""Read, check and write a weight file: one ``.npz``, without pickles.

Layout (format 1): ``format`` (), ``architecture`` (), ``meta`` () JSON text with ``config``, ``lookaheads`` and
``provenance``; ``mel.mean``, ``mel.std`` (80,), ``egemaps.mean``, ``egemaps.std`` (88,); ``net.<tensor>`` as
`architectures.ARCHITECTURES` lists them; optionally ``emotion.weight`` (9, 88) and ``emotion.bias`` (9,). All float32.
"""

import hashlib
import io
import json
import math
import os
import zipfile
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from . import architectures, spec
from .errors import FmgError
from .files import written_whole


class WeightsError(FmgError, ValueError):
    """The file is not a weight file that this program can run; the message says why."""


@dataclass(frozen=True)
class Weights:
    """A trained network as a stream needs it; never modified after loading.

    Attributes
    ----------
    architecture : name in `architectures.ARCHITECTURES`.
    config : sizes of the architecture (integers).
    lookaheads : samples of audio after the face's time that each read-out uses, ascending.
    mel_mean, mel_std : (80,) float32; egemaps_mean, egemaps_std : (88,) float32.
    tensors : name → float32 array, C-contiguous, read-only.
    emotion : the two tensors of the emotion read-out, or empty.
    provenance : how the weights came to be: data, seed, commit, scores.
    sha256 : of the file's bytes; empty when not read from a file.
    packed : what a network made of the tensors once, for all streams that share these weights.
    """

    architecture: str
    config: Mapping[str, int]
    lookaheads: tuple[int, ...]
    mel_mean: np.ndarray
    mel_std: np.ndarray
    egemaps_mean: np.ndarray
    egemaps_std: np.ndarray
    tensors: Mapping[str, np.ndarray]
    emotion: Mapping[str, np.ndarray] = field(default_factory=dict)
    provenance: Mapping[str, Any] = field(default_factory=dict)
    sha256: str = ""
    packed: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)


def packaged() -> Path:
    """The weight file that comes with fmg."""
    return Path(str(resources.files("fmg_weights") / "best.npz"))


_DESCRIPTION = ("format", "architecture", "meta")
_LONGEST_TEXT, _MOST_ARRAYS, _LARGEST_SIZE, _LARGEST_FILE = 1 << 22, 1000, 1 << 16, 1 << 28
"""Bytes of the description; arrays; numbers of the configuration; bytes of all tensors. The packaged network has 3 MB."""
_HEADERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
_STATISTICS = {
    "mel.mean": (spec.N_MELS,),
    "mel.std": (spec.N_MELS,),
    "egemaps.mean": (spec.N_EGEMAPS,),
    "egemaps.std": (spec.N_EGEMAPS,),
}


def read(path: str | os.PathLike[str]) -> Weights:
    """Read and check a weight file.

    Raises
    ------
    WeightsError
        Missing, truncated or pickled file; wrong format, architecture, name, shape or dtype; a value that is not finite.
    """
    path = Path(path)
    try:
        with open(path, "rb") as file:
            data = file.read(_LARGEST_FILE + 1)  # a device may have no end
    except OSError as error:
        raise WeightsError(f"{path}: cannot read the weight file ({error.strerror or error})") from error
    if len(data) > _LARGEST_FILE:
        raise WeightsError(f"{path}: not a weight file: larger than {_LARGEST_FILE >> 20} MB")
    try:
        arrays = _unpack(data)
    except WeightsError as error:
        raise WeightsError(f"{path}: {error}") from None
    except Exception as error:  # a damaged archive can raise anything
        reason = "it contains pickled objects" if "pickle" in str(error).lower() else "truncated or not a .npz"
        raise WeightsError(f"{path}: not a weight file: {reason}") from error
    try:
        return _check(arrays, hashlib.sha256(data).hexdigest())
    except WeightsError as error:
        raise WeightsError(f"{path}: {error}") from None


def write(path: str | os.PathLike[str], weights: Weights) -> str:
    """Write a weight file beside `path`, check it, move it in place; returns its SHA-256.

    The bytes depend on the content alone (no time stamps), so equal weights give equal files.
    """
    meta = {"config": dict(weights.config), "lookaheads": list(weights.lookaheads), "provenance": dict(weights.provenance)}
    arrays: dict[str, np.ndarray] = {
        "format": np.array(architectures.WEIGHTS_FORMAT, np.int64),
        "architecture": np.array(weights.architecture),
        "meta": np.array(json.dumps(meta, sort_keys=True, ensure_ascii=False)),
        "mel.mean": weights.mel_mean,
        "mel.std": weights.mel_std,
        "egemaps.mean": weights.egemaps_mean,
        "egemaps.std": weights.egemaps_std,
    }
    arrays |= {f"net.{name}": value for name, value in weights.tensors.items()}
    arrays |= {f"emotion.{name}": value for name, value in weights.emotion.items()}
    _check(arrays, "")

    with written_whole(path) as file, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(arrays):
            buffer = io.BytesIO()
            np.lib.format.write_array(
                buffer, np.ascontiguousarray(arrays[name]).reshape(np.shape(arrays[name])), allow_pickle=False
            )
            archive.writestr(zipfile.ZipInfo(f"{name}.npy"), buffer.getvalue(), zipfile.ZIP_DEFLATED)
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def _unpack(data: bytes) -> dict[str, np.ndarray]:
    """The arrays of an archive. Names, shapes and types are checked before anything large is inflated: a file of four
    megabytes can hold gigabytes of zeros."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = {info.filename.removesuffix(".npy"): info for info in archive.infolist()}
        if len(members) > _MOST_ARRAYS or len(members) != len(archive.infolist()):
            raise WeightsError("not a weight file: too many arrays")
        arrays = {}
        for name in _DESCRIPTION:
            if name in members:
                if members[name].file_size > _LONGEST_TEXT:
                    raise WeightsError(f"not a weight file: '{name}' is too long")
                arrays[name] = _array(archive, members[name])
        expected = _expected(arrays, members)[-1]
        for name, shape in expected.items():
            with archive.open(members[name]) as file:
                found, _, dtype = _HEADERS[np.lib.format.read_magic(file)](file)
            _check_form(name, found, dtype, shape)
        return arrays | {name: _array(archive, members[name]) for name in expected}


def _array(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> np.ndarray:
    with archive.open(member) as file:
        return np.lib.format.read_array(file, allow_pickle=False)


def _expected(
    arrays: Mapping[str, np.ndarray], names: Collection[str]
) -> tuple[str, dict[str, int], tuple[int, ...], dict[str, Any], dict[str, tuple[int, ...]]]:
    """Architecture, config, look-aheads and provenance of a file that holds `names`; and which arrays it must hold."""
    for name in _DESCRIPTION:
        if name not in arrays or arrays[name].ndim != 0:
            raise WeightsError(f"not a weight file: '{name}' is missing")
    version = arrays["format"].item()
    if version != architectures.WEIGHTS_FORMAT:
        raise WeightsError(f"weight format {version}, this program reads format {architectures.WEIGHTS_FORMAT}")
    architecture = str(arrays["architecture"].item())
    architecture = architectures.ALIASES.get(architecture, architecture)
    if architecture not in architectures.ARCHITECTURES:
        known = ", ".join(sorted(architectures.ARCHITECTURES))
        raise WeightsError(f"unknown architecture '{architecture}' (this program runs: {known})")
    try:
        meta = json.loads(str(arrays["meta"].item()))
        config = {str(k): int(v) for k, v in meta["config"].items()}
        lookaheads = tuple(int(v) for v in meta["lookaheads"])
        provenance = dict(meta["provenance"])
        if any(abs(value) > _LARGEST_SIZE for value in (*config.values(), *lookaheads)):
            raise ValueError(f"a size beyond {_LARGEST_SIZE}")
        shapes = architectures.ARCHITECTURES[architecture](config)
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise WeightsError(f"its 'meta' text is damaged ({error!r:.200})") from error
    if not lookaheads or list(lookaheads) != sorted(set(lookaheads)) or lookaheads[0] < 0:
        raise WeightsError("its look-aheads must be ascending sample counts")
    if config.get("n_lookaheads", 1) != len(lookaheads):
        raise WeightsError(f"{len(lookaheads)} look-aheads for {config.get('n_lookaheads', 1)} read-outs")
    expected = dict(_STATISTICS) | {f"net.{name}": shape for name, shape in shapes.items()}
    if any(name.startswith("emotion.") for name in names):
        expected |= architectures.EMOTION_TENSORS
    missing = sorted(set(expected) - set(names))
    surplus = sorted(set(names) - set(expected) - set(_DESCRIPTION))
    if missing or surplus:
        raise WeightsError(f"tensors missing: {missing or 'none'!s:.500}; unknown: {surplus or 'none'!s:.500}")
    if 4 * sum(math.prod(shape) for shape in expected.values()) > _LARGEST_FILE:
        raise WeightsError(f"a network of more than {_LARGEST_FILE >> 20} MB")
    return architecture, config, lookaheads, provenance, expected


def _check_form(name: str, found: tuple[int, ...], dtype: np.dtype, shape: tuple[int, ...]) -> None:
    if dtype.hasobject:
        raise WeightsError("not a weight file: it contains pickled objects")
    if dtype != np.float32:
        raise WeightsError(f"'{name}' is {dtype}, not float32")
    if found != shape:
        raise WeightsError(f"'{name}' has shape {found}, not {shape}")


def _check(arrays: Mapping[str, np.ndarray], sha256: str) -> Weights:
    architecture, config, lookaheads, provenance, expected = _expected(arrays, arrays)
    checked = {}
    for name, shape in expected.items():
        array = arrays[name]
        _check_form(name, array.shape, array.dtype, shape)
        if not np.isfinite(array).all():
            raise WeightsError(f"'{name}' holds values that are not finite")
        array = np.ascontiguousarray(array)
        array.flags.writeable = False
        checked[name] = array
    for name in ("mel.std", "egemaps.std"):
        if (checked[name] < 0).any():
            raise WeightsError(f"'{name}' holds negative values")

    def part(prefix: str) -> Mapping[str, np.ndarray]:
        return MappingProxyType({n.removeprefix(prefix): a for n, a in checked.items() if n.startswith(prefix)})

    return Weights(
        architecture,
        MappingProxyType(config),
        lookaheads,
        checked["mel.mean"],
        checked["mel.std"],
        checked["egemaps.mean"],
        checked["egemaps.std"],
        part("net."),
        part("emotion."),
        MappingProxyType(provenance),
        sha256,
    )
