"""Facial Motion Generator, runtime: speech in, 52 ARKit blendshape coefficients out, in real time, on any CPU.

>>> from fmg_rt import Session
>>> session = Session()
>>> for frame in session.push(samples):  # int16 or float32, blocks of any size
...     ...
"""

import importlib
from typing import TYPE_CHECKING

from .distribution import __version__
from .errors import FmgError
from .frame import Frame

if TYPE_CHECKING:
    from .audio import AudioError
    from .egemaps import EGeMAPS
    from .expression import ExpressionSettings
    from .pool import Pool
    from .session import AsyncSession, Session
    from .weights import Weights

__all__ = [
    "AsyncSession",
    "AudioError",
    "EGeMAPS",
    "ExpressionSettings",
    "FmgError",
    "Frame",
    "Pool",
    "Session",
    "Weights",
    "__version__",
]

_ROOMS = {
    "AsyncSession": "session",
    "AudioError": "audio",
    "EGeMAPS": "egemaps",
    "ExpressionSettings": "expression",
    "Pool": "pool",
    "Session": "session",
    "Weights": "weights",
}


def __getattr__(name: str) -> object:
    # Compiled code is loaded by who asks for it: `fmg-rt --help` must not wait for it.
    if name in _ROOMS:
        return getattr(importlib.import_module(f"{__name__}.{_ROOMS[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
