"""Open JTalk's front end with HTS Engine through its C library: Japanese, phone times from the state durations.

References: hts_engine_API 1.10, HTS_engine.h; pyopenjtalk (front end and the voice *mei*).
"""

import ctypes
import ctypes.util
import re
from pathlib import Path

import numpy as np

from .speech import EngineMissing, NothingSaid, Phones, Utterance, Voice, later, to_16k, trim

LAG = 0.002
"""The sound is this much later than the state durations, s."""
LICENCES = {
    "mei": "HTS Voice Mei (CC BY 3.0, MMDAgent Project Team)",
    "nitech": "HTS Voice NIT ATR503 M001 (CC BY 3.0, HTS Working Group)",
}
NITECH = Path("/usr/share/hts-voice/nitech-jp-atr503-m001/nitech_jp_atr503_m001.htsvoice")
HELD_OUT = "nitech"
_SILENT = ("sil", "pau")
_PHONE = re.compile(r"-([^+]+)\+")


class JTalk:
    """Japanese voices; each is one loaded engine."""

    name = "jtalk"

    def __init__(self) -> None:
        try:
            import pyopenjtalk
        except ImportError as error:
            raise EngineMissing("pyopenjtalk is not installed (pip: pyopenjtalk-plus)") from error
        path = ctypes.util.find_library("HTSEngine")
        if path is None:
            raise EngineMissing("the HTS Engine library is not installed (Debian: open-jtalk)")
        self._front_end = pyopenjtalk.extract_fullcontext
        voice = pyopenjtalk.DEFAULT_HTS_VOICE
        self._files = {"mei": Path(voice.decode() if isinstance(voice, bytes) else voice), "nitech": NITECH}
        self._library = library = ctypes.CDLL(path)
        self._c = ctypes.CDLL(None)
        self._c.open_memstream.restype = ctypes.c_void_p
        self._c.open_memstream.argtypes = [ctypes.c_void_p, ctypes.c_void_p]
        self._c.fclose.argtypes = self._c.free.argtypes = [ctypes.c_void_p]
        for name in ("speed", "alpha", "volume"):
            getattr(library, f"HTS_Engine_set_{name}").argtypes = [ctypes.c_void_p, ctypes.c_double]
        library.HTS_Engine_add_half_tone.argtypes = [ctypes.c_void_p, ctypes.c_double]
        library.HTS_Engine_set_gv_weight.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_double]
        library.HTS_Engine_get_alpha.restype = ctypes.c_double
        library.HTS_Engine_save_generated_speech.argtypes = [ctypes.c_void_p, ctypes.c_void_p]
        for name in ("get_sampling_frequency", "get_fperiod", "get_nstate"):
            getattr(library, f"HTS_Engine_{name}").restype = ctypes.c_size_t
        library.HTS_Engine_get_state_duration.restype = ctypes.c_size_t
        library.HTS_Engine_get_state_duration.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
        self._engines: dict[str, tuple[ctypes.Array, float]] = {}

    def close(self) -> None:
        for engine, _ in self._engines.values():
            self._library.HTS_Engine_clear(engine)
        self._engines.clear()

    def has(self, name: str) -> bool:
        return self._files[name].is_file()

    def _engine(self, name: str) -> tuple[ctypes.Array, float]:
        if name not in self._engines:
            if not self.has(name):
                raise EngineMissing(
                    f"the Japanese voice '{name}' is not installed (Debian contrib: hts-voice-nitech-jp-atr503-m001)"
                )
            # The engine's struct is opaque here; it is well below this size.
            engine = ctypes.create_string_buffer(8192)
            self._library.HTS_Engine_initialize(engine)
            files = (ctypes.c_char_p * 1)(str(self._files[name]).encode())
            if not self._library.HTS_Engine_load(engine, files, ctypes.c_size_t(1)):
                raise EngineMissing(f"HTS Engine cannot load the voice {self._files[name]}")
            self._engines[name] = engine, self._library.HTS_Engine_get_alpha(engine)
        return self._engines[name]

    def draw(self, language: str, rng: np.random.Generator) -> Voice:
        return Voice(
            self.name,
            "mei",
            "ja",
            rate=float(np.clip(np.exp(0.2 * rng.standard_normal()), 0.7, 1.8)),
            pitch=float(np.exp2(np.clip(rng.normal(-2, 3.5), -9, 5) / 12)),
            tract=float(rng.uniform(-0.08, 0.08)),
            settings={"gv": float(rng.uniform(0.6, 1.1))},
        )

    def speak(self, text: str, voice: Voice, rng: np.random.Generator) -> Utterance:
        """As every engine; here `voice.tract` is added to the warping constant alpha (± 0.08 moves F1 by a quarter)."""
        library = self._library
        engine, alpha = self._engine(voice.name)
        labels = self._front_end(text)
        if len(labels) < 3:
            raise NothingSaid(f"Open JTalk said nothing for {text!r}")
        tract = 0.0 if voice.tract == 1.0 else voice.tract
        library.HTS_Engine_set_speed(engine, voice.rate)
        library.HTS_Engine_set_alpha(engine, alpha + tract)
        library.HTS_Engine_add_half_tone(engine, 12 * float(np.log2(voice.pitch)))
        library.HTS_Engine_set_gv_weight(engine, 1, voice.settings.get("gv", 1.0))
        lines = (ctypes.c_char_p * len(labels))(*(label.encode() for label in labels))
        if not library.HTS_Engine_synthesize_from_strings(engine, lines, ctypes.c_size_t(len(labels))):
            raise NothingSaid(f"HTS Engine cannot say {text!r}")
        sample_rate = library.HTS_Engine_get_sampling_frequency(engine)
        try:
            audio = self._speech(engine)
            step = library.HTS_Engine_get_fperiod(engine) / sample_rate
            n_states = library.HTS_Engine_get_nstate(engine)
            phones: Phones = []
            start = end = 0.0
            for i, label in enumerate(labels):
                frames = sum(library.HTS_Engine_get_state_duration(engine, i * n_states + s) for s in range(n_states))
                match = _PHONE.search(label)
                assert match is not None, label
                end = end + frames * step
                # A geminate is the closure of the consonant after it, held longer: one phone for the lips.
                if match.group(1) != "cl":
                    phones.append((match.group(1), start, end))
                    start = end
        finally:
            library.HTS_Engine_refresh(engine)
        audio, phones = trim(to_16k(audio, sample_rate), later(phones, LAG), lambda name: name in _SILENT, 0.05)
        return Utterance(audio, phones, "jtalk", f"jtalk-{voice.name}", "ja", LICENCES[voice.name])

    def _speech(self, engine: ctypes.Array) -> np.ndarray:
        """(samples,) float32. The library writes shorts to a C stream; one in memory spares a call per sample."""
        data, size = ctypes.c_void_p(), ctypes.c_size_t()
        stream = self._c.open_memstream(ctypes.byref(data), ctypes.byref(size))
        self._library.HTS_Engine_save_generated_speech(engine, stream)
        self._c.fclose(stream)
        audio = np.frombuffer(ctypes.string_at(data, size.value), np.int16).astype(np.float32) / 32768
        self._c.free(data)
        return audio
