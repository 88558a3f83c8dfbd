"""Rest guarantee: without a voice the face fades to rest, exactly.

The kernel says for each 10 ms whether somebody speaks; here that becomes a fade on sample time. A voice heard in the
look-ahead opens the face before the sound arrives; the hold bridges stops and word ends.
"""

import numpy as np

from .. import arkit, spec
from ..kernels import expression_gate as kernels
from ..kernels.expression_face import fade
from .settings import MOUTH

HOLD = 2_400
"""Samples that a face stays open after the last voiced or hissing 10 ms (150 ms): the longest stop gap."""
ATTACK, RELEASE = 800, 1_440
"""Samples of the mouth's fades (50, 90 ms): rest is exact at most 300 ms after the voice."""
NOISE_RELEASE = 800
"""Samples of the fade once a new noise is recognised (50 ms): it was never a voice."""
UPPER_RELEASE = 8_000
"""Samples in which brows, cheeks and lids settle (500 ms); at the mouth's pace they would drop visibly."""
BREATH = 0.06
"""Aperture of the network above which steady hiss, once the face is open, is a breath and no machine."""
BREATH_HOPS = 60
"""Longest breath between two sounds of speech that keeps the face open (600 ms)."""
VOICED_HOPS = 5
"""Hops of voice after which hiss may be a breath: a noise that has just begun is none."""
_WINDOW_TAIL = 240
"""Samples between the last sound and the end of the last hop whose window it still raises."""
_NEVER = -(10**12)


class RestGate:
    """Decides voice from audio and fades the face.

    Attributes
    ----------
    open : bool, a voice is sounding or has just sounded at the time of the newest frame.
    mouth, upper : 0 (rest) to 1 (free), how far the present fades have come.
    level : dB, power of the newest hop over all bands.
    pitch : semitones above 55 Hz of the newest hop, 0 when it is not voiced.
    speaking : bool, the newest hop is speech; the audio runs ahead of the face.
    """

    def __init__(self, lookahead: int):
        self._lookahead = lookahead
        self._memory = np.empty(kernels.N_MEMORY, np.float32)
        self._state = self._memory[-kernels.N_STATE :]  # (19,)
        self._is_mouth = np.zeros(arkit.N_COEFFICIENTS, np.float32)  # (52,)
        self._is_mouth[arkit.region_indices(*MOUTH)] = 1.0
        self.reset()

    def reset(self) -> None:
        """Forget everything heard; equal to a new one."""
        self._memory[:] = 0
        self._state[kernels.LOUDEST] = kernels.UNHEARD
        self._heard = 0
        self._last = _NEVER
        self._time = 0
        self._from_noise = False
        self._breath = 0  # hops that a breath may still last
        self._voiced = 0  # hops of voice since the last noise
        self.open = False
        self.mouth = self.upper = 0.0

    def rest(self) -> None:
        """Close at once; what is known of the room's noise stays."""
        self._state[kernels.SPEAKING] = self._state[kernels.EVIDENCE] = 0
        self._last = _NEVER
        self.open = False
        self.mouth = self.upper = 0.0

    @property
    def level(self) -> float:
        return self._state.item(kernels.LEVEL)

    @property
    def pitch(self) -> float:
        return self._state.item(kernels.SEMITONES)

    @property
    def speaking(self) -> bool:
        return bool(self._state[kernels.SPEAKING])

    def listen(self, hop: np.ndarray, mel: np.ndarray | None, opening: float = 0.0) -> None:
        """Take a hop (160,), the newest log-mel frame (80,) or None before the first one, and the network's aperture."""
        self._heard += spec.HOP_LENGTH
        if mel is None:
            return
        if kernels.gate_hop(hop, mel, self._memory):
            self._last = self._heard - _WINDOW_TAIL
            self._from_noise = False
            if self._voiced < VOICED_HOPS:
                self._voiced += self.pitch > 0.0
            else:
                self._breath = BREATH_HOPS
        elif opening > BREATH and self._breath > 0 and self._heard - self._lookahead <= self._last + HOLD:
            # An open mouth breathes in before it speaks; no sound tells that hiss from a machine's, but the network does.
            self._breath -= 1
            self._last = self._heard - _WINDOW_TAIL
        elif self._state.item(kernels.STEADY):
            # What was taken for a voice was this noise: let the face at present go at once.
            self._last = min(self._last, self._heard - self._lookahead - HOLD - spec.HOP_LENGTH)
            self._from_noise = True
            self._voiced = 0

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
            self.mouth = max(0.0, self.mouth - step / (NOISE_RELEASE if self._from_noise else RELEASE))
            self.upper = max(0.0, self.upper - step / UPPER_RELEASE)

    @property
    def shares(self) -> tuple[float, float]:
        """What the fades leave of the mouth and of the upper face, 0 to 1."""
        if self.mouth >= 1.0 and self.upper >= 1.0:
            return 1.0, 1.0
        return _ease(self.mouth), _ease(self.upper)

    def shape(self, face: np.ndarray) -> None:
        """Fade the (52,) `face` in place; fully open leaves every bit."""
        if self.upper >= 1.0 and self.mouth >= 1.0:
            return
        fade(self._is_mouth, *self.shares, face)


def _ease(x: float) -> float:
    """A fade without corners: 0 → 0, 1 → 1, level at both."""
    return x * x * (3.0 - 2.0 * x)
