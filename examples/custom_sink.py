"""A receiver of your own: anything with a name, `send` and `close` is a sink.

    python examples/custom_sink.py talk.wav
"""

import sys

import soundfile

from fmg_rt import Session
from fmg_rt.arkit import INDEX
from fmg_rt.sinks import Sinks


class Mouth:
    """Draws the opening of the mouth as a bar."""

    name = "mouth"

    def send(self, index, time, coefficients):
        opening = coefficients[INDEX["jawOpen"]] - coefficients[INDEX["mouthClose"]]
        print(f"{time:7.3f} s {'#' * int(60 * max(0.0, opening))}")

    def close(self):
        print("the end")


audio, sample_rate = soundfile.read(sys.argv[1], dtype="float32")
session, sinks = Session(sample_rate=sample_rate), Sinks([Mouth()])
for frame in session.push(audio) + session.finish():
    sinks.send(frame.index, frame.time, frame.coefficients)
sinks.close()
