"""FaceStream: hops of audio in, faces out. Owns all state between them; time is the sample count.

The engine of `session.Session`, which is what a host uses.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from . import arkit, spec
from .features import LogMel
from .frame import NO_EMOTION, STILL
from .heard import Feeling, Heard
from .networks import build
from .networks.emotion import EmotionReadout
from .weights import Weights

if TYPE_CHECKING:  # their kernels are loaded by whoever makes an instance, not by who can take one
    from .egemaps import EGeMAPS
    from .expression import Expression

MAX_RATE = 120.0
"""Highest frame rate, frames per second."""
_MOST = 8
"""Frames that one hop can complete: the look-ahead never holds back more than one step's."""
SILENCE = np.zeros(spec.HOP_LENGTH, np.float32)
"""A hop without sound, (160,)."""
SILENCE.flags.writeable = False


class FaceStream:
    """Turn a stream of audio into frames of 52 ARKit coefficients.

    Frame ``k`` is the face at sample ``round(k * 16000 / rate)`` of the utterance: the network's look-ahead delays when a
    frame comes out, not what time it is for. One stream belongs to one thread; many streams may share one `Weights`.

    Parameters
    ----------
    weights : a loaded weight file.
    rate : frames per second, 1 to 120.
    lookahead : samples of future audio to use, one of ``weights.lookaheads``; None takes the file's default.
    expression : what audio does not decide (rest, blinks, smoothing …); None gives the network's output as it is.
    egemaps : a fresh `EGeMAPS`; None: the 88 functionals stand at their mean, and the expression hears the log-mel only.

    Attributes
    ----------
    index : number of the next frame of this utterance.
    next_time : sample of the utterance that the next frame shows.
    samples : heard since the utterance began.
    heads : (8, 3) float32, heads of the frames that the last `step` gave, in its order.
    emotion : what the newest frame shows.

    Raises
    ------
    ValueError
        Rate outside 1 to 120.
    WeightsError
        The weights have no read-out for that look-ahead.
    """

    def __init__(
        self,
        weights: Weights,
        *,
        rate: float = 30.0,
        lookahead: int | None = None,
        expression: Expression | None = None,
        egemaps: EGeMAPS | None = None,
    ):
        if not 1.0 <= rate <= MAX_RATE:
            raise ValueError(f"the frame rate must lie between 1 and {MAX_RATE:g} Hz, not {rate:g}")
        self.rate = rate
        self.network = build(weights, lookahead)
        self.expression = expression
        self._log_mel = LogMel()
        self._egemaps = egemaps
        self._readout = EmotionReadout(weights) if weights.emotion and egemaps is not None else None
        self._frames = np.zeros((_MOST, arkit.N_COEFFICIENTS), np.float32)  # (8, 52)
        self.heads = np.zeros((_MOST, len(STILL)), np.float32)  # (8, 3)
        self.emotion: Mapping[str, float] = NO_EMOTION
        self.reset()
        # The first call of a compiled function costs milliseconds even from the cache: pay it here.
        for _ in range(8):
            self.step(SILENCE)
        self.reset()

    @property
    def latency(self) -> int:
        """Most samples from a sound to the frame that shows it: look-ahead, one step, and the wait for a whole hop."""
        return self.network.lookahead + self.network.step_length + -spec.WIN_LENGTH % spec.HOP_LENGTH

    def reset(self) -> None:
        """Forget everything heard; equal to a new stream."""
        self._origin = self.samples = 0
        self.begin()
        if self.expression is not None:
            self.expression.reset()
        if self._egemaps is not None:
            self._egemaps.reset()
        if self._readout is not None:
            self._readout.reset()
        self._spoken = 0  # samples of speech since the voice was last read
        self.emotion = NO_EMOTION

    def begin(self) -> None:
        """Begin a new utterance: its time starts at 0, the words heard are forgotten, and what lives goes on living.

        Blinks, gaze, the speaker's level and the noise of the room go on; the network starts again.
        """
        self._origin += self.samples
        self.index = self.next_time = self.samples = 0
        self._log_mel.reset()
        self.network.reset()

    def step(self, hop: np.ndarray) -> np.ndarray:
        """Take 160 samples, (160,) float32; return the frames now ready, (n, 52) in [0, 1], n ≥ 0.

        The result is a view, valid until the next call. ``index`` counts the frames given so far.

        Raises
        ------
        ValueError
            Not (160,) float32: the kernels check nothing.
        """
        if self.hear(hop):
            self.network.step()
        return self.show()

    def hear(self, hop: np.ndarray) -> bool:
        """The first part of `step`: True when the network has a step to compute before `show`.

        Steps of several streams can then be computed together, see `pool.Pool`.
        """
        if hop.shape != (spec.HOP_LENGTH,) or hop.dtype != np.float32:
            raise ValueError(f"a hop is ({spec.HOP_LENGTH},) float32, not {hop.shape} {hop.dtype}")
        self.samples += spec.HOP_LENGTH
        mel = self._log_mel.frame if self._log_mel.push(hop) else None
        due = mel is not None and self.network.take(mel)
        lld = feeling = None
        if self._egemaps is not None:
            lld, feeling = self._listen_egemaps(self._egemaps, hop)
        self._heard = hop, mel, lld, feeling
        self._stepped = due
        return due

    def show(self) -> np.ndarray:
        """The last part of `step`: the frames now ready."""
        if self.expression is not None:
            step = self.network.newest if self._stepped else None
            time, presence = self._origin + self.network.horizon, self.network.early_presence
            self.expression.listen(Heard(*self._heard, step, time, presence))
        n = 0
        while self.next_time <= self.network.horizon and n < _MOST:
            face = self._frames[n]
            self.network.evaluate(self.next_time, face)
            if self.expression is not None:
                self.expression.shape(face, self._origin + self.next_time)
                self.heads[n] = self.expression.head
                self.emotion = self.expression.emotion
            n += 1
            self.index += 1
            self.next_time = round(self.index * spec.SAMPLE_RATE / self.rate)
        return self._frames[:n]

    def finish(self) -> np.ndarray:
        """The frames up to the end of the audio that look-ahead still held back, (n, 52); silence follows it."""
        end, rest = self.samples, [np.empty((0, arkit.N_COEFFICIENTS), np.float32)]
        while self.next_time < end:
            first = self.index
            frames = self.step(SILENCE)
            rest.append(frames[: wanted(first, len(frames), end, self.rate)].copy())
        return np.concatenate(rest)

    def rest(self) -> None:
        """Begin a new utterance whose face rests until a voice is heard."""
        self.begin()
        if self.expression is not None:
            self.expression.rest()

    def _listen_egemaps(self, egemaps: EGeMAPS, hop: np.ndarray) -> tuple[np.ndarray, Feeling | None]:
        """The newest low-level descriptors (27,), and what the voice feels when that is read again."""
        egemaps.push(hop)
        if self.expression is not None and self.expression.speaking:
            self._spoken += spec.HOP_LENGTH
        if (self._origin + self.samples) % spec.EGEMAPS_INTERVAL or not egemaps.ready:
            return egemaps.lld, None
        spoken, self._spoken = self._spoken, 0
        readout = self._readout if spoken else None
        if readout is None and not self.network.hears_egemaps:  # the functionals cost as much as three hops
            return egemaps.lld, None
        features = egemaps.functionals()
        self.network.set_egemaps(features)
        return egemaps.lld, None if readout is None else readout(features, spoken / spec.SAMPLE_RATE)


def wanted(first: int, n: int, end: float, rate: float) -> int:
    """How many of `n` frames, numbered from `first`, show a time before sample `end`."""
    return sum(round((first + i) * spec.SAMPLE_RATE / rate) < end for i in range(n))
