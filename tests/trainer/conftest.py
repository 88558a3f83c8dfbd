"""Small data sets in the one form, made from noise bursts: what is heard tells the face."""

from pathlib import Path

import numpy as np
import pytest

from fmg_rt import arkit, spec
from fmg_train.datasets import form


def make_dataset(directory: Path, n: int, split: str, seed: int, seconds: float = 3.0) -> Path:
    """`n` recordings of noise whose loudness is the jaw's opening."""
    rng = np.random.default_rng(seed)
    recordings = []
    for i in range(n):
        samples = int(seconds * spec.SAMPLE_RATE)
        times = np.arange(samples) / spec.SAMPLE_RATE
        opening = np.clip(np.sin(2 * np.pi * rng.uniform(1, 3) * times + rng.uniform(0, 6)), 0, 1)
        audio = (0.3 * opening * rng.standard_normal(samples)).clip(-1, 1).astype(np.float32)
        face = np.zeros((int(seconds * 100), arkit.N_COEFFICIENTS), np.float32)
        face[:, arkit.INDEX["jawOpen"]] = 0.5 * opening[::160][: len(face)]
        recordings.append(
            form.write_recording(
                directory,
                f"{split}-{i:03d}",
                audio,
                form.Face(face, 100.0, phones=(("a", 0.0, seconds),)),
                split=split,
                speaker=f"s{i % 2}",
                language="en",
                source="bursts",
                licence="MIT",
            )
        )
    form.write_manifest(directory, recordings)
    return directory


@pytest.fixture(scope="session")
def bursts(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """(train, val) data sets."""
    folder = tmp_path_factory.mktemp("bursts")
    return make_dataset(folder / "train", 8, "train", 1), make_dataset(folder / "val", 3, "val", 2)


SMALL = {
    "model": {"d_input": 16, "d_model": 16, "d_head": 16},
    "data": {"sequence_s": 1.0},
    "optim": {"batch": 8, "steps_per_epoch": 6, "epochs": 4, "warmup_steps": 4, "rate": 0.01},
}
"""A training that takes a second."""
