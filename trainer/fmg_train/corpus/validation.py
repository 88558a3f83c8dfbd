"""The validation sets: clean training voices with texts that no training item has; and the same
with other vocal tracts, most of them further away than in training. The same for every seed.

The set ``val`` is what a training judges its epochs by, disturbed as the training data are; these tell what a network does.
"""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np

from . import real, recipe
from .holdouts import Recipe, say
from .items import Item, other_vocal_tract

SEED = 2027
SENTENCES = 60
SENTENCES_A_LANGUAGE = 8
VOICES = 4
"""Other voices of every measured sentence."""


def spoken(
    engine_name: str, languages: tuple[str, ...], sentences: int, number: int, changed: bool = False
) -> Iterator[tuple[str, Item]]:
    """`sentences` of each language in training voices of an engine, each by `other_vocal_tract` where `changed`; `number` keeps
    the draws of the sets apart."""
    rng = np.random.default_rng([SEED, number])
    engine = recipe.ENGINES[engine_name]()
    try:
        for language in languages:
            texts = recipe.texts(language, "val", engine_name)
            for item in say(engine, texts, partial(engine.draw, language), sentences, rng):
                yield "val", other_vocal_tract(item, rng) if changed else item
    finally:
        engine.close()


def measured(recordings: Path) -> Iterator[tuple[str, Item]]:
    """GRID's validation sentences, whose lips were measured, in `VOICES` other voices each."""
    rng = np.random.default_rng([SEED, 10])
    for split, item in real.items(recordings, real.SOURCES["grid"], SEED, 0):
        if split == "val" and item.aperture is not None:
            for _ in range(VOICES):
                yield split, other_vocal_tract(item, rng)


def jobs(recordings: Path | None) -> list[Recipe]:
    """All of them; without recordings, those that are spoken."""
    sets: list[Recipe] = [
        ("val-en", spoken, ("flite", ("en",), SENTENCES, 0)),
        ("val-en-changed", spoken, ("flite", ("en",), SENTENCES, 1, True)),
        ("val-ja", spoken, ("jtalk", ("ja",), SENTENCES, 2)),
        ("val-ja-changed", spoken, ("jtalk", ("ja",), SENTENCES, 3, True)),
        ("val-languages", spoken, ("espeak", ("en", "ja", *recipe.WELL_KNOWN), SENTENCES_A_LANGUAGE, 4)),
    ]
    return sets if recordings is None else [*sets, ("val-grid-changed", measured, (recordings,))]
