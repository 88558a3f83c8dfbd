"""Draw one moment of a sentence in every mood, and a neutral stretch of it: python docs/images/emotions.py"""

from pathlib import Path

import numpy as np
import soundfile

from fmg_rt import emotions
from fmg_rt.expression import ExpressionSettings
from fmg_rt.session import Session
from fmg_train.evaluate import draw

HERE = Path(__file__).parent
MOMENTS = np.arange(1.0, 4.0, 0.4)
"""Seconds into the packaged demo that the neutral strip shows."""


def faces(settings: ExpressionSettings) -> np.ndarray:
    """(frames, 52) of the packaged demo at 30 Hz."""
    audio, rate = soundfile.read(HERE.parents[1] / "weights" / "demo.flac", dtype="float32")
    session = Session(settings=settings, sample_rate=rate)
    return np.array([frame.coefficients for frame in session.push(audio) + session.flush()])


plain = {"blink": False, "gaze": False}
neutral = faces(ExpressionSettings(**plain))
middle = int(30 + np.argmax(np.convolve(neutral[30:90, 24], np.ones(3), "same")))
names = ["neutral", *emotions.NAMES]
moods = [neutral[middle], *(faces(ExpressionSettings(emotion={name: 1.0}, **plain))[middle] for name in emotions.NAMES)]
draw.filmstrip(HERE / "emotions.png", np.stack(moods), names, 6)
draw.filmstrip(HERE / "neutral.png", neutral[np.round(30 * MOMENTS).astype(int)], [f"{t:.1f} s" for t in MOMENTS])
