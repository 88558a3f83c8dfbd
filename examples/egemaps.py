"""The 88 eGeMAPS features alone, every 0.3 s of a sound file.

python examples/egemaps.py talk.wav
"""

import sys

import soundfile
import soxr

from fmg_rt import EGeMAPS
from fmg_rt.egemaps import FEATURE_NAMES

audio, sample_rate = soundfile.read(sys.argv[1], dtype="float32")
audio = soxr.resample(audio, sample_rate, 16_000)
egemaps, loudness = EGeMAPS(), FEATURE_NAMES.index("loudness_sma3_amean")
for start in range(0, len(audio), 4_800):
    egemaps.push(audio[start : start + 4_800])
    if egemaps.ready:
        print(f"{start / 16_000:6.2f} s  mean loudness of the last 5 s {egemaps.functionals()[loudness]:.3f}")
