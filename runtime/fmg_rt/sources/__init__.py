"""Where audio comes from: one module per kind of source, all of them 16 kHz mono in hops of 160."""

from typing import Protocol

import numpy as np

from ..errors import FmgError


class SourceError(FmgError):
    """There is no audio to be had from this source; the message is one line that says what to do."""


class Source(Protocol):
    """Hands out audio hop by hop, to one thread."""

    name: str
    """What the status line calls it."""

    @property
    def latency(self) -> float:
        """Seconds from a sound to the hop that holds it: the device's blocks and the resampling."""

    @property
    def overflows(self) -> int:
        """Hops of audio lost so far because they were not read in time."""

    @property
    def trouble(self) -> str:
        """Why no audio comes at the moment; empty while it works."""

    @property
    def ended(self) -> bool:
        """No audio will ever come again."""

    def read(self, hop: np.ndarray, timeout: float) -> bool:
        """Fill `hop` (160,) float32 with the next samples; False: none within `timeout` seconds, or `ended`.

        Raises
        ------
        SourceError
            The source broke for good.
        """

    def close(self) -> None:
        """Let go of device, file or thread."""
