"""What the expression hears: 10 ms of sound, and what network and eGeMAPS made of them."""

from typing import NamedTuple

import numpy as np


class Feeling(NamedTuple):
    """What a voice feels.

    classes : (7,) probabilities as `architectures.EMOTIONS` orders them. arousal, valence : in [-1, 1].
    """

    classes: np.ndarray
    arousal: float
    valence: float


class Heard(NamedTuple):
    """One hop.

    Attributes
    ----------
    hop : (160,) float32 in [-1, 1].
    mel : newest log-mel frame (80,), or None before the first one.
    lld : newest eGeMAPS low-level descriptors (27,) as `egemaps.LLD_NAMES` orders them, or None without eGeMAPS.
    feeling : what the voice feels, or None when nothing new is known.
    face : the network's face (52,) of its newest step, which may leave [0, 1], or None when there is no new step.
    time : sample of that step.
    presence : how sure the network is that somebody speaks in the newest sound, 0 to 1, as of its newest step; None where
        its weights do not tell.
    """

    hop: np.ndarray
    mel: np.ndarray | None = None
    lld: np.ndarray | None = None
    feeling: Feeling | None = None
    face: np.ndarray | None = None
    time: int = 0
    presence: float | None = None
