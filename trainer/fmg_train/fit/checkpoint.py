"""Checkpoints: everything needed to continue a training run, or to export a weight file."""

import io
import os
import pickle
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from .. import config as configuration
from ..datasets.form import write_beside
from ..models import Statistics

LAST, BEST, LOCK = "last.pt", "best.pt", "lock"


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Lock `folder` against other trainings; the system releases the lock when the process ends.

    Raises
    ------
    CheckpointError
        Another training runs there.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / LOCK, "a+b") as file:
        try:
            if os.name == "nt":
                import msvcrt

                msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined, unused-ignore]
            else:
                import fcntl

                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise CheckpointError(f"{folder}: another training runs in this folder; choose another --out") from None
        yield


class CheckpointError(ValueError):
    """The file is not a checkpoint of this program; the message says why."""


@dataclass(frozen=True)
class Checkpoint:
    """config : of the run. statistics : of its training data. net : averaged tensors, as exported.

    progress : what resuming needs beyond that (tensors being trained, optimiser, counters). data : what was trained on.
    emotion : the read-out of the weights that the run began from, or empty.
    """

    config: configuration.Config
    statistics: Statistics
    net: Mapping[str, torch.Tensor]
    progress: Mapping[str, Any]
    data: tuple[str, ...]
    emotion: Mapping[str, torch.Tensor] = field(default_factory=dict)


def save(path: Path, checkpoint: Checkpoint) -> None:
    """Write under a temporary name, then rename: a kill at any moment leaves the old file or the new one."""
    buffer = io.BytesIO()
    statistics = {name: torch.tensor(value) for name, value in vars(checkpoint.statistics).items()}
    torch.save(
        {
            "fmg_checkpoint": 1,
            "config": configuration.to_dict(checkpoint.config),
            "statistics": statistics,
            "net": dict(checkpoint.net),
            "progress": dict(checkpoint.progress),
            "data": list(checkpoint.data),
            "emotion": dict(checkpoint.emotion),
        },
        buffer,
    )
    write_beside(path, buffer.getvalue())


def load(path: str | os.PathLike[str]) -> Checkpoint:
    """Read a checkpoint, or the best one of a run's folder.

    Raises
    ------
    CheckpointError
        Missing, truncated, damaged or foreign file.
    """
    path = Path(path)
    if path.is_dir():
        path = path / (BEST if (path / BEST).is_file() else LAST)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise CheckpointError(f"{path}: cannot read the checkpoint ({error.strerror or error})") from error
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:  # PyTorch itself does not look at the check sums
            damaged = archive.testzip()
        if damaged is not None:
            raise CheckpointError(f"{path}: damaged (the check sum of '{damaged}' is another)")
        content = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    except CheckpointError:
        raise
    except (
        RuntimeError,
        EOFError,
        ValueError,
        LookupError,
        OSError,
        NotImplementedError,  # zipfile, of a compression or an encryption that a flipped bit asks for
        zipfile.BadZipFile,
        pickle.UnpicklingError,
    ) as error:
        raise CheckpointError(f"{path}: not a checkpoint, or truncated") from error
    if not isinstance(content, dict) or content.get("fmg_checkpoint") != 1:
        raise CheckpointError(f"{path}: not a checkpoint of fmg-train")
    try:
        config = configuration.from_dict(content["config"])
    except configuration.ConfigError as error:
        raise CheckpointError(f"{path}: made by another version ({error})") from error
    statistics = Statistics(**{name: np.asarray(value) for name, value in content["statistics"].items()})
    return Checkpoint(
        config, statistics, content["net"], content["progress"], tuple(content["data"]), content.get("emotion", {})
    )
