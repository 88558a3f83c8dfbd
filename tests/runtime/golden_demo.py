"""Thirty frames of the packaged clip through the packaged network, kept in golden_demo.npz.

    python tests/runtime/golden_demo.py

makes the file again, after new weights or a change of the face that is meant.
"""

from importlib.resources import files
from pathlib import Path

import numpy as np

from fmg_rt import ExpressionSettings, Session, weights

FILE = Path(__file__).with_name("golden_demo.npz")
EVERY = 14
"""Of the 430 frames at 30 Hz; the first ones kept are 15 and 29."""


def demo() -> np.ndarray:
    """The packaged clip, (n,) float32 at 16 kHz."""
    import soundfile

    with (files("fmg_weights") / "demo.flac").open("rb") as file:
        samples, rate = soundfile.read(file, dtype="float32")
    assert rate == 16000
    return samples


def faces(audio: np.ndarray, settings: ExpressionSettings) -> np.ndarray:
    """(30, 52): every 14th frame of a session."""
    session = Session(settings=settings)
    frames = session.push(audio) + session.flush()
    return np.array([frame.coefficients for frame in frames])[15::EVERY]


def main() -> None:
    audio = demo()
    sha256 = weights.read(weights.packaged()).sha256
    network, face = faces(audio, ExpressionSettings.off()), faces(audio, ExpressionSettings())
    np.savez_compressed(FILE, sha256=sha256, network=network, face=face)
    print(f"{FILE}: {len(face)} frames, weights {sha256[:12]}")


if __name__ == "__main__":
    main()
