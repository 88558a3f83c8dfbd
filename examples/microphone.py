"""The microphone as a callback, at its own 48 kHz and int16: the jaw as a bar.

python examples/microphone.py
"""

import queue

import sounddevice

from fmg_rt import Session
from fmg_rt.arkit import INDEX

blocks: queue.SimpleQueue[bytes] = queue.SimpleQueue()
session = Session(sample_rate=48_000)


def take(block, n_samples, time, status):
    """Runs on PortAudio's thread: copy and return, nothing else."""
    blocks.put(bytes(block))


with sounddevice.RawInputStream(samplerate=48_000, channels=1, dtype="int16", blocksize=480, callback=take):
    print("Speak; Ctrl-C ends.")
    try:
        while True:
            for frame in session.push(blocks.get()):
                print(f"\r{'#' * int(60 * frame.coefficients[INDEX['jawOpen']]):60}", end="", flush=True)
    except KeyboardInterrupt:
        print(f"\r{'':60}")
