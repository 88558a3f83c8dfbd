"""Options of what audio does not decide, shared by the commands, and the `Expression` that they ask for."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .. import emotions
from ..errors import FmgError
from .options import ListenAddress, Number, option

if TYPE_CHECKING:  # importing it loads compiled code, which `--help` does not need
    from ..expression import ExpressionSettings


class _Emotion(click.ParamType):
    """``joy=0.6,anger=0.2`` → names → values."""

    name = "emotion"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Mapping[str, float]:
        try:
            return emotions.parse(value) if isinstance(value, str) else emotions.check(value)
        except emotions.EmotionError as error:
            self.fail(str(error), param, ctx)


class _Limit(click.ParamType):
    """``NAME=HIGH`` or ``NAME=LOW:HIGH`` → (name, (low, high))."""

    name = "limit"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple:
        if isinstance(value, tuple):
            return value
        name, _, span = str(value).partition("=")
        low, colon, high = span.partition(":")
        try:
            bounds = (float(low), float(high)) if colon else (0.0, float(low))
        except ValueError:
            self.fail(f"'{value}' is not NAME=HIGH or NAME=LOW:HIGH, such as jawOpen=0.8", param, ctx)
        return name.strip(), bounds


def _switch(name: str, help: str) -> Any:
    return option(f"--{name}/--no-{name}", default=True, show_default=True, help=help)


def _size(name: str, help: str) -> Any:
    return option(f"--{name}", type=Number(0, 3), default=1.0, show_default=True, metavar="X", help=help)


@dataclass(frozen=True)
class ExpressionOptions:
    """Options of what audio does not decide."""

    gate: bool = _switch("gate", "Rest in silence and steady noise.")
    lips: bool = _switch("lips", "Lips that close fully, on time at any frame rate.")
    level: bool = _switch("level", "Quiet and loud speakers move alike.")
    accents: bool = _switch("accents", "Brows, squint and nostrils follow the melody of the voice.")
    asymmetry: bool = _switch("asymmetry", "Small differences between the sides; jaw, cheeks and chin follow.")
    blink: bool = _switch("blink", "Blinking.")
    gaze: bool = _switch("gaze", "Eyes that look around; lids follow.")
    breath: bool = _switch("breath", "A breath of nostril and brow in silence.")
    mouth: float = _size("mouth", "Strength of jaw, lips and tongue.")
    cheeks: float = _size("cheeks", "Strength of cheeks and nose.")
    brows: float = _size("brows", "Strength of the brows.")
    eyes: float = _size("eyes", "Strength of squint, wide eyes and gaze.")
    emotion_strength: float = _size("emotion-strength", "Strength of every emotion, heard or chosen; 0: off.")
    head: float = _size("head", "Strength of the head's motion; 0: still.")
    smoothing: float = _size("smoothing", "Calmer motion above 1, quicker below; 0: off.")
    no_head: bool = option("--no-head", is_flag=True, help="No head motion: --head 0.")
    mood: float | None = option("--mood", type=Number(0, 3), hidden=True, help="Older name of --emotion-strength.")
    emotion: Mapping[str, float] = option(
        "--emotion",
        type=_Emotion(),
        default="",
        metavar="NAME=X,…",
        help=f"Show these emotions, 0 to 1 each: {', '.join(emotions.NAMES)}.",
    )
    emotion_mix: float = option(
        "--emotion-mix",
        type=Number(0, 1),
        default=1.0,
        show_default=True,
        metavar="X",
        help="How far chosen emotions replace those heard in the voice: 1 in full, 0 added to them.",
    )
    no_expression: bool = option("--no-expression", is_flag=True, help="The network's values unchanged: every part above off.")
    calibration: Path | None = option(
        "--calibration",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="JSON with a scale and a bias for each coefficient named.",
    )
    limit: tuple[tuple[str, tuple[float, float]], ...] = option(
        "--limit", type=_Limit(), multiple=True, metavar="NAME=[LOW:]HIGH", help="Keep a coefficient within bounds; repeatable."
    )
    mask: str | None = option(
        "--mask",
        metavar="lips|upper|NAME,…",
        help="Drive only these ('fmg-rt names' prints them) and leave the rest, sent as 0, to a camera tracker.",
    )
    merge: tuple[str, int] | None = option(
        "--merge",
        type=ListenAddress(),
        metavar="[HOST:]PORT",
        help="Receive another tracker there (OSC, VMC, Live Link, iFacialMocap) and add only the mouth. "
        "For a tracker on another computer or phone: *:PORT.",
    )
    seed: int = option(
        "--seed",
        type=click.IntRange(min=0),
        default=0,
        show_default=True,
        help="Seed of blinks, gaze, breath, head and asymmetry.",
    )


def build_settings(options: ExpressionOptions, keyframes: Path | None = None) -> "ExpressionSettings":
    """What the command line asks for.

    Parameters
    ----------
    keyframes : file of emotions over time.

    Raises
    ------
    click.ClickException
        A calibration or emotions file is bad, or a mask, limit or emotion names what does not exist.
    """
    from ..expression import parse_mask, read_calibration, read_keyframes

    try:
        emotions_over_time = () if keyframes is None else read_keyframes(keyframes)
        return replace(
            _parts(options, emotion_is_chosen=bool(options.emotion or emotions_over_time)),
            calibration={} if options.calibration is None else read_calibration(options.calibration),
            limits=dict(options.limit),
            emotion=options.emotion,
            emotion_mix=options.emotion_mix,
            keyframes=emotions_over_time,
            mask=None if options.mask is None else parse_mask(options.mask),
        )
    except FmgError as error:
        raise click.ClickException(str(error)) from None


def _parts(options: ExpressionOptions, emotion_is_chosen: bool) -> "ExpressionSettings":
    """Which parts are on, and how strong."""
    from ..expression import ExpressionSettings

    if options.no_expression:  # a chosen emotion is not a part of the expression
        return ExpressionSettings.off(emotion_strength=1.0 if emotion_is_chosen else 0.0)
    return ExpressionSettings(
        gate=options.gate,
        lips=options.lips,
        level=options.level,
        accents=options.accents,
        asymmetry=options.asymmetry,
        blink=options.blink,
        gaze=options.gaze,
        breath=options.breath,
        mouth=options.mouth,
        cheeks=options.cheeks,
        brows=options.brows,
        eyes=options.eyes,
        emotion_strength=options.emotion_strength if options.mood is None else options.mood,
        head=0.0 if options.no_head else options.head,
        smoothing=options.smoothing,
    )
