"""The interface of all speech engines."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from scipy import signal

from fmg_rt import spec

Phones = list[tuple[str, float, float]]
"""Names with start and end in seconds, ascending and not overlapping."""


class EngineMissing(Exception):
    """An engine, or one of its voices, is not installed; the message says what to install."""


class NothingSaid(Exception):
    """An engine produced no sound for a text; another text may work."""


@dataclass(frozen=True)
class Voice:
    """A speaker of an engine with a manner of speaking.

    Attributes
    ----------
    engine, name : which engine, and its own name of the voice.
    language : BCP 47 tag.
    rate : speaking rate relative to the voice's own. pitch : fundamental frequency relative to the voice's own.
    tract : formant frequencies relative to the voice's own, where the engine can shift them.
    settings : what only this engine knows.
    """

    engine: str
    name: str
    language: str
    rate: float = 1.0
    pitch: float = 1.0
    tract: float = 1.0
    settings: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Utterance:
    """Speech and what was said when.

    Attributes
    ----------
    audio : (samples,) float32 in [-1, 1] at 16 kHz.
    phones : the engine's own names with their times, seconds. phone_set : whose names they are.
    speaker, language, licence : for the manifest. The licence is that of the voice.
    """

    audio: np.ndarray
    phones: Phones
    phone_set: str
    speaker: str
    language: str
    licence: str


class Engine(Protocol):
    """A speech synthesiser. Construction raises `EngineMissing` where it cannot run."""

    name: str

    def draw(self, language: str, rng: np.random.Generator) -> Voice:
        """A voice of `language` for training."""

    def speak(self, text: str, voice: Voice, rng: np.random.Generator) -> Utterance:
        """`text` spoken by `voice`. Raises `NothingSaid`, and `EngineMissing` where the voice is not installed."""

    def close(self) -> None:
        """Release processes and files; the engine is not used again."""


def to_16k(audio: np.ndarray, sample_rate: int) -> np.ndarray:
    """(samples,) float32 at 16 kHz from any rate; no delay is added."""
    if sample_rate == spec.SAMPLE_RATE:
        return audio.astype(np.float32)
    common = np.gcd(sample_rate, spec.SAMPLE_RATE)
    return signal.resample_poly(audio, spec.SAMPLE_RATE // common, sample_rate // common).astype(np.float32)


def later(phones: Phones, lag: float) -> Phones:
    """`phones` moved later by the constant `lag`, seconds; nothing starts before 0."""
    return [(name, max(0.0, start + lag), max(0.0, end + lag)) for name, start, end in phones]


def levels(audio: np.ndarray, hop: int = 80, window: int = 160) -> np.ndarray:
    """(frames,) float32 RMS level in dB of full scale; frame i is centred on sample i × hop."""
    padded = np.pad(np.square(audio, dtype=np.float64), (window // 2, window // 2))
    sums = np.concatenate(([0.0], np.cumsum(padded)))
    starts = np.arange(0, len(audio), hop)
    return (10 * np.log10((sums[starts + window] - sums[starts]) / window + 1e-10)).astype(np.float32)


def move_burst_labels(
    phones: Phones, audio: np.ndarray, is_stop: Callable[[str], bool], longest: float = 0.11, depth: float = 20.0
) -> Phones:
    """Give voiceless stops and affricates the closing silence that an engine counts to the phone before.

    The silence before the burst is looked for with 5 ms frames between the label and `longest` seconds earlier (at
    most 70 % of the previous phone): frames more than `depth` dB below the loudest of the two phones. The boundary
    moves to where that silence begins.
    """
    level = levels(audio)
    hop = 80 / spec.SAMPLE_RATE
    moved = list(phones)
    for i in range(1, len(moved)):
        name, start, end = moved[i]
        previous, previous_start, previous_end = moved[i - 1]
        if not is_stop(name) or abs(previous_end - start) > 0.01:
            continue
        earliest = max(start - longest, start - 0.7 * (start - previous_start))
        first, last = int(np.ceil(earliest / hop)), int(start / hop)
        around = level[int(previous_start / hop) : max(int(end / hop), int(previous_start / hop) + 1)]
        if last <= first or not len(around):
            continue
        quiet = level[first : last + 1] < around.max() - depth
        # The event itself may stand a frame inside the burst: begin with the last quiet frame near it.
        tail = len(quiet) - 1
        while tail >= 0 and tail >= len(quiet) - 3 and not quiet[tail]:
            tail -= 1
        if tail < 0 or not quiet[tail]:
            continue
        head = tail
        while head > 0 and quiet[head - 1]:
            head -= 1
        boundary = min(start, (first + head) * hop)
        moved[i - 1] = (previous, previous_start, boundary)
        moved[i] = (name, boundary, end)
    return moved


def trim(audio: np.ndarray, phones: Phones, is_silence: Callable[[str], bool], keep: float) -> tuple[np.ndarray, Phones]:
    """Shorten the silence at both ends to at most `keep` seconds."""
    spoken = [p for p in phones if not is_silence(p[0])]
    if not spoken:
        return audio, phones
    begin = max(0.0, spoken[0][1] - keep)
    finish = min(len(audio) / spec.SAMPLE_RATE, spoken[-1][2] + keep)
    cut = audio[int(begin * spec.SAMPLE_RATE) : int(finish * spec.SAMPLE_RATE)]
    begin = int(begin * spec.SAMPLE_RATE) / spec.SAMPLE_RATE
    inside = [(n, max(s, begin) - begin, min(e, finish) - begin) for n, s, e in phones if e > begin and s < finish]
    return cut, inside
