"""Speech presence: a network's prediction, or another detector's, scored against the phones of the data."""

from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

from fmg_rt import networks, spec
from fmg_rt.features.logmel import log_mel
from fmg_rt.weights import Weights

from .. import features
from ..datasets import form
from . import scores
from .conditions import VOICES, Condition, heard

Detector = Callable[[np.ndarray], np.ndarray]
"""(samples,) float32 at 16 kHz → (frames,) how sure it is, frame i at `features.row_times`."""


def network(weights: Weights, lookahead: int | None = None) -> Detector | None:
    """The prediction of a weight file's network; None if it has none."""
    net = networks.build(weights, lookahead)
    if net.presence is None:
        return None

    def hear(audio: np.ndarray) -> np.ndarray:
        net.reset()
        mel = log_mel(np.pad(audio, (0, net.lookahead + spec.WIN_LENGTH)))
        times, said = [], []
        for frame in mel:
            before = net.horizon
            net.push(frame)
            if net.horizon != before:
                times.append(net.horizon / spec.SAMPLE_RATE)
                said.append(net.presence)
        return np.interp(features.row_times(len(log_mel(audio))), times, np.array(said, float))

    return hear


def judged(
    detect: Detector, directories: Iterable[Path], split: str | None = "test", condition: Condition | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """(how sure it was where somebody speaks, and where nobody does), over the frames of which that is known.

    condition : changes the audio before it is heard, as in `evaluation.rows`.
    """
    speech, silence = [np.empty(0)], [np.empty(0)]
    for directory in directories:
        chosen = [recording for recording in form.read_manifest(directory) if split in (None, recording.split)]
        voices = [form.read_audio(directory, recording) for recording in chosen[:VOICES]] if condition else []
        for recording in chosen:
            audio, face = form.read_audio(directory, recording), form.read_face(directory, recording)
            audio, face = heard(condition, audio, recording, face, voices)
            said = detect(audio)
            truth = features.spoken_rows(recording.source, face.phones, len(said))
            speech.append(said[truth == 1])
            silence.append(said[truth == 0])
    return np.concatenate(speech), np.concatenate(silence)


def auc(detect: Detector, directories: Iterable[Path], split: str | None = "test", condition: Condition | None = None) -> float:
    """The probability that it rates a frame with speech higher than one without; NaN where the data have only one of both."""
    return scores.auc(*judged(detect, directories, split, condition))
