"""Draw a sentence in every mood and a minute of calm readers: emotions.py [data/corpus]"""

import sys
from pathlib import Path

import numpy as np
import soundfile

from fmg_rt import emotions
from fmg_rt.expression import ExpressionSettings
from fmg_rt.session import Session
from fmg_train.datasets import form
from fmg_train.evaluate import draw

HERE = Path(__file__).parent
MOMENTS = np.arange(1.0, 4.0, 0.4)
"""Seconds into the packaged demo that the strips show."""
SEVEN = ("joy", "anger", "sadness", "fear", "disgust", "surprise", "calm")
READERS = "real-librispeech"
MINUTE = np.arange(2.5, 60.0, 5.0)
"""Seconds of the minute that are drawn."""


def faces(audio: np.ndarray, rate: int, **settings) -> np.ndarray:
    """(frames, 52) at 30 Hz, without blinks and gaze, which would hide what a mood does to the eyes."""
    session = Session(settings=ExpressionSettings(blink=False, gaze=False, **settings), sample_rate=rate)
    return np.array([frame.coefficients for frame in session.push(audio) + session.flush()])


def readers(corpus: Path) -> tuple[np.ndarray, np.ndarray]:
    """A minute of held-out readers, one after the other, and the frames to draw: where the mouth is widest near each moment."""
    recordings = [r for r in form.read_manifest(corpus / READERS) if r.split == "test"]
    minute = np.concatenate([faces(form.read_audio(corpus / READERS, recording), 16_000) for recording in recordings])[:1800]
    starts = [int(30 * t) for t in MINUTE]
    return minute, np.array([t + int(minute[t : t + 30, 24].argmax()) for t in starts])


demo, demo_rate = soundfile.read(HERE.parents[1] / "weights" / "demo.flac", dtype="float32")
neutral = faces(demo, demo_rate)
spoken = {name: faces(demo, demo_rate, emotion={name: 1.0}) for name in emotions.NAMES}
middle = int(30 + np.argmax(np.convolve(neutral[30:90, 24], np.ones(3), "same")))
draw.filmstrip(
    HERE / "emotions.png", np.stack([neutral[middle], *(face[middle] for face in spoken.values())]), ["neutral", *spoken], 6
)
frames = np.round(30 * MOMENTS).astype(int)
labels = [f"{t:.1f} s" for t in MOMENTS]
draw.filmstrip(
    HERE / "sentence.png",
    np.concatenate([spoken[name][frames] for name in SEVEN]),
    [f"{name} {label}" for name in SEVEN for label in labels],
    len(MOMENTS),
)
if len(sys.argv) > 1:
    minute, chosen = readers(Path(sys.argv[1]))
    draw.filmstrip(HERE / "minute.png", minute[chosen], [f"{k / 30:.1f} s" for k in chosen])
