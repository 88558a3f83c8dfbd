"""What fmg-train teacher does."""

from pathlib import Path

import click
import numpy as np

from fmg_rt import arkit
from fmg_train.corpus.speech import EngineMissing
from fmg_train.evaluate import scores, teacher_check


def run(directory: Path, vtl: bool) -> None:
    """Check the teacher's lips against measured ones. The arguments are the options of the command."""
    try:
        rows, tally = teacher_check.against_grid(directory)
        modelled = teacher_check.against_vocaltractlab() if vtl else None
    except (teacher_check.NoRealData, EngineMissing) as error:
        raise click.ClickException(str(error)) from None

    click.echo(f"{'aperture_r':34}{'sentences':>10}{'teacher':>10}{'loudness':>10}")
    for split, (sentences, ours, loudness) in rows.items():
        click.echo(f"{'GRID, measured lips, ' + split:34}{sentences:>10}{ours:>10.3f}{loudness:>10.3f}")
    if modelled:
        sentences, ours = modelled
        click.echo(f"{'VocalTractLab, lip distance':34}{sentences:>10}{ours:>10.3f}")
    closed, all_closing, shut, all_open = tally.closed
    touched, all_touching = tally.touched
    click.echo("\non GRID")
    click.echo(f"  p b m closed              {closed} of {all_closing} ({closed / all_closing:.1%})")
    click.echo(f"  open vowels closed        {shut} of {all_open} ({shut / all_open:.1%})")
    click.echo(f"  f v in contact            {touched} of {all_touching} ({touched / all_touching:.1%})")
    click.echo(f"  rounding, AUC             {scores.auc(np.array(tally.rounded), np.array(tally.spread)):.3f}")
    faces = np.concatenate(tally.faces)
    jaw, close = faces[:, arkit.INDEX["jawOpen"]], faces[:, arkit.INDEX["mouthClose"]]
    click.echo(f"  mouthClose over jawOpen   {int((close > jaw).sum())} frames")
    click.echo(f"\n{'coefficient':24}{'median':>8}{'95 %':>8}{'99 %':>8}{'largest':>8}")
    for name, curve in zip(arkit.ARKIT_NAMES, faces.T, strict=True):
        if curve.max() > 0 and not name.endswith("Right"):
            values = np.percentile(curve, (50, 95, 99, 100))
            click.echo(f"{name:24}" + "".join(f"{v:8.2f}" for v in values))
