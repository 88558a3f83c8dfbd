"""The status of a run: one line on a terminal, otherwise a log line at intervals."""

import math
import shutil
import sys
import threading
import time
import unicodedata
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TextIO

import numpy as np

from ..sources import Source

_REFRESH = 0.1
"""Seconds between two updates."""
_LOG_INTERVAL = 10.0
"""Seconds between two log lines without a terminal."""
_RATE_WINDOW = 20
"""Updates over which the frame rate is measured."""
_FLOOR = -90.0
"""Level of silence, dBFS."""


class Status:
    """Counters for the loop, numbers and reports for the user.

    The loop only counts. A thread of its own writes, since a console may block for as long as someone marks text in it.

    Parameters
    ----------
    source : whose name, trouble and overflows are shown.
    delay : seconds that stream and network hold a frame back.
    failing : names of the sinks in trouble now.
    listeners : called with each set of numbers (see `numbers`), ten times a second, on the status thread.
    out : where to write.
    """

    def __init__(
        self,
        source: Source,
        delay: float,
        *,
        failing: Callable[[], Sequence[str]] = tuple,
        listeners: Sequence[Callable[[Mapping[str, Any]], None]] = (),
        out: TextIO | None = None,
    ):
        self._source = source
        self._delay = delay
        self._failing = failing
        self._listeners = listeners
        self._out = out or sys.stderr
        self._terminal = self._out.isatty()
        self._power = 0.0
        self._frames = 0
        self._computing = 0.0
        self._compute = np.zeros(512)  # (newest frames,) seconds
        self._looks: deque[tuple[float, int]] = deque(maxlen=_RATE_WINDOW)
        self._reports: deque[str] = deque()
        self._shown = 0
        self._began = time.monotonic()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._tell, name="fmg-status", daemon=True)
        self._thread.start()

    def count(self, hop: np.ndarray | None, n_frames: int, seconds: float) -> None:
        """Note a hop (160,) or None, the frames that were sent and what all took to compute; for the loop."""
        if hop is not None:
            self._power += 0.2 * (float(np.dot(hop, hop)) / len(hop) - self._power)
        self._computing += seconds
        if n_frames:
            for _ in range(n_frames):
                self._compute[self._frames % len(self._compute)] = self._computing / n_frames
                self._frames += 1
            self._computing = 0.0

    def report(self, text: str) -> None:
        """Report one line; from any thread, without waiting."""
        self._reports.append(text)

    def numbers(self) -> dict[str, Any]:
        """``level`` (dBFS), ``rate`` (frames/s), ``compute_p50``, ``compute_p99`` and ``latency`` (ms), ``overflows``
        (hops of audio lost), ``device`` (name), ``note`` (why no audio comes; empty while it does), ``failing`` (names of
        sinks)."""
        (then, before), (now, frames) = self._looks[0], self._looks[-1]
        compute = np.sort(self._compute[: self._frames]) * 1000
        p50, p99 = (float(compute[int(q * len(compute))]) if len(compute) else 0.0 for q in (0.5, 0.99))
        return {
            "level": max(10 * math.log10(self._power + 1e-12), _FLOOR),
            "rate": (frames - before) / (now - then) if now > then else 0.0,
            "compute_p50": p50,
            "compute_p99": p99,
            "latency": 1000 * (self._source.latency + self._delay) + p50,
            "overflows": self._source.overflows,
            "device": self._source.name,
            "note": self._source.trouble,
            "failing": list(self._failing()),
        }

    def close(self) -> None:
        """Write what is left to say, and how much was done."""
        seconds = time.monotonic() - self._began
        self.report(f"{self._frames} frames in {seconds:.1f} s, overflows {self._source.overflows}")
        self._closing.set()
        self._thread.join(timeout=1.0)  # a blocked console must not prevent the exit

    def _tell(self) -> None:
        next_log, note = time.monotonic() + _LOG_INTERVAL, ""
        while True:
            closing = self._closing.wait(_REFRESH)
            now = time.monotonic()
            self._looks.append((now, self._frames))
            numbers = self.numbers()
            for listener in self._listeners:
                listener(numbers)
            if numbers["note"] != note and not self._terminal and not closing:
                self.report(numbers["note"] or f"{numbers['device']}: works again")
                note = numbers["note"]
            try:
                while self._reports:
                    self._write_line(self._reports.popleft())
                if closing:
                    return
                if self._terminal:
                    self._rewrite(_line(numbers))
                elif now >= next_log:
                    self._write_line(_line(numbers))
                    next_log = now + _LOG_INTERVAL
            except (OSError, ValueError):  # the reader has closed it
                return

    def _write_line(self, text: str) -> None:
        self._rewrite("")
        self._out.write(("\r" if self._terminal else "") + f"fmg-rt: {text}\n")
        self._out.flush()

    def _rewrite(self, line: str) -> None:
        # Overwrite with spaces: not every console knows escape codes.
        if not self._terminal:
            return
        line, width = _fit(line, shutil.get_terminal_size().columns - 1)
        self._out.write("\r" + line + " " * max(self._shown - width, 0))
        self._out.flush()
        self._shown = width


def _line(n: Mapping[str, Any]) -> str:
    bar = "#" * round(10 * (n["level"] - _FLOOR) / -_FLOOR)
    # Problems come first: a narrow terminal cuts off the end.
    trouble = f"{n['note']}  " if n["note"] else ""
    trouble += f"not taking frames: {', '.join(n['failing'])}  " if n["failing"] else ""
    return (
        f"{trouble}{n['level']:4.0f} dB {bar:<10} {n['rate']:5.1f} frames/s  compute {n['compute_p50']:.2f} / "
        f"{n['compute_p99']:.2f} ms  latency {n['latency']:.0f} ms  overflows {n['overflows']}  {n['device']}"
    )


def _fit(text: str, columns: int) -> tuple[str, int]:
    """As much of `text` as fits into `columns`, and its width: Japanese characters are two columns wide."""
    width = 0
    for i, letter in enumerate(text):
        step = 2 if unicodedata.east_asian_width(letter) in "WF" else 1
        if width + step > columns:
            return text[:i], width
        width += step
    return text, width
