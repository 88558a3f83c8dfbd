"""Streaming eGeMAPS: the 88 features of the extended Geneva Minimalistic Acoustic Parameter Set (version 02), live.

>>> from fmg_rt.egemaps import EGeMAPS, FEATURE_NAMES
>>> voice = EGeMAPS()                       # loads the kernels: seconds when they are compiled for the first time
>>> voice.push(samples)                     # float32 at 16 kHz, blocks of any size
>>> dict(zip(FEATURE_NAMES, voice.functionals()))

Importing the names is cheap. `EGeMAPS` and `egemaps` load the kernels on first access, so code that must
not wait asks in a background thread and hands the finished instance over.

References
----------
Eyben et al., The Geneva Minimalistic Acoustic Parameter Set (GeMAPS) for voice research and affective computing, IEEE
Transactions on Affective Computing 7, 2016.
"""

from typing import TYPE_CHECKING

from .names import FEATURE_NAMES, LLD_NAMES

if TYPE_CHECKING:
    from .stream import EGeMAPS, egemaps

__all__ = ["FEATURE_NAMES", "LLD_NAMES", "EGeMAPS", "egemaps"]


def __getattr__(name: str) -> object:
    if name in ("EGeMAPS", "egemaps"):
        from . import stream

        return getattr(stream, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
