"""A voice agent that is interrupted: its face rests within 150 ms, then says something else.

python examples/barge_in.py talk.wav other.wav
"""

import sys

import soundfile

from fmg_rt import Session
from fmg_rt.arkit import INDEX


def show(frames):
    for frame in frames:
        print(f"{frame.time:7.3f} s  jawOpen {frame.coefficients[INDEX['jawOpen']]:.3f}")


if len(sys.argv) < 2:
    sys.exit(__doc__)
session = None
for name in sys.argv[1:]:
    audio, sample_rate = soundfile.read(name, dtype="int16")
    session = session or Session(sample_rate=sample_rate)
    print(name)
    show(session.push(audio[: sample_rate * 4 // 5]))
    print("interrupted")
    show(session.interrupt())
