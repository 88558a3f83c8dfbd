"""eSpeak NG through its C library: formant synthesis with sample-exact phoneme events, in any number of voices.

References: espeak-ng/src/include/espeak-ng/speak_lib.h (API revision 12); docs/voices.md for the voice files.
"""

import ctypes
import ctypes.util
import os
import shutil
import tempfile
from pathlib import Path

import numpy as np

from .speech import EngineMissing, NothingSaid, Phones, Utterance, Voice, later, move_burst_labels, to_16k, trim

LAG = -0.001
"""The sound is this much later than the events, s."""
LICENCE = "output of eSpeak NG (GPL-3.0 program, output free)"
PAUSE = "_"
"""The names of all pauses begin with it."""
VOICES = {
    "en": ("en-us", "en-us", "en", "en-gb-x-rp", "en-gb-scotland", "en-gb-x-gbclan", "en-029", "en-us-nyc"),
    "es": ("es", "es-419"),
    "fr": ("fr", "fr-be", "fr-ch"),
    "pt": ("pt", "pt-br"),
    "zh": ("cmn-latn-pinyin",),
    "no": ("nb",),
}
"""Voice files of a language, where they are not just its tag."""
RENAMED = {"_j": "j", ";": "j", "s^": "s;", "t^": "t;", "d^": "d;", "!": "_!"}
"""Glides, palatal sounds and a joint whose own names read as something else or as nothing."""
SHORTEST_PAUSE = 0.04
"""Shorter ones are joints between words or glottal stops and stay with the phone before, s."""
VOICELESS_STOPS = tuple("ptkqc")

_AUDIO_RETRIEVAL, _PHONEME_EVENTS, _DONT_EXIT = 1, 0x0001, 0x8000
_RATE, _VOLUME, _PITCH, _RANGE = 1, 2, 3, 4
_UTF8, _ENDPAUSE, _EVENT_PHONEME = 1, 0x1000, 7
_WORDS_PER_MINUTE, _PITCH_MIDDLE = 165, 50


class _Id(ctypes.Union):
    _fields_ = [("number", ctypes.c_int), ("name", ctypes.c_char_p), ("string", ctypes.c_char * 8)]


class _Event(ctypes.Structure):
    _fields_ = [
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", _Id),
    ]


_CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event))


def is_voiceless_stop(name: str) -> bool:
    """Whether the event of this phone marks the burst and not the closure."""
    return name.startswith(VOICELESS_STOPS)


def variant(rng: np.random.Generator, tract: float) -> str:
    """The text of a voice file: a random throat and larynx with formants scaled by `tract`.

    No `echo` line: an echo fills the closures, and with them the labels' silence.
    """
    low = 70 + 190 * rng.beta(1.6, 2.2)
    lines = ["language variant", "name drawn", f"pitch {low:.0f} {low * rng.uniform(1.2, 1.9):.0f}"]
    for number in range(6):
        frequency = 100 * tract * np.exp(0.03 * rng.standard_normal())
        height, width = 100 * np.exp(0.12 * rng.standard_normal()), 100 * np.exp(0.15 * rng.standard_normal())
        lines.append(f"formant {number} {frequency:.0f} {height:.0f} {width:.0f}")
    if rng.random() < 0.35:
        lines.append(f"klatt {rng.integers(1, 5)}")
    if rng.random() < 0.4:
        lines.append(f"roughness {rng.integers(0, 5)}")
    if rng.random() < 0.4:
        lines.append(f"flutter {rng.integers(0, 8)}")
    if rng.random() < 0.3:
        lines += [f"voicing {rng.integers(50, 100)}", "breath " + " ".join(str(rng.integers(0, 50)) for _ in range(4))]
    if rng.random() < 0.4:
        lines.append(f"consonants {rng.integers(70, 130)} {rng.integers(70, 130)}")
    if rng.random() < 0.4:
        lines.append(f"tone 600 {rng.integers(120, 220)} 1200 {rng.integers(90, 160)} 2000 {rng.integers(60, 150)}")
    if rng.random() < 0.4:
        lines.append(f"intonation {rng.integers(1, 5)}")
    return "\n".join(lines) + "\n"


class Espeak:
    """One instance a process: the library has global state."""

    name = "espeak"

    def __init__(self) -> None:
        path = ctypes.util.find_library("espeak-ng")
        if path is None:
            raise EngineMissing("espeak-ng is not installed (Debian: espeak-ng)")
        self._library = library = ctypes.CDLL(path)
        library.espeak_Synth.argtypes = [
            ctypes.c_char_p,
            ctypes.c_size_t,
            ctypes.c_uint,
            ctypes.c_int,
            ctypes.c_uint,
            ctypes.c_uint,
            ctypes.c_void_p,
            ctypes.c_void_p,
        ]
        library.espeak_SetVoiceByName.argtypes = [ctypes.c_char_p]
        library.espeak_Info.restype = ctypes.c_char_p
        options = _PHONEME_EVENTS | _DONT_EXIT
        if library.espeak_Initialize(_AUDIO_RETRIEVAL, 0, None, options) < 0:
            raise EngineMissing("espeak-ng finds no data (Debian: espeak-ng-data)")
        installed = ctypes.c_char_p()
        library.espeak_Info(ctypes.byref(installed))
        library.espeak_Terminate()
        # Voices of our own need a data folder of our own: the installed one, linked, but for its variants.
        self._folder = tempfile.mkdtemp(prefix="fmg-espeak-")
        data = Path(self._folder) / "espeak-ng-data"
        data.mkdir()
        for entry in Path(os.fsdecode(installed.value or b"")).iterdir():
            if entry.name != "voices":
                os.symlink(entry, data / entry.name)
        (data / "voices" / "!v").mkdir(parents=True)
        self._variant = data / "voices" / "!v" / "drawn"
        self._rate = library.espeak_Initialize(_AUDIO_RETRIEVAL, 0, os.fsencode(self._folder), options)
        self._chunks: list[np.ndarray] = []
        self._events: list[tuple[int, str]] = []
        self._callback = _CALLBACK(self._collect)
        library.espeak_SetSynthCallback(self._callback)
        self._c = ctypes.CDLL(None)

    def close(self) -> None:
        # The library itself goes with the process: `espeak_Terminate` waits forever after a second start.
        shutil.rmtree(self._folder, ignore_errors=True)

    def _collect(self, samples, n, events) -> int:
        if n > 0 and samples:
            self._chunks.append(np.ctypeslib.as_array(samples, (n,)).copy())
        i = 0
        while events[i].type:
            if events[i].type == _EVENT_PHONEME:
                self._events.append((events[i].sample, events[i].id.string.decode("utf-8", "replace")))
            i += 1
        return 0

    def draw(self, language: str, rng: np.random.Generator) -> Voice:
        names = VOICES.get(language, (language,))
        return Voice(
            self.name,
            str(names[rng.integers(len(names))]),
            language,
            rate=float(np.clip(np.exp(0.22 * rng.standard_normal()), 0.6, 2.0)),
            pitch=float(rng.uniform(0.7, 1.3)),
            tract=float(np.clip(np.exp(0.1 * rng.standard_normal()), 0.8, 1.3)),
            settings={"variant": float(rng.integers(1 << 30)), "range": float(rng.uniform(20, 90))},
        )

    def speak(self, text: str, voice: Voice, rng: np.random.Generator) -> Utterance:
        seed = int(voice.settings["variant"])
        self._variant.write_text(variant(np.random.default_rng(seed), voice.tract))
        library = self._library
        # The library keeps the voice it has when only the variant's content changed: choose another in between.
        library.espeak_SetVoiceByName(b"eo")
        if library.espeak_SetVoiceByName(f"{voice.name}+drawn".encode()) != 0:
            raise EngineMissing(f"espeak-ng has no voice '{voice.name}'")
        for parameter, value in (
            (_RATE, _WORDS_PER_MINUTE * voice.rate),
            (_PITCH, _PITCH_MIDDLE * voice.pitch),
            (_RANGE, voice.settings["range"]),
            (_VOLUME, 60),
        ):
            library.espeak_SetParameter(parameter, int(value), 0)
        self._chunks, self._events = [], []
        self._c.srand(seed & 0x7FFFFFFF)
        data = text.encode()
        library.espeak_Synth(data, len(data) + 1, 0, 1, 0, _UTF8 | _ENDPAUSE, None, None)
        library.espeak_Synchronize()
        if not self._chunks:
            raise NothingSaid(f"espeak-ng said nothing for {text!r} in {voice.name}")
        audio = to_16k(np.concatenate(self._chunks).astype(np.float32) / 32768, self._rate)
        phones = move_burst_labels(later(self._phones(sum(map(len, self._chunks))), LAG), audio, is_voiceless_stop)
        audio, phones = trim(audio, phones, lambda name: name.startswith(PAUSE), 0.05)
        return Utterance(audio, phones, self.name, f"espeak-{voice.language}-{seed:09d}", voice.language, LICENCE)

    def _phones(self, n_samples: int) -> Phones:
        starts = [sample / self._rate for sample, _ in self._events] + [n_samples / self._rate]
        phones: Phones = []
        for (_, name), start, end in zip(self._events, starts[:-1], starts[1:], strict=True):
            if end <= start:
                continue
            # A name in brackets is a change of language, not a sound.
            name = PAUSE if name.startswith("(") else RENAMED.get(name, name)
            if name.startswith(PAUSE) and end - start < SHORTEST_PAUSE and phones:
                phones[-1] = (phones[-1][0], phones[-1][1], end)
            else:
                phones.append((name, start, end))
        return phones
