"""fmg as a library: a sound file to faces, ten lines.

    python examples/library.py talk.wav
"""

import sys

import soundfile
import soxr

from fmg_rt import FaceStream, weights
from fmg_rt.arkit import INDEX
from fmg_rt.spec import SAMPLE_RATE

audio, sample_rate = soundfile.read(sys.argv[1], dtype="float32", always_2d=True)
stream = FaceStream(weights.read(weights.packaged()), rate=30)
for time, face in stream.feed(soxr.resample(audio.mean(axis=1), sample_rate, SAMPLE_RATE)):
    print(f"{time:7.3f} s  jawOpen {face[INDEX['jawOpen']]:.3f}  mouthClose {face[INDEX['mouthClose']]:.3f}")
