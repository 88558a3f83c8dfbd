"""The emotions that a face can show: their names, other names for them, and how a choice is written."""

import math
from collections.abc import Mapping
from types import MappingProxyType

from .errors import FmgError

NAMES: tuple[str, ...] = (
    "joy",
    "anger",
    "sadness",
    "fear",
    "disgust",
    "surprise",
    "calm",
    "cheekiness",
    "grief",
    "outofbreath",
    "pain",
)
"""Every emotion, in the order of all tables of emotions."""
INDEX: Mapping[str, int] = MappingProxyType({name: i for i, name in enumerate(NAMES)})
NVIDIA_NAMES: tuple[str, ...] = (
    "amazement",
    "anger",
    "cheekiness",
    "disgust",
    "fear",
    "grief",
    "joy",
    "outofbreath",
    "pain",
    "sadness",
)
"""The ten names of NVIDIA's Audio2Face-3D; ``amazement`` is our surprise, the others are the same."""
ALIASES: Mapping[str, str] = MappingProxyType(
    {
        "amazement": "surprise",
        "surprised": "surprise",
        "happy": "joy",
        "happiness": "joy",
        "angry": "anger",
        "sad": "sadness",
        "afraid": "fear",
        "scared": "fear",
        "disgusted": "disgust",
        "relaxed": "calm",
        "out_of_breath": "outofbreath",
        "out-of-breath": "outofbreath",
        "cheeky": "cheekiness",
    }
)
"""Other names, in small letters → the name in `NAMES`. ``neutral`` is no emotion: every value 0."""


class EmotionError(FmgError, ValueError):
    """No such emotion, or a value out of range; the message says what would be right."""


def canonical(name: str) -> str:
    """The name in `NAMES` that `name`, in any case, stands for.

    Raises
    ------
    EmotionError
        There is none.
    """
    small = name.strip().lower()
    small = ALIASES.get(small, small)
    if small not in INDEX:
        raise EmotionError(f"there is no emotion {name.strip()!r}; there are: {', '.join(NAMES)}")
    return small


def check(chosen: Mapping[str, float]) -> dict[str, float]:
    """Names in `NAMES` → values, of any names → values; those that mean the same add up, to 1 at most.

    Raises
    ------
    EmotionError
        A name is unknown, or a value is no number in [0, 1].
    """
    result: dict[str, float] = {}
    for name, value in chosen.items():
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or not 0 <= value <= 1:
            raise EmotionError(f"{name} must be a number between 0 and 1, not {value!r}")
        if name.strip().lower() == "neutral":
            continue
        known = canonical(name)
        result[known] = min(1.0, result.get(known, 0.0) + float(value))
    return result


def parse(text: str) -> dict[str, float]:
    """``joy=0.6,anger=0.2`` → names in `NAMES` → values; a name alone means 1, ``neutral`` or nothing at all means none.

    Raises
    ------
    EmotionError
        Not of that form, or as `check`.
    """
    chosen: dict[str, float] = {}
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        name, equals, value = part.partition("=")
        try:
            chosen[name] = float(value) if equals else 1.0
        except ValueError:
            raise EmotionError(f"{part!r} is not NAME=VALUE, such as joy=0.6") from None
    return check(chosen)
