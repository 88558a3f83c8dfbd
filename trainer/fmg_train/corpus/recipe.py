"""What the corpus is made of: shares of languages and engines, texts, voices, manners."""

from collections.abc import Iterator
from typing import Protocol

import numpy as np

from fmg_rt import arkit, spec

from . import languages
from .english import English
from .espeak import Espeak
from .flite import Flite
from .items import FACE_RATE, Item, copy, speech_item
from .japanese import Japanese
from .jtalk import JTalk
from .nonspeech import nonspeech
from .speech import Engine, EngineMissing, NothingSaid, Utterance

ENGINES: dict[str, type] = {"espeak": Espeak, "flite": Flite, "jtalk": JTalk}
SHARES = {"en": 0.36, "ja": 0.27}
"""Of the speech; the rest goes to the other training languages."""
WELL_KNOWN = ("de", "fr", "es", "it", "pt", "ru", "zh", "ko", "nl")
"""Get twice the share of the remaining languages."""
ENGINE_SHARES = {"en": {"flite": 0.48, "espeak": 0.52}, "ja": {"jtalk": 0.62, "espeak": 0.38}}
"""Language → engine → share; every other language is spoken by espeak alone."""
TRAINING_LANGUAGES = ("en", "ja", *languages.TRAINING)
MANNERS = {"spoken": 0.9, "whispered": 0.05, "shouted": 0.05}
NONSPEECH = 0.08
"""Share of the corpus with a resting face."""
COPIES = 3
"""Augmented copies of one clean synthesis."""
LONGEST = 7.0
"""No further sentence is added to an item that lasts longer, s."""
NONSPEECH_LICENCE = "made by fmg"


class Texts(Protocol):
    """Sentences of a language."""

    def sentence(self, rng: np.random.Generator) -> str:
        """The next one."""


class Engines:
    """The engines that this machine has, each started on first use; missing ones are recorded."""

    def __init__(self) -> None:
        self._running: dict[str, Engine] = {}
        self.missing: dict[str, str] = {}

    def get(self, name: str) -> Engine | None:
        if name in self.missing:
            return None
        if name not in self._running:
            try:
                self._running[name] = ENGINES[name]()
            except EngineMissing as error:
                self.missing[name] = str(error)
                return None
        return self._running[name]

    def close(self) -> None:
        for engine in self._running.values():
            engine.close()


def missing() -> dict[str, str]:
    """Engine → why it cannot run on this machine."""
    engines = Engines()
    for name in ENGINES:
        engines.get(name)
    engines.close()
    return engines.missing


def texts(language: str, part: str, engine: str) -> Texts:
    """The texts of a language for `part` train or val, written so that `engine` can read them."""
    if language == "en":
        return English(part)
    if language == "ja":
        return Japanese(part, kana=engine == "espeak")
    return languages.Language(language, part)


def language_shares(wanted: tuple[str, ...]) -> dict[str, float]:
    """Language → share, summing to 1."""
    weights = {name: 2.0 if name in WELL_KNOWN else 1.0 for name in languages.TRAINING}
    rest = (1 - sum(SHARES.values())) / sum(weights.values())
    shares = SHARES | {name: rest * weight for name, weight in weights.items()}
    total = sum(shares[name] for name in wanted)
    return {name: shares[name] / total for name in wanted}


class Speaker:
    """Draws spoken items of one part of the corpus."""

    def __init__(self, part: str, wanted: tuple[str, ...]) -> None:
        self._part = part
        self._languages = language_shares(wanted)
        self._engines = Engines()
        self._texts: dict[tuple[str, str], Texts] = {}

    def close(self) -> None:
        self._engines.close()

    def _engine(self, language: str, rng: np.random.Generator) -> Engine:
        shares = ENGINE_SHARES.get(language, {"espeak": 1.0})
        names = [name for name in shares if self._engines.get(name) is not None]
        if not names:
            raise EngineMissing(f"no engine speaks '{language}': " + "; ".join(self._engines.missing.values()))
        weights = np.array([shares[name] for name in names])
        engine = self._engines.get(names[rng.choice(len(names), p=weights / weights.sum())])
        assert engine is not None
        return engine

    def item(self, rng: np.random.Generator) -> Item:
        """One to three sentences of one drawn voice."""
        language = str(rng.choice(list(self._languages), p=list(self._languages.values())))
        engine = self._engine(language, rng)
        key = (language, engine.name)
        if key not in self._texts:
            self._texts[key] = texts(language, self._part, engine.name)
        voice = engine.draw(language, rng)
        manner = str(rng.choice(list(MANNERS), p=list(MANNERS.values())))
        utterances: list[Utterance] = []
        seconds = 0.0
        wanted = rng.integers(1, 4)
        while len(utterances) < wanted and seconds < LONGEST:
            try:
                utterances.append(engine.speak(self._texts[key].sentence(rng), voice, rng))
            except NothingSaid:
                continue
            seconds += len(utterances[-1].audio) / spec.SAMPLE_RATE
        pauses = [rng.uniform(0.05, 0.6), *(rng.exponential(0.35) + 0.03 for _ in utterances)]
        if rng.random() < 0.15:
            pauses[rng.integers(len(pauses))] += rng.uniform(0.5, 2.0)
        return speech_item(utterances, pauses, engine.name, manner)


def rest_item(rng: np.random.Generator, voices: list[np.ndarray]) -> Item:
    """Something that is not speech, and a face at rest."""
    seconds = float(rng.uniform(2, 8))
    audio, kind = nonspeech(int(seconds * spec.SAMPLE_RATE), rng, voices)
    face = np.zeros((round(seconds * FACE_RATE), arkit.N_COEFFICIENTS), np.float32)
    return Item(audio, [], face, f"nonspeech-{kind}", "zxx", "nonspeech", NONSPEECH_LICENCE)


def items(part: str, wanted: tuple[str, ...], seconds: float, rng: np.random.Generator) -> Iterator[Item]:
    """Augmented items until they last `seconds` together."""
    speaker = Speaker(part, wanted)
    voices: list[np.ndarray] = []
    done = rest = 0.0
    try:
        while done < seconds:
            clean = speaker.item(rng)
            voices = [*voices[-11:], clean.audio]
            batch = [copy(clean, rng, voices) for _ in range(COPIES)]
            while rest < NONSPEECH * done:
                batch.append(rest_item(rng, voices))
                rest += len(batch[-1].audio) / spec.SAMPLE_RATE
            for item in batch:
                done += len(item.audio) / spec.SAMPLE_RATE
                yield item
    finally:
        speaker.close()
