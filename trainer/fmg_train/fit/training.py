"""The training loop: sequences in, checkpoints out. Deterministic by seed; an epoch is the unit of resuming."""

import copy
import json
import math
import os
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.distributed
from torch import nn
from torch.nn.parallel import DistributedDataParallel
from torch.utils.tensorboard import SummaryWriter
from tqdm import tqdm

from fmg_rt import arkit, spec
from fmg_rt.weights import Weights

from .. import features
from ..config import Config, ConfigError, Data, Source
from ..datasets import form
from ..models import Statistics, Twin, state_from
from . import checkpoint as checkpoints
from .batches import Batch, Pool, augment, mix, rest
from .checkpoint import Checkpoint
from .losses import face_loss, speech_loss

VALIDATION_SEQUENCES = 128
"""Fixed sequences that every epoch is judged on."""
STATISTICS_FRAMES = 500_000
"""Most frames of training data that the feature statistics are taken from."""
NEUTRAL_EGEMAPS = np.zeros(spec.N_EGEMAPS), np.ones(spec.N_EGEMAPS)
"""Mean and deviation for a network that does not hear eGeMAPS."""
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


def statistics_of(pool: Pool, seed: int) -> Statistics:
    """Mean and standard deviation of the features over (a random part of) the training data."""
    rng = np.random.default_rng([seed, 1])
    share = min(1.0, STATISTICS_FRAMES / pool.frames)
    mel = np.concatenate([c.mel[np.flatnonzero(rng.random(len(c.mel)) < share)] for c in pool.caches]).astype(np.float64)
    functionals = np.concatenate([c.egemaps for c in pool.caches]).astype(np.float64)
    egemaps = (functionals.mean(0), functionals.std(0)) if len(functionals) else NEUTRAL_EGEMAPS
    return Statistics(*(value.astype(np.float32) for value in (mel.mean(0), mel.std(0), *egemaps)))


def coefficient_weights(pool: Pool) -> torch.Tensor:
    """(52,) with mean 1 over the coefficients that move: those that move little count more, those at rest the least."""
    faces = np.concatenate([c.face[:: max(1, len(c.face) // 20_000)] for c in pool.caches]).astype(np.float32)
    deviation = faces.std(0)
    moves = deviation > 1e-3
    weights = np.where(moves, 1.0 / (deviation + 0.05), 5.0)
    return torch.tensor(weights / weights[moves].mean() if moves.any() else weights, dtype=torch.float32)


def learning_rate(step: int, config: Config) -> float:
    """Linear warm-up, then cosine decay."""
    optim = config.optim
    if step < optim.warmup_steps:
        return optim.rate * (step + 1) / optim.warmup_steps
    total = max(1, optim.epochs * optim.steps_per_epoch - optim.warmup_steps)
    phase = min(1.0, (step - optim.warmup_steps) / total)
    return optim.final_rate + (optim.rate - optim.final_rate) * 0.5 * (1 + math.cos(math.pi * phase))


class Fit:
    """One training run in `folder`.

    Parameters
    ----------
    config : what to train on what.
    folder : takes ``last.pt``, ``best.pt``, ``log.jsonl`` and TensorBoard's events.
    device : cpu or cuda; the forward pass runs in mixed precision where the hardware multiplies bfloat16.
    initial : weights to start from (fine-tuning), of the same sizes but for the look-aheads; their feature statistics and
        their emotion read-out are kept.

    Raises
    ------
    ConfigError
        No data given, or initial weights of another architecture or size.
    DatasetError
        Data that cannot be read.
    """

    def __init__(self, config: Config, folder: Path, device: torch.device, initial: Weights | None = None):
        if not config.data.train or not config.data.val:
            raise ConfigError("'data.train' and 'data.val': give at least one data set each")
        self.config, self.folder, self.device = config, Path(folder), device
        self.workers = join_workers(device)
        if config.optim.batch % self.workers.count:
            raise ConfigError(f"'optim.batch': {config.optim.batch} does not divide among {self.workers.count} processes")
        hears_egemaps = config.model.architecture == "cross_attention"
        self._hears_egemaps = hears_egemaps
        train = open_pool(config.data.train, "train", hears_egemaps, self.workers.is_first)
        torch.manual_seed(config.seed)
        if initial is None:
            self.statistics = statistics_of(train, config.seed)
        else:
            self.statistics = Statistics(initial.mel_mean, initial.mel_std, initial.egemaps_mean, initial.egemaps_std)
        self.twin = Twin(config.model, self.statistics).to(device)
        if initial is not None:
            self.twin.net.load_state_dict(state_from(initial, config.model))
        self.average = copy.deepcopy(self.twin).eval()
        self._weights = coefficient_weights(train).to(device)
        self._optimiser = torch.optim.AdamW(self.twin.parameters(), config.optim.rate, weight_decay=config.optim.weight_decay)
        self._lookahead_rows = np.array([round(ms * _ROWS_PER_MS) for ms in config.model.lookaheads_ms])
        emotion = {} if initial is None else initial.emotion
        self._emotion: Mapping[str, torch.Tensor] = {name: torch.tensor(value) for name, value in emotion.items()}
        self.epoch = 0
        self.best = math.inf
        self._best_epoch = 0

    def resume(self) -> None:
        """Go on from ``last.pt``.

        Raises
        ------
        CheckpointError
            Not there, or of another model.
        """
        path = self.folder / checkpoints.LAST
        saved = checkpoints.load(path)
        if saved.config.model != self.config.model:
            raise checkpoints.CheckpointError(f"{path}: a checkpoint of another model: {saved.config.model}")
        self.statistics = saved.statistics
        for twin in (self.twin, self.average):
            for name, value in vars(saved.statistics).items():
                getattr(twin, name).copy_(torch.from_numpy(value))
        self.average.net.load_state_dict(saved.net)
        self.twin.net.load_state_dict(saved.progress["net"])
        self._optimiser.load_state_dict(saved.progress["optimiser"])
        self._weights = saved.progress["coefficient_weights"].to(self.device)
        self._emotion = saved.emotion
        self.epoch, self.best = saved.progress["epoch"], saved.progress["best"]
        self._best_epoch = saved.progress["best_epoch"]

    def run(self) -> None:
        """Train to the last epoch, or until validation has not improved for `patience` epochs."""
        self.folder.mkdir(parents=True, exist_ok=True)
        validation = self._validation_batches()
        model: nn.Module = self.twin
        if self.workers.count > 1:
            model = DistributedDataParallel(self.twin)
        board = SummaryWriter(str(self.folder)) if self.workers.is_first else None
        epochs = self.config.optim.epochs
        with tqdm(total=epochs, initial=self.epoch, unit="epoch", disable=not self.workers.is_first) as bar:
            while self.epoch < epochs and self.epoch - self._best_epoch < self.config.optim.patience:
                losses = self._train_epoch(model, bar)
                scores = self._validate(validation)
                self.epoch += 1
                improved = scores["total"] < self.best
                if improved:
                    self.best, self._best_epoch = scores["total"], self.epoch
                if board is not None:
                    self._keep(improved)
                    entry = {"epoch": self.epoch, "train": losses, "val": scores}
                    with open(self.folder / "log.jsonl", "a", encoding="utf-8") as log:
                        log.write(json.dumps(entry) + "\n")
                    for group, values in (("train", losses), ("val", scores)):
                        for name, value in values.items():
                            board.add_scalar(f"{group}/{name}", value, self.epoch)
                bar.set_postfix(train=f"{losses['total']:.5f}", val=f"{scores['total']:.5f}", best=f"{self.best:.5f}")
                bar.update()
        if board is not None:
            board.close()

    def _train_epoch(self, model: nn.Module, bar: tqdm) -> dict[str, float]:
        optim = self.config.optim
        # The data sets are listed again: a corpus may still be growing beside the training.
        pool = open_pool(self.config.data.train, "train", self._hears_egemaps, self.workers.is_first)
        rng = np.random.default_rng([self.config.seed, 2, self.epoch, self.workers.rank])
        torch.manual_seed(self.config.seed * 1_000_003 + self.epoch)
        model.train()
        totals: dict[str, float] = {}
        for i, batch in enumerate(self._batches(pool, rng, optim.steps_per_epoch)):
            step = self.epoch * optim.steps_per_epoch + i
            for group in self._optimiser.param_groups:
                group["lr"] = learning_rate(step, self.config)
            parts = self._losses(model, self._on_device(batch))
            loss = torch.stack(list(parts.values())).sum()
            self._optimiser.zero_grad(set_to_none=True)
            loss.backward()
            nn.utils.clip_grad_norm_(self.twin.parameters(), optim.clip)
            self._optimiser.step()
            self._update_average(step)
            for name, value in {**parts, "total": loss}.items():
                totals[name] = totals.get(name, 0.0) + value.item() / optim.steps_per_epoch
            if i % 20 == 0:
                bar.set_description(f"epoch {self.epoch + 1}, step {i}, loss {loss.item():.5f}")
        return totals

    def _losses(self, model: nn.Module, batch: tuple[Any, ...], exact: bool = False) -> dict[str, torch.Tensor]:
        mel, functionals, target, known, measured, spoken = batch
        with nullcontext() if exact else self._precision():
            out = model(mel, functionals)
        out = out.float()
        face = out[..., : arkit.N_COEFFICIENTS]
        parts = face_loss(face, target, known, measured, self._weights, self.config.loss)
        if self.twin.tells_speech:
            parts["speech"] = speech_loss(out[..., -1], spoken, self.config.loss)
        return parts

    def _update_average(self, step: int) -> None:
        keep = min(self.config.optim.ema, (1 + step) / (10 + step))
        with torch.no_grad():
            for mean, value in zip(self.average.parameters(), self.twin.parameters(), strict=True):
                mean.lerp_(value, 1 - keep)

    def _batches(self, pool: Pool, rng: np.random.Generator, count: int) -> Iterator[tuple[Any, ...]]:
        """Batches for training, as `_draw` gives them, the next one drawn while this one is learnt from."""
        size = self.config.optim.batch // self.workers.count
        with ThreadPoolExecutor(1) as reader:
            ahead = reader.submit(self._draw, pool, rng, size)
            for i in range(count):
                batch = ahead.result()
                if i + 1 < count:
                    ahead = reader.submit(self._draw, pool, rng, size)
                yield batch

    def _draw(self, pool: Pool, rng: np.random.Generator, n: int, augmented: bool = True) -> tuple[Any, ...]:
        """The parts of a `Batch` as tensors, None for functionals that nobody hears."""
        frames = round(self.config.data.sequence_s * spec.SAMPLE_RATE / spec.HOP_LENGTH)
        frames -= frames % self.twin.stack
        batch = pool.draw(rng, n, frames, self.twin.stack, self._lookahead_rows, self.twin.context, self._hears_egemaps)
        if augmented:
            batch = self._disturb(batch, pool, rng)
        arrays = (batch.mel, batch.egemaps, batch.target, batch.known, batch.measured, batch.spoken)
        return tuple(None if a is None else torch.from_numpy(a) for a in arrays)

    def _on_device(self, batch: tuple[Any, ...]) -> tuple[Any, ...]:
        return tuple(None if part is None else part.to(self.device) for part in batch)

    def _disturb(self, batch: Batch, pool: Pool, rng: np.random.Generator) -> Batch:
        settings = self.config.augment
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

    def _precision(self):
        if self.device.type == "cuda" or torch.cpu.get_capabilities().get("avx512_bf16", False):
            return torch.autocast(self.device.type, torch.bfloat16)
        return nullcontext()

    def _validation_batches(self) -> list[tuple[Any, ...]]:
        pool = open_pool(self.config.data.val, "val", self._hears_egemaps, self.workers.is_first)
        rng = np.random.default_rng(3)  # whatever the seed: losses of two runs can be compared
        size = min(self.config.optim.batch, VALIDATION_SEQUENCES)
        count = -(-VALIDATION_SEQUENCES // size)
        drawn = (self._draw(pool, rng, size, augmented=False) for _ in range(count))
        return [self._on_device(batch) for batch in drawn]

    def _validate(self, batches: list[tuple[Any, ...]]) -> dict[str, float]:
        totals: dict[str, float] = {}
        with torch.no_grad():
            for batch in batches:
                parts = self._losses(self.average, batch, exact=True)
                for name, value in {**parts, "total": torch.stack(list(parts.values())).sum()}.items():
                    totals[name] = totals.get(name, 0.0) + value.item() / len(batches)
        return totals

    def _keep(self, improved: bool) -> None:
        progress: Mapping[str, Any] = {
            "net": self.twin.net.state_dict(),
            "optimiser": self._optimiser.state_dict(),
            "epoch": self.epoch,
            "best": self.best,
            "best_epoch": self._best_epoch,
            "coefficient_weights": self._weights,
        }
        data = tuple(str(shard) for source in self.config.data.train for shard in form.shards(source.path))
        saved = Checkpoint(self.config, self.statistics, self.average.net.state_dict(), progress, data, self._emotion)
        checkpoints.save(self.folder / checkpoints.LAST, saved)
        if improved:
            checkpoints.save(self.folder / checkpoints.BEST, saved)


def with_data(config: Config, train: tuple[str, ...], val: tuple[str, ...]) -> Config:
    """The configuration with its data sets replaced where `train` or `val` are given."""
    data = Data(
        tuple(Source(path) for path in train) or config.data.train,
        tuple(Source(path) for path in val) or config.data.val,
        config.data.sequence_s,
    )
    return replace(config, data=data)
