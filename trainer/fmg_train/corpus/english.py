"""English texts: dictionary words in templates, numbers, times, letters, CVC nonsense, words full of p b m."""

import functools
import re
from pathlib import Path

import numpy as np

from .japanese import is_validation

DICTIONARY = Path("/usr/share/dict/american-english")
_COMMON = """time people way water word day man part place year back thing name sentence boy home move map paper bubble
mother brother number problem summer button simple purple apple happy people baby maybe probably amber member lamp jump
camp bump pump bomb mob map pub pub tub book cook look moon spoon food blue shoe shoot choose juice cheese tree sea speak
feel see say play stay rain train day night light fire time mile smile child boy toy voice noise house mouth loud out now
cow car far father large hot lock top stop watch wash fall all talk walk law show go home road cold fish shop wish vision
measure five very voice vivid four fifty family coffee wife leaf think three thing mouth both this that mother breathe
yes yellow you year use winter window white wheel quick quiet queen queue""".split()
_OPENERS = """yes;no;okay;well;oh;hello;hi there;thank you;sorry;excuse me;I mean;you know;listen;look;wait;really;maybe;
of course;good morning;good evening;bye bye;see you tomorrow;please""".replace("\n", "").split(";")
TEMPLATES = (
    "The {w} {w} is on the {w}.",
    "I think {w} and {w} are {w}.",
    "Did you see my {w}?",
    "Please put the {w} by the {w} at {t}.",
    "{o}, the {w} was {w}!",
    "We have {n} {w}s and {n} {w}.",
    "Maybe Bob bumped my {w} problem.",
    "{o}. {o}. Why is the {w} so {w}?",
    "My number is {d}.",
    "She {w}ed a {w} before {t}.",
    "Spell it: {l}.",
    "{w}, {w}, {w}, and {w}.",
    "It's {t}, {o}.",
    "How many {w}s would you like, {n} or {n}?",
    "Poppa bought Bobby a big {b} {b}.",
    "Move the {b} up, please, {o}.",
    "They've never found the {w} of {w}.",
    "Who knew you would use two {w} shoes?",
    "I am {w}.",
    "What {w}? What {w}!",
    "{x}, {x}, {x}.",
    "Say {x} again.",
    "{x} {w} {x} {b}.",
    "{b} {b} {b}.",
    "Wow, {w}!",
    "You should choose the {w} over the {w}.",
)
_ONSETS = "b p m f v th d t n s z l r sh ch j k g h w y pl bl br pr fr fl tr dr kr kl gl gr sp st sk sm sn sw".split()
_NUCLEI = "a e i o u ee oo ay oh ow igh oy ar or air ah aw ea".split()
_CODAS = "b p m f v th d t n s z l sh ch k g mp nt nd st sp lb lm x ng".split() + ["", ""]


@functools.cache
def words() -> list[str]:
    """Lower-case words of 2 to 11 letters without apostrophes."""
    if not DICTIONARY.is_file():
        return sorted(set(_COMMON))
    found = DICTIONARY.read_text(encoding="utf-8").split()
    return [word for word in found if re.fullmatch(r"[a-z]{2,11}", word)]


class English:
    """Texts in `part` train or val."""

    def __init__(self, part: str) -> None:
        self._words = [w for w in words() if is_validation(w) == (part == "val")] or words()
        self._labial = [w for w in self._words if len(re.findall("[pbm]", w)) >= 2] or _COMMON

    def _fill(self, kind: str, rng: np.random.Generator) -> str:
        match kind:
            case "w":
                pool = _COMMON if rng.random() < 0.35 else self._words
                return pool[rng.integers(len(pool))]
            case "b":
                return self._labial[rng.integers(len(self._labial))]
            case "o":
                return _OPENERS[rng.integers(len(_OPENERS))]
            case "n":
                return str(rng.integers(2, 10 ** rng.integers(1, 5)))
            case "d":
                return " ".join(str(rng.integers(10)) for _ in range(rng.integers(3, 8)))
            case "t":
                return f"{rng.integers(1, 13)}:{rng.integers(10, 60)}"
            case "l":
                return ", ".join(chr(65 + rng.integers(26)) for _ in range(rng.integers(3, 7)))
            case _:
                return "".join(pool[rng.integers(len(pool))] for pool in (_ONSETS, _NUCLEI, _CODAS))

    def sentence(self, rng: np.random.Generator) -> str:
        template = TEMPLATES[rng.integers(len(TEMPLATES))]
        return re.sub(r"\{(\w)\}", lambda match: self._fill(match.group(1), rng), template)
