"""VRChat avatar parameters by OSC, under the names of VRCFaceTracking, and VRChat's own eye tracking.

References: VRChat documentation, "OSC Avatar Parameters" and "OSC Eye Tracking"; VRCFaceTracking documentation,
"Parameters".
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from ..arkit import ARKIT_NAMES, REGIONS
from .osc import BUNDLE_HEADER, DATAGRAM_LIMIT, FALSE, TRUE, Message, element, message
from .reading import Reading, printable
from .unified import DEPENDS, NAMES, SIGNED, VALUES, Unified

ROOT = "/avatar/parameters/"
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
_NAME = re.compile(r"([A-Za-z]+?)(Negative|1|2|4|8|16|32|64|128|)")
_VERSION = re.compile(r"v[0-9]+")

_INDEX = {name: i for i, name in enumerate(VALUES)}
_OPEN = NAMES.index("EyeOpen")
_GAZE = [NAMES.index(name) for name in ("EyeLeftY", "EyeLeftX", "EyeRightY", "EyeRightX")]
_TO_DEGREES = np.array([-FULL_GAZE, FULL_GAZE, -FULL_GAZE, FULL_GAZE], np.float32)  # pitch is positive downwards


class Parameter(NamedTuple):
    """One parameter of an avatar.

    Attributes
    ----------
    address : where it is sent.
    name : the value it shows, one of `unified.VALUES`.
    place : 0 for a float; 1, 2, 4 … for a bool that is that binary digit; -1 for the bool of a negative value.
    bits : number of binary digits that the avatar has of this value.
    """

    address: str
    name: str
    place: int = 0
    bits: int = 0


def usual(prefix: str = "", bits: int | None = None) -> list[Parameter]:
    """The assumed parameters of an avatar that cannot be queried: every name of version 2 as a float.

    Parameters
    ----------
    prefix : stands before ``v2/…``, e.g. ``FT/``.
    bits : also each value as that many bools (``JawOpen1``, ``JawOpen2``, ``JawOpen4`` …, ``JawXNegative``), 1 to 8.
    """
    root = f"{ROOT}{prefix.strip('/')}/v2/" if prefix.strip("/") else f"{ROOT}v2/"
    parameters = [Parameter(root + name, name) for name in NAMES]
    if bits is not None:
        for name in NAMES:
            parameters += [Parameter(f"{root}{name}{2**bit}", name, 2**bit, bits) for bit in range(bits)]
        parameters += [
            Parameter(f"{root}{name}Negative", name, -1, bits) for name, signed in zip(NAMES, SIGNED, strict=False) if signed
        ]
    return parameters


def matched(types: Mapping[str, str]) -> list[Parameter]:
    """The parameters of an avatar that a face can show.

    Its author may have put anything before the names, and chosen floats or binary digits for each.

    Parameters
    ----------
    types : address → OSC type (``f``, ``T``, ``F`` …) of every parameter that the avatar has.
    """
    digits: dict[tuple[str, str], set[int]] = {}
    parameters = []
    for address, type in types.items():
        *_, before, last = address.split("/")
        found = _NAME.fullmatch(last)
        if found is None or not address.startswith(ROOT):
            continue
        name, end = found.groups()
        if before != "v2":
            name = f"{before if _VERSION.fullmatch(before) else 'v1'}/{name}"
        if type == "f" and (name + end) in _INDEX:
            parameters.append(Parameter(address, name + end))
        elif type in "TF" and end and name in _INDEX:
            place = -1 if end == "Negative" else int(end)
            parameters.append(Parameter(address, name, place))
            digits.setdefault((address.removesuffix(end), name), set()).add(place)
    n_bits = {key: len(places - {-1}) for key, places in digits.items()}
    return [
        p if p.place == 0 else p._replace(bits=n_bits[_without_end(p), p.name])
        for p in parameters
        if p.place <= 0 or p.place < 2 ** n_bits[_without_end(p), p.name]
    ]


def _without_end(parameter: Parameter) -> str:
    return parameter.address.removesuffix("Negative" if parameter.place < 0 else str(parameter.place))


class VrchatEncoder:
    """A face to the messages of `parameters`, switches and eyes; only what is asked for is sent.

    Parameters
    ----------
    parameters : of the avatar.
    switches : which of `ACTIVE` the avatar has.
    bundled : False gives a datagram per parameter.
    driven : the ARKit names that fmg decides; parameters made of none of them are left to another tracker.
    """

    def __init__(
        self,
        parameters: Iterable[Parameter],
        switches: Collection[str] = tuple(ACTIVE),
        bundled: bool = True,
        driven: Collection[str] = ARKIT_NAMES,
    ):
        self._unified = Unified()
        self._bundled = bundled
        ours = frozenset(driven)
        known = sorted((p for p in parameters if not ours.isdisjoint(DEPENDS[_INDEX[p.name]])), key=lambda p: _kind(p.place))
        index = np.array([_INDEX[p.name] for p in known], np.intp)
        place = np.array([p.place for p in known], np.int64)
        self._n_floats, n_bits = int(np.sum(place == 0)), int(np.sum(place > 0))
        digits = slice(self._n_floats, self._n_floats + n_bits)
        self._float_of, self._digit_of, self._negative_of = index[: digits.start], index[digits], index[digits.stop :]
        self._places = place[digits].astype(np.uint32)
        self._tops = np.array([2**p.bits for p in known[digits]], np.float32)
        # Without a bool for the sign, a negative value is 0 in binary.
        has_sign = {p.name for p in known if p.place < 0}
        self._unsigned = np.array([p.name not in has_sign for p in known[digits]], bool)
        self._switches = [name for name in ACTIVE if name in switches and not ours.isdisjoint(ACTIVE[name])]
        self._has_lids, self._has_gaze = not ours.isdisjoint(_LIDS), not ours.isdisjoint(_GAZES)
        messages = [(message(ROOT + name, True), 1) for name in self._switches]
        if self._has_lids:
            messages.append((message("/tracking/eye/EyesClosedAmount", 0.0), 1))
        if self._has_gaze:
            messages.append((message("/tracking/eye/LeftRightPitchYaw", *[0.0] * 4), 4))
        messages += [(message(p.address, 0.0 if p.place == 0 else False), 1) for p in known]
        self._lay_out(messages)

    def _lay_out(self, messages: Sequence[tuple[bytes, int]]) -> None:
        """Encode every message once; each ends in the words that change."""
        elements = [element(encoded) for encoded, _ in messages]
        data = bytearray(b"".join(elements))
        ends = np.cumsum([len(e) for e in elements]).tolist()
        view = memoryview(data)
        self._elements = [view[end - len(e) : end] for e, end in zip(elements, ends, strict=True)]
        n_words = [n for _, n in messages]
        self._first_words = np.cumsum([0, *n_words[:-1]])
        self._words = np.frombuffer(data, ">u4") if data else np.zeros(0, ">u4")
        self._word_at = np.array(
            [word for end, n in zip(ends, n_words, strict=True) for word in range(end // 4 - n, end // 4)], np.intp
        )
        self._current = np.zeros(len(self._word_at), np.uint32)
        self._last = np.zeros_like(self._current)
        self._floats = self._current.view(np.float32)

    def encode(self, coefficients: np.ndarray, everything: bool) -> Iterator[bytes | memoryview]:
        """The datagrams for a face (52,): of what changed since the last call, or of everything."""
        self._update(coefficients)
        if not len(self._current):
            return
        changed = np.logical_or.reduceat(self._current != self._last, self._first_words)
        if everything:
            changed[:] = True
        yield from self._datagrams(changed)
        self._last[:] = self._current  # only when all of it was sent

    def release(self) -> Iterator[bytes | memoryview]:
        """The datagrams that give the avatar's mouth and eyes back to VRChat."""
        self._current[: len(self._switches)] = FALSE
        return self._datagrams(np.arange(len(self._elements)) < len(self._switches))

    def _update(self, coefficients: np.ndarray) -> None:
        """Fill `_current`, the words of every message in their order."""
        values = self._unified.map(coefficients)
        n = len(self._switches)
        self._current[:n] = TRUE
        if self._has_lids:
            self._floats[n] = 1 - values[_OPEN]
            n += 1
        if self._has_gaze:
            np.multiply(values[_GAZE], _TO_DEGREES, out=self._floats[n : n + 4])
            n += 4
        self._floats[n : n + self._n_floats] = values[self._float_of]
        n += self._n_floats
        if len(self._places):
            shown = values[self._digit_of]
            shown = np.where(self._unsigned, np.maximum(shown, 0), np.abs(shown))
            levels = np.minimum(shown * self._tops, self._tops - 1).astype(np.uint32)
            self._current[n : n + len(levels)] = np.where(levels & self._places, TRUE, FALSE)
            n += len(levels)
        self._current[n:] = np.where(values[self._negative_of] < 0, TRUE, FALSE)

    def _datagrams(self, chosen: np.ndarray) -> Iterator[bytes | memoryview]:
        """The messages where `chosen`, (messages,) bool, is true, in as few bundles as their order allows."""
        self._words[self._word_at] = self._current
        indices = np.flatnonzero(chosen).tolist()
        if not self._bundled:
            yield from (self._elements[i][4:] for i in indices)
            return
        parts: list[bytes | memoryview] = []
        room = 0
        for i in indices:
            room -= len(self._elements[i])
            if room < 0:
                if parts:
                    yield b"".join(parts)
                parts, room = [BUNDLE_HEADER], DATAGRAM_LIMIT - len(BUNDLE_HEADER) - len(self._elements[i])
            parts.append(self._elements[i])
        if parts:
            yield b"".join(parts)


def _kind(place: int) -> int:
    """Floats, then digits, then signs."""
    return 0 if place == 0 else 1 if place > 0 else 2


def read(heard: Message, reading: Reading) -> bool:
    """Add what `heard` says to `reading`; False when it is no parameter with one number."""
    address, arguments = heard
    if not address.startswith(ROOT) or len(arguments) != 1 or not isinstance(arguments[0], int | float):
        return False
    reading.values[printable(address.removeprefix(ROOT))] = float(arguments[0])
    return True
