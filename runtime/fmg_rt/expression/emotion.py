"""Emotions, heard in the voice or chosen, as directions of the whole face.

The voice's emotions come and go over seconds, are only as strong as the read-out is sure, rest with the face, and are
forgotten in a long silence. Chosen ones take half a second and stay in silence.
"""

import math
from collections.abc import Mapping
from types import MappingProxyType

import numpy as np

from .. import architectures, arkit
from ..emotions import INDEX, NAMES
from ..frame import NO_EMOTION
from ..heard import Feeling
from .keyframes import Track
from .settings import ExpressionSettings

HEED = 0.5
"""Share of a new reading of the voice, one every 0.3 s, in the running mean that decides: a single one may err."""
APPEARS, DISAPPEARS = 0.5, 0.25
"""Probability that a heard emotion needs to show, and below which it ceases."""
SURE = 0.65
"""Probability at which it shows in full."""
DOUBT = 0.5
"""Share of joy's probability that is taken off anger's: both are loud and high, and an angry face in joy is the worst error."""
FORGOTTEN = 5.0
"""Seconds without a reading, which only a voice gives, that end a heard emotion: the next one's window holds nothing of it."""
FADE = 0.5
"""Seconds in which heard emotions come back after a pause, and in which new strengths and mixes are reached."""
_SIDES = ("Left", "Right")
_NOTICED = 0.005  # change of an emotion that `shown` tells of

# Emotion: its action units, with the coefficient that shows each. A name without a side stands for both sides.
TABLE: Mapping[str, Mapping[str, float]] = {
    # 6 + 12, with 25 as far as speech lets it
    "joy": {
        "cheekSquint": 0.6,
        "mouthSmile": 0.7,
        "mouthDimple": 0.2,
        "eyeSquint": 0.25,
        "browOuterUp": 0.1,
        "mouthUpperUp": 0.1,
        "mouthFrown": -1.0,
        "browDown": -1.0,
    },
    # 4 + 5 + 7 + 10 + 23/24
    "anger": {
        "browDown": 0.85,
        "eyeSquint": 0.5,
        "eyeWide": 0.15,
        "noseSneer": 0.5,
        "mouthPress": 0.3,
        "mouthFrown": 0.3,
        "mouthStretch": 0.15,
        "jawForward": 0.2,
        "mouthSmile": -0.9,
        "browInnerUp": -1.0,
        "browOuterUp": -0.5,
    },
    # 1 + 4 + 15 + 17, with lids that hang (43)
    "sadness": {
        "browInnerUp": 0.8,
        "browDown": 0.15,
        "mouthFrown": 0.65,
        "mouthShrugLower": 0.3,
        "eyeBlink": 0.15,
        "eyeSquint": 0.1,
        "mouthSmile": -1.0,
        "browOuterUp": -1.0,
    },
    # 1 + 2 + 4 + 5 + 20 + 26
    "fear": {
        "browInnerUp": 0.8,
        "browOuterUp": 0.3,
        "browDown": 0.2,
        "eyeWide": 0.8,
        "mouthStretch": 0.6,
        "jawOpen": 0.08,
        "mouthLowerDown": 0.12,
        "mouthSmile": -1.0,
    },
    # 9 + 10 + 16/17, with 4 and 6 that 9 brings
    "disgust": {
        "noseSneer": 0.85,
        "mouthUpperUp": 0.35,
        "cheekSquint": 0.4,
        "browDown": 0.45,
        "eyeSquint": 0.35,
        "mouthFrown": 0.25,
        "mouthShrugLower": 0.25,
        "mouthSmile": -1.0,
    },
    # 1 + 2 + 5 + 26
    "surprise": {
        "browInnerUp": 0.75,
        "browOuterUp": 0.85,
        "eyeWide": 0.65,
        "jawOpen": 0.16,
        "mouthFunnel": 0.1,
        "browDown": -1.0,
        "eyeSquint": -1.0,
        "mouthFrown": -1.0,
    },
    # no action unit: what is tense lets go, lids a little lower, the trace of a smile
    "calm": {
        "eyeBlink": 0.16,
        "mouthSmile": 0.14,
        "browInnerUp": -0.8,
        "browDown": -1.0,
        "browOuterUp": -0.8,
        "eyeSquint": -0.7,
        "eyeWide": -1.0,
        "noseSneer": -1.0,
        "mouthFrown": -1.0,
        "mouthPress": -0.5,
    },
    # 12 and 14 on one side, 2 on the other, 6
    "cheekiness": {
        "mouthSmileLeft": 0.7,
        "mouthSmileRight": 0.2,
        "mouthDimpleLeft": 0.4,
        "cheekSquintLeft": 0.5,
        "cheekSquintRight": 0.2,
        "browOuterUpRight": 0.65,
        "browDownLeft": 0.2,
        "eyeSquint": 0.2,
        "mouthFrown": -1.0,
    },
    # 1 + 4 + 6 + 15 + 17 + 20: sadness that weeps
    "grief": {
        "browInnerUp": 0.95,
        "browDown": 0.35,
        "cheekSquint": 0.45,
        "eyeSquint": 0.6,
        "mouthFrown": 0.75,
        "mouthShrugLower": 0.5,
        "mouthStretch": 0.35,
        "eyeBlink": 0.2,
        "mouthSmile": -1.0,
    },
    # 25 + 26 + 38 (nostrils), brows raised by effort
    "outofbreath": {
        "jawOpen": 0.2,
        "mouthLowerDown": 0.15,
        "mouthFunnel": 0.15,
        "noseSneer": 0.2,
        "browInnerUp": 0.35,
        "eyeSquint": 0.15,
    },
    # 4 + 6/7 + 9/10 + 43
    "pain": {
        "browDown": 0.75,
        "cheekSquint": 0.65,
        "eyeSquint": 0.8,
        "noseSneer": 0.45,
        "mouthUpperUp": 0.35,
        "mouthStretch": 0.45,
        "eyeBlink": 0.4,
        "browInnerUp": 0.2,
        "mouthSmile": -1.0,
    },
}
"""Emotion → coefficient → share of the way to 1 (positive) or to 0 (negative) that it is taken at full strength.

References
----------
P. Ekman and W. V. Friesen, Unmasking the Face, 1975; W. V. Friesen and P. Ekman, EMFACS-7: Emotional Facial Action Coding
System, 1983: which action units go with which emotion. P. Ekman, W. V. Friesen, J. C. Hager, Facial Action Coding System,
2002: what each unit does. K. M. Prkachin and P. E. Solomon, The structure, reliability and validity of pain expression,
Pain 139(2), 2008. The sizes are ours.
"""
_HEARD = {"anger": "anger", "disgust": "disgust", "fear": "fear", "joy": "joy", "sadness": "sadness"}
"""Class of the read-out → emotion. Boredom and neutral show nothing: a face that is said to be calm is left alone."""


def _directions() -> np.ndarray:
    table = np.zeros((len(NAMES), arkit.N_COEFFICIENTS), np.float32)
    for emotion, shares in TABLE.items():
        for name, share in shares.items():
            for side in ("",) if name in arkit.INDEX else _SIDES:
                table[INDEX[emotion], arkit.INDEX[name + side]] = share
    return table


DIRECTIONS = _directions()
"""(11, 52) `TABLE` in the order of `emotions.NAMES`."""
_CLASSES = np.array([architectures.EMOTIONS.index(name) for name in _HEARD])
_ANGER, _JOY = list(_HEARD).index("anger"), list(_HEARD).index("joy")
_OF_CLASSES = np.array([INDEX[name] for name in _HEARD.values()])


class Emotions:
    """Which emotions show and how strongly.

    Attributes
    ----------
    arrays : as `kernels.expression_face.shape_voice` takes them.
    strength : of every emotion, at the newest frame.
    upper, mouth : how far heard emotions show there, 0 to 1, at the newest frame.
    shown : what the newest frame shows, name → strength in (0, 1]; the same object until it changes.
    """

    def __init__(self) -> None:
        n = len(NAMES)
        self._targets = np.zeros((2, n), np.float32)  # (2, 11) chosen, heard
        self._values = np.zeros((2, n), np.float32)
        self._speeds = np.zeros((2, n), np.float32)
        self._amounts = np.zeros((2, n), np.float32)  # (2, 11) of the upper face, of the mouth
        self._likely = np.zeros(len(_CLASSES))
        self._on = np.zeros(len(_CLASSES), bool)
        self._told = np.zeros(n, np.float32)
        rounding = np.array([arkit.INDEX["mouthPucker"], arkit.INDEX["mouthFunnel"]], np.int32)
        self.arrays = rounding, DIRECTIONS, self._targets, self._values, self._speeds, self._told, self._amounts
        self._track: Track | None = None
        self._wanted_strength = self._wanted_share = 1.0
        self.reset()

    def reset(self) -> None:
        """Forget what was heard; what is chosen appears again."""
        self._targets[1] = 0
        self._values[:] = 0
        self._speeds[:] = 0
        self._likely[:] = 0
        self._on[:] = False
        self._told[:] = 0
        self._unread = -math.inf  # s since the last reading; before any, nothing is to be forgotten
        self.strength, self._share = self._wanted_strength, self._wanted_share  # of all; of what is heard beside what is chosen
        self.upper = self.mouth = 0.0
        self.shown: Mapping[str, float] = NO_EMOTION

    def take(self, settings: ExpressionSettings) -> None:
        """Use other settings from now on."""
        self._track = Track(settings.keyframes) if settings.keyframes else None
        chosen = settings.emotion or settings.keyframes
        self._wanted_strength = settings.emotion_strength
        self._wanted_share = 1.0 - settings.emotion_mix if chosen else 1.0
        self._targets[0] = 0
        for name, value in settings.emotion.items():
            self._targets[0, INDEX[name]] = value

    def feel(self, feeling: Feeling) -> None:
        """Take what the voice feels: an emotion appears once it has been likely, and is as strong as the readings are sure."""
        read = feeling.classes[_CLASSES]
        if not np.isfinite(read).all():
            return
        self._unread = 0.0
        self._likely += HEED * (read - self._likely)
        likely = self._likely.copy()
        likely[_ANGER] -= DOUBT * likely[_JOY]
        self._on = (likely > APPEARS) | (self._on & (likely > DISAPPEARS))
        size = np.clip((likely - DISAPPEARS) / (SURE - DISAPPEARS), 0.0, 1.0)
        self._targets[1, _OF_CLASSES] = np.where(self._on, size, 0.0)

    def move(self, seconds: float, mouth: float, upper: float) -> None:
        """Go on by `seconds`; mouth, upper: what the gate leaves of them, 0 to 1.

        What is heard rests at once with them and comes back slowly: a face may open with a word, a mood does not jump.
        """
        self._unread += seconds
        if self._unread > FORGOTTEN:
            self._likely[:] = 0
            self._on[:] = False
            self._targets[1] = 0
            self._unread = -math.inf
        step = seconds / FADE
        if self.strength != self._wanted_strength:
            self.strength = _towards(self._wanted_strength, self.strength, step)
        if self._share != self._wanted_share:
            self._share = _towards(self._wanted_share, self._share, step)
        self.mouth = min(self._share * mouth, self.mouth + step)
        self.upper = min(self._share * upper, self.upper + step)

    def read(self, time: float) -> None:
        """Take what the keyframes, if there are any, say of `time` s."""
        if self._track is not None:
            self._track.read(time, self._targets[0])

    def tell(self, change: float) -> None:
        """Say in `shown` what shows now, when it has changed by more than a little."""
        if change > _NOTICED:
            self._told[:] = self._amounts[0]
            shown = {name: round(value, 3) for name, value in zip(NAMES, self._told.tolist(), strict=True) if value > _NOTICED}
            self.shown = MappingProxyType(shown) if shown else NO_EMOTION


def _towards(target: float, value: float, step: float) -> float:
    return max(value - step, target) if value > target else min(value + step, target)
