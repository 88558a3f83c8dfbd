"""A receiver of your own: see `fmg_rt.sinks.Sink` for what it needs.

    python examples/custom_sink.py talk.wav
"""

import sys

import soundfile
import soxr

from fmg_rt import FaceStream, weights
from fmg_rt.arkit import INDEX
from fmg_rt.frame import Frame
from fmg_rt.sinks import Sinks
from fmg_rt.spec import SAMPLE_RATE


class Mouth:
    """Draws the opening of the mouth as a bar."""

    name, live, address = "mouth", True, None

    def send(self, frame):
        opening = frame.coefficients[INDEX["jawOpen"]] - frame.coefficients[INDEX["mouthClose"]]
        print(f"{frame.time:7.3f} s {'#' * int(60 * max(0.0, opening))}")

    def close(self):
        print("the end")


audio, sample_rate = soundfile.read(sys.argv[1], dtype="float32", always_2d=True)
stream, sinks = FaceStream(weights.read(weights.packaged())), Sinks([Mouth()])
for index, (time, face) in enumerate(stream.feed(soxr.resample(audio.mean(axis=1), sample_rate, SAMPLE_RATE))):
    sinks.send(Frame(index, time, face))
sinks.close()
