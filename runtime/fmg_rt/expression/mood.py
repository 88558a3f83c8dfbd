"""Mood: arousal and valence as a gentle, continuous colour of brows, cheeks, lids and the corners of the mouth."""

import math

import numpy as np

from .. import arkit

_SECONDS = 1.5  # in which the face follows
_NOTICED = 0.002  # change that is worth following
_PAIRS = {
    # feeling: coefficient, both sides where it has two, at full strength
    "glad": {"mouthSmile": 0.30, "cheekSquint": 0.22, "eyeSquint": 0.10, "browOuterUp": 0.04},
    "sad": {"mouthFrown": 0.22, "browInnerUp": 0.28, "eyeSquint": 0.08},
    "angry": {"browDown": 0.35, "noseSneer": 0.16, "eyeSquint": 0.14, "mouthFrown": 0.10},
    "excited": {"eyeWide": 0.16, "browOuterUp": 0.10, "browInnerUp": 0.08},
    "calm": {"eyeSquint": 0.06},
}
FEELINGS = np.array(
    [[shares.get(name.removesuffix("Left").removesuffix("Right"), 0.0) for name in arkit.ARKIT_NAMES]
     for shares in _PAIRS.values()],
    np.float32,
)  # fmt: skip
"""(5, 52) what each feeling adds in full."""


class Mood:
    """How much of `FEELINGS` the speaker's mood adds; silent faces lose it with the rest, since the gate comes later.

    Parameters
    ----------
    amounts : (5,) float32, written by `weigh`.

    References
    ----------
    J. A. Russell, A circumplex model of affect, J. Personality and Social Psychology 39(6), 1980. P. Ekman, W. V.
    Friesen, J. C. Hager, Facial Action Coding System, 2002: which muscles go with which feeling.
    """

    def __init__(self, amounts: np.ndarray) -> None:
        self._amounts = amounts
        self.reset()

    def reset(self) -> None:
        self._target = (0.0, 0.0)
        self._arousal = self._valence = self._strength = 0.0
        self._amounts[:] = 0

    def feel(self, arousal: float, valence: float) -> None:
        """Take the newest mood, each in [-1, 1]; what is not finite is ignored."""
        if math.isfinite(arousal) and math.isfinite(valence):
            self._target = (min(1.0, max(-1.0, arousal)), min(1.0, max(-1.0, valence)))

    def weigh(self, seconds: float, strength: float) -> None:
        """Go on by `seconds`; nothing before the first `feel`."""
        aroused, pleased = self._target[0] - self._arousal, self._target[1] - self._valence
        if abs(aroused) + abs(pleased) <= _NOTICED and strength == self._strength:
            return
        share = 1.0 - math.exp(-seconds / _SECONDS)
        self._arousal += share * aroused
        self._valence += share * pleased
        self._strength = strength
        # How much of each feeling the mood now holds.
        arousal, unpleasant = self._arousal, max(0.0, -self._valence)
        hot = 0.5 + 0.5 * arousal  # an unpleasant mood turns to anger when aroused, to sadness when not
        amounts = self._amounts
        amounts[0] = strength * max(0.0, self._valence)
        amounts[1] = strength * unpleasant * (1.0 - hot)
        amounts[2] = strength * unpleasant * hot
        amounts[3] = strength * max(0.0, arousal)
        amounts[4] = strength * max(0.0, -arousal)
