"""Draw faces of held-out sentences above the teacher's and above captured ones: filmstrips.py data/corpus"""

import sys
from importlib.resources import as_file, files
from pathlib import Path

import numpy as np

from fmg_rt import weights
from fmg_train.datasets import form
from fmg_train.evaluate import draw, evaluation, scores

HERE = Path(__file__).parent
SETS = {"test-rms": "filmstrip-en.png", "test-ja": "filmstrip-ja.png"}
KINDS = {"p": "pbm", "aa": "aæɑ", "s": "s", "ee": "i", "o": "oɔ", "ff": "fvɸ", "oo": "uɯ"}
"""Name of a face → letters of its phones; the longest phone of each kind is drawn, in its middle."""
CAPTURED, PIECES, FACES = "real-facegood", 2, 9
"""Data set with captured faces, how many of its test recordings are drawn, and at how many moments."""
REST = 0.1
"""Seconds into a recording at which nobody speaks yet."""


def longest(directory: Path) -> dict[str, tuple[form.Recording, float, str]]:
    """Kind → (recording, middle in s, IPA) of its longest phone in the test recordings."""
    found: dict[str, tuple[float, form.Recording, float, str]] = {}
    for recording in form.read_manifest(directory):
        for ipa, start, end in form.read_face(directory, recording).phones:
            for kind, letters in KINDS.items():
                if scores.letter(ipa).rstrip("ᵝ") in set(letters) and end - start > found.get(kind, (0.0,))[0]:
                    found[kind] = end - start, recording, (start + end) / 2, ipa
    return {kind: found[kind][1:] for kind in KINDS if kind in found}


def main(corpus: Path) -> None:
    with as_file(files("fmg_weights") / "best.npz") as path:
        shipped = evaluation.shipped(weights.read(path))
    for name, png in SETS.items():
        if not (corpus / name / form.MANIFEST).is_file():
            print(f"{name} is not there: {png} stays as it is")
            continue
        chosen = longest(corpus / name)
        chosen["rest"] = next(iter(chosen.values()))[0], REST, ""
        ours, teacher = [], []
        for recording, seconds, _ in chosen.values():
            face = form.read_face(corpus / name, recording)
            ours.append(shipped(form.read_audio(corpus / name, recording))[round(seconds * evaluation.RATE)])
            teacher.append(face.coefficients[round((seconds - face.start) * face.rate)])
        labels = [f"{kind} /{ipa}/" if ipa else kind for kind, (_, _, ipa) in chosen.items()]
        draw.filmstrip(HERE / png, np.stack(ours + teacher), labels + [f"teacher {kind}" for kind in chosen], len(chosen))
    held_out = [r for r in form.read_manifest(corpus / CAPTURED) if r.split == "test"]
    for number, recording in enumerate(held_out[2 : 2 + PIECES], 1):
        face = form.read_face(corpus / CAPTURED, recording)
        # Open and shut in turn: the widest and the narrowest moment of each half of a stretch.
        stretches = np.array_split(np.arange(20, len(face.coefficients) - 20), FACES)
        opening = scores.aperture(face.coefficients)
        frames = [
            int(part[np.argmax(opening[part])] if i % 2 == 0 else part[np.argmin(opening[part])])
            for i, part in enumerate(stretches)
        ]
        heard = shipped(form.read_audio(corpus / CAPTURED, recording))
        ours = heard[[min(len(heard) - 1, round((face.start + k / face.rate) * evaluation.RATE)) for k in frames]]
        labels = [f"{k / face.rate:.2f} s" for k in frames]
        draw.filmstrip(
            HERE / f"filmstrip-captured-{number}.png",
            np.concatenate((ours, face.coefficients[frames])),
            labels + ["captured"] * FACES,
            FACES,
        )


main(Path(sys.argv[1]))
