"""VocalTractLab: a simulated vocal tract, whose lip distance is the truth for aperture.

eSpeak NG gives the phones and durations of short Italian, Spanish and German sentences; the speaker JD3 articulates them,
for training at many pitches, rates and phonations, for tests in his own voice and other words.

References: P. Birkholz, Modeling consonant-vowel coarticulation for articulatory speech synthesis, 2013;
VocalTractLab 2.4 API (segment sequence, gestural score, tract sequence).
"""

import math
import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from fmg_rt import spec
from fmg_train.teacher import face_of, measured
from fmg_train.teacher.phonesets import SILENCE, to_ipa

from .augment import speech_level
from .espeak import Espeak
from .items import FACE_RATE, LEVEL, Item, copies
from .languages import Language
from .speech import EngineMissing, Phones, Voice, to_16k

LICENCE = "output of VocalTractLab (GPL-3.0 program, output free), speaker JD3"
TEST_SENTENCES = 54
SENTENCES_AN_HOUR, MOST_SENTENCES = 4.0, 160
"""For training, of an hour of the corpus, and at most: JD3 takes longer to articulate a sentence than to say it."""
LANGUAGES = ("it", "es", "de")
LIP_DISTANCE = 5
"""Position of LD (cm, below 0 when pressed together) among the 19 parameters of the vocal tract."""
_RATE, _STEP = 44_100, 110
_SILENCE = 0.15
_NAMES = {
    "ɡ": "g",
    "θ": "T",
    "ð": "D",
    "ʃ": "S",
    "ʒ": "Z",
    "ç": "C",
    "ʁ": "R",
    "ŋ": "N",
    "r": "R",
    "ɾ": "l",
    "β": "b",
    "ɣ": "g",
    "tʃ": "tS",
    "dʒ": "dZ",
    "ɐ": "6",
    "ɛ": "E",
    "ɪ": "I",
    "ɔ": "O",
    "ʊ": "U",
    "ʏ": "Y",
    "ə": "@",
    "ɜ": "6",
    "ɑ": "a",
    "w": "u",
    "aː": "a:",
    "ɛː": "E:",
    "eː": "e:",
    "iː": "i:",
    "oː": "o:",
    "uː": "u:",
    "yː": "y:",
    "aɪ": "aI",
    "aʊ": "aU",
    "ɔʏ": "OY",
    "ø": "y",
    "œ": "Y",
    "øː": "y:",
    "ɲ": "n",
    "ʎ": "l",
    "ʝ": "j",
    "ʔ": "?",
    "ɕ": "S",
    "æ": "a",
    "ɒ": "O",
    "ʌ": "a",
    "ɹ": "R",
    "χ": "x",
} | {name: name for name in "p b t d k f v s z x h l j m n pf ts a e i o u y".split()}
"""IPA → the name of a segment that JD3 has; a few of the sounds that it lacks are replaced by near ones."""


@dataclass(frozen=True)
class Phonation:
    """How JD3 uses his voice.

    Attributes
    ----------
    semitones : above his own pitch. pressure : of the lungs, relative to his own.
    glottis : shape while voiced: modal, breathy, pressed, hoarse or whisper.
    """

    semitones: float = 0.0
    pressure: float = 1.0
    glottis: str = "modal"


def draw(rng: np.random.Generator) -> Phonation:
    """A phonation for training."""
    glottis = str(rng.choice(("modal", "breathy", "pressed", "hoarse"), p=(0.55, 0.15, 0.15, 0.15)))
    return Phonation(float(np.clip(4 * rng.standard_normal(), -7, 12)), float(rng.uniform(0.75, 1.25)), glottis)


def segments(phones: Phones) -> Phones:
    """The phones (IPA) as segments of JD3 with silence at both ends; a composite sound is split evenly.

    Raises
    ------
    ValueError
        A phone that has no segment; the message names it.
    """
    found: Phones = [("", 0.0, _SILENCE)]
    for ipa, start, end in phones:
        parts = [ipa] if ipa in _NAMES or ipa == SILENCE else [c for c in ipa if c not in "ːʲʰ̪̃"]
        for part in parts:
            if part != SILENCE and part not in _NAMES:
                raise ValueError(f"VocalTractLab has no segment for '{part}' of '{ipa}'")
            # A gesture needs some time; JD3 cannot follow the shortest of eSpeak's phones.
            length = max((end - start) / len(parts), 0.045)
            found.append(("" if part == SILENCE else _NAMES[part], found[-1][2], found[-1][2] + length))
    return [*found, ("", found[-1][2], found[-1][2] + _SILENCE)]


def _phonate(score: str, phonation: Phonation) -> str:
    """A gestural score (XML) with the voice changed and the articulation left alone."""

    def changed(kind: str, value: str) -> str:
        if kind == "f0":
            return f"{float(value) + phonation.semitones:f}"
        if kind == "lung-pressure":
            return f"{float(value) * phonation.pressure:f}"
        return phonation.glottis if kind == "glottal-shape" and value == "modal" else value

    def sequence(match: re.Match) -> str:
        return re.sub(r'(?<=gesture value=")[^"]*', lambda value: changed(match[1], value[0]), match[0])

    return re.sub(r'<gesture_sequence type="([\w-]+)-gestures".*?</gesture_sequence>', sequence, score, flags=re.DOTALL)


def articulate(sequence: Phones, folder: Path, phonation: Phonation) -> tuple[np.ndarray, np.ndarray]:
    """(samples,) float32 at 16 kHz, and the lip distance (frames,) in cm at 44100/110 Hz.

    Raises
    ------
    EngineMissing
        VocalTractLab is not installed.
    """
    vocaltractlab = _simulator()
    names = [str(folder / f"u.{kind}") for kind in ("seg", "ges", "tract")]
    lines = [f"name = {name}; duration_s = {end - start:.4f};\n" for name, start, end in sequence]
    Path(names[0]).write_text("".join(lines), encoding="ascii")
    vocaltractlab.phoneme_file_to_gesture_file(names[0], names[1], False)
    score = Path(names[1])
    score.write_text(_phonate(score.read_text(encoding="ascii"), phonation), encoding="ascii")
    audio = vocaltractlab.gesture_file_to_audio(names[1], None, False)
    vocaltractlab.gesture_file_to_motor_file(names[1], names[2])
    # After the comments: the model's name, the number of states, then two lines a state, glottis and tract.
    states = [line for line in Path(names[2]).read_text(encoding="ascii").splitlines() if not line.startswith("#")][2:]
    distance = np.array([float(line.split()[LIP_DISTANCE]) for line in states[1::2]])
    return to_16k(audio, _RATE), distance


def item(sequence: Phones, folder: Path, phonation: Phonation = Phonation()) -> Item:
    """One articulated sentence; `aperture` is the lip distance in cm, not known where nobody speaks."""
    audio, distance = articulate(sequence, folder, phonation)
    audio = (audio * np.float32(LEVEL / (speech_level(audio) + 1e-9))).astype(np.float32)
    phones = [(to_ipa("vtl", name or "_"), start, end) for name, start, end in sequence]
    face = face_of(phones, audio, seconds=len(audio) / spec.SAMPLE_RATE, rate=FACE_RATE)
    time = np.arange(len(face)) / FACE_RATE
    aperture = np.maximum(np.interp(time, np.arange(len(distance)) * _STEP / _RATE, distance), 0).astype(np.float32)
    spoken = [(start, end) for name, start, end in sequence if name]
    aperture[(time < spoken[0][0] - 0.05) | (time > spoken[-1][1])] = np.nan
    return Item(audio, phones, face, "vtl-jd3", "und", "vtl", LICENCE, aperture=aperture)


def _simulator():
    try:
        import vocaltractlab_cython
    except ImportError as error:
        raise EngineMissing("VocalTractLab is not installed (pip: vocaltractlab-cython)") from error
    return vocaltractlab_cython


def items(rng: np.random.Generator, part: str, sentences: int) -> Iterator[Item]:
    """Short sentences (about 2.5 s) from words of `part`: val in JD3's own voice, train in many."""
    _simulator()  # whether it is there, before eSpeak starts, which can be started once a process
    espeak = Espeak()
    varied = part == "train"
    texts = [(language, Language(language, part)) for language in LANGUAGES]
    try:
        with tempfile.TemporaryDirectory(prefix="fmg-vtl-") as folder:
            made = 0
            while made < sentences:
                language, words = texts[made % len(texts)]
                rate = float(rng.uniform(0.75, 1.25)) if varied else 0.95
                voice = Voice("espeak", language, language, rate=rate, settings={"variant": 1.0, "range": 50.0})
                utterance = espeak.speak(words.sentence(rng), voice, rng)
                phones = [(to_ipa("espeak", name, language), start, end) for name, start, end in utterance.phones]
                if 1.2 < len(utterance.audio) / spec.SAMPLE_RATE < 4.2:
                    made += 1
                    yield item(segments(phones), Path(folder), draw(rng) if varied else Phonation())
    finally:
        espeak.close()


def training(seed: int, n_copies: int, hours: float) -> Iterator[tuple[str, Item]]:
    """Sentences whose face opens its lips as JD3 does, each as it is and in augmented copies, for a corpus of `hours`."""
    rng = np.random.default_rng([seed, 40])
    voices: list[np.ndarray] = []
    for spoken in items(rng, "train", min(MOST_SENTENCES, math.ceil(SENTENCES_AN_HOUR * hours))):
        assert spoken.aperture is not None
        face = measured.fit_to_aperture(spoken.face, measured.aperture_from_vocaltractlab(spoken.aperture))
        clean = replace(spoken, face=face)
        voices = [*voices[-11:], clean.audio]
        for version in (clean, *copies(clean, n_copies, rng, voices)):
            yield "train", version
