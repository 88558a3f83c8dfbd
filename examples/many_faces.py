"""Sixteen speakers in one process: they share the weights and the steps of the network.

python examples/many_faces.py talk.wav
"""

import sys

import soundfile

from fmg_rt import Pool
from fmg_rt.arkit import INDEX

audio, sample_rate = soundfile.read(sys.argv[1], dtype="int16")
pool = Pool()
sessions = [pool.session(sample_rate=sample_rate, egemaps=False, seed=k) for k in range(16)]
for start in range(0, len(audio), sample_rate // 10):
    # Each speaker would have audio of its own; a session that has none this time is left out.
    done = pool.push({session: audio[start : start + sample_rate // 10] for session in sessions})
    for frame in done[sessions[0]]:
        print(f"{frame.time:7.3f} s  {len(done)} faces, the first one's jawOpen {frame.coefficients[INDEX['jawOpen']]:.3f}")
pool.close()
