"""Pool: many sessions on all cores, which compute the steps of their networks together."""

import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from . import weights as weight_files
from .audio import AudioError
from .frame import Frame
from .networks.gru import GRUNetwork
from .session import Session
from .stream import FaceStream
from .weights import Weights

TOGETHER = 32
"""Most sessions whose steps are computed in one pass over the weights: more would fill the cache with their sums."""
_FEWEST = 4
"""Fewer steps than this are no quicker together."""

Audio = bytes | bytearray | memoryview | np.ndarray


class Pool:
    """Sessions that share their weights, and threads that move them.

    Parameters
    ----------
    weights : as `Session` takes them; read once for all sessions.
    threads : that move faces; None: one for each core.

    Raises
    ------
    WeightsError
        No such weight file.
    """

    def __init__(self, weights: Weights | str | os.PathLike[str] | None = None, *, threads: int | None = None):
        if not isinstance(weights, Weights):
            weights = weight_files.read(weight_files.packaged() if weights is None else weights)
        self.weights = weights
        self._n_threads = threads or os.cpu_count() or 1
        self._threads = ThreadPoolExecutor(self._n_threads, "fmg-pool")

    def session(self, **options: Any) -> Session:
        """A new session of these weights; `options` as `Session` takes them."""
        return Session(self.weights, **options)

    def push(self, audio: Mapping[Session, Audio]) -> dict[Session, list[Frame] | AudioError]:
        """`Session.push` for many sessions at once, each with its own audio; the frames are equal to the last bit.

        What one session was given and cannot take comes back as the error that it is, and disturbs no other. A session is
        in one call at a time.
        """
        sessions = list(audio)
        n = min(TOGETHER, -(-len(sessions) // self._n_threads)) or 1
        groups = [{s: audio[s] for s in sessions[i : i + n]} for i in range(0, len(sessions), n)]
        if len(groups) == 1:
            return _push(groups[0])
        return {session: frames for done in self._threads.map(_push, groups) for session, frames in done.items()}

    def close(self) -> None:
        """End the threads."""
        self._threads.shutdown()


def _push(audio: Mapping[Session, Audio]) -> dict[Session, list[Frame] | AudioError]:
    done: dict[Session, list[Frame] | AudioError] = {}
    hops = {}
    for session, block in audio.items():
        try:
            hops[session] = session._take(block)
            done[session] = []
        except AudioError as error:
            done[session] = error
    while hops:
        heard: list[tuple[Session, FaceStream]] = []
        due: list[FaceStream] = []
        for session in list(hops):
            hop = next(hops[session], None)
            if hop is None:
                del hops[session]
            elif not isinstance(session._stream, FaceStream):  # its eGeMAPS are still compiling
                done[session] += session._step(hop)  # type: ignore[operator]
            else:
                heard.append((session, session._stream))
                if session._stream.hear(hop):
                    due.append(session._stream)
        _step([stream.network for stream in due])
        for session, stream in heard:
            done[session] += session._framed(stream.show())  # type: ignore[operator]
    return done


def _step(networks: list[Any]) -> None:
    """Compute the steps that are due, those of equal read-outs together."""
    alike: dict[tuple[int, int], list[GRUNetwork]] = {}
    for network in networks:
        if isinstance(network, GRUNetwork):
            alike.setdefault(network.shares, []).append(network)
        else:
            network.step()
    for first, *others in alike.values():
        if len(others) + 1 < _FEWEST:
            for network in (first, *others):
                network.step()
        else:
            first.step_with(others)
