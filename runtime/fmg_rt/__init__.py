"""Facial Motion Generator, runtime: speech in, 52 ARKit blendshape coefficients out, in real time, on any CPU.

>>> from fmg_rt import FaceStream, weights
>>> stream = FaceStream(weights.read(weights.packaged()))
>>> for time, face in stream.feed(samples):  # float32 at 16 kHz, blocks of any size
...     ...
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .stream import FaceStream

__all__ = ["FaceStream"]


def __getattr__(name: str):
    # Compiled code is loaded by who asks for it: `fmg-rt --help` must not wait for it.
    if name == "FaceStream":
        from .stream import FaceStream

        return FaceStream
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
