"""Emotions over time, from a file: who made them by hand says when the face feels what."""

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..emotions import INDEX, EmotionError, check
from ..errors import FmgError

Keyframes = tuple[tuple[float, Mapping[str, float]], ...]
"""(s from the start, names in `emotions.NAMES` → values in [0, 1]), times rising."""


class KeyframeError(FmgError, ValueError):
    """The file holds no keyframes; the message says what is wrong with it."""


def check_keyframes(keys: Sequence[tuple[float, Mapping[str, float]]]) -> Keyframes:
    """The same with emotions by the names in `emotions.NAMES`.

    Raises
    ------
    KeyframeError
        A time is no number ≥ 0 or does not exceed the one before; an emotion is unknown or out of range.
    """
    result: list[tuple[float, Mapping[str, float]]] = []
    for number, (time, chosen) in enumerate(keys, 1):
        if isinstance(time, bool) or not isinstance(time, int | float) or not math.isfinite(time) or time < 0:
            raise KeyframeError(f"keyframe {number}: its time must be a number of seconds, 0 or more, not {time!r}")
        if result and time <= result[-1][0]:
            raise KeyframeError(f"keyframe {number}: its time, {time:g} s, must come after {result[-1][0]:g} s")
        try:
            result.append((float(time), check(chosen)))
        except EmotionError as error:
            raise KeyframeError(f"keyframe {number}: {error}") from None
    return tuple(result)


def read_keyframes(path: str | Path) -> Keyframes:
    """Read a JSON file of emotions over time.

    Our form is ``{"emotions": [{"time": 0.5, "joy": 0.6}, {"time": 2, "joy": 0, "anger": 0.3}]}``, NVIDIA's is
    ``{"emotion_with_timecode_list": [{"time_code": 0.5, "emotion": {"joy": 0.6}}]}``, also as a mapping from any keys to
    such entries, or as the bare list of either. Between two keys values change in a straight line.

    Raises
    ------
    KeyframeError
        Unreadable, not JSON, or not of either form; one line.
    """
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise KeyframeError(f"cannot read emotions {path}: {error.strerror or error}") from error
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise KeyframeError(f"emotions {path} is not JSON: {error}") from error
    if isinstance(content, dict):
        content = next((content[key] for key in _LISTS if key in content), None)
    if isinstance(content, dict):
        content = list(content.values())
    if not isinstance(content, list) or not content or not all(isinstance(entry, dict) for entry in content):
        raise KeyframeError(f'emotions {path} is not of the form {{"emotions": [{{"time": 0.5, "joy": 0.6}}]}}')
    try:
        return check_keyframes([_key(entry) for entry in content])
    except KeyframeError as error:
        raise KeyframeError(f"emotions {path}: {error}") from None


_LISTS = ("emotions", "emotion_with_timecode_list", "emotion_with_timecode")


def _key(entry: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    entry = dict(entry)
    time = entry.pop("time_code", entry.pop("time", None))
    chosen = entry.pop("emotion", entry)
    return time, chosen if isinstance(chosen, dict) else {"emotion": chosen}


class Track:
    """Keyframes laid out for reading in order of time."""

    def __init__(self, keys: Keyframes):
        self._times = [time for time, _ in keys]
        self._values = np.zeros((len(keys), len(INDEX)), np.float32)  # (n, 11)
        for row, (_, chosen) in zip(self._values, keys, strict=True):
            for name, value in chosen.items():
                row[INDEX[name]] = value
        self._at = 0

    def read(self, time: float, out: np.ndarray) -> None:
        """Write the values (11,) of `time` s to `out`; before the first key its values, after the last its."""
        times = self._times
        if time < times[self._at]:
            self._at = 0
        while self._at + 1 < len(times) and times[self._at + 1] <= time:
            self._at += 1
        here = self._at
        if here + 1 == len(times) or time <= times[here]:
            out[:] = self._values[here]
            return
        share = np.float32((time - times[here]) / (times[here + 1] - times[here]))
        np.subtract(self._values[here + 1], self._values[here], out=out)
        np.multiply(out, share, out=out)
        np.add(out, self._values[here], out=out)
