"""The networks that can drive the face, one module per architecture; a weight file names the one it needs."""

from typing import Protocol

import numpy as np

from ..weights import Weights, WeightsError


class Network(Protocol):
    """A network as the stream sees it: log-mel frames go in, a face at a time can be asked for.

    Frame ``j`` of the log-mel (80,) covers samples [160 j, 160 j + 400).
    """

    lookahead: int
    """Samples of audio after the face's time that the network uses."""
    step_length: int
    """Samples between two values of `horizon`."""
    hears_egemaps: bool
    """Whether `set_egemaps` changes anything."""
    horizon: int
    """Newest face time, in samples, that `evaluate` can serve now; grows with `push`."""

    @property
    def newest(self) -> np.ndarray | None:
        """Face (52,) of the newest step, at `horizon`, which may leave [0, 1]; None where faces are made when asked for."""

    @property
    def presence(self) -> float | None:
        """How sure the network is that somebody speaks at `horizon`, in [0, 1]; None where its weights do not tell."""

    @property
    def early_presence(self) -> float | None:
        """The same of the newest sound, by the read-out with the shortest look-ahead: less sure, known earlier."""

    def push(self, mel: np.ndarray) -> None:
        """Take the next log-mel frame, (80,) float32, not standardised, and step if it completes one."""

    def take(self, mel: np.ndarray) -> bool:
        """The first half of `push`: True when a step is due, which comes before the next frame."""

    def step(self) -> None:
        """The second half: compute the step that is due."""

    def set_egemaps(self, features: np.ndarray | None) -> None:
        """Take the newest 88 functionals (88,) float32, not standardised; None stands for the training mean."""

    def evaluate(self, time: int, out: np.ndarray) -> None:
        """Write the 52 coefficients, each in [0, 1], of the face at sample `time` ≤ `horizon` to `out` (52,)."""

    def reset(self) -> None:
        """Forget everything heard; equal to a new one."""


def choose_lookahead(weights: Weights, lookahead: int | None = None) -> int:
    """The look-ahead in samples that `build` takes for `lookahead`: itself, or for None the weights' default.

    Raises
    ------
    WeightsError
        The file has no read-out for that look-ahead.
    """
    if lookahead is None:
        lookahead = weights.config.get("default_lookahead", weights.lookaheads[0])
    if lookahead not in weights.lookaheads:
        offered = ", ".join(f"{1000 * n / 16000:g}" for n in weights.lookaheads)
        raise WeightsError(f"no look-ahead of {1000 * lookahead / 16000:g} ms in these weights (they offer: {offered} ms)")
    return lookahead


def build(weights: Weights, lookahead: int | None = None) -> Network:
    """The network of a weight file.

    lookahead : samples; one of ``weights.lookaheads``. None: the one that ``config["default_lookahead"]`` names, or the
    first.

    Raises
    ------
    WeightsError
        The file has no read-out for that look-ahead.
    """
    lookahead = choose_lookahead(weights, lookahead)
    # Imported here: a stream compiles only the kernels of its own network.
    if weights.architecture == "cross_attention":
        from .cross_attention import CrossAttentionNetwork

        return CrossAttentionNetwork(weights, lookahead)
    from .gru import GRUNetwork

    return GRUNetwork(weights, lookahead)
