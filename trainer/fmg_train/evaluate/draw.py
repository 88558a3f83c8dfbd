"""Pictures for people: coefficients over the sound, and faces at chosen moments. Needs Matplotlib."""

import os
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Ellipse, Polygon

from fmg_rt import arkit, spec
from fmg_rt.files import written_whole

__all__ = ["curves_over_waveform", "draw_face", "filmstrip"]

_COLOURS = {"jaw": "#e08a00", "lips": "#d6455d", "cheeks": "#c04b9a", "brows": "#5b50d6", "eyes": "#0d9488"}
_SKIN, _LINE, _INK = "#f8c8a6", "#a2573f", "#251f5c"
_DPI = 100
_T = np.linspace(-1, 1, 41)  # along a lip or a lid, from the subject's right to the left


def curves_over_waveform(
    png: str | os.PathLike[str],
    wave: np.ndarray,
    frames: np.ndarray,
    rate: float,
    names: Sequence[str],
    sample_rate: int = spec.SAMPLE_RATE,
) -> None:
    """Draw one row per coefficient, each over the waveform in grey, on one time axis.

    Parameters
    ----------
    png : where to write. wave : (n,) in [-1, 1] at `sample_rate`. frames : (frames, 52) in [0, 1], frame k at k / rate.
    names : ARKit names to show, top to bottom.

    Raises
    ------
    ValueError
        No name, an unknown one, or frames that are not (frames, 52).
    """
    frames = _checked(frames)
    unknown = [name for name in names if name not in arkit.INDEX]
    if unknown or not names:
        raise ValueError(f"no ARKit coefficient: {', '.join(unknown) or '(none given)'}")
    seconds = max(len(wave) / sample_rate, len(frames) / rate)
    figure = Figure(figsize=(float(np.clip(1.5 * seconds, 8, 24)), 0.4 + 0.75 * len(names)), dpi=_DPI)
    rows = figure.subplots(len(names), 1, sharex=True, sharey=True, squeeze=False, gridspec_kw={"hspace": 0.12})[:, 0]
    time, low, high = _envelope(wave, sample_rate)
    for row, name in zip(rows, names, strict=True):
        colour = next(_COLOURS[region] for region, members in arkit.REGIONS.items() if name in members)
        row.fill_between(time, 0.5 + 0.48 * low, 0.5 + 0.48 * high, color="#d4d6de", linewidth=0)
        curve = frames[:, arkit.INDEX[name]]
        row.plot(np.arange(len(frames)) / rate, curve, color=colour, linewidth=1.6)
        row.fill_between(np.arange(len(frames)) / rate, 0, curve, color=colour, alpha=0.15, linewidth=0)
        row.set_ylabel(name, rotation=0, ha="right", va="center", fontsize=9)
        row.set_yticks([0, 1], labels=["", ""])
        row.spines[["top", "right"]].set_visible(False)
    rows[0].set_xlim(0, seconds)
    rows[0].set_ylim(-0.02, 1.02)
    rows[-1].set_xlabel("s")
    _write(figure, png)


def filmstrip(png: str | os.PathLike[str], faces: np.ndarray, labels: Sequence[str], columns: int = 8) -> None:
    """Draw faces side by side, each with its label.

    Parameters
    ----------
    png : where to write. faces : (n, 52) in [0, 1]. labels : n texts, such as a phone and a time.

    Raises
    ------
    ValueError
        No face, or not as many labels as faces.
    """
    faces = _checked(faces)
    if len(labels) != len(faces):
        raise ValueError(f"{len(labels)} labels for {len(faces)} faces")
    columns = min(columns, len(faces))
    rows = -(-len(faces) // columns)
    figure = Figure(figsize=(1.7 * columns, 2.35 * rows), dpi=_DPI)
    grid = figure.subplots(rows, columns, squeeze=False, gridspec_kw={"wspace": 0.02, "hspace": 0.14}).ravel()
    for axes in grid:
        axes.set_axis_off()
    for axes, face, label in zip(grid, faces, labels, strict=False):
        draw_face(axes, face)
        axes.set_title(label, fontsize=10, pad=2)
    _write(figure, png)


def draw_face(axes: Axes, face: np.ndarray) -> None:
    """Draw one face (52,), seen from the front: the subject's left is on the right. Head about 4 high, 0 between the eyes."""
    c: Mapping[str, float] = dict(zip(arkit.ARKIT_NAMES, np.clip(face, 0, 1).tolist(), strict=True))
    drop, side = 0.62 * c["jawOpen"], 0.2 * (c["jawLeft"] - c["jawRight"])
    chin = -1.75 - drop - 0.08 * c["jawForward"] + 0.05 * c["mouthShrugLower"]
    half = np.array(
        [
            [0.75, 1.55],
            [1.2, 0.9],
            [1.3, 0.1],
            [1.22 + 0.16 * c["cheekPuff"], -0.75],
            [0.9 + 0.1 * c["cheekPuff"], -1.25 - 0.5 * drop],
            [0.45 + 0.08 * c["jawForward"], -1.65 - 0.9 * drop],
        ]
    )
    sway = side * np.array([0, 0, 0, 0.15, 0.5, 0.9])
    left, right = half + np.stack([sway, 0 * sway], 1), half * [-1, 1] + np.stack([sway, 0 * sway], 1)
    _fill(axes, _smooth(np.concatenate([[[0, 1.7]], left, [[side, chin]], right[::-1]])), _SKIN, _LINE)
    for name, s in (("Left", 1.0), ("Right", -1.0)):
        _eye(axes, c, name, s)
        _brow(axes, c, name, s)
        _cheek(axes, c, name, s)
    _mouth(axes, c, drop, side)
    axes.set_xlim(-1.6, 1.6)
    axes.set_ylim(-2.65, 1.85)
    axes.set_aspect("equal")


def _eye(axes: Axes, c: Mapping[str, float], name: str, s: float) -> None:
    blink, squint, wide = c["eyeBlink" + name], c["eyeSquint" + name], c["eyeWide" + name]
    up, down = c["eyeLookUp" + name], c["eyeLookDown" + name]
    lower = 0.16 + 0.04 * wide - 0.1 * squint - 0.05 * c["cheekSquint" + name]
    upper = 0.3 + 0.13 * wide - 0.08 * squint + 0.05 * up - 0.12 * down
    upper += (-lower - upper) * blink
    arch = (1 - _T**2) ** 0.7
    x = 0.6 * s + 0.37 * _T
    lid = np.stack([x, upper * arch], 1)
    opening = np.concatenate([lid, np.stack([x, -lower * arch], 1)[::-1]])
    ball = _fill(axes, opening, "white", _LINE)
    if blink < 0.95:
        at = (0.6 * s + 0.15 * s * (c["eyeLookOut" + name] - c["eyeLookIn" + name]), 0.05 + 0.13 * (up - down))
        for size, colour in ((0.42, "#1f9d95"), (0.19, "black")):
            iris = Ellipse(at, size, size, color=colour, linewidth=0)
            axes.add_patch(iris)
            iris.set_clip_path(ball)
    axes.plot(*lid.T, color=_INK, linewidth=2.4, solid_capstyle="round")
    if squint > 0:
        _stroke(axes, [[0.6 * s - 0.25, -lower - 0.12], [0.6 * s, -lower - 0.16], [0.6 * s + 0.25, -lower - 0.12]], squint)


def _brow(axes: Axes, c: Mapping[str, float], name: str, s: float) -> None:
    down, outer, inner = c["browDown" + name], c["browOuterUp" + name], c["browInnerUp"]
    points = _smooth(
        np.array(
            [
                [0.22 - 0.07 * down, 0.55 - 0.2 * down + 0.22 * inner],
                [0.6, 0.68 - 0.15 * down + 0.1 * inner + 0.16 * outer],
                [1.02, 0.5 - 0.08 * down + 0.2 * outer],
            ]
        ),
        closed=False,
    )
    axes.plot(s * points[:, 0], points[:, 1], color=_INK, linewidth=3.6, solid_capstyle="round")


def _cheek(axes: Axes, c: Mapping[str, float], name: str, s: float) -> None:
    sneer = 0.1 * c["noseSneer" + name]
    wing = [(0.26 + sneer / 3) * s, -0.5 + sneer]
    _stroke(axes, [[0.1 * s, 0.1], [0.14 * s, -0.3], wing, [0.12 * s, -0.62 + sneer / 2]], 0.9)
    if sneer > 0:
        _stroke(axes, [[0.08 * s, 0.06], [0.18 * s, 0.14]], 10 * sneer)
    if (squint := c["cheekSquint" + name]) > 0:
        _stroke(axes, [[0.35 * s, -0.33], [0.65 * s, -0.4 + 0.06 * squint], [0.95 * s, -0.27]], squint)
    if (puff := c["cheekPuff"]) > 0:
        axes.add_patch(Ellipse((0.9 * s, -0.75), 0.4, 0.5, color="#fff1e4", alpha=0.8 * puff, linewidth=0))


def _mouth(axes: Axes, c: Mapping[str, float], drop: float, side: float) -> None:
    """Four curves along the lips, as the preview's face has them: outer and inner rim of the upper and the lower lip."""
    sealed = min(1.0, c["mouthClose"] / c["jawOpen"]) if c["jawOpen"] > 0 else 1.0
    surplus = max(0.0, c["mouthClose"] - c["jawOpen"])
    funnel, pucker = c["mouthFunnel"], c["mouthPucker"]
    shift = 0.17 * (c["mouthLeft"] - c["mouthRight"])
    gap = drop * (1 - sealed) + 0.14 * funnel + 0.1 * c["tongueOut"]
    seam = (
        -1.0 - 0.3 * sealed * drop - 0.08 * surplus + 0.08 * c["mouthShrugLower"] + 0.05 * c["mouthShrugUpper"] + 0.05 * funnel
    )

    def both(name: str) -> np.ndarray:  # each side's value where that side is
        weight = np.clip(0.5 + _T / 0.6, 0, 1)
        return c[name + "Right"] * (1 - weight) + c[name + "Left"] * weight

    def corner(name: str) -> tuple[float, float]:
        smile, frown, stretch = c["mouthSmile" + name], c["mouthFrown" + name], c["mouthStretch" + name]
        width = (
            0.54
            + 0.17 * smile
            + 0.17 * stretch
            + 0.08 * c["mouthDimple" + name]
            - 0.05 * frown
            - 0.18 * funnel
            - 0.24 * pucker
            - 0.1 * c["jawOpen"] * (1 - sealed)
        )
        return width, seam - 0.42 * gap + 0.22 * smile - 0.2 * frown - 0.07 * stretch

    (width_l, y_l), (width_r, y_r) = corner("Left"), corner("Right")
    rim = 1 - _T**2
    x = np.where(_T < 0, width_r, width_l) * _T + shift
    line = seam * rim + np.where(_T < 0, y_r, y_l) * _T**2
    upper_in = line + 0.17 * (both("mouthUpperUp") + 0.25 * both("noseSneer")) * rim**0.6
    lower_in = np.minimum(upper_in, line - gap * rim**0.6 - 0.19 * both("mouthLowerDown") * rim**0.6)
    thick = (1 + 0.55 * pucker + 0.3 * funnel - 0.25 * surplus) * (1 - 0.6 * both("mouthPress")) * rim**0.7
    upper_out = upper_in + 0.15 * thick * (1 - 0.75 * c["mouthRollUpper"]) + 0.1 * c["mouthShrugUpper"] * rim
    lower_out = lower_in - 0.19 * thick * (1 - 0.75 * c["mouthRollLower"]) - 0.05 * c["jawForward"] * rim
    lower_x = x + side * rim
    inside = _fill(axes, np.concatenate([_pairs(x, upper_in), _pairs(lower_x, lower_in)[::-1]]), "#3d0d1b", None)
    for x_0, y_0, height in ((0.0, -0.95, -0.15), (side, -0.93 - drop, -0.3)):  # teeth hang on skull and jaw
        row = Polygon(
            [[x_0 - 0.5, y_0], [x_0 + 0.5, y_0], [x_0 + 0.5, y_0 + height], [x_0 - 0.5, y_0 + height]],
            color="#fffaf2",
            linewidth=0,
        )
        axes.add_patch(row)
        row.set_clip_path(inside)
    _fill(axes, np.concatenate([_pairs(x, upper_out), _pairs(x, upper_in)[::-1]]), "#c4545c", "#7c2733")
    _fill(axes, np.concatenate([_pairs(lower_x, lower_in), _pairs(lower_x, lower_out)[::-1]]), "#dd7377", "#7c2733")
    if (tongue := c["tongueOut"]) > 0:
        # It comes from behind the lower lip: a trace of the coefficient is a trace of tongue.
        end = float(lower_in[20]) - 0.38 * tongue
        top = float(lower_in[20]) + min(1.0, 5 * tongue) * (float(upper_in[20] - lower_in[20]) - 0.03)
        axes.add_patch(Ellipse((shift + side, (top + end) / 2), 0.4, top - end, facecolor="#ee8d95", edgecolor="#a83f52"))
    for name, s, y in (("Left", 1, y_l), ("Right", -1, y_r)):
        end = float(x[-1] if s > 0 else x[0])
        _stroke(axes, [[end + 0.1 * s, y + 0.1], [end + 0.15 * s, y], [end + 0.1 * s, y - 0.1]], c["mouthDimple" + name])
        _stroke(axes, [[0.4 * s, -0.55], [end + 0.1 * s, y + 0.16], [end + 0.15 * s, y - 0.05]], c["mouthSmile" + name])
        _stroke(axes, [[end + 0.05 * s, y - 0.06], [end + 0.13 * s, y - 0.25]], c["mouthFrown" + name])
        _stroke(axes, [[end + 0.06 * s, y + 0.09], [end + 0.06 * s, y - 0.09]], c["mouthPress" + name])
        _stroke(axes, [[end + 0.02 * s, y - 0.1], [end, y - 0.3]], c["mouthStretch" + name])


def _pairs(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return np.stack([x, y], 1)


def _smooth(points: np.ndarray, closed: bool = True) -> np.ndarray:
    """Catmull-Rom through `points` (n, 2), eight steps a span."""
    around = np.concatenate([points[-1:], points, points[:2]] if closed else [points[:1], points, points[-1:]])
    p0, p1, p2, p3 = (around[i : len(around) - 3 + i, None] for i in range(4))
    t = np.linspace(0, 1, 9)[:, None]
    curve = 0.5 * (2 * p1 + (p2 - p0) * t + (2 * p0 - 5 * p1 + 4 * p2 - p3) * t**2 + (3 * p1 - p0 - 3 * p2 + p3) * t**3)
    return curve.reshape(-1, 2)


def _fill(axes: Axes, points: np.ndarray, colour: str, edge: str | None) -> Polygon:
    patch = Polygon(points, closed=True, facecolor=colour, edgecolor=edge or "none", linewidth=1.0)
    axes.add_patch(patch)
    return patch


def _stroke(axes: Axes, points: Sequence[Sequence[float]], strength: float) -> None:
    if strength > 0:
        axes.plot(*np.array(points).T, color=_LINE, linewidth=1.5, alpha=min(1.0, strength), solid_capstyle="round")


def _envelope(wave: np.ndarray, sample_rate: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Time (s), lowest and highest sample of each 5 ms, the loudest at ±1."""
    n = max(1, sample_rate // 200)
    wave = np.asarray(wave, np.float32)
    blocks = np.pad(wave, (0, -len(wave) % n)).reshape(-1, n)
    peak = max(float(np.abs(wave).max(initial=0)), 1e-6)
    return np.arange(len(blocks)) * n / sample_rate, blocks.min(1) / peak, blocks.max(1) / peak


def _checked(frames: np.ndarray) -> np.ndarray:
    frames = np.asarray(frames, np.float32)
    if frames.ndim != 2 or frames.shape[1] != arkit.N_COEFFICIENTS or len(frames) == 0:
        raise ValueError(f"faces have shape {frames.shape}, not (n, {arkit.N_COEFFICIENTS})")
    return frames


def _write(figure: Figure, png: str | os.PathLike[str]) -> None:
    # Not pyplot: it would keep every figure, and look for a screen.
    FigureCanvasAgg(figure)
    with written_whole(png) as file:
        figure.savefig(file, format="png", bbox_inches="tight", facecolor="white")
