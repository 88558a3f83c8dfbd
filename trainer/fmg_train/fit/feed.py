"""The input of a training run: sequences of its data sets, drawn by seed, as tensors on its device."""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import torch
import torch.distributed

from fmg_rt import spec

from .. import features
from ..config import Config, Source
from ..datasets import form
from ..models import Twin
from .batches import Batch, Pool, augment, mix, rest

VALIDATION_SEQUENCES = 128
"""Number of fixed validation sequences."""
_ROWS_PER_MS = spec.SAMPLE_RATE // 1000 / spec.HOP_LENGTH


@dataclass(frozen=True)
class Workers:
    """This process among those of one training run (torchrun)."""

    rank: int
    count: int

    @property
    def is_first(self) -> bool:
        return self.rank == 0


def join_workers(device: torch.device) -> Workers:
    """Join the other processes that torchrun started, if any."""
    count = int(os.environ.get("WORLD_SIZE", "1"))
    if count == 1:
        return Workers(0, 1)
    if not torch.distributed.is_initialized():
        torch.distributed.init_process_group("nccl" if device.type == "cuda" else "gloo")
    return Workers(torch.distributed.get_rank(), count)


def open_pool(sources: tuple[Source, ...], split: str, hears_egemaps: bool, is_first: bool) -> Pool:
    """The recordings of `split` in the finished data sets of `sources`, features computed where they are missing.

    Raises
    ------
    DatasetError
        A source without a finished data set, without a recording of that split, or unreadable data.
    """
    groups = []
    for source in sources:
        shards = form.shards(source.path)
        if not shards:
            raise form.DatasetError(f"{source.path}: no finished data set here (make one with fmg-train corpus or prepare)")
        if is_first:
            for shard in shards:
                if not features.is_complete(shard, hears_egemaps):
                    features.build(shard, hears_egemaps)
        groups.append((shards, source.weight))
    if torch.distributed.is_initialized():
        torch.distributed.barrier()
    opened = []
    for source, (shards, weight) in zip(sources, groups, strict=True):
        caches = [cache for cache in (features.load(shard, split) for shard in shards) if len(cache.mel)]
        if not caches:
            raise form.DatasetError(f"{source.path}: no recording of the split '{split}'")
        opened.append((caches, weight))
    return Pool(opened)


class Tensors(NamedTuple):
    """A `Batch` as tensors; egemaps is None for a network that does not use them."""

    mel: torch.Tensor
    egemaps: torch.Tensor | None
    target: torch.Tensor
    known: torch.Tensor
    measured: torch.Tensor
    spoken: torch.Tensor

    @classmethod
    def of(cls, batch: Batch) -> "Tensors":
        egemaps = None if batch.egemaps is None else torch.from_numpy(batch.egemaps)
        rest_of_it = (torch.from_numpy(each) for each in (batch.target, batch.known, batch.measured, batch.spoken))
        return cls(torch.from_numpy(batch.mel), egemaps, *rest_of_it)

    def to(self, device: torch.device) -> "Tensors":
        """The same on `device`."""
        return Tensors(*(None if each is None else each.to(device) for each in self))  # type: ignore[arg-type]


class Feed:
    """The batches of one training run, for training and validation.

    Parameters
    ----------
    config : which data sets, how long a sequence is, how many make a batch, how they are augmented.
    twin : the network that they are for.
    workers : this process, which draws its share of each batch.

    Raises
    ------
    DatasetError
        Data that cannot be read; also from its methods.
    """

    def __init__(self, config: Config, twin: Twin, workers: Workers, device: torch.device):
        self._config, self._twin, self._workers, self._device = config, twin, workers, device
        self._lookahead_rows = np.array([round(ms * _ROWS_PER_MS) for ms in config.model.lookaheads_ms])

    def epoch(self, number: int) -> Iterator[Tensors]:
        """The augmented batches of an epoch; the next one is drawn while this one is used."""
        # List the data sets again: a corpus may still grow during the training.
        pool = self._open(self._config.data.train, "train")
        rng = np.random.default_rng([self._config.seed, 2, number, self._workers.rank])
        size = self._config.optim.batch // self._workers.count
        count = self._config.optim.steps_per_epoch

        def draw() -> Tensors:
            return Tensors.of(self._disturbed(self._draw(pool, rng, size), pool, rng))

        with ThreadPoolExecutor(1) as reader:
            ahead = reader.submit(draw)
            for i in range(count):
                batch = ahead.result()
                if i + 1 < count:
                    ahead = reader.submit(draw)
                yield batch.to(self._device)

    def validation(self) -> list[Tensors]:
        """The validation batches. They do not depend on the seed, so losses of two runs can be compared."""
        pool = self._open(self._config.data.val, "val")
        rng = np.random.default_rng(3)
        size = min(self._config.optim.batch, VALIDATION_SEQUENCES)
        count = -(-VALIDATION_SEQUENCES // size)
        return [Tensors.of(self._draw(pool, rng, size)).to(self._device) for _ in range(count)]

    def _open(self, sources: tuple[Source, ...], split: str) -> Pool:
        return open_pool(sources, split, self._twin.hears_egemaps, self._workers.is_first)

    def _draw(self, pool: Pool, rng: np.random.Generator, n: int) -> Batch:
        twin = self._twin
        frames = round(self._config.data.sequence_s * spec.SAMPLE_RATE / spec.HOP_LENGTH)
        frames -= frames % twin.stack
        return pool.draw(rng, n, frames, twin.stack, self._lookahead_rows, twin.context, twin.hears_egemaps)

    def _disturbed(self, batch: Batch, pool: Pool, rng: np.random.Generator) -> Batch:
        settings = self._config.augment
        n, n_frames, _ = batch.mel.shape
        noise = pool.noise(rng, n, n_frames) if settings.noise or settings.rest else None
        if noise is None:
            return replace(batch, mel=augment(batch.mel, rng, settings))
        lot = rng.random(n)
        noisy, resting = np.asarray(lot < settings.noise), np.asarray(lot >= 1 - settings.rest)
        batch = rest(batch, noise, resting)
        mel = augment(batch.mel, rng, settings)
        mel[noisy] = mix(mel[noisy], noise[noisy], rng)
        return replace(batch, mel=mel)
