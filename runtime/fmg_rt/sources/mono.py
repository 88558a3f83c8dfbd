"""One channel of many: the mean, unless that would cancel the voice; or one that is asked for."""

import logging

import numpy as np

CHANNELS = ("mix", "left", "right")
_LOUD = 1e-5
"""Power (−50 dBFS) from which on two channels are compared."""
_CANCELLED = 0.05
"""A mean with less than this share of the louder channel's power (−13 dB) has lost the voice."""
_LOUDEST = np.float32(8.0)
"""Far beyond full scale, which is ±1, and within what a session takes."""
_log = logging.getLogger(__name__)


class Mono:
    """Turns blocks (n, channels) float32 into (n,).

    Two channels that hold the same voice with opposite signs, as a balanced line recorded as stereo does, would cancel:
    from then on the louder one is taken, and that is said once.

    Parameters
    ----------
    name : of the source, for what is said.
    channel : ``mix``, ``left``, ``right``, or the index of a channel from 0; one that is not there is the last one.
    """

    def __init__(self, name: str, channel: str | int = "mix"):
        self._name = name
        self._taken: int | None = {"mix": None, "left": 0, "right": 1}[channel] if isinstance(channel, str) else channel

    def __call__(self, block: np.ndarray) -> np.ndarray:
        """The one channel; what is no number becomes 0, since a filter would spread it, and nothing is louder than ±8."""
        n_channels = block.shape[1]
        if n_channels == 1 or not len(block):
            mono = block[:, 0]
        else:
            if self._taken is None and n_channels == 2:
                self._compare(block)
            with np.errstate(all="ignore"):
                mono = block.mean(axis=1) if self._taken is None else block[:, min(self._taken, n_channels - 1)]
        return np.clip(np.nan_to_num(mono, nan=0.0, posinf=0.0, neginf=0.0), -_LOUDEST, _LOUDEST)

    def _compare(self, block: np.ndarray) -> None:
        with np.errstate(all="ignore"):
            power = np.square(block).mean(axis=0)
            mean = float(np.square(block.mean(axis=1)).mean())
        louder = int(power.argmax())
        if power[louder] > _LOUD and mean < _CANCELLED * power[louder] and power.min() > 0.25 * power[louder]:
            self._taken = louder
            _log.warning(
                "%s: its two channels cancel each other (one is the other upside down); only the %s one is heard",
                self._name,
                CHANNELS[1 + louder],
            )
