"""The targets of the visible articulators for every sound, one row per IPA letter.

Sizes are ARKit coefficients of conversational speech. ``jaw``…``tongue`` are the targets of the open mouth; the three
strengths say how much the sound insists on its own jaw, lip opening and lip rounding against its neighbours (dominance,
Cohen and Massaro 1993): 1 is a vowel, 0.1 leaves it to the vowels around. ``contact`` closes the lips over the open
mouth: ``lips`` fully (p b m), ``teeth`` lower lip to upper teeth (f v), ``near`` a narrow gap (β ɸ ʋ).

Where the numbers come from: which sounds close, touch, round, spread or narrow the jaw, and their order of size, from
phonetics (Ladefoged and Johnson 2015; Cohen and Massaro 1993; for s z ʃ the nearly shut jaw, Mooshammer, Hoole and
Geumann 2007); the openings of English sounds from the mean inner lip opening of 720 GRID sentences, moved only where
VocalTractLab's lip distance did not object; sounds that neither has, by place and height beside those that they have.
"""

import unicodedata
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from fmg_train.teacher.phonesets import SILENCE, UnknownPhone

CHANNELS = ("jaw", "lower", "upper", "pucker", "funnel", "stretch", "smile", "shrug", "tongue")
"""Targets of a row: jawOpen, mouthLowerDown, mouthUpperUp, mouthPucker, mouthFunnel, mouthStretch (a third of it also
mouthDimple), mouthSmile, mouthShrugLower, tongueOut."""
STRENGTHS = ("jaw", "open", "round")
"""Strengths of a row, and in this order the group of channels that each one weighs."""
GROUP = np.array([0, 1, 1, 2, 2, 1, 1, 1, 1])
"""Strength that weighs each channel."""

_TABLE = """
#     jaw  lower upper pucker funnel stretch smile shrug tongue  jaw  open round  contact
a     .43  .23   .11   0      .04    .10     .04   0     0       1.4  1.4  .6
æ     .40  .30   .14   0      0      .18     .08   0     0       1.2  1.2  .8
ɐ     .34  .22   .10   0      .04    .08     .02   0     0       .8   .8   .5
ɑ     .45  .22   .10   0      .06    .04     0     0     0       1.4  1.4  .6
ɒ     .30  .12   .06   .18    .22    0       0     0     0       1.3  1.4  1
ʌ     .26  .22   .08   0      .06    .06     .02   0     0       .8   .8   .5
ɜ     .24  .20   .07   .08    .10    .04     0     0     0       .8   .8   .6
ɞ     .22  .14   .06   .22    .22    0       0     0     0       .8   .8   .8
ə     .22  .20   .07   0      .05    .06     .02   0     0       .4   .4   .25
ɘ     .20  .22   .07   0      .03    .08     .02   0     0       .5   .5   .4
ɵ     .14  .06   .04   .35    .20    0       0     0     0       .8   .8   .9
ɛ     .33  .36   .15   0      0      .20     .10   0     0       1.4  1.4  .8
e     .30  .40   .16   0      0      .28     .16   0     0       2    2    .9
i     .18  .48   .19   0      0      .34     .22   0     0       1.6  1.6  1
ɪ     .22  .37   .14   0      0      .22     .12   0     0       .8   .8   .7
ɨ     .17  .38   .14   0      0      .24     .10   0     0       .8   .8   .8
y     .07  .03   .02   .62    .24    0       0     0     0       1.8  1.8  1.2
ʏ     .12  .07   .04   .48    .25    0       0     0     0       1.2  1.2  1
ø     .14  .08   .05   .48    .28    0       0     0     0       1.3  1.4  1.1
œ     .17  .10   .05   .32    .30    0       0     0     0       1.2  1.2  1
ɶ     .36  .18   .10   .16    .26    0       0     0     0       1    1    .9
u     .06  .02   .02   .70    .24    0       0     0     0       1.8  1.8  1.3
ʊ     .10  .06   .04   .45    .24    0       0     0     0       1.2  1.2  1
ʉ     .07  .03   .02   .58    .22    0       0     0     0       1.8  1.8  1.1
ɯ     .13  .18   .06   .05    .05    .12     .02   0     0       .8   .8   .7
ɤ     .22  .20   .07   .02    .06    .08     0     0     0       .9   .9   .7
o     .13  .05   .04   .50    .32    0       0     0     0       1.5  1.6  1.1
ɔ     .19  .07   .04   .26    .30    0       0     0     0       1.3  1.4  1
p     .10  .06   .03   0      0      0       0     0     0       1.4  1.4  .05      lips
b     .10  .06   .03   0      0      0       0     0     0       1.4  1.4  .05      lips
m     .10  .06   .03   0      0      0       0     0     0       1.4  1.4  .05      lips
ɸ     .10  .06   .04   .15    .15    0       0     0     0       .5   .5   .3     near
β     .10  .06   .04   .08    .08    0       0     0     0       .5   .5   .2     near
f     .10  .10   .12   0      0      .04     0     0     0       .7   .7   .15      teeth
v     .10  .10   .10   0      0      .04     0     0     0       .80  .80  .15      teeth
ʋ     .12  .10   .08   0      .04    .04     0     0     0       .5   .5   .15    near
w     .03  0     0     .68    .18    0       0     0     0       2.6  2.6  1.3
ʍ     .03  0     0     .68    .18    0       0     0     0       2.6  2.6  1.3
ɥ     .05  0     0     .62    .22    0       0     0     0       2    2    1.2
θ     .06  0     0     0      0      .08     .02   0     .12     1.4  1.4  .1
ð     .06  0     0     0      0      .08     .02   0     .10     .80  .80  .1
s     .07  .34   .14   0      0      .18     .06   0     0       1.2  .80  .25
z     .07  .32   .12   0      0      .16     .06   0     0       1.2  .80  .25
ʃ     .09  .36   .22   .30    .42    0       0     .10   0       .9   .7   .9
ʒ     .09  .30   .19   .28    .40    0       0     .10   0       .9   .7   .9
ɕ     .08  .38   .17   .08    .14    .12     .02   .05   0       .9   .6   .4
ʑ     .08  .32   .12   .08    .14    .12     .02   .05   0       .9   .6   .4
ʂ     .09  .32   .19   .24    .36    0       0     .08   0       .9   .7   .8
ʐ     .09  .24   .14   .22    .32    0       0     .08   0       .8   .6   .7
ɧ     .10  .12   .06   .25    .25    0       0     0     0       .6   .5   .6
ɬ     .12  .34   .12   0      0      .12     .02   0     0       .6   .4   .15
ɹ     .05  0     0     .24    .20    0       0     0     0       2    2    .6
ɻ     .1   .08   .04   .18    .22    0       0     0     0       .5   .5   .5
r     .14  .30   .10   0      .03    .06     0     0     0       .4   .35  .1
ɾ     .15  .30   .10   0      0      .06     0     0     0       .3   .25  .08
ɽ     .15  .30   .10   0      0      .06     0     0     0       .3   .25  .08
ʀ     .18  .20   .06   0      .03    .05     0     0     0       .3   .25  .08
ʁ     .18  .20   .06   0      .03    .05     0     0     0       .3   .25  .08
l     .17  .38   .12   0      0      .08     .02   0     .03     .4   .45  .1
ɫ     .17  .34   .10   .04    .06    .04     0     0     .03     .4   .4   .15
ɭ     .17  .34   .10   0      0      .06     0     0     0       .35  .3   .1
ʎ     .13  .34   .12   0      0      .16     .06   0     0       .4   .3   .2
j     .12  .28   .10   0      0      .22     .12   0     0       .5   .4   .35
t     .12  .44   .16   0      0      .10     .02   0     0       .4   .35  .06
d     .12  .40   .15   0      0      .10     .02   0     0       .35  .3   .06
n     .12  .24   .08   0      0      .09     .02   0     0       .15  .15  .06
ʈ     .11  .36   .13   0      0      .06     .01   0     0       .45  .3   .06
ɖ     .12  .34   .12   0      0      .06     .01   0     0       .4   .3   .06
ɳ     .13  .24   .08   0      0      .06     .01   0     0       .20  .20  .06
c     .11  .28   .10   0      0      .16     .04   0     0       .45  .3   .12
ɟ     .12  .26   .10   0      0      .16     .04   0     0       .4   .3   .12
ɲ     .12  .26   .08   0      0      .14     .04   0     0       .4   .3   .12
ç     .11  .28   .10   0      0      .20     .06   0     0       .5   .35  .15
ʝ     .11  .26   .10   0      0      .18     .06   0     0       .5   .35  .15
k     .18  .28   .10   0      0      .05     0     0     0       .25  .2   .04
ɡ     .16  .24   .08   0      0      .05     0     0     0       .22  .2   .04
ŋ     .16  .22   .07   0      0      .05     0     0     0       .25  .15  .04
x     .20  .28   .09   0      0      .05     0     0     0       .20  .20  .04
ɣ     .17  .22   .07   0      0      .05     0     0     0       .25  .15  .04
q     .20  .14   .05   0      .02    .04     0     0     0       .25  .15  .04
ɢ     .20  .14   .05   0      .02    .04     0     0     0       .25  .15  .04
ɴ     .15  .11   .04   0      .03    .04     0     0     0       .3   .25  .08
χ     .20  .14   .05   0      .02    .04     0     0     0       .25  .15  .04
ħ     .24  .15   .05   0      0      .04     0     0     0       .2   .12  .03
ʕ     .26  .15   .05   0      0      .04     0     0     0       .3   .2   .05
h     .20  .20   .07   0      0      .04     0     0     0       .08  .05  .02
ʔ     .18  .20   .07   0      0      .04     0     0     0       .08  .05  .02
_     0    0     0     0      0      0       0     0     0       .15  .15  .15
"""

_SAME = {
    "ɚ": "ɜ",
    "ɝ": "ɜ",
    "ᵻ": "ɪ",
    "g": "ɡ",
    "ɱ": "m",
    "ɦ": "h",
    "ɓ": "b",
    "ɗ": "d",
    "ɠ": "ɡ",
    "ɰ": "ɣ",
    "ⱱ": "v",
    "ʷ": "w",
    "ʙ": "b",
    "ɮ": "ɬ",
    "ʟ": "ɫ",
    "ɺ": "ɾ",
    "ε": "ɛ",
}
_IGNORED = frozenset("ᵝːˑʰʱʲˠˤˀˌˈ.͜͡" + "̪̺̻̼̥̬̩̯̝̞̟̠̜̹̃̊̈̽̆̚˞ⁿᵐᵑ̤̰̘̙̄")


@dataclass(frozen=True)
class Target:
    """One sound's row: targets (len(CHANNELS),), strengths (len(STRENGTHS),) and the contact of the lips."""

    values: np.ndarray
    strengths: np.ndarray
    contact: str


def _read() -> dict[str, Target]:
    rows = {}
    for line in _TABLE.strip().splitlines()[1:]:
        letter, *cells = line.split()
        numbers = np.array([float(c) for c in cells[:12]])
        contact = cells[12] if len(cells) > 12 else ""
        rows[letter] = Target(numbers[:9], numbers[9:12], contact)
    return rows | {letter: rows[same] for letter, same in _SAME.items()}


TARGETS = _read()
"""IPA letter → its row."""
VOWELS = frozenset("aæɐɑɒʌɜɞəɘɵɛeiɪɨyʏøœɶuʊʉɯɤoɔɚɝᵻε")


@lru_cache(maxsize=4096)
def letters(ipa: str) -> tuple[str, ...]:
    """The letters of a transcription that have a row: ``"aɪ"`` is two, ``"tʃʰ"`` is two, ``"iː"`` is one.

    Raises
    ------
    UnknownPhone
        A letter has no row, or none is left.
    """
    if ipa == SILENCE:
        return (SILENCE,)
    found = []
    # Taken apart, so that every mark stands alone; the cedilla of ç is no mark.
    for letter in unicodedata.normalize("NFD", ipa.replace("ç", "\0")).replace("\0", "ç"):
        if letter in _IGNORED:
            continue
        if letter not in TARGETS or letter == SILENCE:
            raise UnknownPhone(f"IPA letter '{letter}' (U+{ord(letter):04X}) of '{ipa}' has no target")
        found.append(letter)
    if not found:
        raise UnknownPhone(f"no IPA letter in '{ipa}'")
    return tuple(found)
