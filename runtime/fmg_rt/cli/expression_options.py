"""Options of what audio does not decide, shared by the commands, and the `Expression` that they ask for."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .. import emotions
from ..errors import FmgError
from .options import ListenAddress, Number, together

if TYPE_CHECKING:  # importing it loads compiled code, which `--help` does not need
    from ..expression import ExpressionSettings

_SWITCHES = {
    "gate": "Rest in silence and steady noise.",
    "lips": "Lips that close fully, on time at any frame rate.",
    "level": "Quiet and loud speakers move alike.",
    "neutral": "Remove constant offsets of brows, squint and frown.",
    "accents": "Brows, squint and nostrils follow the melody of the voice.",
    "asymmetry": "Small differences between the sides; jaw, cheeks and chin follow.",
    "blink": "Blinking.",
    "gaze": "Eyes that look around; lids follow.",
    "breath": "A breath of nostril and brow in silence.",
}
_SIZES = {
    "mouth": "Strength of jaw, lips and tongue.",
    "cheeks": "Strength of cheeks and nose.",
    "brows": "Strength of the brows.",
    "eyes": "Strength of squint, wide eyes and gaze.",
    "emotion-strength": "Strength of every emotion, heard or chosen; 0: off.",
    "head": "Strength of the head's motion; 0: still.",
    "smoothing": "Calmer motion above 1, quicker below; 0: off.",
}


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


expression_options = together(
    *(click.option(f"--{name}/--no-{name}", default=True, show_default=True, help=text) for name, text in _SWITCHES.items()),
    *(
        click.option(f"--{name}", type=Number(0, 3), default=1.0, show_default=True, metavar="X", help=text)
        for name, text in _SIZES.items()
    ),
    click.option("--no-head", is_flag=True, help="A head that stands still: --head 0."),
    click.option("--mood", type=Number(0, 3), hidden=True, help="Older name of --emotion-strength."),
    click.option(
        "--emotion",
        type=_Emotion(),
        default="",
        metavar="NAME=X,…",
        help=f"Show these emotions, 0 to 1 each: {', '.join(emotions.NAMES)}.",
    ),
    click.option(
        "--emotion-mix",
        type=Number(0, 1),
        default=1.0,
        show_default=True,
        metavar="X",
        help="How far chosen emotions replace those heard in the voice: 1 in full, 0 added to them.",
    ),
    click.option("--no-expression", is_flag=True, help="The network's values unchanged: every part above off."),
    click.option(
        "--calibration",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="JSON with a scale and a bias for each coefficient named.",
    ),
    click.option(
        "--limit", type=_Limit(), multiple=True, metavar="NAME=[LOW:]HIGH", help="Keep a coefficient within bounds; repeatable."
    ),
    click.option(
        "--mask",
        metavar="lips|upper|NAME,…",
        help="Drive only these ('fmg-rt names' prints them) and leave the rest, sent as 0, to a camera tracker.",
    ),
    click.option(
        "--merge",
        type=ListenAddress(),
        metavar="[HOST:]PORT",
        help="Receive another tracker there (OSC, VMC, Live Link, iFacialMocap) and add only the mouth. "
        "For a tracker on another computer or phone: *:PORT.",
    ),
    click.option(
        "--seed",
        type=click.IntRange(min=0),
        default=0,
        show_default=True,
        help="Seed of blinks, gaze, breath, head and asymmetry.",
    ),
)
"""Decorator: add every option that `build_settings` reads."""


def build_settings(params: Mapping[str, Any]) -> "ExpressionSettings":
    """What the command line asks for.

    Raises
    ------
    click.ClickException
        A calibration or emotions file is bad, or a mask, limit or emotion names what does not exist.
    """
    from ..expression import ExpressionSettings, parse_mask, read_calibration, read_keyframes

    try:
        chosen: dict[str, Any] = {
            "calibration": read_calibration(params["calibration"]) if params["calibration"] else {},
            "limits": dict(params["limit"]),
            "emotion": params["emotion"],
            "emotion_mix": params["emotion_mix"],
            "keyframes": read_keyframes(params["emotions"]) if params.get("emotions") else (),
            "mask": parse_mask(params["mask"]) if params["mask"] is not None else None,
        }
        if params["no_expression"]:
            asked = 1.0 if chosen["emotion"] or chosen["keyframes"] else 0.0  # what is chosen is not the expression's idea
            return ExpressionSettings.off(**chosen, emotion_strength=asked)
        sizes = {name.replace("-", "_"): params[name.replace("-", "_")] for name in _SIZES}
        if params["mood"] is not None:
            sizes["emotion_strength"] = params["mood"]
        if params["no_head"]:
            sizes["head"] = 0.0
        return ExpressionSettings(**{name: params[name] for name in _SWITCHES}, **sizes, **chosen)
    except FmgError as error:
        raise click.ClickException(str(error)) from None
