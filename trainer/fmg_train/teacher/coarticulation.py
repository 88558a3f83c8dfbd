"""From phones in time to the motion of jaw and lips.

Every segment pulls each channel to its target with a dominance that is 1 inside the segment's core and falls off
around it (Cohen and Massaro 1993); the motion is the dominance-weighted mean of the targets. The pull has an end, so
that silence is exact rest. Contacts of the lips (p b m, f v) are not averaged: they are gates that close over the open
mouth, because the eye forgives a small vowel and does not forgive an open p.

References
----------
M. M. Cohen and D. W. Massaro, Modeling coarticulation in synthetic visual speech, 1993.
"""

from dataclasses import dataclass

import numpy as np

from fmg_train.teacher.phonesets import SILENCE
from fmg_train.teacher.targets import CHANNELS, GROUP, STRENGTHS, TARGETS, VOWELS, letters

BLOCK = 8.0
"""Seconds worked on at once: keeps the segments × frames table small."""


@dataclass(frozen=True)
class Timing:
    """How dominance spreads over time, seconds; one value per strength group (jaw, open, round).

    reach_before, reach_after : where the pull ends before the core's start and after its end.
    silence_before, silence_after : the same of silence, into the speech before and after it.
    lead : how far the lips run ahead of the sound.
    core : share of a segment, about its middle, in which its dominance is 1.
    full_vowel : length from which a vowel reaches its target; shorter ones insist less.
    """

    reach_before: tuple[float, float, float] = (0.20, 0.20, 0.16)
    reach_after: tuple[float, float, float] = (0.13, 0.13, 0.18)
    silence_before: float = 0.10
    silence_after: float = 0.06
    lead: tuple[float, float, float] = (0.0, 0.0, 0.01)
    core: float = 0.3
    full_vowel: float = 0.12


TIMING = Timing()
CLOSING = 0.055
OPENING = 0.065
"""Seconds that the lips take to close before a contact, and to open after it."""
ROOM = 0.6
"""Largest share of a neighbouring vowel that closing or opening may take: a short vowel still opens the lips."""
UNLIMITED = 1.0
RELEASE = 0.35
"""Share of the phone, at its end, in which the contact is already being released (burst and aspiration of p b)…"""
LONGEST_RELEASE = 0.03
"""… and its largest length, seconds."""
HOLD = 0.25
"""Lips at rest stay shut towards a first p, b or m, and after a last m, seconds."""


@dataclass(frozen=True)
class Segments:
    """Phones cut into single targets: start, end (n,) s; values (n, channels); strengths (n, groups); contact (n,);
    room_before, room_after (n,) s: length of a neighbouring vowel, `UNLIMITED` by a consonant, infinite by silence."""

    start: np.ndarray
    end: np.ndarray
    letter: np.ndarray
    values: np.ndarray
    strengths: np.ndarray
    contact: np.ndarray
    room_before: np.ndarray
    room_after: np.ndarray


def segments(phones: list[tuple[str, float, float]], seconds: float) -> Segments:
    """Cut phones into segments, in order of time, with silence in the gaps and at both ends.

    A phone of several letters is shared out: a diphthong in the middle; an affricate's closure and burst likewise.
    """
    rows: list[tuple[str, float, float]] = []
    now = -1.0
    for ipa, start, end in sorted(phones, key=lambda p: p[1]):
        start, end = max(start, now if rows else -1.0), max(end, start)
        if end <= start:
            continue
        if start > now + 1e-6:
            rows.append((SILENCE, now, start))
        parts = letters(ipa)
        edges = np.linspace(start, end, len(parts) + 1)
        rows += [(part, a, b) for part, a, b in zip(parts, edges, edges[1:], strict=False)]
        now = end
    rows.append((SILENCE, now, max(now, seconds) + 1.0))
    merged: list[tuple[str, float, float]] = []
    for letter, start, end in rows:
        if merged and merged[-1][0] == letter == SILENCE:
            merged[-1] = (letter, merged[-1][1], end)
        else:
            merged.append((letter, start, end))
    names, starts, ends = (np.array(column) for column in zip(*merged, strict=True))
    targets = [TARGETS[x] for x in names]
    room = np.where(np.isin(names, list(VOWELS)), ends - starts, UNLIMITED)
    room = np.concatenate(([np.inf], np.where(names == SILENCE, np.inf, room), [np.inf]))
    return Segments(
        starts,
        ends,
        names,
        np.array([t.values for t in targets]),
        np.array([t.strengths for t in targets]),
        np.array([t.contact for t in targets]),
        room[:-2],
        room[2:],
    )


def _bump(distance: np.ndarray) -> np.ndarray:
    """1 at and below 0, 0 at and above 1, smooth in between."""
    x = np.clip(distance, 0.0, 1.0)
    return (1.0 - x * x) ** 3


def _step(distance: np.ndarray) -> np.ndarray:
    """1 at and below 0, 0 at and above 1, a raised cosine in between."""
    return 0.5 + 0.5 * np.cos(np.pi * np.clip(distance, 0.0, 1.0))


def _blend(times: np.ndarray, s: Segments, timing: Timing) -> np.ndarray:
    """(frames, channels) dominance-weighted mean of the targets."""
    middle, half = (s.start + s.end) / 2, (s.end - s.start) / 2
    silent = s.letter == SILENCE
    core = np.where(silent, 1.0, timing.core) * half
    vowel = np.isin(s.letter, list(VOWELS))
    insist = np.where(vowel, np.clip(2 * half / timing.full_vowel, 0.3, 1.0), 1.0)
    out = np.zeros((len(times), len(CHANNELS)))
    for group in range(len(STRENGTHS)):
        t = times[:, None] + timing.lead[group]
        before, after = (middle - core) - t, t - (middle + core)
        reach_before = np.where(silent, timing.silence_before, timing.reach_before[group])
        reach_after = np.where(silent, timing.silence_after, timing.reach_after[group])
        pull = _bump(np.maximum(before / reach_before, after / reach_after))
        weight = pull * (s.strengths[:, group] * insist)
        mine = group == GROUP
        total = weight.sum(1, keepdims=True)
        out[:, mine] = weight @ s.values[:, mine] / np.maximum(total, 1e-9)
    return out


def _gates(times: np.ndarray, s: Segments) -> np.ndarray:
    """(frames, 3) how far the contacts lips, teeth, near are made, 0…1."""
    out = np.zeros((len(times), 3))
    for column, contact in enumerate(("lips", "teeth", "near")):
        which = s.contact == contact
        if which.any():
            start, end = s.start[which], s.end[which]
            before, after = s.room_before[which], s.room_after[which]
            end = end - np.minimum(RELEASE * (end - start), LONGEST_RELEASE)
            end = np.where(np.isinf(after) & (s.letter[which] == "m"), s.end[which] + HOLD, end)
            start = start - np.where(np.isinf(before), HOLD, 0.0)
            t = times[:, None]
            closing, opening = np.minimum(CLOSING, ROOM * before), np.minimum(OPENING, ROOM * after)
            made = _step(np.maximum((start - t) / closing, (t - end) / opening))
            out[:, column] = made.max(1)
    return out


def motion(
    phones: list[tuple[str, float, float]], seconds: float, rate: float, timing: Timing = TIMING
) -> tuple[np.ndarray, np.ndarray]:
    """Motion of the mouth: (frames, len(CHANNELS)) targets blended, and (frames, 3) contacts lips, teeth, near.

    Frame i is at i/rate; there are round(seconds·rate) frames.
    """
    frames = round(seconds * rate)
    s = segments(phones, seconds)
    blended, gates = np.zeros((frames, len(CHANNELS))), np.zeros((frames, 3))
    size = max(1, round(BLOCK * rate))
    for first in range(0, frames, size):
        times = np.arange(first, min(first + size, frames)) / rate
        near = (s.end > times[0] - 0.6) & (s.start < times[-1] + 0.6)
        part = Segments(*(getattr(s, name)[near] for name in Segments.__dataclass_fields__))
        blended[first : first + size] = _blend(times, part, timing)
        gates[first : first + size] = _gates(times, part)
    return blended, gates
