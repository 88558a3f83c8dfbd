"""Gaze: fixations near the listener, glances away, and lids that follow the eyes."""

import math

import numpy as np

from .. import arkit, spec

_RATE = spec.SAMPLE_RATE
_LOOK = slice(arkit.INDEX["eyeLookDownLeft"], arkit.INDEX["eyeLookUpRight"] + 1)
"""The eight eyeLook coefficients: Down, In, Out, Up, each left then right."""
_BLINK = (arkit.INDEX["eyeBlinkLeft"], arkit.INDEX["eyeBlinkRight"])
_WIDE = (arkit.INDEX["eyeWideLeft"], arkit.INDEX["eyeWideRight"])
FULL_ANGLE = 30.0
"""Degrees that a coefficient of 1 turns the eye."""
LARGEST = 14.0
"""Degrees from the middle that the eyes leave at most; people turn the head for more."""
# Share of saccades, percent, towards 0°, 45°, … 315° (0° is the subject's right, 90° up).
_DIRECTIONS = np.cumsum([15.54, 6.46, 17.69, 7.44, 16.80, 7.89, 20.38, 7.80]) / 100.0
_AWAY_SPEAKING, _AWAY_SILENT = 0.28, 0.12  # share of fixations that end in a glance away
_FIXATION, _GLANCE, _SPREAD = 1.2, 0.9, 0.5  # mean s near the listener, mean s away, spread of the logarithm
_NEAR = 1.6  # degrees, standard deviation of fixations near the listener
_LIDS_DOWN, _LIDS_UP = 0.5, 0.3  # of the look coefficient


class Gaze:
    """Saccades and fixations; both eyes turn together.

    References
    ----------
    S. P. Lee, J. B. Badler, N. I. Badler, Eyes Alive, SIGGRAPH 2002: size −6.9 ln(P / 15.7) degrees for P uniform to
    15, directions, duration 25 ms + 2.4 ms a degree, more glances away when speaking.
    """

    def __init__(self, seed: int):
        self._seed = seed
        self._look = np.empty(8, np.float32)  # (8,)
        self.reset()

    def reset(self) -> None:
        self._random = np.random.Generator(np.random.PCG64([self._seed, 2]))
        self._from = self._to = (0.0, 0.0)  # degrees to the subject's left, degrees up
        self._away = False
        self._start, self._duration = -_RATE, 1
        self._next = int(_RATE * self._random.uniform(0.3, 1.0))
        self._settled = False

    def shape(self, face: np.ndarray, time: int, speaking: bool, strength: float) -> None:
        """Write the eyeLook coefficients of (52,) `face` at sample `time` and let the lids follow."""
        while time >= self._next:
            self._leave(self._next, speaking)
        if not self._settled:
            progress = min(1.0, (time - self._start) / self._duration)
            self._settled = progress >= 1.0
            ease = progress * progress * (3.0 - 2.0 * progress)
            x, y = (a + ease * (b - a) for a, b in zip(self._from, self._to, strict=True))
            self._turn(x / FULL_ANGLE, y / FULL_ANGLE)
        look = self._look
        if strength != 1.0:
            look = np.minimum(look * np.float32(strength), 1.0)
        face[_LOOK] = look
        down, up = look.item(0), look.item(6)
        lids, least = (_BLINK, _LIDS_DOWN * down) if down > 0.0 else (_WIDE, _LIDS_UP * up)
        for i in lids:
            if face.item(i) < least:
                face[i] = least

    def _turn(self, left: float, up: float) -> None:
        self._look[:] = (
            max(0.0, -up),
            max(0.0, -up),
            max(0.0, -left),
            max(0.0, left),
            max(0.0, left),
            max(0.0, -left),
            max(0.0, up),
            max(0.0, up),
        )

    def _leave(self, start: int, speaking: bool) -> None:
        """Begin the saccade that leaves the present fixation."""
        random = self._random
        self._from = self._to
        # Back to the listener after a glance; from there a glance away or a small step.
        self._away = not self._away and random.random() < (_AWAY_SPEAKING if speaking else _AWAY_SILENT)
        if self._away:
            size = min(LARGEST, max(3.0, -6.9 * math.log(random.uniform(0.01, 15.0) / 15.7)))
            angle = math.radians(45.0 * int(np.searchsorted(_DIRECTIONS, random.random() * 0.9999)))
            self._to = (-size * math.cos(angle), size * math.sin(angle))
        else:
            self._to = (
                float(np.clip(random.normal(0.0, _NEAR), -4.0, 4.0)),
                float(np.clip(random.normal(0.0, 0.6 * _NEAR), -3.0, 3.0)),
            )
        distance = math.dist(self._from, self._to)
        self._start = start
        self._duration = int(_RATE * (0.025 + 0.0024 * distance))
        self._settled = False
        mean = _GLANCE if self._away else _FIXATION
        fixation = max(0.12, random.lognormal(math.log(mean) - _SPREAD**2 / 2, _SPREAD))
        self._next = start + self._duration + int(_RATE * fixation)
