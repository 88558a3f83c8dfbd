"""Speech presence: a weight file against silero-vad, on the same sounds in one run: area under the ROC curve.

Speech: the test recordings of the data sets that are given, frame by frame against their phones. Sounds without speech: drawn
again by `fmg_train.corpus.nonspeech` (a seed that no corpus has), kind by kind; their frames against the speech frames.
silero-vad (MIT; ``pip install silero-vad onnxruntime``) is a rival here and nothing else.

    python -m fmg_train.evaluate.against_silero weights/best.npz data/corpus/real-librispeech data/corpus/test-rms …
"""

import importlib.util
import sys
from pathlib import Path

import numpy as np

from fmg_rt import spec
from fmg_rt import weights as weight_files
from fmg_train import features
from fmg_train.corpus import nonspeech
from fmg_train.datasets import form
from fmg_train.evaluate import presence, scores
from fmg_train.evaluate.conditions import CONDITIONS, heard

CHUNK, CONTEXT = 512, 64
"""Samples that silero-vad takes at once at 16 kHz, and of what was before that it wants to see again."""
SECONDS, EACH = 6, 8
SEED = 777
MOST = 25
"""Recordings of a data set."""


def silero() -> presence.Detector:
    import onnxruntime

    found = importlib.util.find_spec("silero_vad")
    if found is None or found.origin is None:
        sys.exit("silero-vad is not installed: pip install silero-vad onnxruntime")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(Path(found.origin).parent / "data" / "silero_vad.onnx"), options)

    def hear(audio: np.ndarray) -> np.ndarray:
        padded = np.concatenate((np.zeros(CONTEXT, np.float32), audio, np.zeros(CHUNK, np.float32)))
        state, said = np.zeros((2, 1, 128), np.float32), []
        for start in range(0, len(padded) - CHUNK - CONTEXT + 1, CHUNK):
            window = padded[None, start : start + CHUNK + CONTEXT].astype(np.float32)
            out, state = session.run(None, {"input": window, "state": state, "sr": np.array(spec.SAMPLE_RATE)})
            said.append(float(out.squeeze()))
        # Each answer stands for the middle of its chunk.
        at = (np.arange(len(said)) * CHUNK + CHUNK / 2) / spec.SAMPLE_RATE
        return np.interp(features.row_times(max(0, (len(audio) - spec.WIN_LENGTH) // spec.HOP_LENGTH + 1)), at, said)

    return hear


def sound_of(kind: str, rng: np.random.Generator, voices: list[np.ndarray]) -> np.ndarray:
    """One sound of a kind."""
    while True:
        audio, drawn = nonspeech.nonspeech(SECONDS * spec.SAMPLE_RATE, rng, voices)
        if drawn == kind:
            return audio


def main(arguments: list[str]) -> None:
    file, *sets = arguments
    ours = presence.network(weight_files.read(file))
    if ours is None:
        sys.exit(f"{file} does not predict speech presence")
    rivals = {"fmg": ours, "silero-vad": silero()}
    spoken: list[tuple[np.ndarray, form.Recording, form.Face]] = []
    for directory in map(Path, sets):
        for recording in [r for r in form.read_manifest(directory) if r.split == "test"][:MOST]:
            face = form.read_face(directory, recording)
            if face.phones:
                spoken.append((form.read_audio(directory, recording), recording, face))
    print(f"{len(spoken)} recordings of speech\n{'':24}" + "".join(f"{name:>12}" for name in rivals))
    clean: dict[str, np.ndarray] = {}
    voices = [audio for audio, _, _ in spoken[:12]]
    for condition, change in CONDITIONS.items():
        cells = []
        for name, detect in rivals.items():
            yes, no = [], []
            for audio, recording, face in spoken:
                changed, moved = heard(change, audio, recording, face, voices)
                rows = max(0, (len(changed) - spec.WIN_LENGTH) // spec.HOP_LENGTH + 1)
                truth = features.spoken_rows(recording.source, moved.phones, rows)
                said = detect(np.asarray(changed, np.float32))
                yes.append(said[truth == 1])
                no.append(said[truth == 0])
            if change is None:
                clean[name] = np.concatenate(yes)
            cells.append(scores.auc(np.concatenate(yes), np.concatenate(no)))
        print(f"{condition:24}" + "".join(f"{value:12.4f}" for value in cells), flush=True)
    rng = np.random.default_rng(SEED)
    print("clean speech against sounds without")
    for kind in nonspeech.KINDS:
        sounds = [sound_of(kind, rng, voices) for _ in range(EACH)]
        cells = [
            scores.auc(clean[name], np.concatenate([detect(sound) for sound in sounds])) for name, detect in rivals.items()
        ]
        print(f"{kind:24}" + "".join(f"{value:12.4f}" for value in cells), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
