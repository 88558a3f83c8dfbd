"""Speech to measure eGeMAPS on: sentences in many languages, spoken by free engines, each in seven acoustic conditions."""

import shutil
import subprocess
from pathlib import Path

import numpy as np

SAMPLE_RATE = 16_000
SENTENCES = {
    "en-us": "The harbour was quiet when the first boats came home. Nobody spoke, but every window was lit, and the whole "
    "street seemed to wait. Are you sure that this was the right key? Then open the door, slowly, and tell me what you see!",
    "de": "Am Morgen lag dichter Nebel über dem Fluss, und niemand wollte als Erster losfahren. Hast du wirklich alles "
    "eingepackt? Dann lass uns gehen, bevor der Regen kommt und die Wege wieder aufweichen.",
    "fr": "Le marché ouvre à sept heures, mais les vendeurs arrivent bien plus tôt. Tu veux des pommes ou des poires? "
    "Prends ce que tu veux, il y en a pour tout le monde, même pour les voisins.",
    "es": "El tren llegó con dos horas de retraso y nadie sabía por qué. ¿Quieres que te espere en la estación? "
    "Llámame cuando salgas, y no te olvides de traer las llaves de la casa.",
    "it": "La strada saliva tra gli ulivi fino a una piccola chiesa bianca. Chi ha lasciato la porta aperta? "
    "Torniamo indietro prima che faccia buio, perché la luna stasera non si vede.",
    "ru": "Вчера вечером мы долго гуляли по набережной и говорили о старых друзьях. Ты помнишь, как его звали? "
    "Кажется, он уехал на север и больше никогда не писал.",
    "ja": "きょうは あさから あめが ふっています。 かさを もって いきますか。 えきまで いっしょに あるきましょう。 "
    "ゆうがたには はれると おもいます。",
    "pt": "As crianças correram para a praia antes do café da manhã. Você viu onde elas deixaram os sapatos? "
    "A maré está subindo e logo não haverá mais areia para brincar.",
    "sv": "Vintern kom tidigt det året och sjön frös redan i november. Kan du höra hur isen sjunger? "
    "Vi går hem genom skogen och tänder en brasa innan det blir mörkt.",
    "hi": "आज बाज़ार में बहुत भीड़ थी और हमें देर हो गई। क्या तुमने खाना खा लिया है? चलो नदी के किनारे थोड़ी देर बैठते हैं और पुरानी बातें करते हैं।",
    "cmn": "今天早上下了很大的雨，路上一个人也没有。你要不要跟我一起去车站？我们慢慢走，还来得及。晚上天气应该会变好。",
}
ESPEAK = (
    ("en-us", 110, 50),
    ("de+f2", 130, 70),
    ("fr", 150, 40),
    ("es+f4", 160, 60),
    ("it+m3", 120, 45),
    ("ru", 140, 30),
    ("ja+f5", 150, 80),
    ("pt+m7", 150, 55),
    ("sv", 130, 60),
    ("hi+f3", 140, 65),
    ("cmn", 140, 50),
)
"""Voice with variant, words per minute, pitch 0-99."""
FLITE = ("kal16", "awb", "rms", "slt")
OPEN_JTALK = (
    Path("/var/lib/mecab/dic/open-jtalk/naist-jdic"),
    Path("/usr/share/hts-voice/nitech-jp-atr503-m001/nitech_jp_atr503_m001.htsvoice"),
)
CONDITIONS = ("clean", "white", "pink", "quiet", "faint", "gaps", "reverb")


def missing() -> str:
    """What keeps this machine from speaking, or an empty string."""
    engines = [name for name in ("espeak-ng", "flite") if shutil.which(name) is None]
    return f"not installed: {', '.join(engines)}" if engines else ""


def _read(path: Path) -> np.ndarray:
    import soundfile
    import soxr

    wave, rate = soundfile.read(path, dtype="float32")
    wave = wave if wave.ndim == 1 else wave[:, 0]
    wave = wave if rate == SAMPLE_RATE else soxr.resample(wave, rate, SAMPLE_RATE)
    return np.ascontiguousarray(wave / np.abs(wave).max() * 0.7, np.float32)


def speak(folder: Path, seconds: float = 8.0) -> dict[str, np.ndarray]:
    """At least 16 clips of up to `seconds`, name → (n,) float32 at 16 kHz. `folder` receives the engines' files."""
    clips = {}
    for voice, speed, pitch in ESPEAK:
        path = folder / f"espeak-{voice}.wav"
        text = SENTENCES[voice.split("+")[0]]
        subprocess.run(["espeak-ng", "-v", voice, "-s", str(speed), "-p", str(pitch), "-w", str(path), text], check=True)
        clips[path.stem] = path
    for voice in FLITE:
        path = folder / f"flite-{voice}.wav"
        subprocess.run(["flite", "-voice", voice, "-t", SENTENCES["en-us"], "-o", str(path)], check=True)
        clips[path.stem] = path
    path = folder / "flite-slt-high.wav"
    options = ["--setf", "duration_stretch=1.2", "--setf", "int_f0_target_mean=230"]
    subprocess.run(["flite", "-voice", "slt", *options, "-t", SENTENCES["en-us"], "-o", str(path)], check=True)
    clips[path.stem] = path
    if shutil.which("open_jtalk") and all(p.exists() for p in OPEN_JTALK):
        path = folder / "open-jtalk.wav"
        command = ["open_jtalk", "-x", str(OPEN_JTALK[0]), "-m", str(OPEN_JTALK[1]), "-ow", str(path)]
        subprocess.run(command, input=SENTENCES["ja"].encode(), check=True)
        clips[path.stem] = path
    return {name: _read(path)[: round(seconds * SAMPLE_RATE)] for name, path in clips.items()}


def vary(wave: np.ndarray, condition: str, seed: int) -> np.ndarray:
    """The clip (n,) in one of `CONDITIONS`."""
    rng = np.random.default_rng(seed)
    n = len(wave)
    power = np.mean(wave.astype(np.float64) ** 2)
    if condition == "white":
        out = wave + rng.normal(size=n) * np.sqrt(power / 100)
    elif condition == "pink":
        spectrum = np.fft.rfft(rng.normal(size=n)) / np.sqrt(np.maximum(np.arange(n // 2 + 1), 1))
        noise = np.fft.irfft(spectrum, n)
        out = wave + noise * np.sqrt(power / 10 / np.mean(noise**2))
    elif condition in ("quiet", "faint"):
        out = wave * (0.1 if condition == "quiet" else 0.01)
    elif condition == "gaps":
        out = wave.copy()
        for start in range(rng.integers(4000, 12000), n, 24_000):
            out[start : start + rng.integers(800, 6400)] = 0
    elif condition == "reverb":
        time = np.arange(SAMPLE_RATE * 2 // 5) / SAMPLE_RATE
        echo = rng.normal(size=len(time)) * 10 ** (-3 * time / 0.4)
        echo[0] = 8.0
        size = 1 << (n + len(echo)).bit_length()
        out = np.fft.irfft(np.fft.rfft(wave, size) * np.fft.rfft(echo, size), size)[:n]
        out *= 0.7 / np.abs(out).max()
    else:
        out = wave
    return np.ascontiguousarray(np.clip(out, -1, 1 - 2**-15), np.float32)
