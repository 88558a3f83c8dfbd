"""What a voice feels, from its 88 eGeMAPS functionals: the linear read-out that a weight file may hold."""

import numpy as np

from .. import architectures, spec
from ..heard import Feeling
from ..weights import Weights

USUAL_SECONDS = 60.0
"""The baseline of a speaker begins as if so many seconds of an average speaker's calm speech had been heard."""
LARGEST_SHARE = 0.6
"""Share of a speaker's usual departure from the average that is taken off at most; the rest may be a mood that lasts."""


class EmotionReadout:
    """One per stream: it learns how the speaker usually sounds and takes a part of that off.

    Everything before the softmax is linear, so taking off the mean output is taking off the mean functionals.

    Parameters
    ----------
    weights : a weight file with an emotion read-out.
    """

    def __init__(self, weights: Weights):
        self._mean = weights.egemaps_mean
        self._std = weights.egemaps_std + np.float32(spec.STD_OFFSET)
        self._weight, self._bias = weights.emotion["weight"], weights.emotion["bias"]
        self.reset()

    def reset(self) -> None:
        """Forget the speaker."""
        self._sum = np.zeros(len(self._bias))
        self._heard = 0.0

    def __call__(self, features: np.ndarray, seconds: float) -> Feeling:
        """Read functionals (88,) float32, not standardised; `seconds` of speech are new in them since the last call."""
        x = np.nan_to_num((features - self._mean) / self._std, nan=0.0)
        x = np.clip(x, -spec.EGEMAPS_LIMIT, spec.EGEMAPS_LIMIT)
        departure = self._weight @ x
        self._sum += seconds * departure
        self._heard += seconds
        usual = LARGEST_SHARE * self._sum / (self._heard + USUAL_SECONDS)
        z = departure - usual + self._bias
        n = len(architectures.EMOTIONS)
        classes = np.exp(z[:n] - z[:n].max())
        arousal, valence = np.tanh(z[n:])
        return Feeling(classes / classes.sum(), float(arousal), float(valence))
