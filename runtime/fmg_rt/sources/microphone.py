"""A microphone through PortAudio, opened again by name after it was unplugged."""

import threading
import time
from types import ModuleType
from typing import Any

import numpy as np

from .. import spec
from . import SourceError
from .devices import find, inputs, portaudio
from .resampler import Resampler
from .ring import Ring

_CAPACITY = 0.5
"""Seconds of audio that may wait; beyond, the oldest is dropped."""
_STALL = 1.0
"""Seconds without a block after which a device counts as gone, even if its system says nothing."""
_GRACE = 4.0
"""The same for the first block: a wireless headset starts slowly."""
_FIRST_DELAY, _LAST_DELAY = 0.25, 2.0
"""Seconds between two tries to open a lost device: doubled from the first to the last."""
_portaudio_lock = threading.Lock()
"""Held while PortAudio's list of devices is read or made again."""


class _Line:
    """One open device: its blocks come in on PortAudio's thread, its hops go out on the reader's."""

    def __init__(self, sd: ModuleType, device: dict[str, Any]):
        rate = device["default_samplerate"]
        n = max(round(rate * spec.HOP_LENGTH / spec.SAMPLE_RATE), 1)  # 10 ms, or the nearest
        self.overflows = 0
        self.heard = 0.0
        """When the last block came; 0 before the first."""
        self._opened = time.monotonic()
        self._reading = False
        self._block = np.empty(n, np.float32)  # (n,)
        self._ring = Ring(max(round(_CAPACITY * rate), 2 * n))
        self._resampler = Resampler(rate, live=True)
        self._stream = self._open(sd, device, rate, n)
        self.latency = max(n / rate, self._stream.latency) + self._resampler.latency

    def _open(self, sd: ModuleType, device: dict[str, Any], rate: float, n: int):
        # Some drivers open a device with all of its channels or not at all: then the first one counts.
        for channels in sorted({1, device["max_input_channels"]}):
            try:
                stream = sd.InputStream(
                    device=device["index"],
                    channels=channels,
                    samplerate=rate,
                    blocksize=n,
                    dtype="float32",
                    latency="low",
                    callback=self._take,
                )
            except sd.PortAudioError as error:
                refusal = str(error)
                continue
            try:
                stream.start()
                return stream
            except sd.PortAudioError as error:
                stream.close(ignore_errors=True)
                refusal = str(error)
        raise SourceError(
            f"the microphone '{device['name']}' cannot be opened ({refusal}): is it in use elsewhere, "
            "or forbidden by the system's privacy settings?"
        )

    def _take(self, block: np.ndarray, n: int, _time: Any, status: Any) -> None:
        # PortAudio's thread: copy and count, nothing else.
        if status.input_overflow:
            self.overflows += 1
        self._ring.write(block[:, 0])
        self.heard = time.monotonic()

    @property
    def alive(self) -> bool:
        deadline = self.heard + _STALL if self.heard else self._opened + _GRACE
        return self._stream.active and time.monotonic() < deadline

    @property
    def lost(self) -> int:
        """Hops lost: blocks that the system dropped, and what the ring did."""
        return self.overflows + -(-self._ring.overflow // len(self._block))

    def read(self, hop: np.ndarray, timeout: float) -> bool:
        if not self._reading:  # older audio would only make the face late
            self._reading = True
            self._ring.clear()
        while not self._resampler.pop(hop):
            if self._ring.read(self._block):
                self._resampler.push(self._block)
            elif not self._ring.wait(timeout):
                return False
        return True

    def close(self) -> None:
        self._stream.close(ignore_errors=True)


class Microphone:
    """Live audio from a recording device at its own rate.

    A thread watches the device. When it goes away, `trouble` says so and `read` returns False until a device of the
    same name is back; the list of devices is read again for every try.

    Parameters
    ----------
    device : index, name or part of a name; None takes the system's default.

    Raises
    ------
    SourceError
        No PortAudio, no such device, or it cannot be opened.
    """

    ended = False

    def __init__(self, device: str | None = None):
        self._sd = portaudio()
        self._lost_before = 0
        with _portaudio_lock:
            found = find(inputs(self._sd), device)
        self.name = found["name"]
        self._line: _Line | None = _Line(self._sd, found)
        self._wake = threading.Event()
        self._chosen: str | None = None
        self._closing = False
        self._keeper = threading.Thread(target=self._keep, name="fmg-microphone", daemon=True)
        self._keeper.start()

    @property
    def trouble(self) -> str:
        line = self._line
        return "" if line is not None and line.heard else f"waiting for the microphone '{self.name}'"

    @property
    def latency(self) -> float:
        line = self._line
        return line.latency if line is not None else 0.0

    @property
    def overflows(self) -> int:
        line = self._line
        return self._lost_before + (line.lost if line is not None else 0)

    def devices(self) -> list[str]:
        """Names of all microphones that PortAudio knows of."""
        with _portaudio_lock:
            return list(dict.fromkeys(device["name"] for device in inputs(self._sd)))

    def choose(self, name: str) -> None:
        """Switch to another microphone; for any thread."""
        self._chosen = name
        self._wake.set()

    def read(self, hop: np.ndarray, timeout: float) -> bool:
        line = self._line
        if line is None:
            time.sleep(timeout)
            return False
        return line.read(hop, timeout)

    def close(self) -> None:
        self._closing = True
        self._wake.set()
        # A driver may hang in its close: then the process exits without it.
        self._keeper.join(timeout=1.0)

    def _keep(self) -> None:
        while not self._closing:
            self._wake.wait(0.1)
            self._wake.clear()
            chosen, self._chosen = self._chosen, None
            if chosen is not None and not self._closing:
                self.name = chosen
                self._drop()
                self._reopen()
            elif self._line is not None and not self._line.alive and not self._closing:
                self._drop()
                self._reopen()
        self._drop()

    def _drop(self) -> None:
        line, self._line = self._line, None
        if line is not None:
            self._lost_before += line.lost
            line.close()

    def _reopen(self) -> None:
        delay = _FIRST_DELAY
        while not self._closing and self._chosen is None:
            try:
                with _portaudio_lock:
                    # PortAudio reads the list of devices once: only a new start shows what was plugged in since.
                    if self._sd._initialized:
                        self._sd._terminate()
                    self._sd._initialize()
                    same = [d for d in inputs(self._sd) if d["name"] == self.name]
                    line = _Line(self._sd, find(same, None))
                self._line = line
                return
            except (SourceError, self._sd.PortAudioError):
                self._wake.wait(delay)
                delay = min(2 * delay, _LAST_DELAY)
