"""What fmg-train export does."""

import subprocess
from dataclasses import replace
from pathlib import Path

import click
import numpy as np

from fmg_rt import weights as weight_files
from fmg_rt.distribution import __version__
from fmg_rt.weights import Weights, WeightsError

from .. import emotion as emotions
from .. import features
from ..datasets import form
from ..datasets.form import DatasetError
from ..fit import checkpoint as checkpoints
from ..fit.export import ExportError, mean_with, weights_of
from ..fit.export import export as export_weights

VERIFY_FRAMES = 6_000
"""Log-mel frames (one minute) that runtime and torch are compared on."""


def run(run: Path, output: Path, emotion: Path | None, calm: tuple[Path, ...], origin: Path | None) -> None:
    """Turn a checkpoint (or a run's best one) into a weight file. The arguments are the options of the command."""
    try:
        saved = checkpoints.load(run)
        provenance = {
            "data": [Path(name).name for name in saved.data],
            "seed": saved.config.seed,
            "epoch": saved.progress["epoch"],
            "commit": _commit(),
            "fmg": __version__,
            "validation_loss": round(float(saved.progress["best"]), 6),
        }
        if origin is not None:
            begun = weight_files.read(origin)
            saved, provenance["mean_with"] = mean_with(saved, begun), begun.sha256
        weights = weights_of(saved, provenance)
        if emotion is not None:
            weights = _with_emotion(weights, emotion, calm)
        sha256, worst = export_weights(output, saved, weights, _real_features(saved))
    except (checkpoints.CheckpointError, ExportError, WeightsError, DatasetError) as error:
        raise click.ClickException(str(error)) from None
    except OSError as error:
        raise click.ClickException(f"cannot write {output}: {error.strerror or error}") from None
    click.echo(f"{output}: {output.stat().st_size / 1e6:.2f} MB, largest difference to PyTorch {worst:.1e}, SHA-256 {sha256}")


def _caches(directory: Path) -> list[features.Cache]:
    """The features of a data set, eGeMAPS included; those that are missing are computed."""
    shards = form.shards(directory)
    for shard in shards:
        if not features.is_complete(shard, with_egemaps=True):
            features.build(shard, with_egemaps=True)
    return [features.load(shard) for shard in shards]


def _with_emotion(weights: Weights, directory: Path, calm: tuple[Path, ...]) -> Weights:
    """The weights with an emotion read-out trained on the `train` recordings of a data set, scored on its `test` ones."""
    if weights.architecture == "cross_attention":
        raise click.UsageError("--emotion: the predecessor's network has its own feature statistics")
    caches = _caches(directory)
    learnt = emotions.examples(caches, "train")
    if not len(learnt.emotion):
        raise DatasetError(f"{directory}: no training recording with an emotion")
    for folder in calm:
        learnt = emotions.joined(learnt, emotions.calm_examples(_caches(folder)))
    readout = emotions.train(learnt)
    provenance = dict(weights.provenance)
    held_out = emotions.examples(caches, "test", last_only=True)
    if len(held_out.emotion):
        arousal, classes = emotions.accuracy(held_out, readout)
        provenance["emotion"] = {
            "arousal_sign": round(arousal, 3),
            "classes": round(classes, 3),
            "held_out_recordings": len(held_out.emotion),
        }
        click.echo(
            f"emotion on {len(held_out.emotion)} held-out recordings: sign of arousal {arousal:.1%}, "
            f"seven classes {classes:.1%}"
        )
    tensors = {"weight": readout.weight, "bias": readout.bias}
    return replace(weights, egemaps_mean=readout.mean, egemaps_std=readout.std, emotion=tensors, provenance=provenance)


def _real_features(saved: checkpoints.Checkpoint) -> np.ndarray:
    for name in saved.data:
        if features.is_complete(Path(name)):
            return features.load(Path(name)).mel[:VERIFY_FRAMES].astype(np.float32)
    raise DatasetError("the run's training data was not found; export needs some of it to verify the file")


def _commit() -> str:
    try:
        result = subprocess.run(
            ["git", "-C", str(Path(__file__).parent), "rev-parse", "--short", "HEAD"],
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return result.stdout.strip()
