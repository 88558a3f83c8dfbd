"""Plot a recording over its sound: python plot_record.py RECORD.csv AUDIO.wav -o out.png

Make the recording with: fmg-rt --input AUDIO.wav --fast --record RECORD.csv. Needs the [train] extra (Matplotlib).
"""

import argparse
import sys
from pathlib import Path

import numpy as np
import soundfile

from fmg_rt import arkit
from fmg_train.evaluate import draw

NAMES = [
    "jawOpen",
    "mouthClose",
    "mouthFunnel",
    "mouthPucker",
    "mouthStretchLeft",
    "mouthSmileLeft",
    "mouthLowerDownLeft",
    "mouthRollLower",
    "browInnerUp",
    "eyeBlinkLeft",
]


def read(path):
    """Times (n,) in seconds and faces (n, 52) of a ``--record`` CSV file, whatever the order of its columns."""
    with open(path, encoding="utf-8") as file:
        header = file.readline().strip().split(",")
        if header[0] != "time" or not set(header).issuperset(arkit.ARKIT_NAMES):
            raise ValueError("not a recording: the first line must be 'time' and the 52 ARKit names")
        rows = np.loadtxt(file, delimiter=",", dtype=np.float64, ndmin=2)
    if not len(rows):
        raise ValueError("the recording is empty")
    return rows[:, 0], rows[:, [header.index(name) for name in arkit.ARKIT_NAMES]]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("record", type=Path, help="CSV file that fmg-rt --record wrote")
    parser.add_argument("audio", type=Path, help="the sound it was made from")
    parser.add_argument("-o", "--out", type=Path, default=Path("out.png"), help="curves; faces go beside it")
    parser.add_argument("--names", nargs="+", default=NAMES, choices=arkit.ARKIT_NAMES, metavar="NAME")
    parser.add_argument("--faces", type=int, default=16, help="moments to draw as faces; 0 for none")
    options = parser.parse_args()
    try:
        times, faces = read(options.record)
        wave, sample_rate = soundfile.read(options.audio, always_2d=True)
        rate = (len(times) - 1) / (times[-1] - times[0]) if len(times) > 1 else 30.0
        draw.curves_over_waveform(options.out, wave.mean(axis=1), faces, rate, options.names, sample_rate)
        if options.faces > 0:
            chosen = np.unique(np.linspace(0, len(times) - 1, options.faces).round().astype(int))
            strip = options.out.with_name(f"{options.out.stem}-faces.png")
            draw.filmstrip(strip, faces[chosen], [f"{t:.2f} s" for t in times[chosen]])
    except (OSError, ValueError) as error:
        sys.exit(f"plot_record.py: {error}")


if __name__ == "__main__":
    main()
