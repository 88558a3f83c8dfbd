"""Lip distance of VocalTractLab, an articulatory synthesiser: a mouth that is known because it is modelled.

References
----------
P. Birkholz, Modeling consonant-vowel coarticulation for articulatory speech synthesis, 2013 (VocalTractLab, speaker JD3).
"""

import tempfile
from pathlib import Path

import numpy as np

from fmg_train.teacher.phonesets import PHONE_SETS, to_ipa
from fmg_train.teacher.targets import letters

RATE = 44_100 / 110
"""Vocal tract states per second."""
LEAD_IN = 0.1
"""Seconds of stillness before the first phone; the tract waits there in the first vowel, not at rest."""
_PROTRUSION, _DISTANCE, _N_PARAMETERS = 4, 5, 19
"""Columns and length of a state in a motor file: LP and LD of HX HY JX JA LP LD VS VO ….."""
_NAMES = {letters(ipa)[0]: name for name, ipa in reversed(PHONE_SETS["vtl"].items()) if len(letters(ipa)) == 1}
_INSTEAD = {"æ": "E", "ʌ": "a", "ɑ": "a:", "ɒ": "O", "ɝ": "9", "ɚ": "6", "ɜ": "9", "ɹ": "R", "ʁ": "R", "r": "R", "ɾ": "R",
            "ɪ": "I", "i": "i:", "e": "e:", "o": "o:", "u": "u:", "y": "y:", "ø": "2:", "w": "v", "ʔ": "h", "œ": "9",
            "ɫ": "l"}  # fmt: skip
"""Nearest sound of speaker JD3, who is German."""


def speakable(phones: list[tuple[str, float, float]]) -> list[tuple[str, float]]:
    """IPA phones as VocalTractLab's names with durations, s; diphthongs and affricates in halves."""
    return [(_INSTEAD.get(letter) or _NAMES[letter], (end - start) / len(letters(ipa)))
            for ipa, start, end in phones for letter in letters(ipa)]  # fmt: skip


def lips(sequence: list[tuple[str, float]]) -> tuple[list[tuple[str, float, float]], np.ndarray, np.ndarray]:
    """Move the modelled mouth through `sequence` (VocalTractLab's name, seconds).

    Returns
    -------
    phones : (IPA, start s, end s).
    distance, protrusion : (states,) at `RATE`; the distance is negative where the lips are pressed together.

    Raises
    ------
    ImportError
        The package vocaltractlab-cython is not installed.
    """
    import vocaltractlab_cython as vocaltractlab

    with tempfile.TemporaryDirectory() as folder:
        score, gestures, motor = (str(Path(folder) / name) for name in ("phones.seg", "score.ges", "states.tract"))
        rows = [("", LEAD_IN), *sequence, ("", 0.1)]
        Path(score).write_text("".join(f"name = {name}; duration_s = {seconds:.6f};\n" for name, seconds in rows))
        vocaltractlab.phoneme_file_to_gesture_file(score, gestures)
        vocaltractlab.gesture_file_to_motor_file(gestures, motor)
        lines = Path(motor).read_text().splitlines()
    states = np.array([line.split() for line in lines
                       if not line.startswith("#") and len(line.split()) == _N_PARAMETERS], float)  # fmt: skip
    edges = LEAD_IN + np.concatenate(([0.0], np.cumsum([seconds for _, seconds in sequence])))
    phones = [(to_ipa("vtl", name), float(a), float(b))
              for (name, _), a, b in zip(sequence, edges, edges[1:], strict=False)]  # fmt: skip
    return phones, states[:, _DISTANCE], states[:, _PROTRUSION]
