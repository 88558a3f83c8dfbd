"""Nobody is symmetric: sides that differ a little, a mouth that leans, and small motions that speech brings along.

Everything here is a share of what the face does anyway, so a face at rest stays at rest, and the aperture of the lips
changes by nothing: left and right are averaged there.
"""

import numpy as np

from .. import arkit, spec
from ..kernels import expression_face as kernels

_RATE = spec.SAMPLE_RATE
_GROUPS = {
    # part of the face → its pairs; a person's lasting lean, the wander around it (standard deviations)
    "brows": (("browDown", "browOuterUp"), 0.10, 0.08),
    "eyes": (("eyeSquint", "cheekSquint", "noseSneer"), 0.06, 0.05),
    "mouth": (
        ("mouthSmile", "mouthFrown", "mouthDimple", "mouthStretch", "mouthPress", "mouthUpperUp", "mouthLowerDown"),
        0.06,
        0.05,
    ),
}
LARGEST = 0.2
"""Share by which one side exceeds the mean of both at most."""
_WANDER_SECONDS = 2.5  # between two choices of the lean
_FAINT = 35.0  # dB below the usual level: too faint for a hiss of speech
_PAST = 32  # hops remembered
_MOVED = ("jawLeft", "jawRight", "mouthLeft", "mouthRight", "jawOpen", "jawForward", "cheekPuff", "mouthShrugUpper")


class Asymmetry:
    """Draws from its own generator; `listen` for each hop, `choose` before each frame.

    Parameters
    ----------
    exact : what `kernels.expression_face` keeps in float64, of all parts.

    Attributes
    ----------
    arrays : positions, what was heard, and how the leans stand, as `kernels.expression_face.shape_voice` takes them.
    """

    def __init__(self, seed: int, exact: np.ndarray):
        self._seed, self._exact = seed, exact
        names = [(name, group) for group, (stems, _, _) in enumerate(_GROUPS.values()) for name in stems]
        pairs = np.array([arkit.INDEX[name + side] for name, _ in names for side in ("Left", "Right")], np.int32)  # (2 n,)
        group = np.array([group for _, group in names], np.int32)  # (n,)
        moved = np.array([arkit.INDEX[name] for name in _MOVED], np.int32)  # (8,)
        n = len(_GROUPS) + 1  # and how the jaw sways
        self._mels = np.zeros((_PAST, spec.N_MELS), np.float32)  # (32, 80)
        self._sounds = np.zeros((2, _PAST), np.float32)  # (2, 32) level in dB, and whether it may be a hiss
        self._target, self._value, self._speed = (np.zeros(n, np.float32) for _ in range(3))  # (n,)
        self.arrays = pairs, group, moved, self._mels, self._sounds, self._target, self._value, self._speed
        self.reset()

    def reset(self) -> None:
        self._random = np.random.Generator(np.random.PCG64([self._seed, 5]))
        self._usual = [*(self._random.normal(0.0, lasting) for _, lasting, _ in _GROUPS.values()), 0.0]
        self._wander = [*(wander for _, _, wander in _GROUPS.values()), 0.6]
        self._target[:] = 0
        self._speed[:] = 0
        self._sounds[:] = 0
        self._value[:] = self._usual
        self._next = 0
        self._exact[kernels.LOUD] = -80.0
        self._exact[[kernels.FORWARD, kernels.PUFFED, kernels.SHRUGGED]] = 0.0

    def listen(self, heard: int, mel: np.ndarray, level: float) -> None:
        """Take the newest log-mel frame (80,), whose window ends at sample `heard`, and its level in dB."""
        slot = heard // spec.HOP_LENGTH % _PAST
        self._mels[slot] = mel
        self._sounds[0, slot] = level
        self._sounds[1, slot] = level > self._exact.item(kernels.LOUD) - _FAINT

    def choose(self, time: int) -> None:
        """Choose other leans for the frame of sample `time` if they are due."""
        while time >= self._next:
            for k, (usual, wander) in enumerate(zip(self._usual, self._wander, strict=True)):
                self._target[k] = (
                    min(LARGEST, max(-LARGEST, self._random.normal(usual, wander)))
                    if k < len(_GROUPS)
                    else (self._random.uniform(-1.0, 1.0))
                )
            self._next += int(_RATE * _WANDER_SECONDS)


def slot_of(time: int) -> int:
    """Where `Asymmetry.listen` keeps the sound of sample `time`: the window around it."""
    return (time + spec.WIN_LENGTH // 2) // spec.HOP_LENGTH % _PAST
