"""Which frames of a film may be learnt from, which are rest, and where it is cut. Pure arithmetic."""

from collections.abc import Iterator

import numpy as np

from fmg_rt import spec

from .lips import Measures

MOST_YAW, MOST_PITCH = 35.0, 25.0
"""Degrees that the head may be turned: further, one side of the mouth is hidden. Pitch counts from how the head is held."""
JUMP = 0.6
"""Outer-eye distances that a head moves in 1/30 s at most; further is a cut or another head."""
GROWN = 1.25
"""Times that a head may become larger or smaller between two frames."""
AROUND = 0.1
"""Seconds before and after a jump that are not trusted."""
SPIKE = 0.2
"""Outer-eye distances by which the lips of one frame may be further open than in both neighbours. Closures are no spikes."""
SMALLEST = 40.0
"""Pixels between the outer corners of the eyes: below, a closed and an open lip lie in the same pixel."""
LOST = 0.15
"""Seconds that are bridged; what is longer parts the film."""
SHORTEST = 0.6
LONGEST = 12.0
"""Seconds of one recording: shorter is left out, longer is cut in a pause."""
_QUIETER = 30.0
"""dB below loud speech (95th percentile) from which on a frame is silent."""
_SILENT = 0.2
"""Seconds of silence before and after a frame of rest: lips move before the sound and after it."""


def faults(times: np.ndarray, measures: Measures, turn: np.ndarray) -> dict[str, np.ndarray]:
    """Reason → (n,) bool, the frames that must not be learnt from for that reason; the first reason of a frame counts.

    times : (n,) s. turn : (n, 3) yaw, pitch, roll in degrees; NaN, as in the measures, without a face.
    """
    seen = np.isfinite(measures.size)
    found = {"no face": ~seen}
    if not seen.any():
        return found
    with np.errstate(invalid="ignore"):
        turned = (np.abs(turn[:, 0]) > MOST_YAW) | (np.abs(turn[:, 1] - np.nanmedian(turn[:, 1])) > MOST_PITCH)
        found["head turned away"] = turned
        found["face too small"] = measures.size < SMALLEST
        strange = (measures.opening > 1.2) | (measures.width > 1.4) | (measures.width < 0.15)
        step = np.maximum(np.diff(times), 1e-3)
        far = np.linalg.norm(np.diff(measures.centre, axis=0), axis=1) / measures.size[1:] > JUMP * np.maximum(1, 30 * step)
        ratio = measures.size[1:] / measures.size[:-1]
        jumps = times[1:][far | (ratio > GROWN) | (ratio < 1 / GROWN)]
        found["jump"] = (np.abs(times[:, None] - jumps) <= AROUND + step.max(initial=0) * 1e-6).any(axis=1) & seen
        spike = np.zeros(len(times), bool)
        middle, before, after = measures.opening[1:-1], measures.opening[:-2], measures.opening[2:]
        spike[1:-1] = np.minimum(middle - before, middle - after) > SPIKE
        found["not a mouth"] = strange | spike
    already = np.zeros(len(times), bool)
    for reason, frames in found.items():
        found[reason] = frames & ~already
        already |= frames
    return found


def silent(audio: np.ndarray, times: np.ndarray) -> np.ndarray:
    """(n,) bool: frames at `times` (s from the first sample) around which nothing is heard for `_SILENT` s either way."""
    hop = spec.SAMPLE_RATE // 100
    n = len(audio) // hop
    if n == 0:
        return np.zeros(len(times), bool)
    power = (audio[: n * hop].reshape(n, hop).astype(np.float64) ** 2).mean(1)
    level = 10 * np.log10(np.convolve(power, np.full(4, 0.25), "same") + 1e-10)
    heard = np.concatenate([[0], np.cumsum(level > np.percentile(level, 95) - _QUIETER)])
    width = round(_SILENT * 100)
    centre = np.round(times * 100).astype(int)
    first, last = np.clip(centre - width, 0, n), np.clip(centre + width + 1, 0, n)
    return (heard[last] == heard[first]) & (last > first)


def pieces(times: np.ndarray, usable: np.ndarray, quiet: np.ndarray) -> Iterator[np.ndarray]:
    """Frame numbers of every recording to be: the usable frames, parted where they are missing and cut in pauses."""
    good = np.flatnonzero(usable)
    if not len(good):
        return
    for run in np.split(good, np.flatnonzero(np.diff(times[good]) > LOST) + 1):
        while len(run) and times[run[-1]] - times[run[0]] > LONGEST:
            into = times[run] - times[run[0]]
            window = (into >= LONGEST / 2) & (into <= LONGEST)
            pauses = np.flatnonzero(window & quiet[run])
            cut = int(pauses[len(pauses) // 2]) if len(pauses) else int(np.flatnonzero(window)[-1])
            yield run[:cut]
            run = run[cut:]
        if len(run) > 1 and times[run[-1]] - times[run[0]] >= SHORTEST:
            yield run
