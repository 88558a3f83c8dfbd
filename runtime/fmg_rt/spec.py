"""What the runtime and the trainer share: rates, sizes, names and the tensors of each architecture.

Plain constants and functions of constants; imports nothing of ours.
"""

from collections.abc import Mapping

SAMPLE_RATE = 16_000
"""Samples per second of every signal inside fmg, Hz."""
HOP_LENGTH = 160
"""Advance from one log-mel frame to the next, samples (10 ms)."""
WIN_LENGTH = 400
"""Length of the analysis window, samples (25 ms)."""
N_FFT = 400
"""Transform length, samples."""
N_MELS = 80
"""Slaney mel bands between 0 and 8000 Hz."""
LOG_OFFSET = 1e-10
"""Added to the mel power before the natural logarithm."""
N_EGEMAPS = 88
"""Functionals of eGeMAPSv02."""
EGEMAPS_INTERVAL = 4_800
"""Samples between two eGeMAPS vectors handed to a network (300 ms)."""
EGEMAPS_LIMIT = 5.0
"""Standardised eGeMAPS features are clipped to ± this: some explode when a mean crosses zero."""
STD_OFFSET = 1e-10
"""Added to every standard deviation before dividing by it."""

ARKIT_NAMES: tuple[str, ...] = (
    "browDownLeft", "browDownRight", "browInnerUp", "browOuterUpLeft", "browOuterUpRight",
    "cheekPuff", "cheekSquintLeft", "cheekSquintRight",
    "eyeBlinkLeft", "eyeBlinkRight", "eyeLookDownLeft", "eyeLookDownRight", "eyeLookInLeft", "eyeLookInRight",
    "eyeLookOutLeft", "eyeLookOutRight", "eyeLookUpLeft", "eyeLookUpRight",
    "eyeSquintLeft", "eyeSquintRight", "eyeWideLeft", "eyeWideRight",
    "jawForward", "jawLeft", "jawOpen", "jawRight",
    "mouthClose", "mouthDimpleLeft", "mouthDimpleRight", "mouthFrownLeft", "mouthFrownRight", "mouthFunnel",
    "mouthLeft", "mouthLowerDownLeft", "mouthLowerDownRight", "mouthPressLeft", "mouthPressRight", "mouthPucker",
    "mouthRight", "mouthRollLower", "mouthRollUpper", "mouthShrugLower", "mouthShrugUpper",
    "mouthSmileLeft", "mouthSmileRight", "mouthStretchLeft", "mouthStretchRight",
    "mouthUpperUpLeft", "mouthUpperUpRight",
    "noseSneerLeft", "noseSneerRight", "tongueOut",
)  # fmt: skip
"""The 52 ARKit blendshapes in alphabetical order, the order of every 52-vector inside fmg."""
N_COEFFICIENTS = len(ARKIT_NAMES)
INDEX: Mapping[str, int] = {name: i for i, name in enumerate(ARKIT_NAMES)}
"""Position of each ARKit name in a 52-vector."""

REGIONS: Mapping[str, tuple[str, ...]] = {
    "jaw": tuple(n for n in ARKIT_NAMES if n.startswith("jaw")),
    "lips": tuple(n for n in ARKIT_NAMES if n.startswith("mouth")) + ("tongueOut",),
    "cheeks": tuple(n for n in ARKIT_NAMES if n.startswith(("cheek", "nose"))),
    "brows": tuple(n for n in ARKIT_NAMES if n.startswith("brow")),
    "eyes": tuple(n for n in ARKIT_NAMES if n.startswith("eye")),
}
"""The 52 names by part of the face; every name stands in exactly one region."""


def region_indices(*regions: str) -> list[int]:
    """Positions, in a 52-vector, of every coefficient of the named regions, ascending."""
    return sorted(INDEX[name] for region in regions for name in REGIONS[region])

WEIGHTS_FORMAT = 1
"""Number of the weight-file layout that this program reads and writes."""
EMOTIONS: tuple[str, ...] = ("anger", "boredom", "disgust", "fear", "joy", "neutral", "sadness")
"""Classes of the optional emotion read-out; its last two outputs are arousal and valence, each in [-1, 1]."""

PREDECESSOR_FRAMES = 7
"""Newest log-mel frames that the predecessor's network sees."""


def _linear(name: str, n_out: int, n_in: int) -> dict[str, tuple[int, ...]]:
    return {f"{name}.weight": (n_out, n_in), f"{name}.bias": (n_out,)}


def _layer_norm(name: str, n: int) -> dict[str, tuple[int, ...]]:
    return {f"{name}.weight": (n,), f"{name}.bias": (n,)}


def predecessor_tensors(config: Mapping[str, int]) -> dict[str, tuple[int, ...]]:
    """Names and shapes of the predecessor's cross-attention network (726 785 parameters); `config` is not used.

    References: Ichikawa and Tokuhisa, NLP 2026.
    """
    d_model, d_mlp = 256, 512
    shapes: dict[str, tuple[int, ...]] = {"base_embeddings": (N_COEFFICIENTS, 64)}
    shapes |= _linear("embed_proj", d_model, 64)
    shapes |= _linear("audio_encoder.mel_encoder.0", d_model, N_MELS)
    shapes |= _layer_norm("audio_encoder.mel_encoder.1", d_model)
    shapes |= _linear("audio_encoder.egemaps_encoder.0", d_model, N_EGEMAPS)
    shapes |= _layer_norm("audio_encoder.egemaps_encoder.1", d_model)
    shapes |= {"audio_encoder.mel_pos_encoding": (PREDECESSOR_FRAMES, d_model)}
    for name in ("w_q", "w_k", "w_v", "w_o"):
        shapes |= _linear(f"cross_attention.{name}", d_model, d_model)
    shapes |= _layer_norm("cross_attention.layer_norm", d_model)
    shapes |= _linear("blendshape_mlp.mlp.0", d_mlp, d_model) | _layer_norm("blendshape_mlp.mlp.1", d_mlp)
    shapes |= _linear("blendshape_mlp.mlp.4", d_mlp, d_mlp) | _layer_norm("blendshape_mlp.mlp.5", d_mlp)
    shapes |= _linear("blendshape_mlp.mlp.8", 1, d_mlp)
    return shapes


def gru_tensors(config: Mapping[str, int]) -> dict[str, tuple[int, ...]]:
    """Names and shapes of the recurrent network for `config`: n_stack, d_input, d_model, d_head, n_lookaheads.

    ``n_stack`` log-mel frames make one step; two GRU layers of ``d_model``; one linear read-out of 52 per look-ahead.

    Raises
    ------
    ValueError
        A size that the kernels cannot take: they go through four inputs at once.
    """
    for name in ("n_stack", "n_lookaheads", "d_input", "d_model", "d_head"):
        if config[name] < 1 or (name.startswith("d_") and config[name] % 4):
            raise ValueError(f"'{name}' is {config[name]}; sizes are positive, widths multiples of 4")
    d_input, d_model, d_head = config["d_input"], config["d_model"], config["d_head"]
    shapes = _linear("input", d_input, config["n_stack"] * N_MELS)
    for layer, n_in in enumerate((d_input, d_model)):
        shapes |= {
            f"gru.weight_ih_l{layer}": (3 * d_model, n_in), f"gru.weight_hh_l{layer}": (3 * d_model, d_model),
            f"gru.bias_ih_l{layer}": (3 * d_model,), f"gru.bias_hh_l{layer}": (3 * d_model,),
        }  # fmt: skip
    shapes |= _linear("head", d_head, d_model)
    for i in range(config["n_lookaheads"]):
        shapes |= _linear(f"readout.{i}", N_COEFFICIENTS, d_head)
    return shapes


ARCHITECTURES = {"predecessor": predecessor_tensors, "gru": gru_tensors}
"""Architecture name in a weight file → its tensors. A new network adds a line here and one in `networks`."""
EMOTION_TENSORS = _linear("emotion", len(EMOTIONS) + 2, N_EGEMAPS)
"""Optional linear read-out of standardised eGeMAPS: class scores, arousal, valence."""
