"""Nobody is symmetric: sides that differ a little, a mouth that leans, and small motions that speech brings along.

Everything here is a share of what the face does anyway, so a face at rest stays at rest, and the aperture of the lips
changes by nothing: left and right are averaged there.
"""

import math

import numpy as np

from .. import arkit, spec
from ..kernels import expression_face as kernels

_RATE = spec.SAMPLE_RATE
_I = arkit.INDEX
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
_PACE = 1.6  # rad/s at which it is followed
SWAY = 0.12
"""Share of the opening that the jaw sways sideways at most; the mouth sways the other half."""
HISS_FORWARD = 0.18
"""jawForward of f, s, ʃ and the like at their strongest."""
PUFF, SHRUG = 0.15, 0.1
"""cheekPuff of a strong p or b, mouthShrugUpper of any closure."""
_FOLLOW_SECONDS = 0.06  # in which chin, cheeks and upper lip follow a hiss or a closure
_LOWEST, _LOWEST_HISS = 8, 60  # mel bands: 300 Hz, 4.1 kHz
_HISS_DB, _FULL_DB = 3.0, 12.0  # by which hiss exceeds what lies below it: begins to count, counts in full
_PRESSED = 18.0  # dB below the usual level: a stop, where an m hums on
_PAST = 32  # hops remembered


class Asymmetry:
    """Draws from its own generator; `listen` for each hop, `shape` for each frame."""

    def __init__(self, seed: int):
        self._seed = seed
        names = [(name, group) for group, (stems, _, _) in enumerate(_GROUPS.values()) for name in stems]
        self._pairs = np.array([_I[name + side] for name, _ in names for side in ("Left", "Right")], np.int32)  # (2 n,)
        self._group = np.array([group for _, group in names], np.int32)  # (n,)
        n = len(_GROUPS) + 1  # and how the jaw sways
        self._target, self._value, self._speed = (np.zeros(n, np.float32) for _ in range(3))  # (n,)
        self.reset()

    def reset(self) -> None:
        self._random = np.random.Generator(np.random.PCG64([self._seed, 5]))
        self._usual = [*(self._random.normal(0.0, lasting) for _, lasting, _ in _GROUPS.values()), 0.0]
        self._wander = [*(wander for _, _, wander in _GROUPS.values()), 0.6]
        self._target[:] = 0
        self._speed[:] = 0
        self._hiss, self._level = [0.0] * _PAST, [0.0] * _PAST
        self._value[:] = self._usual
        self._next = 0
        self._loud = -80.0
        self._puff = self._forward = self._shrug = 0.0

    def listen(self, heard: int, mel: np.ndarray, level: float) -> None:
        """Take the newest log-mel frame (80,), whose window ends at sample `heard`, and its level in dB."""
        above = 4.343 * kernels.highest_above(mel, _LOWEST, _LOWEST_HISS)  # dB
        slot = heard // spec.HOP_LENGTH % _PAST
        self._hiss[slot] = min(1.0, max(0.0, (above - _HISS_DB) / (_FULL_DB - _HISS_DB))) if level > self._loud - 35.0 else 0.0
        self._level[slot] = level

    def shape(self, face: np.ndarray, time: int, seconds: float, closed: float, speaking: bool) -> None:
        """In place at sample `time`; closed: how far the lips meet, 0 to 1."""
        while time >= self._next:
            for k, (usual, wander) in enumerate(zip(self._usual, self._wander, strict=True)):
                self._target[k] = (
                    min(LARGEST, max(-LARGEST, self._random.normal(usual, wander)))
                    if k < len(_GROUPS)
                    else (self._random.uniform(-1.0, 1.0))
                )
            self._next += int(_RATE * _WANDER_SECONDS)
        kernels.spring(_PACE, seconds, self._target, self._value, self._speed)
        kernels.lean(self._pairs, self._group, self._value, face)
        slot = (time + spec.WIN_LENGTH // 2) // spec.HOP_LENGTH % _PAST
        level = self._level[slot]
        self._loud = max(level, self._loud - 3.0 * seconds) if speaking else self._loud
        # The jaw sways as far as it opens.
        sway = self._value.item(len(_GROUPS)) * SWAY
        opening = face.item(_I["jawOpen"])
        left, right = ("Left", "Right") if sway > 0.0 else ("Right", "Left")
        face[_I["jaw" + left]] += abs(sway) * opening
        face[_I["mouth" + right]] += 0.5 * abs(sway) * opening
        share = 1.0 - math.exp(-seconds / _FOLLOW_SECONDS)
        # Teeth nearly meet for f, s, ʃ: the lower jaw comes forward.
        self._forward += share * (self._hiss[slot] * speaking - self._forward)
        face[_I["jawForward"]] += HISS_FORWARD * self._forward
        # Behind closed lips pressure builds up when nothing sounds: p and b, not m.
        closed *= speaking
        self._puff += share * ((closed if level < self._loud - _PRESSED else 0.0) - self._puff)
        face[_I["cheekPuff"]] += PUFF * self._puff
        self._shrug += share * (closed - self._shrug)
        face[_I["mouthShrugUpper"]] += SHRUG * self._shrug
