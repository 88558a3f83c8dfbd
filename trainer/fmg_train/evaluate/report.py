"""A report of scores as one self-contained HTML file: tables, curves, faces. Needs Matplotlib."""

import base64
import html
import io
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from fmg_rt import arkit, spec

from ..datasets import form
from . import draw, evaluation, scores

Results = Mapping[str, Mapping[str, Sequence[evaluation.Row]]]
"""Data set → predictor → a row for every recording."""

MEASURES = ("aperture_r", "closure_recall", "closure_false", "mae jaw+lips", "mae", "mse", "jitter")
"""What two predictors are compared in."""
COLUMNS = (
    "aperture_r",
    "closure_recall",
    "closure_false",
    "rounding_auc",
    "mae jaw",
    "mae lips",
    "mae cheeks/nose",
    "mae brows",
    "mae eyes",
    "mae",
    "mse",
    "jitter",
)
RESAMPLES = 1_000
SHOWN = 3
"""Recordings of each report that are drawn."""
SHOWN_S = 6.0
"""Seconds of each that are drawn."""
CURVES = ("jawOpen", "mouthClose", "mouthPucker", "mouthFunnel", "mouthSmileLeft", "browInnerUp")
FACES = 8

_STYLE = """body{font:15px/1.5 system-ui,sans-serif;max-width:72rem;margin:2rem auto;padding:0 1rem;color:#251f5c}
table{border-collapse:collapse;margin:.6rem 0 1.4rem;font-size:13px}td,th{padding:.2rem .6rem;text-align:right;
border-bottom:1px solid #ddd}td:first-child,th:first-child{text-align:left}img{max-width:100%}h2{margin-top:2.4rem}"""


def comparisons(results: Results) -> dict[str, dict[str, tuple[float, float, float]]]:
    """Data set → measure → (difference, low, high): first predictor minus second, with the 95 % interval of a paired
    bootstrap over recordings. Measures that the data cannot tell are left out.

    References: Efron and Tibshirani, "An Introduction to the Bootstrap", 1993, chapter 13 (percentile interval).
    """
    rng = np.random.default_rng(5)
    table: dict[str, dict[str, tuple[float, float, float]]] = {}
    for name, predictors in results.items():
        first, second = (predictors[rival] for rival in list(predictors)[:2])
        if not first:
            continue
        picks = rng.integers(0, len(first), (RESAMPLES, len(first)))
        table[name] = {}
        for measure in MEASURES:
            of = _estimator(measure)
            one, two = of(first), of(second)
            everything = np.arange(len(first))[None]
            difference = float((one(everything) - two(everything))[0])
            if np.isfinite(difference):
                spread = one(picks) - two(picks)
                low, high = np.nanpercentile(spread, [2.5, 97.5])
                table[name][measure] = (difference, float(low), float(high))
    return table


def confidence(results: Results) -> dict[str, dict[str, dict[str, tuple[float, float]]]]:
    """Data set → predictor → measure → the 95 % interval of its score by a bootstrap over recordings."""
    rng = np.random.default_rng(6)
    table: dict[str, dict[str, dict[str, tuple[float, float]]]] = {}
    for name, predictors in results.items():
        table[name] = {}
        for rival, rows in predictors.items():
            table[name][rival] = {}
            if not rows:
                continue
            picks = rng.integers(0, len(rows), (RESAMPLES, len(rows)))
            for measure in MEASURES:
                spread = _estimator(measure)(rows)(picks)
                if np.isfinite(spread).any():
                    low, high = np.nanpercentile(spread, [2.5, 97.5])
                    table[name][rival][measure] = float(low), float(high)
    return table


def _estimator(measure: str) -> Callable[[Sequence[evaluation.Row]], Callable[[np.ndarray], np.ndarray]]:
    """Rows → (resamples, n) picks of rows → (resamples,) the score of `evaluation.summary` over each resample."""
    if measure in ("closure_recall", "closure_false"):
        column = 0 if measure == "closure_recall" else 2

        def counts(rows):
            hit, all_ = (np.array([r.closure[column + i] for r in rows], float) for i in (0, 1))

            def score(picks):
                total = all_[picks].sum(1)
                return np.where(total > 0, hit[picks].sum(1) / np.maximum(total, 1), np.nan)

            return score

        return counts
    if measure in ("aperture_r", "jitter"):

        def single(rows):
            values = np.array([getattr(r, measure) for r in rows], float)
            if measure == "jitter":
                return lambda picks: np.median(values[picks], axis=1)
            known, filled = np.isfinite(values), np.nan_to_num(values)
            return lambda picks: _ratio(filled[picks].sum(1), known[picks].sum(1))

        return single
    attribute = "square" if measure == "mse" else "error"
    members = arkit.region_indices("jaw", "lips") if measure == "mae jaw+lips" else list(range(arkit.N_COEFFICIENTS))

    def errors(rows):
        values = np.array([getattr(r, attribute)[members] for r in rows])
        weight = np.where(np.isfinite(values), np.array([r.frames for r in rows], float)[:, None], 0.0)
        weighted = np.nan_to_num(values) * weight

        def score(picks):
            # How often each row was drawn, so that a resample is a matrix product.
            drawn = np.stack([np.bincount(pick, minlength=len(rows)) for pick in picks]).astype(float)
            per_coefficient = _ratio(drawn @ weighted, drawn @ weight)
            known = np.isfinite(per_coefficient)
            return _ratio(np.nansum(per_coefficient, axis=1), known.sum(1))

        return score

    return errors


def _ratio(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.where(b > 0, a / np.maximum(b, 1e-12), np.nan)


def page(
    results: Results,
    summaries: Mapping[str, Mapping[str, Mapping[str, float]]],
    rest: Mapping[str, Mapping[str, float]],
    intervals: Mapping[str, Mapping[str, tuple[float, float, float]]],
    predictors: Mapping[str, evaluation.Predictor],
    sets: Sequence[Path],
    rate: float,
) -> str:
    """The report.

    results : rows that the tables come from. summaries : `evaluation.summary` of each. rest : `evaluation.rest` of each
    predictor. intervals : of `comparisons`, or empty. predictors : the first is drawn. sets : where the recordings lie.
    rate : of the predictors, frames per second.
    """
    first = next(iter(predictors))
    parts = [
        f"<!doctype html><html lang=en><meta charset=utf-8><title>fmg: {html.escape(first)}</title>"
        f"<style>{_STYLE}</style><h1>{html.escape(', '.join(predictors))}</h1>"
    ]
    for name, table in summaries.items():
        rows = {rival: [values.get(column, np.nan) for column in COLUMNS] for rival, values in table.items()}
        count = len(results[name][first])
        parts += [f"<h2>{html.escape(name)}</h2><p>{count} recordings</p>", _table("", COLUMNS, rows)]
        if name in intervals:
            compared = {measure: list(values) for measure, values in intervals[name].items()}
            parts.append(_table("difference, first − second", ("difference", "95 % from", "to"), compared))
        if not count:
            continue
        speakers = sorted({row.recording.speaker for row in results[name][first]})
        by_speaker = {}
        for speaker in speakers:
            summary = evaluation.summary([row for row in results[name][first] if row.recording.speaker == speaker])
            by_speaker[speaker] = [summary[column] for column in COLUMNS]
        parts.append(_table("speaker", COLUMNS, by_speaker))
        parts.append(_image(_errors(results[name]), f"error of each coefficient, {name}"))
    kinds = list(next(iter(rest.values()), {}))
    parts += [
        "<h2>Largest coefficient without voice</h2>",
        _table("", kinds, {rival: [values[kind] for kind in kinds] for rival, values in rest.items()}),
        f"<h2>Recordings</h2><p>Grey: the sound. Thick: {html.escape(first)}. Thin: the data.</p>",
    ]
    for directory, recording in _shown(results, sets, first):
        parts += _recording(directory, recording, predictors[first], rate)
    return "\n".join(parts) + "</html>\n"


def _table(corner: str, columns: Sequence[str], rows: Mapping[str, Sequence[float]]) -> str:
    head = "".join(f"<th>{html.escape(column)}</th>" for column in (corner, *columns))
    body = "".join(
        f"<tr><td>{html.escape(name)}</td>" + "".join(f"<td>{_number(v)}</td>" for v in values) + "</tr>"
        for name, values in rows.items()
    )
    return f"<table><tr>{head}</tr>{body}</table>"


def _number(value: float) -> str:
    return f"{value:.4f}" if np.isfinite(value) else "–"


def _image(png: bytes, alt: str) -> str:
    return f'<p><img alt="{html.escape(alt)}" src="data:image/png;base64,{base64.b64encode(png).decode()}"></p>'


def _png(figure: Figure) -> bytes:
    FigureCanvasAgg(figure)  # not pyplot: it would keep every figure, and look for a screen
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", bbox_inches="tight", facecolor="white")
    return buffer.getvalue()


def _errors(table: Mapping[str, Sequence[evaluation.Row]]) -> bytes:
    """Mean absolute error of every coefficient, a bar for each of the first two predictors (the simplest rivals come last)."""
    figure = Figure(figsize=(13, 3.2), dpi=90)
    axes = figure.subplots()
    shown = list(table.items())[: max(1, min(2, len(table) - 2))]
    place = np.arange(arkit.N_COEFFICIENTS)
    for k, (rival, rows) in enumerate(shown):
        values = np.array([row.error for row in rows])
        weight = np.where(np.isfinite(values), np.array([[row.frames] for row in rows], float), 0)
        axes.bar(place + 0.4 * k, _ratio((np.nan_to_num(values) * weight).sum(0), weight.sum(0)), 0.4, label=rival)
    axes.set_xticks(place + 0.2 * (len(shown) - 1), labels=arkit.ARKIT_NAMES, rotation=90, fontsize=7)
    axes.set_xlim(-0.7, arkit.N_COEFFICIENTS)
    axes.set_ylabel("mean absolute error")
    axes.legend(frameon=False)
    return _png(figure)


def _shown(results: Results, sets: Sequence[Path], first: str) -> list[tuple[Path, form.Recording]]:
    """The first recordings, of as many data sets as there are, of those that were scored."""
    scored = {row.recording for table in results.values() for row in table[first]}
    found = [[(d, r) for r in form.read_manifest(d) if r in scored][:SHOWN] for d in sets]
    in_turn = [rows[i] for i in range(SHOWN) for rows in found if i < len(rows)]
    return in_turn[:SHOWN]


def _recording(directory: Path, recording: form.Recording, predict: evaluation.Predictor, rate: float) -> list[str]:
    audio = form.read_audio(directory, recording)[: int(SHOWN_S * spec.SAMPLE_RATE)]
    face, ours = form.read_face(directory, recording), predict(audio)
    instants = _instants(face.phones, ours, rate)
    labels = [f"{name} {time:.2f} s" for name, time in instants]
    chosen = ours[[min(len(ours) - 1, round(time * rate)) for _, time in instants]]
    with tempfile.TemporaryDirectory() as folder:
        strip = Path(folder) / "strip.png"
        draw.filmstrip(strip, chosen, labels, columns=FACES)
        faces = strip.read_bytes()
    title = f"{recording.id} ({recording.speaker}, {recording.language})"
    return [
        f"<h3>{html.escape(title)}</h3>",
        _image(_curves(audio, face, ours, rate), f"curves of {title}"),
        _image(faces, f"faces of {title}"),
    ]


def _instants(phones: scores.Phones, ours: np.ndarray, rate: float) -> list[tuple[str, float]]:
    """The middles of phones spread over the recording; without phones, even times."""
    end = (len(ours) - 1) / rate
    middles = [(name, (a + b) / 2) for name, a, b in phones if scores.letter(name).isalpha() and (a + b) / 2 < end]
    if not middles:
        return [("", float(time)) for time in np.linspace(0, end, FACES)]
    return [middles[i] for i in np.unique(np.linspace(0, len(middles) - 1, FACES).astype(int))]


def _curves(audio: np.ndarray, face: form.Face, ours: np.ndarray, rate: float) -> bytes:
    figure = Figure(figsize=(13, 0.9 * len(CURVES)), dpi=80)
    rows = figure.subplots(len(CURVES), 1, sharex=True, sharey=True)
    n = spec.HOP_LENGTH
    loud = np.abs(audio[: len(audio) // n * n].reshape(-1, n)).max(1)
    loud = 0.48 * loud / max(float(loud.max(initial=0)), 1e-6)
    clock = np.arange(len(loud)) * n / spec.SAMPLE_RATE
    times = face.start + np.arange(len(face.coefficients)) / face.rate
    for axes, name in zip(rows, CURVES, strict=True):
        place = arkit.INDEX[name]
        axes.fill_between(clock, 0.5 - loud, 0.5 + loud, color="#d4d6de", linewidth=0)
        if face.known[place]:
            axes.plot(times, face.coefficients[:, place], color="#251f5c", linewidth=0.8)
        axes.plot(np.arange(len(ours)) / rate, ours[:, place], color="#d6455d", linewidth=1.8)
        axes.set_ylabel(name, rotation=0, ha="right", va="center", fontsize=9)
        axes.set_yticks([0, 1], labels=["", ""])
        axes.spines[["top", "right"]].set_visible(False)
    for name, start, end in face.phones:
        if start < clock[-1]:
            rows[0].text((start + min(end, clock[-1])) / 2, 1.08, name, ha="center", fontsize=7)
            for axes in rows:
                axes.axvline(start, color="#00000018", linewidth=0.6)
    rows[0].set_ylim(-0.02, 1.02)
    rows[0].set_xlim(0, clock[-1])
    rows[-1].set_xlabel("s")
    return _png(figure)
