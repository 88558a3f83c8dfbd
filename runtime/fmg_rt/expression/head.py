"""A head that moves: nods with accents, drifts with phrases, and is never quite still."""

import math

import numpy as np

from .. import spec
from ..kernels import expression_face as kernels

_RATE = spec.SAMPLE_RATE
PACE = 4.5
"""rad/s at which the head follows a new posture: nine tenths of the way in 0.9 s, so hardly anything above 2 Hz."""
NOD_SECONDS = 0.55
"""Length of a nod, down and up again."""
NOD = math.radians(3.0)
"""Largest nod of an accent."""
_SPEAKING = np.radians([3.2, 1.8, 1.6])  # standard deviations of postures, yaw, pitch, roll
_SILENT = np.radians([1.1, 0.6, 0.5])
LARGEST = np.radians([12.0, 9.0, 7.0])
"""Farthest that the head turns by itself, radians."""
_POSTURE, _IDLE = 1.3, 2.8  # mean s of a posture, speaking and silent
_SPREAD = 0.45  # of its logarithm
_BREATH, _BREATH_SECONDS = math.radians(0.25), 4.2  # nod of the breath
_ACCENT = 0.45  # accent that draws a nod
_REFRACTORY = 0.35  # s between two nods


class Head:
    """Yaw, pitch and roll as `frame.Frame` says; draws from its own generator.

    Attributes
    ----------
    angles : (3,) float32, radians; overwritten by each `move`.

    References
    ----------
    U. Hadar, T. J. Steiner, E. C. Grant, F. C. Rose, Kinematics of head movements accompanying speech during conversation,
    Human Movement Science 2, 1983: few degrees, mostly below 2 Hz, stiller in silence. K. G. Munhall et al., Visual prosody
    and speech intelligibility, Psychological Science 15(2), 2004: the head goes with pitch and loudness. H. P. Graf et al.,
    Visual prosody: facial movements accompanying speech, FG 2002: nods at accents, postures for phrases. C. Busso et al.,
    Rigid head motion in expressive speech animation, IEEE Trans. ASLP 15(3), 2007: sizes.
    """

    def __init__(self, seed: int):
        self._seed = seed
        self.angles = np.zeros(3, np.float32)  # (3,)
        self._posture = np.zeros(3, np.float32)  # (3,) where it goes
        self._value = np.zeros(3, np.float32)  # (3,)
        self._speed = np.zeros(3, np.float32)  # (3,)
        self.reset()

    def reset(self) -> None:
        self._random = np.random.Generator(np.random.PCG64([self._seed, 4]))
        for state in (self.angles, self._posture, self._value, self._speed):
            state[:] = 0
        self._next = 0
        self._nod_start, self._nod_size = -_RATE, 0.0
        self._speaking = self._raised = False

    def move(self, time: int, seconds: float, accent: float, speaking: bool, strength: float) -> None:
        """Go on by `seconds` to sample `time`; accent: how prominent the present sound is, 0 to 1; strength: of it all."""
        if speaking and not self._speaking:
            self._next = min(self._next, time)  # a phrase begins: another posture
        self._speaking = speaking
        while time >= self._next:
            self._turn(self._next, speaking)
        raised = speaking and accent > _ACCENT
        if raised and not self._raised and time - self._nod_start > (NOD_SECONDS + _REFRACTORY) * _RATE:
            self._nod_start = time
            self._nod_size = NOD * min(1.0, accent) * self._random.uniform(0.5, 1.0)
        self._raised = raised
        nod = (time - self._nod_start) / (_RATE * NOD_SECONDS)
        pitch = _BREATH * math.sin(2.0 * math.pi * time / (_RATE * _BREATH_SECONDS))
        if nod < 1.0:
            pitch += self._nod_size * (0.5 - 0.5 * math.cos(2.0 * math.pi * nod))
        kernels.move_head(PACE, seconds, pitch, strength, self._posture, self._value, self._speed, self.angles)

    def _turn(self, start: int, speaking: bool) -> None:
        """Choose the posture that begins at sample `start`."""
        random = self._random
        drawn = random.normal(size=3) * (_SPEAKING if speaking else _SILENT)
        drawn[2] += 0.25 * drawn[0]  # who looks aside tilts the head a little
        np.clip(drawn, -LARGEST, LARGEST, out=drawn)
        self._posture[:] = drawn
        mean = _POSTURE if speaking else _IDLE
        self._next = start + int(_RATE * max(0.4, random.lognormal(math.log(mean) - _SPREAD**2 / 2, _SPREAD)))
