"""PyTorch twins of the runtime's networks, with the same tensor names."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from fmg_rt import architectures, arkit, spec
from fmg_rt.weights import Weights

from ..config import ConfigError, Model
from .cross_attention import CrossAttentionNet
from .gru import GRUNet


@dataclass(frozen=True)
class Statistics:
    """Mean and standard deviation of each feature over the training data: mel (80,), egemaps (88,), float32."""

    mel_mean: np.ndarray
    mel_std: np.ndarray
    egemaps_mean: np.ndarray
    egemaps_std: np.ndarray


def lookaheads(model: Model) -> tuple[int, ...]:
    """Its look-aheads in samples."""
    return tuple(ms * spec.SAMPLE_RATE // 1000 for ms in model.lookaheads_ms)


def of_the_body(config: Mapping[str, int]) -> dict[str, int]:
    """What networks of other read-outs share of a weight file's ``config``."""
    return {name: n for name, n in config.items() if name not in ("n_lookaheads", "default_lookahead", "speech")}


def sizes(model: Model) -> dict[str, int]:
    """The ``config`` that a weight file of this model carries."""
    default = model.default_lookahead_ms * spec.SAMPLE_RATE // 1000
    common = {"n_lookaheads": len(model.lookaheads_ms), "default_lookahead": default}
    if model.architecture == "cross_attention":
        return common
    return common | {name: getattr(model, name) for name in ("n_stack", "d_input", "d_model", "d_head", "speech")}


def state_from(initial: Weights, model: Model) -> dict[str, torch.Tensor]:
    """The tensors of `initial` for a network of this `model`, whose read-outs may be others.

    The read-out of a look-ahead that the file lacks begins between its neighbours' in proportion, outside of all as the
    nearest; that of speech begins at nothing.

    Raises
    ------
    ConfigError
        Another architecture or size.
    """
    found, wanted = of_the_body(initial.config), of_the_body(sizes(model))
    if (initial.architecture, found) != (model.architecture, wanted):
        raise ConfigError(
            f"the initial weights are '{initial.architecture}' {found}, the "
            f"configuration asks for '{model.architecture}' {wanted}"
        )
    tensors = dict(initial.tensors)
    if initial.architecture == "gru":
        places = np.interp(lookaheads(model), initial.lookaheads, np.arange(len(initial.lookaheads)))
        for kind in ("weight", "bias"):
            known = [tensors.pop(f"readout.{i}.{kind}") for i in range(len(initial.lookaheads))]
            for i, place in enumerate(places):
                share = np.float32(place % 1)
                tensors[f"readout.{i}.{kind}"] = known[int(place)] * (1 - share) + known[int(np.ceil(place))] * share
            shape = (len(initial.lookaheads), model.d_head) if kind == "weight" else (len(initial.lookaheads),)
            told = tensors.pop(f"speech.{kind}", np.zeros(shape, np.float32))
            if model.speech:
                tensors[f"speech.{kind}"] = told[np.round(places).astype(int)]
    return {name: torch.tensor(value) for name, value in tensors.items()}


def hears_egemaps(model: Model) -> bool:
    """Whether the network takes the 88 functionals beside log-mel."""
    return model.architecture == "cross_attention"


class Twin(nn.Module):
    """A network together with its standardisation: raw features in, faces before clipping out, for any architecture."""

    mel_mean: torch.Tensor
    mel_std: torch.Tensor
    egemaps_mean: torch.Tensor
    egemaps_std: torch.Tensor

    def __init__(self, model: Model, statistics: Statistics):
        super().__init__()
        self.architecture = model.architecture
        self.hears_egemaps = hears_egemaps(model)
        self.net: nn.Module
        if model.architecture == "cross_attention":
            self.net, self.stack, self.context = CrossAttentionNet(), 1, architectures.CROSS_ATTENTION_FRAMES - 1
        else:
            self.net, self.stack, self.context = GRUNet(sizes(model)), model.n_stack, 0
        for name in ("mel_mean", "mel_std", "egemaps_mean", "egemaps_std"):
            self.register_buffer(name, torch.tensor(getattr(statistics, name)), persistent=False)

    @property
    def tells_speech(self) -> bool:
        return getattr(self.net, "speech", None) is not None

    def forward(self, mel: torch.Tensor, functionals: torch.Tensor | None = None) -> torch.Tensor:
        """mel (B, context + frames, 80), functionals (B, steps, 88), NaN where none was there yet (their mean is used).

        Returns (B, steps, look-aheads, 52), or 53 where the network also tells speech (`GRUNet`).
        """
        mel = (mel - self.mel_mean) / (self.mel_std + spec.STD_OFFSET)
        if not self.hears_egemaps:
            return self.net(mel)
        assert functionals is not None
        functionals = (functionals - self.egemaps_mean) / (self.egemaps_std + spec.STD_OFFSET)
        functionals = functionals.clamp(-spec.EGEMAPS_LIMIT, spec.EGEMAPS_LIMIT).nan_to_num(0.0)
        windows = mel.unfold(1, architectures.CROSS_ATTENTION_FRAMES, 1).transpose(2, 3)  # (B, steps, 7, 80)
        face = self.net(windows.flatten(0, 1), functionals.flatten(0, 1))
        return face.reshape(*windows.shape[:2], 1, arkit.N_COEFFICIENTS)
