"""fmg-train teacher on a small folder of its own making."""

import json

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner

from fmg_rt import spec
from fmg_train.cli.teacher import teacher
from fmg_train.evaluate import scores
from fmg_train.teacher import face_of, to_ipa

SENTENCE = [
    ("SIL", 0.0, 0.4),
    ("B", 0.4, 0.5),
    ("IH", 0.5, 0.6),
    ("N", 0.6, 0.7),
    ("F", 0.7, 0.8),
    ("AA", 0.8, 1.0),
    ("UW", 1.0, 1.2),
    ("M", 1.2, 1.3),
    ("IY", 1.3, 1.5),
    ("SIL", 1.5, 2.0),
]


@pytest.fixture
def real(tmp_path):
    """Twelve sentences whose measured lips are the teacher's own, a third as large, with a little noise."""
    folder = tmp_path / "wirklich 実"
    (folder / "grid_s1").mkdir(parents=True)
    rng = np.random.default_rng(0)
    lines, clip, times, opening = [], [], [], []
    for i in range(12):
        name = f"clip{i:02d}"
        audio = (0.1 * rng.standard_normal(2 * spec.SAMPLE_RATE)).astype(np.float32)
        soundfile.write(folder / "grid_s1" / f"{name}.wav", audio, spec.SAMPLE_RATE)
        face = face_of([(to_ipa("arpabet", n), a, b) for n, a, b in SENTENCE], audio, seconds=2.0, rate=25.0)
        clip += [name] * len(face)
        times.append(np.arange(len(face)) / 25.0)
        opening.append(scores.aperture(face) / 3 + rng.normal(0, 0.005, len(face)))
        lines.append(json.dumps({"file": f"grid_s1/{name}.wav", "source": "grid_s1", "phones": SENTENCE}))
    (folder / "manifest.jsonl").write_text("\n".join(lines), encoding="utf-8")
    np.savez(folder / "grid_s1_face.npz", clip=np.array(clip), t=np.concatenate(times), open_inner=np.concatenate(opening))
    return folder


def test_prints_the_table(real):
    result = CliRunner().invoke(teacher, ["--real", str(real)])
    assert result.exit_code == 0, result.output
    rows = {line[:28].strip(): line[28:].split() for line in result.output.splitlines()}
    train, test = (next(v for k, v in rows.items() if k.startswith(f"GRID, measured lips, {s}")) for s in ("tr", "te"))
    assert train[-3] == "11" and test[-3] == "1"
    assert float(train[-2]) > 0.9 and float(test[-2]) > 0.9
    assert rows["p b m closed"] == ["24", "of", "24", "(100.0%)"]
    assert rows["f v in contact"] == ["12", "of", "12", "(100.0%)"]
    assert rows["mouthClose over jawOpen"] == ["0", "frames"]


@pytest.mark.parametrize(
    "damage, complaint",
    [
        (lambda folder: (folder / "manifest.jsonl").unlink(), "manifest.jsonl: cannot read"),
        (lambda folder: (folder / "grid_s1_face.npz").write_bytes(b"no"), "grid_s1_face.npz: cannot read the measured lips"),
        (lambda folder: (folder / "grid_s1" / "clip03.wav").unlink(), "clip03.wav: cannot read the recording"),
        (lambda folder: (folder / "manifest.jsonl").write_text("[]"), "manifest.jsonl: cannot read"),
        (lambda folder: (folder / "manifest.jsonl").write_text(""), "no GRID recordings"),
    ],
)
def test_one_clear_line_for_what_is_missing(real, damage, complaint):
    damage(real)
    result = CliRunner().invoke(teacher, ["--real", str(real)])
    assert result.exit_code != 0
    assert complaint in result.output
    assert "Traceback" not in result.output and len(result.output.strip().splitlines()) == 1


def test_without_vocaltractlab_it_says_what_to_install(real, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "vocaltractlab_cython", None)
    result = CliRunner().invoke(teacher, ["--real", str(real), "--vtl"])
    assert result.exit_code != 0
    assert "Error: " in result.output and "nstalled" in result.output
    assert len(result.output.strip().splitlines()) == 1
