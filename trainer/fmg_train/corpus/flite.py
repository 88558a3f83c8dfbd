"""Flite through its C library: American English and one Scottish voice, statistical (awb, rms, slt) and diphone (kal).

References: flite/include/cst_{voice,wave,utterance,item}.h of Flite 2.2.
"""

import ctypes
import ctypes.util

import numpy as np

from .speech import EngineMissing, NothingSaid, Phones, Utterance, Voice, later, to_16k, trim

LICENCE = "CMU Flite voice (permissive)"
VOICES = {"awb": 0.004, "kal": 0.003, "kal16": 0.003, "rms": 0.006, "slt": 0.006}
"""Voice → how much later the sound is than the segment times, s."""
HELD_OUT = "rms"
TRAINING = tuple(name for name in VOICES if name != HELD_OUT)
_DIPHONE_PITCH, _DIPHONE_SPREAD = 105.0, 14.0


class _Voice(ctypes.Structure):
    _fields_ = [("name", ctypes.c_char_p), ("features", ctypes.c_void_p)]


class _Wave(ctypes.Structure):
    _fields_ = [
        ("type", ctypes.c_char_p),
        ("sample_rate", ctypes.c_int),
        ("num_samples", ctypes.c_int),
        ("num_channels", ctypes.c_int),
        ("samples", ctypes.POINTER(ctypes.c_short)),
    ]


def _load(name: str) -> ctypes.CDLL:
    path = ctypes.util.find_library(name)
    if path is None:
        raise EngineMissing(f"lib{name} is not installed (Debian: flite)")
    return ctypes.CDLL(path)


class Flite:
    """All voices of one process."""

    name = "flite"

    def __init__(self) -> None:
        self._library = library = _load("flite")
        pointer, text = ctypes.c_void_p, ctypes.c_char_p
        for function, result, arguments in (
            ("flite_synth_text", pointer, [text, pointer]),
            ("utt_relation", pointer, [pointer, text]),
            ("relation_head", pointer, [pointer]),
            ("item_next", pointer, [pointer]),
            ("item_feat_string", text, [pointer, text]),
            ("item_feat_float", ctypes.c_float, [pointer, text]),
            ("utt_wave", ctypes.POINTER(_Wave), [pointer]),
            ("delete_utterance", None, [pointer]),
            ("feat_set_float", None, [pointer, text, ctypes.c_float]),
        ):
            getattr(library, function).restype = result
            getattr(library, function).argtypes = arguments
        library.flite_init()
        self._voices: dict[str, int] = {}

    def close(self) -> None:
        """Nothing to give back."""

    def _voice(self, name: str) -> int:
        if name not in self._voices:
            register = getattr(_load(f"flite_cmu_us_{name}"), f"register_cmu_us_{name}")
            register.restype, register.argtypes = ctypes.c_void_p, [ctypes.c_char_p]
            self._voices[name] = register(None)
        return self._voices[name]

    def draw(self, language: str, rng: np.random.Generator) -> Voice:
        return self.vary(TRAINING[rng.integers(len(TRAINING))], rng)

    def vary(self, name: str, rng: np.random.Generator) -> Voice:
        """The named voice in a drawn manner."""
        return Voice(
            self.name,
            name,
            "en",
            rate=float(np.clip(np.exp(0.18 * rng.standard_normal()), 0.7, 1.5)),
            pitch=float(np.clip(np.exp(0.15 * rng.standard_normal()), 0.7, 1.4)),
        )

    def speak(self, text: str, voice: Voice, rng: np.random.Generator) -> Utterance:
        library, pointer = self._library, self._voice(voice.name)
        features = ctypes.cast(pointer, ctypes.POINTER(_Voice)).contents.features
        settings = {"duration_stretch": 1 / voice.rate}
        if voice.name.startswith("kal"):
            settings |= {"int_f0_target_mean": _DIPHONE_PITCH * voice.pitch, "int_f0_target_stddev": _DIPHONE_SPREAD}
        else:
            settings["f0_shift"] = voice.pitch
        for name, value in settings.items():
            library.feat_set_float(features, name.encode(), value)
        utterance = library.flite_synth_text(text.encode("ascii", "ignore"), pointer)
        if not utterance:
            raise NothingSaid(f"flite said nothing for {text!r}")
        try:
            wave = library.utt_wave(utterance).contents
            sample_rate = wave.sample_rate
            audio = np.ctypeslib.as_array(wave.samples, (wave.num_samples,)).astype(np.float32) / 32768
            phones = self._segments(utterance)
        finally:
            library.delete_utterance(utterance)
        audio, phones = trim(to_16k(audio, sample_rate), later(phones, VOICES[voice.name]), lambda n: n == "pau", 0.05)
        return Utterance(audio, phones, "arpabet", f"flite-{voice.name}", voice.language, LICENCE)

    def _segments(self, utterance: int) -> Phones:
        library = self._library
        item, start, phones = library.relation_head(library.utt_relation(utterance, b"Segment")), 0.0, []
        while item:
            name, end = library.item_feat_string(item, b"name").decode(), library.item_feat_float(item, b"end")
            if end > start:
                phones.append((name, start, end))
                start = end
            item = library.item_next(item)
        return phones
