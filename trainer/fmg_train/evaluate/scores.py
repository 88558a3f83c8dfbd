"""Scores of a face: pure arithmetic on coefficients, measured lips and phones.

Everywhere ``coefficients`` is (frames, 52) in alphabetical ARKit order, frame i at ``start + i / rate`` seconds, and
``phones`` is a sequence of (IPA, start s, end s). Left and right are averaged.
"""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from fmg_rt import arkit

Phones = Sequence[tuple[str, float, float]]

CLOSED_SHARE = 0.10
"""Lips count as closed at or below this share of the 95th percentile of the recording's aperture."""
CLOSURE_LEAD = 0.030
"""Seconds before a closing phone that still belong to it: lips lead the sound."""
JITTER_ABOVE = 8.0
"""Hz above which motion counts as jitter."""
BILABIALS = frozenset("pbm")
OPEN_VOWELS = frozenset("aæɑɔɛ")
ROUNDED = frozenset("uowʃ")
SPREAD = frozenset("ies")
_MARKS = str.maketrans("", "", "ːˑʰʱʲˠˤˈˌ̩̯̥̪̃̈̊")

GROUPS: Mapping[str, tuple[str, ...]] = {
    "jaw": ("jaw",),
    "lips": ("lips",),
    "cheeks/nose": ("cheeks",),
    "brows": ("brows",),
    "eyes": ("eyes",),
}
"""Group of the error table → regions of `fmg_rt.arkit.REGIONS`."""


def _sides(coefficients: np.ndarray, name: str) -> np.ndarray:
    columns = [arkit.INDEX[n] for n in (name, f"{name}Left", f"{name}Right") if n in arkit.INDEX]
    return np.asarray(coefficients, np.float64)[:, columns].mean(1)


def aperture(coefficients: np.ndarray) -> np.ndarray:
    """(frames,) opening between the lips, coefficient units, ≥ 0."""
    where = [arkit.INDEX[name] for name in arkit.APERTURE]
    return np.maximum(0.0, np.asarray(coefficients, np.float64)[:, where] @ np.array(list(arkit.APERTURE.values())))


def rounding(coefficients: np.ndarray) -> np.ndarray:
    """(frames,) rounding of the lips, coefficient units, ≥ 0."""
    return _sides(coefficients, "mouthPucker") + 0.5 * _sides(coefficients, "mouthFunnel")


def correlation(a: np.ndarray, b: np.ndarray) -> float:
    """Pearson's r over the frames in which both are finite; NaN when one of them does not move."""
    good = np.isfinite(a) & np.isfinite(b)
    a, b = np.asarray(a, np.float64)[good], np.asarray(b, np.float64)[good]
    if len(a) < 2 or a.std() < 1e-9 or b.std() < 1e-9:
        return float("nan")
    return float(np.corrcoef(a, b)[0, 1])


def aperture_r(pairs: Iterable[tuple[np.ndarray, np.ndarray]]) -> float:
    """Mean over recordings of the correlation of aperture with the measured one.

    pairs : ((frames,) aperture, (frames,) measured) of each recording, at the same times. A face that does not move
    scores 0 in that recording; a measurement that does not move is left out.
    """
    scores = []
    for ours, measured in pairs:
        good = np.isfinite(measured)
        if good.sum() < 2 or np.std(np.asarray(measured, np.float64)[good]) < 1e-9:
            continue
        scores.append(np.nan_to_num(correlation(ours, measured)))
    return float(np.mean(scores)) if scores else float("nan")


def letter(ipa: str) -> str:
    """The IPA transcription without marks of length, stress, nasality and secondary articulation."""
    return ipa.translate(_MARKS)


def _window(curve: np.ndarray, rate: float, start: float, end: float) -> np.ndarray:
    """Samples of a curve within [start, end] s; the nearest one when none falls inside."""
    first, last = int(np.ceil(start * rate - 1e-6)), int(np.floor(end * rate + 1e-6))
    if last < first:
        first = last = round((start + end) / 2 * rate)
    return curve[max(0, first) : max(0, last + 1)]


def closure(opening: np.ndarray, rate: float, phones: Phones, start: float = 0.0) -> tuple[int, int, int, int]:
    """How the lips close in one recording: (closed p b m, all p b m, closed open vowels, all open vowels).

    A bilabial closes when the aperture is at or below `CLOSED_SHARE` of its own 95th percentile at some frame of its
    span, `CLOSURE_LEAD` earlier included; an open vowel, in the middle half of its span. Sum the counts over
    recordings: ``closure_recall`` = first / second, ``closure_false`` = third / fourth.

    opening : (frames,) aperture.
    """
    counts = [0, 0, 0, 0]
    if len(opening) == 0:
        return 0, 0, 0, 0
    limit = CLOSED_SHARE * np.percentile(opening, 95)
    for ipa, a, b in phones:
        name = letter(ipa)
        if name in BILABIALS:
            column, a, b = 0, a - CLOSURE_LEAD, b
        elif name in OPEN_VOWELS:
            column, a, b = 2, a + (b - a) / 4, b - (b - a) / 4
        else:
            continue
        part = _window(opening, rate, a - start, b - start)
        if len(part):
            counts[column] += bool(part.min() <= limit)
            counts[column + 1] += 1
    return counts[0], counts[1], counts[2], counts[3]


def auc(positive: np.ndarray, negative: np.ndarray) -> float:
    """Chance that a positive is larger than a negative, ties counted half; NaN when one side is empty."""
    positive, negative = np.asarray(positive, np.float64), np.sort(np.asarray(negative, np.float64))
    if not len(positive) or not len(negative):
        return float("nan")
    below, upto = np.searchsorted(negative, positive, "left"), np.searchsorted(negative, positive, "right")
    return float((below + upto).mean() / (2 * len(negative)))


def rounding_values(curve: np.ndarray, rate: float, phones: Phones, start: float = 0.0) -> tuple[list[float], list[float]]:
    """Mean rounding in the middle half of every rounded (u o w ʃ) and every spread (i e s) phone, for `auc`.

    curve : (frames,) rounding.
    """
    rounded: list[float] = []
    spread: list[float] = []
    for ipa, a, b in phones:
        name = letter(ipa)
        if name in ROUNDED or name in SPREAD:
            part = _window(curve, rate, a + (b - a) / 4 - start, b - (b - a) / 4 - start)
            if len(part):
                (rounded if name in ROUNDED else spread).append(float(part.mean()))
    return rounded, spread


def errors(coefficients: np.ndarray, teacher: np.ndarray, known: np.ndarray | None = None) -> dict[str, tuple[float, float]]:
    """Mean absolute and mean squared error against the teacher, per group of `GROUPS` and over ``all``.

    known : (52,) bool, the coefficients that count; a group without any is NaN.
    """
    difference = np.asarray(coefficients, np.float64) - np.asarray(teacher, np.float64)
    known = np.ones(arkit.N_COEFFICIENTS, bool) if known is None else known
    columns = {group: arkit.region_indices(*regions) for group, regions in GROUPS.items()}
    columns["all"] = list(range(arkit.N_COEFFICIENTS))
    table = {}
    for group, members in columns.items():
        part = difference[:, [i for i in members if known[i]]]
        table[group] = (float(np.abs(part).mean()), float((part**2).mean())) if part.size else (np.nan, np.nan)
    return table


def rest(coefficients: np.ndarray) -> float:
    """Largest departure of any coefficient from rest, which is 0; target: ≤ 0.02 in silence and steady noise."""
    return float(np.abs(coefficients).max()) if len(coefficients) else 0.0


def tremble(coefficients: np.ndarray, rate: float) -> float:
    """RMS over frames and coefficients of what moves faster than `JITTER_ABOVE`; 0 for rates that cannot show it."""
    c = np.asarray(coefficients, np.float64)
    if len(c) < 2 or rate <= 2 * JITTER_ABOVE:
        return 0.0
    # The ends are joined by mirroring, so that a recording that ends elsewhere than it began shows no false jump.
    mirrored = np.concatenate((c, c[::-1]))
    spectrum = np.fft.rfft(mirrored, axis=0)
    spectrum[np.fft.rfftfreq(len(mirrored), 1 / rate) <= JITTER_ABOVE] = 0
    fast = np.fft.irfft(spectrum, len(mirrored), axis=0)[: len(c)]
    return float(np.sqrt((fast**2).mean()))


def jitter(coefficients: np.ndarray, teacher: np.ndarray, rate: float) -> float:
    """`tremble` of the coefficients relative to the teacher's; 1 is as lively as the teacher."""
    return tremble(coefficients, rate) / max(tremble(teacher, rate), 1e-12)
