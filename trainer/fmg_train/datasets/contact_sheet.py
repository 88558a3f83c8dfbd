"""A picture of what was found in a film, to look at before training: faces with their lips, and the opening over time."""

import os
from pathlib import Path

import numpy as np

from fmg_rt import arkit
from fmg_rt.files import written_whole

from . import film, lag, lips

_OTHERS = 4
"""Frames left out that are shown."""


def chosen(values: np.ndarray, opening: np.ndarray, faults: dict[str, np.ndarray], quiet: np.ndarray) -> list[tuple[str, int]]:
    """(label, frame) of the faces to look at: the ends of what is learnt, then one for every reason to leave a frame out."""
    spoken = np.isfinite(opening) & ~quiet
    spoken = spoken if spoken.any() else np.isfinite(opening)
    smile = values[:, [arkit.INDEX[f"mouth{part}{side}"] for part in ("Smile", "Stretch") for side in ("Left", "Right")]].sum(1)
    resting = np.flatnonzero(quiet & np.isfinite(opening))
    found = [("rest", int(resting[len(resting) // 2]))] if len(resting) else []
    for label, curve in (
        ("open", opening),
        ("closed", -opening),
        ("round", values[:, arkit.INDEX["mouthPucker"]]),
        ("wide", smile),
    ):
        found.append((label, int(np.argmax(np.where(spoken, np.nan_to_num(curve, nan=-np.inf), -np.inf)))))
    half = np.nanmax(np.where(spoken, opening, -np.inf)) / 2
    found.insert(-2, ("half open", int(np.argmin(np.where(spoken, np.abs(np.nan_to_num(opening, nan=np.inf) - half), np.inf)))))
    reasons = [(f"not used: {reason}", np.flatnonzero(frames)) for reason, frames in faults.items() if frames.any()]
    return found + [(reason, int(frames[len(frames) // 2])) for reason, frames in reasons[:_OTHERS]]


def draw(
    png: Path,
    path: Path,
    points: np.ndarray,
    times: np.ndarray,
    values: np.ndarray,
    opening: np.ndarray,
    faults: dict[str, np.ndarray],
    quiet: np.ndarray,
    heard: np.ndarray,
) -> None:
    """Draw the sheet of a film.

    Parameters
    ----------
    points : (n, len(lips.KEPT), 3) pixels, NaN without a face. times : (n,) s of the sound.
    values : (n, 52), opening : (n,) what is learnt, NaN in frames left out. faults : as `usable.faults`.
    quiet : (n,) bool. heard : (m,) aperture that the sound lets expect, value k at k / `lag.GRID` s.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    shown = chosen(values, opening, faults, quiet)
    wanted = {frame for _, frame in shown}
    images = {}
    for frame, (_, image) in enumerate(film.pictures(path)):
        if frame in wanted:
            images[frame] = image
        if frame >= max(wanted):
            break
    figure = Figure(figsize=(1.7 * max(len(shown), 8), 4.6), dpi=100, layout="constrained")
    grid = figure.add_gridspec(2, len(shown), height_ratios=[1.1, 1])
    for column, (label, frame) in enumerate(shown):
        axes = figure.add_subplot(grid[0, column])
        axes.set_axis_off()
        axes.set_title(f"{label}\n{times[frame]:.2f} s", fontsize=8)
        if frame in images:
            _face(axes, images[frame], points[frame])
    axes = figure.add_subplot(grid[1, :])
    expected = np.arange(len(heard)) / lag.GRID
    axes.fill_between(expected, 0, heard, color="#c9cdda", linewidth=0, label="opening that the sound lets expect")
    axes.plot(times, opening, color="#d6455d", linewidth=1, label="opening measured")
    left_out = np.any(list(faults.values()), axis=0)
    axes.fill_between(times, -0.06, 0, where=left_out, color="#222222", step="mid", linewidth=0, label="not used")
    axes.fill_between(times, -0.06, 0, where=quiet & ~left_out, color="#0d9488", step="mid", linewidth=0, label="rest")
    axes.set_xlim(times[0], times[-1])
    axes.set_ylim(-0.06, max(0.5, np.nanmax(opening) + 0.05))
    axes.set_xlabel(f"{path.name}, s")
    axes.legend(fontsize=7, ncols=4, loc="upper right", frameon=False)
    FigureCanvasAgg(figure)
    os.makedirs(png.parent, exist_ok=True)
    with written_whole(png) as file:
        figure.savefig(file, format="png")


def _face(axes, image: np.ndarray, points: np.ndarray) -> None:
    if not np.isfinite(points).all():
        axes.imshow(image)
        return
    place = {number: i for i, number in enumerate(lips.KEPT)}
    eyes = points[[place[lips.POINTS["right eye"]], place[lips.POINTS["left eye"]]], :2]
    middle = (eyes.mean(0) + points[place[lips.POINTS["lower lip"]], :2]) / 2
    half = 1.15 * np.linalg.norm(eyes[0] - eyes[1])
    axes.imshow(image)
    for rim in (lips.OUTER, lips.INNER):
        line = points[[place[number] for number in (*rim, rim[0])], :2]
        axes.plot(*line.T, color="#00c2a8", linewidth=0.8)
    axes.set_xlim(middle[0] - half, middle[0] + half)
    axes.set_ylim(middle[1] + half, middle[1] - half)
