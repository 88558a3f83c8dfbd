"""The teacher: phones and clean audio to the 52 coefficients.

Its mouth has the size that captured faces have (`SIZES`); its mood is neutral: what an emotion adds is the runtime's to say.
"""

import numpy as np

from fmg_rt import arkit
from fmg_train.teacher import prosody
from fmg_train.teacher.coarticulation import motion
from fmg_train.teacher.phonesets import SILENCE
from fmg_train.teacher.targets import CHANNELS

_PLAIN = {
    "lower": "mouthLowerDown",
    "upper": "mouthUpperUp",
    "pucker": "mouthPucker",
    "funnel": "mouthFunnel",
    "stretch": "mouthStretch",
    "smile": "mouthSmile",
    "shrug": "mouthShrugLower",
    "tongue": "tongueOut",
}
SIZES = {
    "jawOpen": 1.3,
    "mouthLowerDown": 0.4,
    "mouthUpperUp": 0.3,
    "mouthPucker": 0.65,
    "mouthFunnel": 1.1,
    "mouthStretch": 0.15,
    "mouthSmile": 0.3,
    "mouthDimple": 0.15,
}
"""Factor on what `targets` aims at, so that the coefficients move as much, one against the other, as captured faces do.

Standard deviation relative to jawOpen's while one speaks, in GRID's video (blendshape model, 300 training sentences),
FACEGOOD's solved face, and the teacher without these factors: mouthLowerDown 0.42, 0.45, 1.23; mouthUpperUp 0.11, 0.21, 0.53;
mouthPucker 0.64, 0.74, 1.76; mouthFunnel 0.06, 0.62, 0.52; mouthStretch 0.20, 0.07, 0.76; mouthSmile 0.52, 0.15, 0.41;
mouthDimple 0.08, 0, 0.25. What both agree on is matched; of the corners, which a voice hardly tells (r 0.1 on FACEGOOD), the
smaller. The jaw's own size is FACEGOOD's: its 95th percentile is 0.37 there and was 0.25 to 0.29 here."""
NEAR = 0.72
"""Share of the opening that a near contact (β ɸ ʋ) takes away."""
LARGEST_JAW = 0.9


def _spoken(phones: list[tuple[str, float, float]], frames: int, rate: float) -> np.ndarray:
    spoken = np.zeros(frames)
    for ipa, start, end in phones:
        if ipa != SILENCE:
            spoken[max(0, round(start * rate)) : round(end * rate)] = 1.0
    return spoken


def face_of(
    phones: list[tuple[str, float, float]],
    audio: np.ndarray | None,
    *,
    seconds: float,
    rate: float = 100.0,
    effort: float = 1.0,
) -> np.ndarray:
    """Coefficients of a face that says `phones`.

    Parameters
    ----------
    phones : (IPA, start s, end s) each; silence between them may be left out or named `phonesets.SILENCE`.
    audio : (n,) float32 clean speech at 16 kHz, from which loudness and pitch are taken; None for an even voice.
    seconds : length of the result.
    effort : how much the whole recording is spoken up: 1 conversation, 0.6 mumbled, 1.6 shouted.

    Returns
    -------
    (round(seconds·rate), 52) float32 in [0, 1], C-contiguous; frame i is the face at i/rate. Silence is exact rest.

    Raises
    ------
    UnknownPhone
        A letter that has no target.
    """
    mouth, contact = motion(phones, seconds, rate)
    frames = len(mouth)
    voice = prosody.prosody(audio, _spoken(phones, frames, rate), rate)
    size = voice.effort * effort
    lips, teeth, near = contact.T
    free = (1 - lips) * (1 - teeth) * (1 - NEAR * near)

    out = np.zeros((frames, arkit.N_COEFFICIENTS))
    channel = dict(zip(CHANNELS, mouth.T, strict=True))

    def add(name: str, curve: np.ndarray) -> None:
        out[:, prosody.positions(name)] += curve[:, None]

    def say(name: str, curve: np.ndarray) -> None:
        add(name, SIZES.get(name, 1.0) * curve)

    jaw = SIZES["jawOpen"] * channel["jaw"] * size
    # Soft ceiling: a shout opens wide, never beyond the hinge.
    jaw = np.where(jaw > 0.6, 0.6 + (LARGEST_JAW - 0.6) * np.tanh((jaw - 0.6) / (LARGEST_JAW - 0.6)), jaw)
    jaw *= 1 - 0.5 * np.maximum(lips, teeth)
    add("jawOpen", jaw)
    add("mouthClose", jaw * (1 - (1 - lips) * (1 - 0.6 * teeth) * (1 - NEAR * near)))
    for name, coefficient in _PLAIN.items():
        curve = channel[name]
        if name in ("lower", "upper"):
            curve = curve * size * free
        elif name == "funnel":
            curve = curve * (1 - lips) * (1 - 0.6 * teeth)
        say(coefficient, curve)
    say("mouthDimple", channel["stretch"] / 3)
    add("mouthPress", 0.12 * lips)
    add("mouthRollLower", 0.10 * lips + 0.18 * teeth)
    add("mouthRollUpper", 0.08 * lips)
    add("mouthUpperUp", 0.16 * teeth)

    add("browInnerUp", 0.22 * voice.accent + 0.05 * voice.stress)
    add("browOuterUp", 0.14 * voice.accent)
    add("eyeSquint", 0.12 * voice.stress * (1 - voice.accent))
    add("cheekSquint", 0.10 * voice.stress)
    out = np.clip(out, 0.0, 1.0)
    close, opened = arkit.INDEX["mouthClose"], arkit.INDEX["jawOpen"]
    out[:, close] = np.minimum(out[:, close], out[:, opened])
    return np.ascontiguousarray(out, np.float32)
