"""Blinking, with the statistics of people."""

import math

import numpy as np

from .. import arkit, spec

_LIDS = (arkit.INDEX["eyeBlinkLeft"], arkit.INDEX["eyeBlinkRight"])
_RATE = spec.SAMPLE_RATE
SPEAKING_INTERVAL, SILENT_INTERVAL = 5.0, 5.5
"""Mean seconds between scheduled blinks; phrase ends add their own, so a speaker's mean comes to about 4 s."""
_SPREAD = 0.55  # standard deviation of the interval's logarithm
_SHORTEST = 0.3  # s from one blink's start to the next
_DOUBLE = 0.1  # share of blinks followed by another at once
_PHRASE_END = 0.45  # share of phrase ends that draw a blink
_REFRACTORY = 0.8  # s after a blink in which a phrase end draws none
_FASTEST, _SLOWEST = 0.100, 0.150  # s from open to open
_SHUT = 0.020  # s shut at least; up to 34 ms so that slow frame rates see the lid down
_CLOSING = 1 / 3  # of the moving time


class Blink:
    """Moves both lids; draws from its own generator, so other parts do not change when this one is off.

    References
    ----------
    A. R. Bentivoglio et al., Analysis of blink rate patterns in normal subjects, Movement Disorders 12(6), 1997: more
    blinks in conversation than at rest, skewed intervals. F. VanderWerf et al., Eyelid movements, J. Neurophysiology
    89(5), 2003: the lid closes about twice as fast as it opens. R. Nakano and S. Kitazawa, Eyeblink entrainment at
    breakpoints of speech, Exp. Brain Research 205(4), 2010: blinks gather at phrase ends.
    """

    def __init__(self, rate: float, seed: int):
        self._shut = max(_SHUT, min(1.0 / rate, 0.034))
        self._seed = seed
        self.reset()

    def reset(self) -> None:
        self._random = np.random.Generator(np.random.PCG64([self._seed, 1]))
        self._next = int(_RATE * self._random.uniform(0.5, SILENT_INTERVAL))
        self._start = -_RATE * 10
        self._closing = self._opening = self._end = 0.0
        self._speaking = False

    def shape(self, face: np.ndarray, time: int, speaking: bool) -> None:
        """Lower the lids of (52,) `face` at sample `time`; `speaking` is False from a phrase end on."""
        if self._speaking and not speaking and time - self._start > _REFRACTORY * _RATE:
            if self._random.random() < _PHRASE_END:
                self._next = min(self._next, time + int(_RATE * self._random.uniform(0.0, 0.15)))
        self._speaking = speaking
        while time >= self._next:
            self._begin(self._next, speaking)
        lid = self._lid((time - self._start) / _RATE)
        if lid > 0.0:
            for i in _LIDS:
                if face.item(i) < lid:
                    face[i] = lid

    def _begin(self, start: int, speaking: bool) -> None:
        random = self._random
        self._start = start
        moving = random.uniform(_FASTEST, _SLOWEST) - self._shut
        self._closing = moving * _CLOSING
        self._opening = self._closing + self._shut
        self._end = moving + self._shut
        if random.random() < _DOUBLE:
            interval = random.uniform(_SHORTEST, 0.45)
        else:
            mean = SPEAKING_INTERVAL if speaking else SILENT_INTERVAL
            interval = max(_SHORTEST, random.lognormal(math.log(mean) - _SPREAD**2 / 2, _SPREAD))
        self._next = start + int(_RATE * interval)

    def _lid(self, seconds: float) -> float:
        if seconds >= self._end or seconds < 0.0:
            return 0.0
        if seconds < self._closing:
            return 0.5 - 0.5 * math.cos(math.pi * seconds / self._closing)
        if seconds <= self._opening:
            return 1.0
        return 0.5 + 0.5 * math.cos(math.pi * (seconds - self._opening) / (self._end - self._opening))
