"""Audio sources: one module per kind, all of them 16 kHz mono in hops of 160."""

from typing import Protocol

import numpy as np

from ..errors import FmgError


class SourceError(FmgError):
    """This source cannot deliver audio; the message is one line that says what to do."""


class Source(Protocol):
    """Delivers audio hop by hop, to one thread."""

    name: str
    """Its name in the status line."""

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
        """Release the device, file or thread."""
