"""What audio does not decide: rest, lips that close, emotions, blinks, gaze, brows, head, smoothing, strength.

The order of the parts stands in `Expression.shape`; each is one module with one switch in `ExpressionSettings`.
"""

from collections.abc import Mapping

import numpy as np

from .. import arkit, spec
from ..heard import Heard
from ..kernels import expression_face as kernels
from .accents import ACCENTS, Accents, level_of_loudness
from .asymmetry import Asymmetry, slot_of
from .blink import Blink
from .breath import Breath
from .calibration import CalibrationError, laid_out, read_calibration, write_calibration
from .emotion import Emotions
from .gate import RestGate
from .gaze import Gaze
from .head import Head
from .keyframes import KeyframeError, read_keyframes
from .level import Levelling, factors_of
from .lips import LipGuard, aperture
from .merge import Merge, Tracker
from .settings import MOUTH, ExpressionSettings, SettingsError, parse_mask
from .smooth import Smoothing

__all__ = [
    "REST",
    "CalibrationError",
    "Expression",
    "ExpressionSettings",
    "KeyframeError",
    "SettingsError",
    "Tracker",
    "aperture",
    "parse_mask",
    "read_calibration",
    "read_keyframes",
    "write_calibration",
]

REST = np.zeros(arkit.N_COEFFICIENTS, np.float32)
"""The face that a stream leaves behind: all 52 at 0."""
REST.flags.writeable = False

_BROWS = frozenset(arkit.REGIONS["brows"])
_IS_MOUTH = np.zeros(arkit.N_COEFFICIENTS, np.float32)
_IS_MOUTH[arkit.region_indices(*MOUTH)] = 1.0
_LOUDNESS, _SEMITONES = "Loudness", "F0semitoneFrom27.5Hz"


class Expression:
    """Turns what the network says of the mouth into a face that lives and rests. One per stream, one thread.

    Parameters
    ----------
    settings : which parts work and how strongly.
    rate : frames per second, 1 to 120.
    lookahead : samples that the audio handed to `listen` runs ahead of the face.
    seed : of blinks, gaze, breath, head and asymmetry; equal seeds and audio give equal faces.
    tracker : another source of faces whose upper half replaces ours, or None.
    """

    def __init__(
        self, settings: ExpressionSettings, rate: float, lookahead: int, seed: int = 0, tracker: Tracker | None = None
    ):
        self._exact = np.zeros(kernels.N_EXACT)  # (16,)
        self._gate = RestGate(lookahead)
        self._levelling = Levelling(self._exact)
        self._accents = Accents(self._exact)
        self._emotions = Emotions()
        self._lips = LipGuard()
        self._smoothing = Smoothing()
        self._asymmetry = Asymmetry(seed, self._exact)
        self._head = Head(seed)
        self._gaze = Gaze(seed)
        self._blink = Blink(rate, seed)
        self._breath = Breath(seed)
        self._merge = Merge(tracker) if tracker is not None else None
        self._step = np.empty(arkit.N_COEFFICIENTS, np.float32)  # (52,)
        self._turned = self._head.angles  # (3,)
        self._wanted = settings  # written by `update` on any thread, only read by `shape`
        self._lld_positions = (0, 0)  # of pitch and loudness
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
        self._take(self._wanted)
        parts = (
            self._gate,
            self._levelling,
            self._accents,
            self._emotions,
            self._lips,
            self._smoothing,
            self._asymmetry,
            self._head,
            self._gaze,
            self._blink,
            self._breath,
            self._merge,
        )
        for part in parts:
            if part is not None:
                part.reset()
        self._time = self._samples = 0
        self._lld: np.ndarray | None = None
        self._turned[:] = 0

    @property
    def speaking(self) -> bool:
        """Is the newest 10 ms speech? The audio runs ahead of the face."""
        return self._gate.speaking

    @property
    def head(self) -> np.ndarray:
        """The head at the newest frame, (3,) as `frame.Frame` says; overwritten by the next one."""
        return self._turned

    @property
    def emotion(self) -> Mapping[str, float]:
        """What the newest frame shows, as `frame.Frame` says."""
        return self._emotions.shown

    def rest(self) -> None:
        """Nobody speaks any more: mouth, brows and cheeks are at rest from the next frame on; what lives goes on."""
        for part in (self._gate, self._lips, self._smoothing):
            part.rest()

    def listen(self, heard: Heard) -> None:
        """Take the next 10 ms, and what the network and the eGeMAPS made of them."""
        opening = None
        if heard.face is not None:
            step = heard.face
            if self._parts & kernels.CALIBRATION:
                step = self._step
                step[:] = heard.face
                kernels.scale_and_shift(self._affine, step)
            opening = aperture(step)
            self._lips.listen(opening, heard.time)
        self._gate.listen(heard, opening)
        self._samples += spec.HOP_LENGTH
        if heard.mel is not None and self._settings.asymmetry:
            self._asymmetry.listen(self._samples, heard.mel, self._gate.level)
        if heard.lld is not None:
            self._hear(heard.lld)
        if heard.feeling is not None:
            self._emotions.feel(heard.feeling)

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

        # What the voice decides: the network's mouth, scaled; brows with the melody; smoothing, asymmetry, rest; emotions;
        # lips that close in spite of it.
        least, most = self._lips.seen(time)
        pitch, level = gate.pitch, gate.level
        if self._lld is not None:
            at_pitch, at_loudness = self._lld_positions
            pitch, level = self._lld.item(at_pitch), level_of_loudness(self._lld.item(at_loudness))
        if settings.asymmetry:
            self._asymmetry.choose(time)
        mouth, upper = gate.shares if settings.gate else (1.0, 1.0)
        emotions = self._emotions
        emotions.read(time / spec.SAMPLE_RATE)
        emotions.move(seconds, mouth, upper)
        parts = self._parts
        if emotions.strength > 0.0 or emotions.shown:
            parts |= kernels.EMOTION
        change = kernels.shape_voice(
            parts,
            seconds,
            speaking,
            least,
            most,
            pitch,
            level,
            self._smoothing.fresh,
            slot_of(time),
            mouth,
            upper,
            emotions.strength,
            emotions.upper,
            emotions.mouth,
            *self._arrays,
            face,
        )
        self._smoothing.fresh = not self._parts & kernels.SMOOTHING
        emotions.tell(change)
        # What lives in silence too; nothing here touches jaw, lips or tongue.
        if settings.gaze:
            self._gaze.shape(face, time, speaking, settings.eyes)
        if settings.blink:
            self._blink.shape(face, time, speaking)
        if settings.breath:
            self._breath.shape(face, time, 1.0 - gate.upper)
        if settings.head > 0.0:
            self._head.move(time, seconds, self._accents.accent, speaking, self._head_share)
        else:
            self._turned[:] = 0
        # What others decide.
        if self._merge is not None:
            self._merge.shape(face, time)
            if self._merge.share > 0.0:
                np.multiply(self._turned, np.float32(1.0 - self._merge.share), out=self._turned)
                if self._merge.head is not None:
                    self._turned += np.float32(self._merge.share) * self._merge.head
        kernels.keep_between(self._bounds, face)

    def _hear(self, lld: np.ndarray) -> None:
        """Take the newest eGeMAPS low-level descriptors, (27,): accents follow them from now on."""
        if self._lld is None:
            from ..egemaps import LLD_NAMES  # whoever calls this has loaded it; others need not compile it

            self._lld_positions = LLD_NAMES.index(_SEMITONES), LLD_NAMES.index(_LOUDNESS)
            self._accents.reset()  # its scales are not the gate's
        self._lld = lld

    def _take(self, settings: ExpressionSettings) -> None:
        """Lay out what the settings mean as arrays."""
        self._settings = settings
        switches = {
            kernels.CALIBRATION: settings.calibration,
            kernels.LIPS: settings.lips,
            kernels.LEVEL: settings.level,
            kernels.ACCENTS: settings.accents or settings.head > 0.0,
            kernels.SMOOTHING: settings.smoothing > 0.0,
            kernels.ASYMMETRY: settings.asymmetry,
            kernels.GATE: settings.gate,
        }
        self._parts = sum(part for part, on in switches.items() if on)
        self._affine = laid_out(settings.calibration)
        self._arrays = (
            *(self._exact, self._affine),
            *self._lips.arrays,
            *(ACCENTS[: len(ACCENTS) if settings.accents else 0], factors_of(settings), self._accents.amounts),
            *self._smoothing.arrays(settings.smoothing),
            *self._asymmetry.arrays,
            _IS_MOUTH,
            *self._emotions.arrays,
        )
        self._exact[kernels.SHOWN_GAIN] = 1.0
        self._emotions.take(settings)
        if not settings.lips:
            self._lips.reset()
        self._bounds = np.zeros((2, arkit.N_COEFFICIENTS), np.float32)  # (2, 52) lowest and highest
        self._bounds[1] = 1
        for name, bounds in settings.limits.items():
            self._bounds[:, arkit.INDEX[name]] = bounds
        if settings.mask is not None:
            self._bounds[:, [name not in settings.mask for name in arkit.ARKIT_NAMES]] = 0
        # Whose brows and eyes are another's has another's head.
        masked = settings.mask is not None and not settings.mask & _BROWS
        self._head_share = 0.0 if masked else settings.head
        if self._head_share == 0.0:
            self._turned[:] = 0
