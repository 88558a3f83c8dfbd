"""The test sets: sentences, voices, languages and an engine that no training item uses; never augmented, the same for
every seed."""

from collections.abc import Callable, Iterator
from functools import partial

import numpy as np

from . import flite, jtalk, languages, vtl
from .english import English
from .espeak import Espeak
from .festival import Festival
from .flite import Flite
from .items import Item, speech_item
from .japanese import Japanese
from .jtalk import JTalk
from .recipe import Texts
from .speech import Engine, Voice

Recipe = tuple[str, Callable[..., Iterator[tuple[str, Item]]], tuple]
"""Name of a data set, what makes it, its arguments."""

SEED = 2026
SENTENCES = 80
SENTENCES_A_LANGUAGE = 30
PAUSES = [0.4, 0.4]
"""Silence before and after each sentence, s."""


def say(
    engine: Engine, texts: Texts, voice: Callable[[np.random.Generator], Voice], n: int, rng: np.random.Generator
) -> Iterator[Item]:
    """`n` sentences, each in a newly drawn voice."""
    for _ in range(n):
        yield speech_item([engine.speak(texts.sentence(rng), voice(rng), rng)], PAUSES, engine.name)


def _say(
    engine: Engine, texts: Texts, voice: Callable[[np.random.Generator], Voice], n: int, number: int
) -> Iterator[tuple[str, Item]]:
    """The items of `say` for the tests; `number` keeps the draws of the sets apart."""
    for item in say(engine, texts, voice, n, np.random.default_rng([SEED, number])):
        yield "test", item


def rms() -> Iterator[tuple[str, Item]]:
    """English by the Flite voice that is never trained on."""
    engine = Flite()
    yield from _say(engine, English("val"), lambda rng: engine.vary(flite.HELD_OUT, rng), SENTENCES, 0)


def japanese() -> Iterator[tuple[str, Item]]:
    """Japanese by the HTS voice that is never trained on."""
    engine = JTalk()
    try:
        yield from _say(engine, Japanese("val"), lambda rng: Voice(engine.name, jtalk.HELD_OUT, "ja"), SENTENCES, 1)
    finally:
        engine.close()


def other_languages() -> Iterator[tuple[str, Item]]:
    """Languages that are never trained on, in eSpeak voices of their own."""
    engine = Espeak()
    try:
        for number, name in enumerate(languages.HELD_OUT, 2):
            texts = languages.Language(name, "train")
            yield from _say(engine, texts, partial(engine.draw, name), SENTENCES_A_LANGUAGE, number)
    finally:
        engine.close()


def articulatory() -> Iterator[tuple[str, Item]]:
    """The simulated vocal tract, whose lips are known: other words than those trained on."""
    for item in vtl.items(np.random.default_rng([SEED, 20]), "val", vtl.TEST_SENTENCES):
        yield "test", item


def festival() -> Iterator[tuple[str, Item]]:
    """English and Russian by an engine that is never trained on."""
    engine = Festival()
    try:
        said: dict[str, Texts] = {"en": English("val"), "ru": languages.Language("ru", "val")}
        for number, (name, texts) in enumerate(said.items(), 30):
            yield from _say(engine, texts, partial(engine.draw, name), SENTENCES // 2, number)
    finally:
        engine.close()


def jobs() -> list[Recipe]:
    """All of them."""
    return [
        ("test-rms", rms, ()),
        ("test-ja", japanese, ()),
        ("test-languages", other_languages, ()),
        ("test-vtl", articulatory, ()),
        ("test-festival", festival, ()),
    ]
