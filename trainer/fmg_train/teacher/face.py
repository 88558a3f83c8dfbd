"""The teacher: phones, clean audio and an emotion to the 52 coefficients."""

import numpy as np

from fmg_rt import architectures, arkit
from fmg_train.teacher import prosody
from fmg_train.teacher.coarticulation import motion
from fmg_train.teacher.phonesets import SILENCE
from fmg_train.teacher.targets import CHANNELS

_PLAIN = {"lower": "mouthLowerDown", "upper": "mouthUpperUp", "pucker": "mouthPucker", "funnel": "mouthFunnel",
          "stretch": "mouthStretch", "smile": "mouthSmile", "shrug": "mouthShrugLower",
          "tongue": "tongueOut"}  # fmt: skip
_DRAWN_WIDE = ("mouthSmile", "mouthStretch", "mouthDimple")
NEAR = 0.72
"""Share of the opening that a near contact (β ɸ ʋ) takes away."""
LARGEST_JAW = 0.9


def _spoken(phones: list[tuple[str, float, float]], frames: int, rate: float) -> np.ndarray:
    spoken = np.zeros(frames)
    for ipa, start, end in phones:
        if ipa != SILENCE:
            spoken[max(0, round(start * rate)) : round(end * rate)] = 1.0
    return spoken


def face_of(phones: list[tuple[str, float, float]], audio: np.ndarray | None, *, seconds: float, rate: float = 100.0,
            emotion: str | None = None, effort: float = 1.0) -> np.ndarray:  # fmt: skip
    """Coefficients of a face that says `phones`.

    Parameters
    ----------
    phones : (IPA, start s, end s) each; silence between them may be left out or named `phonesets.SILENCE`.
    audio : (n,) float32 clean speech at 16 kHz, from which loudness and pitch are taken; None for an even voice.
    seconds : length of the result.
    emotion : a name of `fmg_rt.architectures.EMOTIONS`.
    effort : how much the whole recording is spoken up: 1 conversation, 0.6 mumbled, 1.6 shouted.

    Returns
    -------
    (round(seconds·rate), 52) float32 in [0, 1], C-contiguous; frame i is the face at i/rate. Silence is exact rest.

    Raises
    ------
    UnknownPhone
        A letter that has no target.
    ValueError
        Unknown emotion.
    """
    if emotion is not None and emotion not in architectures.EMOTIONS:
        raise ValueError(f"unknown emotion '{emotion}' (there are {', '.join(architectures.EMOTIONS)})")
    mouth, contact = motion(phones, seconds, rate)
    frames = len(mouth)
    voice = prosody.prosody(audio, _spoken(phones, frames, rate), rate)
    size = voice.effort * effort * prosody.EMOTION_SIZE[emotion or "neutral"]
    lips, teeth, near = contact.T
    free = (1 - lips) * (1 - teeth) * (1 - NEAR * near)

    out = np.zeros((frames, arkit.N_COEFFICIENTS))
    channel = dict(zip(CHANNELS, mouth.T, strict=True))

    def add(name: str, curve: np.ndarray) -> None:
        out[:, prosody.positions(name)] += curve[:, None]

    jaw = channel["jaw"] * size
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
        add(coefficient, curve)
    add("mouthDimple", channel["stretch"] / 3)
    add("mouthPress", 0.12 * lips)
    add("mouthRollLower", 0.10 * lips + 0.18 * teeth)
    add("mouthRollUpper", 0.08 * lips)
    add("mouthUpperUp", 0.16 * teeth)

    add("browInnerUp", 0.22 * voice.accent + 0.05 * voice.stress)
    add("browOuterUp", 0.14 * voice.accent)
    add("eyeSquint", 0.12 * voice.stress * (1 - voice.accent))
    add("cheekSquint", 0.10 * voice.stress)
    # Rounded lips cannot be drawn wide: the orbicularis holds against the corners' muscles.
    wide = 1 - 0.7 * np.clip(channel["pucker"] / 0.6, 0, 1)
    for name, amount in prosody.EMOTIONS[emotion or "neutral"].items():
        strength = amount * voice.active * (0.75 + 0.25 * voice.stress)
        add(name, strength * wide if name in _DRAWN_WIDE else strength)
    out = np.clip(out, 0.0, 1.0)
    close, opened = arkit.INDEX["mouthClose"], arkit.INDEX["jawOpen"]
    out[:, close] = np.minimum(out[:, close], out[:, opened])
    return np.ascontiguousarray(out, np.float32)
