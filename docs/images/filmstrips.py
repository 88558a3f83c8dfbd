"""Draw faces of held-out sentences above the teacher's: python docs/images/filmstrips.py data/corpus"""

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
        chosen = longest(corpus / name)
        chosen["rest"] = next(iter(chosen.values()))[0], REST, ""
        ours, teacher = [], []
        for recording, seconds, _ in chosen.values():
            face = form.read_face(corpus / name, recording)
            ours.append(shipped(form.read_audio(corpus / name, recording))[round(seconds * evaluation.RATE)])
            teacher.append(face.coefficients[round((seconds - face.start) * face.rate)])
        labels = [f"{kind} /{ipa}/" if ipa else kind for kind, (_, _, ipa) in chosen.items()]
        draw.filmstrip(HERE / png, np.stack(ours + teacher), labels + [f"teacher {kind}" for kind in chosen], len(chosen))


main(Path(sys.argv[1]))
