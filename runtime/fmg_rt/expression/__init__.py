"""What audio does not decide: rest, lips that close, blinks, gaze, brows, smoothing, strength.

The order of the parts stands in `Expression.shape`; each is one module with one switch in `ExpressionSettings`.
"""

from collections.abc import Mapping

import numpy as np

from .. import arkit, spec
from ..frame import NO_EMOTION, STILL
from ..kernels.expression_face import keep_between, keep_in_range
from .accents import ACCENTS, Accents, level_of_loudness
from .blink import Blink
from .breath import Breath
from .calibration import Calibration, CalibrationError, read_calibration, write_calibration
from .gate import RestGate
from .gaze import Gaze
from .level import Levelling, Strength
from .lips import LipGuard, aperture
from .merge import Merge, Tracker
from .mood import FEELINGS, Mood
from .settings import ExpressionSettings, SettingsError, parse_mask
from .smooth import Smoothing

__all__ = [
    "REST", "CalibrationError", "Expression", "ExpressionSettings", "SettingsError", "Tracker",
    "aperture", "parse_mask", "read_calibration", "write_calibration",
]  # fmt: skip

REST = np.zeros(arkit.N_COEFFICIENTS, np.float32)
"""The face that a stream leaves behind: all 52 at 0."""
REST.flags.writeable = False

_LOUDNESS, _SEMITONES = "Loudness", "F0semitoneFrom27.5Hz"


class Expression:
    """Turns what the network says of the mouth into a face that lives and rests. One per stream, one thread.

    Parameters
    ----------
    settings : which parts work and how strongly.
    rate : frames per second, 1 to 120.
    lookahead : samples that the audio handed to `listen` runs ahead of the face.
    seed : of blinks, gaze and breath; equal seeds and audio give equal faces.
    tracker : another source of faces whose upper half replaces ours, or None.
    """

    def __init__(self, settings: ExpressionSettings, rate: float, lookahead: int, seed: int = 0,
                 tracker: Tracker | None = None):  # fmt: skip
        self._gate = RestGate(lookahead)
        self._levelling = Levelling()
        self._parts = np.concatenate((ACCENTS, FEELINGS))  # (8, 52)
        self._amounts = np.zeros(len(self._parts), np.float32)  # (8,)
        self._accents = Accents(self._amounts[: len(ACCENTS)])
        self._mood = Mood(self._amounts[len(ACCENTS) :])
        self._lips = LipGuard()
        self._smoothing = Smoothing()
        self._gaze = Gaze(seed)
        self._blink = Blink(rate, seed)
        self._breath = Breath(seed)
        self._merge = Merge(tracker) if tracker is not None else None
        self._wanted = settings  # written by `update` on any thread, only read by `shape`
        self._lld_positions: tuple[int, int] | None = None
        self._take(settings)
        self.reset()

    @property
    def settings(self) -> ExpressionSettings:
        """What the next frame is made with."""
        return self._wanted

    def update(self, settings: ExpressionSettings) -> None:
        """Use `settings` from the next frame on; may be called from any thread."""
        self._wanted = settings

    def reset(self) -> None:
        """Forget everything heard and drawn; equal to a new one with the present settings."""
        parts = (self._gate, self._levelling, self._accents, self._mood, self._lips, self._smoothing, self._gaze,
                 self._blink, self._breath, self._merge)  # fmt: skip
        for part in parts:
            if part is not None:
                part.reset()
        self._time = 0
        self._heard: tuple[float, float] | None = None

    @property
    def head(self) -> np.ndarray:
        """The head at the newest frame, (3,) as `frame.Frame` says."""
        return STILL

    @property
    def emotion(self) -> Mapping[str, float]:
        """What the newest frame shows, as `frame.Frame` says."""
        return NO_EMOTION

    def rest(self) -> None:
        """Nobody speaks any more: mouth, brows and cheeks are at rest from the next frame on; what lives goes on."""
        for part in (self._gate, self._lips, self._smoothing):
            part.rest()

    def listen(self, hop: np.ndarray, mel: np.ndarray | None) -> None:
        """Take the next 160 samples (160,) float32 and the newest log-mel frame (80,), or None before the first."""
        self._gate.listen(hop, mel)

    def hear(self, lld: np.ndarray) -> None:
        """Take the newest eGeMAPS low-level descriptors, ordered as `egemaps.LLD_NAMES`; accents follow them."""
        if self._lld_positions is None:
            from ..egemaps import LLD_NAMES  # whoever calls this has loaded it; others need not compile it

            self._lld_positions = LLD_NAMES.index(_SEMITONES), LLD_NAMES.index(_LOUDNESS)
        if self._heard is None:
            self._accents.reset()  # its scales are not the gate's
        pitch, loudness = self._lld_positions
        self._heard = lld.item(pitch), lld.item(loudness)

    def feel(self, arousal: float, valence: float) -> None:
        """Take the newest mood of the voice, each in [-1, 1]."""
        self._mood.feel(arousal, valence)

    def shape(self, face: np.ndarray, time: int) -> None:
        """Make the network's (52,) float32 `face` of sample `time` into the one that leaves, in place, in [0, 1].

        Parts that are off leave every bit, so with `ExpressionSettings.off()` the face stays what it was.
        """
        wanted = self._wanted
        if wanted is not self._settings:
            self._take(wanted)
        settings, gate = self._settings, self._gate
        seconds = (time - self._time) / spec.SAMPLE_RATE if time > self._time else 0.0
        self._time = time
        gate.advance(time)
        speaking = gate.open

        # What the network says, sized.
        if self._calibration is None:
            keep_in_range(face)
        else:
            self._calibration.shape(face)
        gain = 1.0
        if settings.level:
            if speaking:
                self._levelling.hear(face, seconds)
            gain = self._levelling.gain
        # What the voice adds.
        if settings.accents:
            pitch, level = self._melody()
            self._accents.weigh(seconds, pitch, level, speaking)
        if settings.mood > 0.0:
            self._mood.weigh(seconds, settings.mood)
        self._strength.shape(face, gain)
        # Steady hands: smooth what is open, fade what is silent, close what should be closed.
        closing = settings.lips and self._lips.see(face, seconds)
        if settings.smoothing > 0.0:
            self._smoothing.shape(face, seconds, closing)
        if settings.gate:
            gate.shape(face)
        if settings.lips:
            self._lips.shape(face)
        # What lives in silence too; nothing here touches jaw, lips or tongue.
        if settings.gaze:
            self._gaze.shape(face, time, speaking, settings.eyes)
        if settings.blink:
            self._blink.shape(face, time, speaking)
        if settings.breath:
            self._breath.shape(face, time, 1.0 - gate.upper)
        # What others decide.
        if self._merge is not None:
            self._merge.shape(face, time)
        keep_between(self._bounds, face)

    def _melody(self) -> tuple[float, float]:
        """Pitch in semitones (0: not voiced) and level in dB of the newest audio."""
        if self._heard is None:
            return self._gate.pitch, self._gate.level
        return self._heard[0], level_of_loudness(self._heard[1])

    def _take(self, settings: ExpressionSettings) -> None:
        """Lay out what the settings mean as arrays."""
        self._settings = settings
        self._calibration = Calibration(settings.calibration) if settings.calibration else None
        first = 0 if settings.accents else len(ACCENTS)
        end = len(self._parts) if settings.mood > 0.0 else len(ACCENTS)
        self._strength = Strength(settings, self._amounts[first:end], self._parts[first:end])
        if settings.smoothing > 0.0:
            self._smoothing.set_strength(settings.smoothing)
        self._bounds = np.zeros((2, arkit.N_COEFFICIENTS), np.float32)  # (2, 52) lowest and highest
        self._bounds[1] = 1
        for name, bounds in settings.limits.items():
            self._bounds[:, arkit.INDEX[name]] = bounds
        if settings.mask is not None:
            self._bounds[:, [name not in settings.mask for name in arkit.ARKIT_NAMES]] = 0
