"""Log-mel, one hop: at most 15 µs (aim: 6 µs)."""

import numpy as np
import pytest

from fmg_rt.features import LogMel, log_mel


def test_one_hop(contest):
    librosa = pytest.importorskip("librosa")
    rng = np.random.default_rng(0)
    wave = (0.1 * rng.standard_normal(160 * 62 + 240)).astype(np.float32)  # 62 frames
    hops = wave[: 160 * 62].reshape(-1, 160)

    def mel_of(samples):
        mel = librosa.feature.melspectrogram(y=samples, sr=16000, n_fft=400, hop_length=160, n_mels=80, center=False)
        return np.log(mel + 1e-10)

    assert np.abs(mel_of(wave).T - log_mel(wave)).max() < 1e-4
    stream = LogMel()

    def ten_hops():
        for hop in hops[:10]:
            stream.push(hop)

    window = wave[:400]
    contest("log-mel, one hop", ten_hops, must=15, aim=6, per=10, limit={"librosa, hop by hop": 0.1},
            rivals={"librosa, hop by hop": (lambda: mel_of(window), 1),
                    "librosa, a whole file": (lambda: mel_of(wave), 62)})  # fmt: skip
