"""A receiver of your own: see `fmg_rt.sinks.Sink` for what it needs.

python examples/custom_sink.py talk.wav
"""

import sys

import soundfile

from fmg_rt import Session
from fmg_rt.arkit import INDEX
from fmg_rt.sinks import Sinks


class Mouth:
    """Draws the opening of the mouth as a bar."""

    name, live, address = "mouth", True, None

    def send(self, frame):
        opening = frame.coefficients[INDEX["jawOpen"]] - frame.coefficients[INDEX["mouthClose"]]
        print(f"{frame.time:7.3f} s {'#' * int(60 * max(0.0, opening))}")

    def close(self):
        print("the end")


audio, sample_rate = soundfile.read(sys.argv[1], dtype="float32")
session, sinks = Session(sample_rate=sample_rate), Sinks([Mouth()])
for frame in session.push(audio) + session.finish():
    sinks.send(frame)
sinks.close()
