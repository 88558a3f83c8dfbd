"""How fast the machine is just now, told by two rivals: python-osc's 53 messages, as the predecessor sends a frame, for what is
interpreted, and librosa's log-mel of one hop, where it is installed, for what is computed."""

import importlib.util
import socket
import statistics
import time
from collections.abc import Callable, Sequence

import numpy as np
from pythonosc.udp_client import SimpleUDPClient

QUIET_MESSAGES, QUIET_LOG_MEL = 253e-6, 370e-6
"""Seconds that they take on the machine that budgets were set on (README) when nothing else runs there."""
_ROUNDS = 60


def send_as_the_predecessor(client: SimpleUDPClient, face: Sequence[float]) -> None:
    """One face in 53 messages: all 52 in one, then each in its own."""
    client.send_message("/blendshapes", face)
    for i, value in enumerate(face):
        client.send_message(f"/blendshape/{i}", value)


def log_mel_of_librosa(samples: np.ndarray) -> np.ndarray:
    """(80, frames): what `fmg_rt.features.log_mel` gives transposed, by librosa."""
    import librosa

    mel = librosa.feature.melspectrogram(y=samples, sr=16000, n_fft=400, hop_length=160, n_mels=80, center=False)
    return np.log(mel + 1e-10)


def slowness() -> float:
    """How many times longer things take here and now than on that machine, by the rival that is held up more; at least 1.

    On a busy Intel Xeon of 2.5 GHz librosa took eight times as long where python-osc took five.
    """
    face = [i / 52 for i in range(52)]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as unread:
        unread.bind(("127.0.0.1", 0))
        client = SimpleUDPClient(*unread.getsockname())
        paces = [_median(lambda: send_as_the_predecessor(client, face)) / QUIET_MESSAGES]
    if importlib.util.find_spec("librosa") is not None:
        window = (0.1 * np.random.default_rng(0).standard_normal(400)).astype(np.float32)
        paces.append(_median(lambda: log_mel_of_librosa(window)) / QUIET_LOG_MEL)
    return max(1.0, *paces)


def _median(function: Callable[[], object]) -> float:
    """Seconds that a call takes; the first one may still have to load or compile something."""
    function()
    taken = []
    for _ in range(_ROUNDS):
        start = time.perf_counter()
        function()
        taken.append(time.perf_counter() - start)
    return statistics.median(taken)
