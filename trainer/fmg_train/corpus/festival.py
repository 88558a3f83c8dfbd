"""Festival in a pipe: ked (diphones, en) and a unit selection voice (ru). The whole engine is held out of training.

Its other English voices, kal and slt, are Flite's too, which are trained on. One process a voice, since some voices leave
settings behind that break the next. References: Festival manual 2.5.
"""

import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import soundfile

from .speech import EngineMissing, NothingSaid, Phones, Utterance, Voice, later, to_16k, trim

VOICES = {
    "ked_diphone": ("en", "arpabet", 0.007, "festvox-kdlpc16k"),
    "msu_ru_nsh_clunits": ("ru", "festival-ru", 0.0, "festvox-ru"),
}
"""Voice → language, phone set, lag of the sound behind the segments (s), Debian package."""
LICENCE = "Festival voice (BSD-like)"
FOLDER = Path("/usr/share/festival/voices")
_SILENT = ("pau", "#", "h#", "sil")


class Festival:
    """Starts a process for a voice when it first speaks."""

    name = "festival"

    def __init__(self) -> None:
        program = shutil.which("festival")
        if program is None:
            raise EngineMissing("festival is not installed (Debian: festival and its festvox packages)")
        self._program = program
        self._installed = {path.name for path in FOLDER.glob("*/*")}
        self._processes: dict[str, subprocess.Popen] = {}
        self._folder = Path(tempfile.mkdtemp(prefix="fmg-festival-"))

    def close(self) -> None:
        for process in self._processes.values():
            process.kill()
            process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)

    def draw(self, language: str, rng: np.random.Generator) -> Voice:
        name = next(n for n, (spoken, *_) in VOICES.items() if spoken == language)
        return Voice(self.name, name, language, rate=float(np.clip(np.exp(0.15 * rng.standard_normal()), 0.75, 1.4)))

    def _process(self, name: str) -> subprocess.Popen:
        if name not in self._processes:
            self._processes[name] = subprocess.Popen(
                [self._program, "--pipe"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
            )
            self._send(name, f"(voice_{name})")
        return self._processes[name]

    def _send(self, name: str, command: str) -> None:
        """Run a command and wait until it is done."""
        process = self._processes[name]
        assert process.stdin is not None and process.stdout is not None
        process.stdin.write(f'{command}\n(begin (format t "\\nfmg-done\\n") (fflush nil))\n'.encode())
        process.stdin.flush()
        while True:
            line = process.stdout.readline()
            if not line:
                del self._processes[name]
                raise NothingSaid(f"festival stopped at {command!r}")
            if line.strip() == b"fmg-done":
                return

    def speak(self, text: str, voice: Voice, rng: np.random.Generator) -> Utterance:
        language, phone_set, lag, package = VOICES[voice.name]
        if voice.name not in self._installed:
            raise EngineMissing(f"the Festival voice '{voice.name}' is not installed (Debian: {package})")
        self._process(voice.name)
        wave, segments = self._folder / "u.wav", self._folder / "u.seg"
        wave.unlink(missing_ok=True)
        quoted = text.replace("\\", " ").replace('"', " ")
        self._send(voice.name, f"(Parameter.set 'Duration_Stretch {1 / voice.rate:.3f})")
        self._send(
            voice.name,
            f'(begin (set! u (SynthText "{quoted}")) (utt.save.segs u "{segments}") (utt.save.wave u "{wave}" \'riff))',
        )
        if not wave.is_file():
            raise NothingSaid(f"festival said nothing for {text!r} with {voice.name}")
        audio, sample_rate = soundfile.read(wave, dtype="float32")
        phones: Phones = []
        start = 0.0
        for line in segments.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.strip() == "#" or not line.strip():
                continue
            end, _, name = line.split()[:3]
            if float(end) > start:
                phones.append((name, start, float(end)))
                start = float(end)
        audio, phones = trim(to_16k(audio, sample_rate), later(phones, lag), lambda n: n in _SILENT, 0.05)
        return Utterance(audio, phones, phone_set, f"festival-{voice.name}", language, LICENCE)
