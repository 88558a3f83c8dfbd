"""fmg-train import-predecessor."""

from pathlib import Path

import click


@click.command("import-predecessor")
@click.argument("checkpoint", type=click.Path(path_type=Path))
@click.option("--stats", type=click.Path(path_type=Path), required=True, help="The pickled feature statistics.")
@click.option("--output", "-o", type=click.Path(path_type=Path, dir_okay=False), required=True, help="The .npz to write.")
def import_predecessor(checkpoint: Path, stats: Path, output: Path) -> None:
    """Turn a checkpoint of the predecessor into a weight file.

    Both files are read without running any code that they might contain, and the result is compared with PyTorch in
    the runtime before it is kept.

    \b
    Examples:
      fmg-train import-predecessor best_model.pth --stats feature_stats.pkl -o predecessor.npz
    """
    from ..commands.import_predecessor import run

    run(checkpoint, stats, output)
