"""Rest guarantee: without a voice the face fades to rest, exactly.

The network's presence says whether somebody speaks, a standing tone corrects it (`kernels.expression_voice`); here the answer
becomes a fade on sample time. Presence is that of the newest sound, so a look-ahead opens the face before the sound is due.
"""

import numpy as np

from .. import spec
from ..heard import Heard
from ..kernels import expression_voice as kernels

HOLD = 640
"""Samples that a face stays open after the last 10 ms of speech (40 ms); the network itself bridges stops."""
ATTACK, RELEASE = 800, 1_440
"""Samples of the mouth's fades (50, 90 ms)."""
MACHINE_RELEASE = 800
"""Samples of the fade once a machine is recognised (50 ms): it was never a voice."""
UPPER_RELEASE = 8_000
"""Samples in which brows, cheeks and lids settle (500 ms); at the mouth's pace they would drop visibly."""
WIDE = 0.10
"""Rise of the network's smoothed aperture above its usual one that counts as a presence of 1: a mouth that opens for breath
before a word. In steady noise the network holds an opening, which soon is the usual one."""
OPENING_PACE, USUAL_PACE = 0.5, 0.03
"""Share of each step, 20 ms, in the smoothed aperture, and of that in the usual one."""
LOUDEST_BREATH = -18.0
"""Level, dB over all bands, from which a sound is no breath: white noise at -33 dBFS."""
_WINDOW_TAIL = 240
"""Samples between the last sound and the end of the last hop whose window it still raises."""
_NEVER = -(10**12)


class RestGate:
    """Decides voice from what is heard and fades the face.

    Attributes
    ----------
    open : bool, a voice is sounding or has just sounded at the time of the newest frame.
    mouth, upper : 0 (rest) to 1 (free), how far the present fades have come.
    level : dB, power of the newest log-mel frame over all bands.
    pitch : semitones above 55 Hz of the newest sound, 0 when it is not voiced.
    speaking : bool, the newest hop is speech; the audio runs ahead of the face.
    """

    def __init__(self, lookahead: int):
        self._lookahead = lookahead
        self._state = np.zeros(1, kernels.STATE)
        self._level, self._pitch, self._spoken = (self._state[name] for name in ("level", "pitch", "spoken"))  # views (1,)
        self._floor = Floor()
        self.reset()

    def reset(self) -> None:
        """Forget everything heard; equal to a new one."""
        self._state[:] = 0
        self._floor.reset()
        self._heard = 0
        self._time = 0
        self.rest()

    def rest(self) -> None:
        """Close at once; what is known of the room's sound stays."""
        self._spoken[0] = 0
        self._last = _NEVER
        self._release = RELEASE
        self._opening = self._usual = 0.0
        self.open = False
        self.mouth = self.upper = 0.0

    @property
    def level(self) -> float:
        return self._level.item(0)

    @property
    def pitch(self) -> float:
        return self._pitch.item(0)

    @property
    def speaking(self) -> bool:
        return self._spoken.item(0) > 0.0

    def listen(self, heard: Heard, opening: float | None = None) -> None:
        """Take the next 10 ms, and the aperture of the network's newest step where there is a new one.

        A mouth that the network opens is not held shut: it breathes in before it speaks, which is no speech.
        """
        self._heard += spec.HOP_LENGTH
        if opening is not None:
            self._opening += OPENING_PACE * (opening - self._opening)
            self._usual += USUAL_PACE * (self._opening - self._usual)
        if heard.mel is None:
            return
        presence = self._floor.above(self.level) if heard.presence is None else heard.presence
        if self.level < LOUDEST_BREATH:
            presence = max(presence, (self._opening - self._usual) / WIDE)
        answer = kernels.listen(heard.hop, heard.mel, presence, self._state)
        if answer == kernels.SPEAKING:
            self._last = self._heard - _WINDOW_TAIL
            self._release = RELEASE
        elif answer == kernels.MACHINE:
            # What was taken for a voice was this: let the face at present go at once.
            self._last = min(self._last, self._heard - self._lookahead - HOLD - spec.HOP_LENGTH)
            self._release = MACHINE_RELEASE

    def advance(self, time: int) -> None:
        """Move the fades on to sample `time`."""
        step = max(0, time - self._time)
        self._time = time
        self.open = time <= self._last + HOLD
        if self.open:
            if self.mouth < 1.0 or self.upper < 1.0:
                rise = step / ATTACK
                self.mouth, self.upper = min(1.0, self.mouth + rise), min(1.0, self.upper + rise)
        elif self.mouth > 0.0 or self.upper > 0.0:
            self.mouth = max(0.0, self.mouth - step / self._release)
            self.upper = max(0.0, self.upper - step / UPPER_RELEASE)

    @property
    def shares(self) -> tuple[float, float]:
        """What the fades leave of the mouth and of the upper face, 0 to 1."""
        if self.mouth >= 1.0 and self.upper >= 1.0:
            return 1.0, 1.0
        return _ease(self.mouth), _ease(self.upper)


class Floor:
    """Stands in for the presence of a network that does not tell it: the level above that of the room.

    The room's level is the least smoothed one of the last 0.6 to 1.3 s, so a new noise, music and a knock are taken for a
    voice until then, and every word is held against the loudness of the room alone.

    References
    ----------
    R. Martin, Noise power spectral density estimation based on optimal smoothing and minimum statistics, IEEE Trans.
    Speech and Audio Processing 9(5), 2001; here over all bands and without its bias.
    """

    FULL_DB = 20.0
    """Level above the room's that is surely somebody."""
    WINDOW = 64
    """Hops over which each of two minima is sought (640 ms)."""
    SMOOTHING = 0.2
    """Share of a new level in the smoothed one."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self._smoothed = self._lowest = self._before = np.inf
        self._hops = 0

    def above(self, level: float) -> float:
        """How sure it is that somebody speaks, 0 to 1, at the next hop; level in dB."""
        if not self._hops:
            self._smoothed = level
        self._smoothed += self.SMOOTHING * (level - self._smoothed)
        self._lowest = min(self._lowest, self._smoothed)
        self._hops += 1
        if self._hops % self.WINDOW == 0:
            self._before, self._lowest = self._lowest, self._smoothed
        above = level - min(self._lowest, self._before)
        return min(1.0, max(0.0, above / self.FULL_DB))


def _ease(x: float) -> float:
    """A fade without corners: 0 → 0, 1 → 1, level at both."""
    return x * x * (3.0 - 2.0 * x)
