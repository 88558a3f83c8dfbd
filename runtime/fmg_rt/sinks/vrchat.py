"""VRChat avatar parameters by OSC, under the names of VRCFaceTracking version 2, and VRChat's own eye tracking.

References: VRChat documentation, "OSC Avatar Parameters" and "OSC Eye Tracking"; VRCFaceTracking documentation,
"Parameters".
"""

from collections.abc import Collection, Iterator

import numpy as np

from ..arkit import ARKIT_NAMES, REGIONS
from ..frame import Frame
from ..wire.osc import BUNDLE_HEADER, DATAGRAM_LIMIT, FALSE, TRUE, element, message
from ..wire.unified import DEPENDS, NAMES, SIGNED, Unified
from .receiver import UdpReceiver

PORT = 9000
_EYES = frozenset(REGIONS["eyes"])
_GAZES = frozenset(name for name in _EYES if name.startswith("eyeLook"))
_LIDS = frozenset({"eyeBlinkLeft", "eyeBlinkRight"})
ACTIVE = {
    "LipTrackingActive": frozenset(REGIONS["jaw"] + REGIONS["lips"]),
    "ExpressionTrackingActive": frozenset(ARKIT_NAMES) - _EYES,
    "EyeTrackingActive": _EYES,
}
"""Tell the avatar to follow these parameters instead of VRChat's own lip sync and eyes, as long as they are true."""
FULL_GAZE = 45.0
"""Degrees of eye rotation at ±1, the normalisation of VRCFaceTracking."""
MAX_BITS = 8

_SIGNED = np.array(SIGNED)
_OPEN = NAMES.index("EyeOpen")
_GAZE = [NAMES.index(name) for name in ("EyeLeftY", "EyeLeftX", "EyeRightY", "EyeRightX")]
_TO_DEGREES = np.array([-FULL_GAZE, FULL_GAZE, -FULL_GAZE, FULL_GAZE], np.float32)  # pitch is positive downwards


class VrchatSink(UdpReceiver):
    """Sends what changed, and everything once a second: datagrams get lost and avatars get changed.

    VRChat answers on port 9001, which is left alone, so names, prefix and bit count of the avatar cannot be asked for.

    Parameters
    ----------
    rate : frames per second.
    prefix : stands before ``v2/…`` in every parameter, e.g. ``FT/``.
    bits : also send each value as that many bools (``JawOpen1``, ``JawOpen2``, ``JawOpen4`` …, ``JawXNegative``), for
        avatars that declare so many, 1 to 8; None: floats only.
    bundled : False sends a datagram per parameter.
    driven : the ARKit names that fmg decides; parameters made of none of them are left to another tracker.
    """

    def __init__(
        self, host: str, port: int, rate: float, prefix: str = "", bits: int | None = None, bundled: bool = True,
        driven: Collection[str] = ARKIT_NAMES,
    ):  # fmt: skip
        super().__init__("vrchat", host, port)
        self._unified = Unified()
        self._bits = None if bits is None else np.arange(bits)
        self._bundled = bundled
        self._second = max(1, round(rate))  # frames
        self._until_all = 0  # frames
        root = f"/avatar/parameters/{prefix.strip('/')}/" if prefix.strip("/") else "/avatar/parameters/"
        self._prepare(root, frozenset(driven))

    def _prepare(self, root: str, driven: frozenset[str]) -> None:
        """Encode every message once; each ends in the words that change."""
        places = [2**bit for bit in range(0 if self._bits is None else len(self._bits))]
        ours = [not driven.isdisjoint(sources) for sources in DEPENDS]
        messages = [
            *((message(f"/avatar/parameters/{name}", True), 1) for name in ACTIVE),
            (message("/tracking/eye/EyesClosedAmount", 0.0), 1),
            (message("/tracking/eye/LeftRightPitchYaw", *[0.0] * 4), 4),
            *((message(f"{root}v2/{name}", 0.0), 1) for name in NAMES),
            *((message(f"{root}v2/{name}{place}", False), 1) for name in NAMES for place in places),
        ]
        sent = [not driven.isdisjoint(sources) for sources in (*ACTIVE.values(), _LIDS, _GAZES)]
        sent += ours + [is_ours for is_ours in ours for _ in places]
        if places:
            signed = [i for i, is_signed in enumerate(SIGNED) if is_signed]
            messages += [(message(f"{root}v2/{NAMES[i]}Negative", False), 1) for i in signed]
            sent += [ours[i] for i in signed]
        self._sent = np.array(sent)  # (messages,) bool
        elements = [element(encoded) for encoded, _ in messages]
        data = bytearray(b"".join(elements))
        ends = np.cumsum([len(e) for e in elements]).tolist()
        view = memoryview(data)
        self._elements = [view[end - len(e) : end] for e, end in zip(elements, ends, strict=True)]
        self._sizes = [len(e) for e in elements]
        n_words = [n for _, n in messages]
        self._first_words = np.cumsum([0, *n_words[:-1]])
        self._words = np.frombuffer(data, ">u4")
        self._places = np.concatenate([np.arange(end // 4 - n, end // 4) for n, end in zip(n_words, ends, strict=True)])
        self._current = np.zeros(len(self._places), np.uint32)
        self._last = np.zeros_like(self._current)
        self._floats = self._current.view(np.float32)

    def send(self, frame: Frame) -> None:
        """Map the face and send the parameters that changed."""
        self._update(frame.coefficients)
        changed = np.logical_or.reduceat(self._current != self._last, self._first_words)
        if self._until_all == 0:
            changed[:] = True
        self._transmit(changed & self._sent)
        self._last[:] = self._current
        self._until_all = (self._until_all or self._second) - 1

    def close(self) -> None:
        """Give the avatar's mouth and eyes back to VRChat and close the socket."""
        self._current[: len(ACTIVE)] = FALSE
        changed = np.zeros(len(self._elements), bool)
        changed[: len(ACTIVE)] = True
        try:
            self._transmit(changed & self._sent)
        except OSError:  # unreachable to the last: it has been reported
            pass
        super().close()

    def _update(self, coefficients: np.ndarray) -> None:
        """Fill `_current`, the words of every message in their order."""
        values = self._unified.map(coefficients)
        n = len(ACTIVE)
        self._current[:n] = TRUE
        self._floats[n] = 1 - values[_OPEN]
        np.multiply(values[_GAZE], _TO_DEGREES, out=self._floats[n + 1 : n + 5])
        n += 5
        self._floats[n : n + len(NAMES)] = values
        if self._bits is None:
            return
        n += len(NAMES)
        top = 1 << len(self._bits)
        levels = np.minimum((np.abs(values) * top).astype(np.uint32), top - 1)
        is_set = (levels[:, None] >> self._bits) & 1  # (names, bits)
        self._current[n : n + is_set.size] = np.where(is_set, TRUE, FALSE).ravel()
        self._current[n + is_set.size :] = np.where(values[_SIGNED] < 0, TRUE, FALSE)

    def _transmit(self, chosen: np.ndarray) -> None:
        """Send the messages where `chosen`, (messages,) bool, is true."""
        self._words[self._places] = self._current
        indices = np.flatnonzero(chosen).tolist()
        if self._bundled:
            self.udp.send(self._bundles(indices))
        else:
            self.udp.send(self._elements[i][4:] for i in indices)

    def _bundles(self, indices: list[int]) -> Iterator[bytes]:
        """The chosen messages in as few bundles as their order allows."""
        parts: list[bytes | memoryview] = []
        room = 0
        for i in indices:
            room -= self._sizes[i]
            if room < 0:
                if parts:
                    yield b"".join(parts)
                parts, room = [BUNDLE_HEADER], DATAGRAM_LIMIT - len(BUNDLE_HEADER) - self._sizes[i]
            parts.append(self._elements[i])
        if parts:
            yield b"".join(parts)
