"""What fmg-train evaluate does."""

import functools
import json
import math
from pathlib import Path

import click
from tqdm import tqdm

from fmg_rt import spec
from fmg_rt import weights as weight_files

from ..datasets import form
from ..datasets.form import DatasetError
from ..evaluate import evaluation, presence
from ..evaluate import report as reports
from ..evaluate.conditions import CONDITIONS

COLUMNS = ("aperture_r", "closure_recall", "closure_false", "mae jaw+lips", "mae", "rounding_auc", "jitter")


def run(
    weights: Path,
    data: tuple[Path, ...],
    against: Path | None,
    split: str,
    lookahead: int | None,
    as_shipped: bool,
    rate: float,
    conditions: bool,
    json_path: Path | None,
    html_path: Path | None,
) -> None:
    """Score weight files on data sets. The arguments are the options of the command."""
    try:
        predictors = {weights.name: _predictor(weights, lookahead, as_shipped, rate)}
        if against is not None:
            predictors[against.name if against.name != weights.name else str(against)] = _predictor(
                against, lookahead, as_shipped, rate
            )
        predictors["loudness envelope"] = functools.partial(evaluation.envelope, rate=rate)
        predictors["still face"] = functools.partial(evaluation.still, rate=rate)
        chosen = CONDITIONS if conditions else {"clean": None}
        results: dict[str, dict[str, list[evaluation.Row]]] = {}
        sets = [shard for directory in data for shard in (form.shards(directory) or [directory])]
        with tqdm(total=len(sets) * len(chosen) * len(predictors), unit="table") as bar:
            for directory in sets:
                for condition, change in chosen.items():
                    name = directory.name if condition == "clean" else f"{directory.name}, {condition}"
                    for rival, predict in predictors.items():
                        rows = evaluation.rows(predict, [directory], None if split == "all" else split, change, rate)
                        results.setdefault(name, {})[rival] = rows
                        bar.update()
        if not any(rows for table in results.values() for rows in table.values()):
            raise DatasetError(f"no recording of the split '{split}' in {', '.join(map(str, data))}")
        rest = {rival: evaluation.rest(predict, rate) for rival, predict in predictors.items()}
        summaries = {
            name: {rival: evaluation.summary(rows) for rival, rows in table.items()} for name, table in results.items()
        }
        intervals = reports.comparisons(results) if against is not None else {}
        within = reports.confidence(results)
        told = _presence([weights] if against is None else [weights, against], lookahead, sets, split, chosen)
        mood = evaluation.emotion(weight_files.read(weights), sets, None if split == "all" else split)
        click.echo(_text(summaries, within, rest, intervals))
        for name, values in told.items():
            click.echo(f"\nspeech presence, {name}, AUC: " + ", ".join(f"{key} {value:.4f}" for key, value in values.items()))
        if mood is not None:
            click.echo(f"\nemotion in {mood[0]} recordings: sign of arousal {mood[1]:.1%}, seven classes {mood[2]:.1%}")
        if json_path is not None:
            value = {"scores": summaries, "intervals": within, "rest": rest, "differences": intervals, "presence": told}
            if mood is not None:
                value["emotion"] = {"recordings": mood[0], "arousal_sign": mood[1], "classes": mood[2]}
            form.write_beside(json_path, (json.dumps(_finite(value), indent=1, allow_nan=False) + "\n").encode())
        if html_path is not None:
            page = reports.page(results, summaries, rest, intervals, predictors, sets, rate)
            form.write_beside(html_path, page.encode())
    except (weight_files.WeightsError, DatasetError) as error:
        raise click.ClickException(str(error)) from None
    except OSError as error:
        raise click.ClickException(f"cannot write the report: {error}") from None


def _samples(lookahead: int | None) -> int | None:
    return None if lookahead is None else lookahead * spec.SAMPLE_RATE // 1000


def _predictor(path: Path, lookahead: int | None, as_shipped: bool, rate: float) -> evaluation.Predictor:
    weights = weight_files.read(path)
    return (evaluation.shipped if as_shipped else evaluation.network)(weights, _samples(lookahead), rate)


def _presence(files: list[Path], lookahead: int | None, sets: list[Path], split: str, conditions) -> dict[str, dict]:
    """Weight file → condition → AUC over all data sets; without the files that do not tell speech."""
    table = {}
    for path in files:
        detect = presence.network(weight_files.read(path), _samples(lookahead))
        if detect is not None:
            values = {
                name: presence.auc(detect, sets, None if split == "all" else split, change)
                for name, change in conditions.items()
            }
            table[str(path)] = {name: value for name, value in values.items() if math.isfinite(value)}
    return {name: values for name, values in table.items() if values}


def _finite(value):
    """The value with null where a score does not exist: JSON has no NaN."""
    if isinstance(value, dict):
        return {name: _finite(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if not math.isfinite(value) else float(value)


def _cell(score: float, interval: tuple[float, float] | None) -> str:
    between = "" if interval is None else f" ({interval[0]:.3f}–{interval[1]:.3f})"
    return f"{score:.4f}{between}"


def _text(summaries, within, rest, intervals) -> str:
    width = max(len(rival) for table in summaries.values() for rival in table) + 2
    lines = []
    for name, table in summaries.items():
        lines.append(f"\n{name}")
        lines.append(" " * width + "".join(f"{column:>23}" for column in COLUMNS))
        for rival, scores in table.items():
            cells = (_cell(scores[column], within[name][rival].get(column)) for column in COLUMNS)
            lines.append(f"{rival:<{width}}" + "".join(f"{cell:>23}" for cell in cells))
        for measure, (difference, low, high) in intervals.get(name, {}).items():
            lines.append(f"  difference in {measure}: {difference:+.4f}, 95 % between {low:+.4f} and {high:+.4f}")
    lines.append("\nlargest coefficient without voice")
    for rival, table in rest.items():
        lines.append(f"{rival:<{width}}" + "".join(f"{kind:>16} {value:.4f}" for kind, value in table.items()))
    return "\n".join(lines)
