"""What a server counts, shared by its processes, and how Prometheus reads it.

Reference: the text exposition format 0.0.4 of Prometheus.
"""

import bisect
from collections.abc import Iterator, Sequence

import numpy as np

WAYS = ("grpc", "websocket", "bake")
"""How a stream comes in."""
REASONS = ("invalid", "too big", "too long", "full", "idle", "leaving", "token", "origin", "failed")
"""Values of `limits.Reason`."""
LATENESS = (0.002, 0.005, 0.01, 0.02, 0.033, 0.066, 0.133, 0.333, 1.0)
"""Upper bounds of the lateness buckets, s."""

_PLAIN = ("frames", "audio_seconds", "compute_seconds", "lateness_seconds", "threads")
_SLOTS = {
    name: i
    for i, name in enumerate(
        (
            *_PLAIN,
            *(f"now {way}" for way in WAYS),
            *(f"total {way}" for way in WAYS),
            *(f"refused {reason}" for reason in REASONS),
            *(f"late {bound}" for bound in (*LATENESS, "more")),
        )
    )
}
N_SLOTS = len(_SLOTS)


class Metrics:
    """Counters of one process, a row of a table that all processes of a server share.

    Parameters
    ----------
    table : (processes, N_SLOTS) float64, all 0 at the start; None makes one for a single process.
    row : of this process.
    """

    def __init__(self, table: np.ndarray | None = None, row: int = 0) -> None:
        self._table = np.zeros((1, N_SLOTS)) if table is None else table
        self._own = self._table[row]
        self._own[:] = 0.0

    def count(self, name: str, amount: float = 1.0) -> None:
        """Add to a counter: ``frames``, ``audio_seconds``, ``now grpc``, ``refused full`` …"""
        self._own[_SLOTS[name]] += amount

    def late(self, seconds: float, frames: int) -> None:
        """So many frames were ready that long after their audio had come."""
        if frames:
            bound = bisect.bisect_left(LATENESS, seconds)
            self._own[_SLOTS["late more"] - len(LATENESS) + bound] += frames
            self.count("lateness_seconds", seconds * frames)

    def total(self, name: str) -> float:
        """A counter's sum over all processes."""
        return float(self._table[:, _SLOTS[name]].sum())

    @property
    def streams(self) -> int:
        """Streams now open, in all processes."""
        return round(sum(self.total(f"now {way}") for way in WAYS))

    def text(self) -> str:
        """Everything, for ``GET /metrics``."""
        return "\n".join(self._lines()) + "\n"

    def _lines(self) -> Iterator[str]:
        yield from _series("fmg_streams", "gauge", "Streams now open.", "way", WAYS, [self.total(f"now {way}") for way in WAYS])
        yield from _series(
            "fmg_streams_opened_total",
            "counter",
            "Streams ever opened.",
            "way",
            WAYS,
            [self.total(f"total {way}") for way in WAYS],
        )
        yield from _series(
            "fmg_refusals_total",
            "counter",
            "Streams and requests refused or ended by the server.",
            "reason",
            [reason.replace(" ", "_") for reason in REASONS],
            [self.total(f"refused {reason}") for reason in REASONS],
        )
        for name, text in (
            ("frames", "Frames given."),
            ("audio_seconds", "Audio heard, s."),
            ("compute_seconds", "Time that threads spent on faces, s."),
        ):
            yield from _series(f"fmg_{name}_total", "counter", text, "", [""], [self.total(name)])
        heard = self.total("audio_seconds")
        cost = self.total("compute_seconds") / heard if heard else 0.0
        yield from _series(
            "fmg_compute_per_audio_second", "gauge", "Seconds of computing for a second of audio.", "", [""], [cost]
        )
        yield from _series("fmg_threads", "gauge", "Threads that compute faces.", "", [""], [self.total("threads")])
        counts = np.cumsum([self.total(f"late {bound}") for bound in (*LATENESS, "more")])
        name = "fmg_lateness_seconds"
        yield from _head(name, "histogram", "From a piece of audio to its frames, s; one observation a frame.")
        for bound, count in zip((*map(str, LATENESS), "+Inf"), counts, strict=True):
            yield f'{name}_bucket{{le="{bound}"}} {count:.10g}'
        yield f"{name}_sum {self.total('lateness_seconds'):.10g}"
        yield f"{name}_count {counts[-1]:.10g}"


def _head(name: str, kind: str, text: str) -> Iterator[str]:
    yield f"# HELP {name} {text}"
    yield f"# TYPE {name} {kind}"


def _series(name: str, kind: str, text: str, label: str, keys: Sequence[str], values: Sequence[float]) -> Iterator[str]:
    yield from _head(name, kind, text)
    for key, value in zip(keys, values, strict=True):
        yield f'{name}{{{label}="{key}"}} {value:.10g}' if label else f"{name} {value:.10g}"
