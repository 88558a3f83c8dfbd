"""Log-mel, one hop: at most 15 µs (aim: 6 µs)."""

import numpy as np
import pytest
from machine import log_mel_of_librosa

from fmg_rt.features.logmel import LogMel, log_mel


def test_one_hop(contest):
    pytest.importorskip("librosa")
    rng = np.random.default_rng(0)
    wave = (0.1 * rng.standard_normal(160 * 62 + 240)).astype(np.float32)  # 62 frames
    hops = wave[: 160 * 62].reshape(-1, 160)

    assert np.abs(log_mel_of_librosa(wave).T - log_mel(wave)).max() < 1e-4
    stream = LogMel()

    def ten_hops():
        for hop in hops[:10]:
            stream.push(hop)

    window = wave[:400]
    contest(
        "log-mel, one hop",
        ten_hops,
        must=15,
        aim=6,
        per=10,
        limit={"librosa, hop by hop": 0.1},
        rivals={
            "librosa, hop by hop": (lambda: log_mel_of_librosa(window), 1),
            "librosa, a whole file": (lambda: log_mel_of_librosa(wave), 62),
        },
    )
