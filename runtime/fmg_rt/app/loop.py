"""The loop of `fmg-rt`: a source's hops through the stream to the sinks, until the source ends or someone stops it."""

import time

import numpy as np

from .. import spec
from ..frame import Frame
from ..handover import Handover
from ..sinks import Sinks
from ..sources import Source
from ..sources.clock import Pace
from ..stream import FaceStream
from .status import Status
from .stop import Stop

_PATIENCE = 0.2
"""Seconds without audio after which silence is fed instead: longer than the blocks of any sane device."""


def run(source: Source, stream: FaceStream | Handover, sinks: Sinks, status: Status, *, live: bool = True,
        stop: Stop | None = None) -> None:  # fmt: skip
    """Send the face of everything that `source` gives, then a resting face, whatever ends it; closes the sinks.

    Parameters
    ----------
    live : feed silence by the clock while no audio comes, so that the face rests and frames keep their rate. False
        takes nothing but the source's audio, however long that takes: deterministic.
    stop : ends the loop early; its caller looks at ``stop.signal`` afterwards, and has deferred it since there are sinks.

    Raises
    ------
    SourceError
        The source broke for good.

    Notes
    -----
    It also ends when every sink gave up for good: nobody would see the face.
    """
    stop = stop or Stop()
    hop = np.zeros(spec.HOP_LENGTH, np.float32)  # (160,)
    silence: Pace | None = None
    timeout = _PATIENCE
    ended = False
    try:
        stop.deferred = False
        while not (ended or stop.signal or len(sinks) == 0):
            if source.read(hop, timeout):
                silence, timeout = None, _PATIENCE
            else:
                ended = source.ended
                if not (live or ended):
                    continue
                silence = silence or Pace()
                timeout = silence.next(spec.HOP_LENGTH)
                hop.fill(0.0)
            stop.deferred = True
            began = time.perf_counter()
            faces = stream.finish() if ended else stream.step(hop)
            first = stream.index - len(faces)
            for i, face in enumerate(faces):
                sinks.send(Frame(first + i, (first + i) / stream.rate, face))
            status.count(hop, len(faces), time.perf_counter() - began)
            stop.deferred = False
    finally:
        stop.deferred = True
        sinks.rest()
        sinks.close()
