"""From a checkpoint to a weight file, which is verified with the runtime before it is stored."""

import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from fmg_rt import arkit, networks, spec
from fmg_rt import weights as weight_files
from fmg_rt.weights import Weights

from ..models import Twin, lookaheads, of_the_body, sizes
from .checkpoint import Checkpoint

TOLERANCE = 1e-4
"""Largest difference allowed between the runtime and the network in double precision, per coefficient: nobody sees it, and
another network differs by hundreds of times that. Three trained networks differed by 1.1e-5 to 3.4e-5, in the last bits."""
ROUNDING = 4.0
"""Or so many times that of torch's own float32: where speech breaks off into digital silence, a network that was trained for
long can make a few 1e-5 of the last bit."""


class ExportError(ValueError):
    """The runtime does not reproduce the network; no file was written."""


def _tensors(saved: Checkpoint) -> dict[str, torch.Tensor]:
    """The network's tensors in float32; the matrices of a `gru` rounded to the bfloat16 that the runtime keeps them in."""
    rounds = saved.config.model.architecture == "gru"
    return {name: (value.bfloat16() if rounds and value.ndim == 2 else value).float() for name, value in saved.net.items()}


def weights_of(saved: Checkpoint, provenance: Mapping[str, Any]) -> Weights:
    """The weight file's content for a checkpoint, with the emotion read-out of the run's initial weights."""
    model, statistics = saved.config.model, saved.statistics
    tensors = {name: np.ascontiguousarray(value.numpy()) for name, value in _tensors(saved).items()}
    emotion = {name: value.numpy() for name, value in saved.emotion.items()}
    return Weights(
        model.architecture,
        sizes(model),
        lookaheads(model),
        statistics.mel_mean,
        statistics.mel_std,
        statistics.egemaps_mean,
        statistics.egemaps_std,
        tensors,
        emotion,
        provenance,
    )


def mean_with(saved: Checkpoint, origin: Weights) -> Checkpoint:
    """The mean of the checkpoint and its initial weights, or the weights of another run from the same start.

    It keeps more of what those knew, and most of what was learnt since. References: Wortsman et al., "Robust fine-tuning of
    zero-shot models", CVPR 2022, section 3; "Model soups", ICML 2022, section 3.

    Raises
    ------
    ExportError
        `origin` is another network, or hears features with other statistics: no mean of the two means anything.
    """
    own = weights_of(saved, {})
    heard = ["mel_mean", "mel_std"]
    if own.architecture == "cross_attention":  # in a gru's file, the eGeMAPS statistics belong to its emotion read-out
        heard += ["egemaps_mean", "egemaps_std"]
    alike = all(getattr(own, name) == getattr(origin, name) for name in ("architecture", "lookaheads"))
    alike = alike and of_the_body(own.config) == of_the_body(origin.config)
    if not alike or not all(np.array_equal(getattr(own, name), getattr(origin, name)) for name in heard):
        raise ExportError("the run and these weights have no common beginning: another network or other feature statistics")
    net = {
        name: (value + torch.tensor(origin.tensors[name])) / 2 if name in origin.tensors else value
        for name, value in saved.net.items()
    }
    return replace(saved, net=net)


def difference(saved: Checkpoint, weights: Weights, mel: np.ndarray) -> tuple[float, float]:
    """Largest difference of the runtime, and of torch in float32, from torch in float64.

    Over all look-aheads, on real features: mel (frames, 80) float32.
    """
    twin = Twin(saved.config.model, saved.statistics).eval()
    twin.net.load_state_dict(_tensors(saved))
    mel = mel[: len(mel) - (len(mel) - twin.context) % twin.stack]
    steps = (len(mel) - twin.context) // twin.stack
    functionals = torch.full((1, steps, spec.N_EGEMAPS), torch.nan)

    def faces(kind: torch.dtype) -> np.ndarray:  # (steps, look-aheads, 52), and speech where it is told
        with torch.no_grad():
            out = twin.to(kind)(torch.from_numpy(mel)[None].to(kind), functionals.to(kind))[0].double()
            if twin.tells_speech:
                out[..., -1].sigmoid_()
            return out.clamp(0, 1).numpy()

    rounded, expected = faces(torch.float32), faces(torch.float64)
    worst = 0.0
    out = np.empty(arkit.N_COEFFICIENTS, np.float32)
    for i, lookahead in enumerate(weights.lookaheads):
        network = networks.build(weights, lookahead)
        for j, frame in enumerate(mel):
            network.push(frame)
            step, rest = divmod(j + 1 - twin.context, twin.stack)
            if step >= 1 and rest == 0:
                network.evaluate(network.horizon, out)
                there = expected[step - 1, i]
                worst = max(worst, float(np.abs(out - there[: arkit.N_COEFFICIENTS]).max()))
                if network.presence is not None:
                    worst = max(worst, abs(network.presence - float(there[-1])))
    return worst, float(np.abs(rounded - expected).max())


def export(path: Path, saved: Checkpoint, weights: Weights, mel: np.ndarray) -> tuple[str, float]:
    """Write `weights` to `path`; returns SHA-256 and the largest difference to torch in float64.

    Raises
    ------
    ExportError
        The runtime, reading the file back, differs by more than `TOLERANCE` and `ROUNDING` allow; the old file at `path`
        stays.
    """
    path = Path(path)
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        trial = Path(folder) / path.name
        sha256 = weight_files.write(trial, weights)
        worst, rounding = difference(saved, weight_files.read(trial), mel)
        allowed = max(TOLERANCE, ROUNDING * rounding)
        if not worst <= allowed:
            raise ExportError(f"the runtime differs from torch by {worst:.2g} (at most {allowed:.2g} is allowed)")
        trial.replace(path)
    return sha256, worst
