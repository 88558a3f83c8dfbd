"""What fmg-train cache does."""

from concurrent.futures import Executor, ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path

import click
from tqdm import tqdm

from fmg_rt.distribution import install

from .. import features
from ..datasets import form


def run(data: tuple[Path, ...], egemaps: bool, jobs: int, scheduler: str | None) -> None:
    """Compute the features of data sets (or folders of them), once. The arguments are the options of the command."""
    shards = [shard for directory in data for shard in form.shards(directory)]
    if not shards:
        raise click.ClickException(f"no finished data set in {', '.join(map(str, data))}")
    todo = [shard for shard in shards if not features.is_complete(shard, egemaps)]
    failed, seconds = 0, 0.0
    with _executor(jobs, scheduler) as executor, tqdm(total=len(todo), unit="set") as bar:
        futures = {executor.submit(features.build, shard, egemaps): shard for shard in todo}
        for future in as_completed(futures):
            try:
                seconds += future.result()
            except (form.DatasetError, OSError) as error:
                failed += 1
                bar.write(f"skipped {futures[future]}: {error}")
            bar.update()
    click.echo(
        f"{len(shards) - len(todo)} there already, {len(todo) - failed} computed ({seconds / 3600:.2f} h of audio), "
        f"{failed} failed"
    )
    if failed:
        raise SystemExit(1)


def _executor(jobs: int, scheduler: str | None) -> Executor:
    if scheduler is None:
        return ProcessPoolExecutor(jobs, mp_context=get_context("spawn"))
    try:
        from distributed import Client
    except ModuleNotFoundError:
        raise click.ClickException(f"--scheduler needs Dask: {install('dask')}") from None
    try:
        return Client(scheduler, timeout="10s").get_executor()
    except (OSError, ValueError) as error:
        raise click.ClickException(f"no Dask scheduler answers at {scheduler} ({error})") from None
