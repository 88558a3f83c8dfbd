"""The recurrent network: two GRU layers over stacked log-mel frames, one read-out of 52 per look-ahead, and of speech."""

from collections.abc import Mapping

import torch
from torch import nn

from fmg_rt import arkit, spec

from . import recurrence


class GRUNet(nn.Module):
    """Torch twin of `fmg_rt.networks.gru`, tensors named as in `fmg_rt.architectures.gru_tensors`.

    A step stacks ``n_stack`` log-mel frames; the GRU carries what was heard before, so no window of context is needed.
    The read-outs see the same state but are trained on faces of different age: the one for look-ahead L gives the face
    L samples before the newest audio. One file thus offers every look-ahead at no extra cost per step.

    References: Cho et al., "Learning Phrase Representations using RNN Encoder-Decoder", EMNLP 2014.
    """

    def __init__(self, config: Mapping[str, int]):
        super().__init__()
        self.n_stack = config["n_stack"]
        self.input = nn.Linear(self.n_stack * spec.N_MELS, config["d_input"])
        self.gru = nn.GRU(config["d_input"], config["d_model"], num_layers=2, batch_first=True)
        self.head = nn.Linear(config["d_model"], config["d_head"])
        self.readout = nn.ModuleList(nn.Linear(config["d_head"], arkit.N_COEFFICIENTS) for _ in range(config["n_lookaheads"]))
        self.speech = nn.Linear(config["d_head"], config["n_lookaheads"]) if config.get("speech", 0) else None

    def forward(self, mel: torch.Tensor) -> torch.Tensor:
        """mel (B, frames, 80) standardised, frames a multiple of n_stack, the first ones heard by a network at rest.

        Returns the faces before clipping to [0, 1], (B, steps, look-aheads, 52); where the network tells speech, its logit
        stands after them (53).
        """
        batch, frames, bands = mel.shape
        stacked = mel.reshape(batch, frames // self.n_stack, self.n_stack * bands)
        embedded = torch.relu(self.input(stacked))
        if mel.device.type == "cpu" and self.training:
            hidden = recurrence.run(self.gru, embedded)
        else:
            hidden, _ = self.gru(embedded)
        features = torch.relu(self.head(hidden))
        weight, bias = (torch.cat([getattr(readout, name) for readout in self.readout]) for name in ("weight", "bias"))
        faces = nn.functional.linear(features, weight, bias).unflatten(2, (len(self.readout), -1))
        return faces if self.speech is None else torch.cat((faces, self.speech(features)[..., None]), dim=3)
