"""fmg as a library: a sound file to faces, ten lines.

python examples/library.py talk.wav
"""

import sys

import soundfile

from fmg_rt import Session
from fmg_rt.arkit import INDEX

audio, sample_rate = soundfile.read(sys.argv[1], dtype="float32")
session = Session(sample_rate=sample_rate)
for frame in session.push(audio) + session.flush():
    jaw, close = frame.coefficients[[INDEX["jawOpen"], INDEX["mouthClose"]]]
    print(f"{frame.time:7.3f} s  jawOpen {jaw:.3f}  mouthClose {close:.3f}")
