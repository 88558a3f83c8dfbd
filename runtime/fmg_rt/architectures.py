"""The tensors of every architecture that a weight file can hold: names and shapes."""

from collections.abc import Mapping

from . import spec
from .arkit import N_COEFFICIENTS

WEIGHTS_FORMAT = 1
"""Number of the weight-file layout that this program reads and writes."""
EMOTIONS: tuple[str, ...] = ("anger", "boredom", "disgust", "fear", "joy", "neutral", "sadness")
"""Classes of the optional emotion read-out; its last two outputs are arousal and valence, each in [-1, 1]."""

CROSS_ATTENTION_FRAMES = 7
"""Newest log-mel frames that the cross-attention network sees."""


def _linear(name: str, n_out: int, n_in: int) -> dict[str, tuple[int, ...]]:
    return {f"{name}.weight": (n_out, n_in), f"{name}.bias": (n_out,)}


def _layer_norm(name: str, n: int) -> dict[str, tuple[int, ...]]:
    return {f"{name}.weight": (n,), f"{name}.bias": (n,)}


def cross_attention_tensors(config: Mapping[str, int]) -> dict[str, tuple[int, ...]]:
    """Names and shapes of the cross-attention network (726 785 parameters); `config` is not used.

    References: Ichikawa and Tokuhisa, NLP 2026.
    """
    d_model, d_mlp = 256, 512
    shapes: dict[str, tuple[int, ...]] = {"base_embeddings": (N_COEFFICIENTS, 64)}
    shapes |= _linear("embed_proj", d_model, 64)
    shapes |= _linear("audio_encoder.mel_encoder.0", d_model, spec.N_MELS)
    shapes |= _layer_norm("audio_encoder.mel_encoder.1", d_model)
    shapes |= _linear("audio_encoder.egemaps_encoder.0", d_model, spec.N_EGEMAPS)
    shapes |= _layer_norm("audio_encoder.egemaps_encoder.1", d_model)
    shapes |= {"audio_encoder.mel_pos_encoding": (CROSS_ATTENTION_FRAMES, d_model)}
    for name in ("w_q", "w_k", "w_v", "w_o"):
        shapes |= _linear(f"cross_attention.{name}", d_model, d_model)
    shapes |= _layer_norm("cross_attention.layer_norm", d_model)
    shapes |= _linear("blendshape_mlp.mlp.0", d_mlp, d_model) | _layer_norm("blendshape_mlp.mlp.1", d_mlp)
    shapes |= _linear("blendshape_mlp.mlp.4", d_mlp, d_mlp) | _layer_norm("blendshape_mlp.mlp.5", d_mlp)
    shapes |= _linear("blendshape_mlp.mlp.8", 1, d_mlp)
    return shapes


def gru_tensors(config: Mapping[str, int]) -> dict[str, tuple[int, ...]]:
    """Names and shapes of the recurrent network for `config`: n_stack, d_input, d_model, d_head, n_lookaheads, speech.

    ``n_stack`` log-mel frames make one step; two GRU layers of ``d_model``; one linear read-out of 52 per look-ahead. With
    ``speech`` (0 or 1; 0 where it is missing) there is one more output a look-ahead: the logit of somebody's speaking.

    Raises
    ------
    ValueError
        A size that the kernels cannot take: they go through four inputs at once.
    """
    for name in ("n_stack", "n_lookaheads", "d_input", "d_model", "d_head"):
        if config[name] < 1 or (name.startswith("d_") and config[name] % 4):
            raise ValueError(f"'{name}' is {config[name]}; sizes are positive, widths multiples of 4")
    d_input, d_model, d_head = config["d_input"], config["d_model"], config["d_head"]
    shapes = _linear("input", d_input, config["n_stack"] * spec.N_MELS)
    for layer, n_in in enumerate((d_input, d_model)):
        shapes |= {
            f"gru.weight_ih_l{layer}": (3 * d_model, n_in),
            f"gru.weight_hh_l{layer}": (3 * d_model, d_model),
            f"gru.bias_ih_l{layer}": (3 * d_model,),
            f"gru.bias_hh_l{layer}": (3 * d_model,),
        }
    shapes |= _linear("head", d_head, d_model)
    for i in range(config["n_lookaheads"]):
        shapes |= _linear(f"readout.{i}", N_COEFFICIENTS, d_head)
    if config.get("speech", 0):
        shapes |= _linear("speech", config["n_lookaheads"], d_head)
    return shapes


ARCHITECTURES = {"cross_attention": cross_attention_tensors, "gru": gru_tensors}
"""Architecture name in a weight file → its tensors. A new network adds a line here and one in `networks`."""
ALIASES = {"predecessor": "cross_attention"}
"""Names that older weight files and configurations use → today's."""
EMOTION_TENSORS = _linear("emotion", len(EMOTIONS) + 2, spec.N_EGEMAPS)
"""Optional linear read-out of standardised eGeMAPS: class scores, arousal, valence."""
