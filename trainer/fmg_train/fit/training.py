"""The training loop: sequences in, checkpoints out. Deterministic by seed; an epoch is the unit of resuming."""

import copy
import json
import math
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn.parallel import DistributedDataParallel
from torch.utils.tensorboard import SummaryWriter
from tqdm import tqdm

from fmg_rt import arkit, spec
from fmg_rt.weights import Weights

from ..config import Config, ConfigError, Data, Source
from ..datasets import form
from ..models import Statistics, Twin, hears_egemaps, state_from
from . import checkpoint as checkpoints
from .batches import Pool
from .checkpoint import Checkpoint
from .feed import Feed, Tensors, join_workers, open_pool
from .losses import face_loss, speech_loss

STATISTICS_FRAMES = 500_000
"""Most frames of training data for the feature statistics."""
NEUTRAL_EGEMAPS = np.zeros(spec.N_EGEMAPS), np.ones(spec.N_EGEMAPS)
"""Mean and deviation for a network that does not use eGeMAPS."""


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


class Journal:
    """The losses of every epoch: ``log.jsonl`` and TensorBoard's events in `folder`."""

    def __init__(self, folder: Path):
        self._path, self._board = folder / "log.jsonl", SummaryWriter(str(folder))

    def write(self, epoch: int, **losses: dict[str, float]) -> None:
        """losses : group, such as ``train`` → name → value."""
        with open(self._path, "a", encoding="utf-8") as log:
            log.write(json.dumps({"epoch": epoch, **losses}) + "\n")
        for group, values in losses.items():
            for name, value in values.items():
                self._board.add_scalar(f"{group}/{name}", value, epoch)

    def close(self) -> None:
        self._board.close()


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
        train = open_pool(config.data.train, "train", hears_egemaps(config.model), self.workers.is_first)
        torch.manual_seed(config.seed)
        if initial is None:
            self.statistics = statistics_of(train, config.seed)
        else:
            self.statistics = Statistics(initial.mel_mean, initial.mel_std, initial.egemaps_mean, initial.egemaps_std)
        self.twin = Twin(config.model, self.statistics).to(device)
        if initial is not None:
            self.twin.net.load_state_dict(state_from(initial, config.model))
        self.average = copy.deepcopy(self.twin).eval()
        self.feed = Feed(config, self.twin, self.workers, device)
        self._weights = coefficient_weights(train).to(device)
        self._optimiser = torch.optim.AdamW(self.twin.parameters(), config.optim.rate, weight_decay=config.optim.weight_decay)
        emotion = {} if initial is None else initial.emotion
        self._emotion: Mapping[str, torch.Tensor] = {name: torch.tensor(value) for name, value in emotion.items()}
        self.epoch = 0
        self.best = math.inf
        self._best_epoch = 0

    def resume(self) -> None:
        """Continue from ``last.pt``.

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
        validation = self.feed.validation()
        model: nn.Module = self.twin
        if self.workers.count > 1:
            model = DistributedDataParallel(self.twin)
        journal = Journal(self.folder) if self.workers.is_first else None
        epochs = self.config.optim.epochs
        with tqdm(total=epochs, initial=self.epoch, unit="epoch", disable=not self.workers.is_first) as bar:
            while self.epoch < epochs and self.epoch - self._best_epoch < self.config.optim.patience:
                losses = self._train_epoch(model, bar)
                scores = self._validate(validation)
                self.epoch += 1
                improved = scores["total"] < self.best
                if improved:
                    self.best, self._best_epoch = scores["total"], self.epoch
                if journal is not None:
                    self._keep(improved)
                    journal.write(self.epoch, train=losses, val=scores)
                bar.set_postfix(train=f"{losses['total']:.5f}", val=f"{scores['total']:.5f}", best=f"{self.best:.5f}")
                bar.update()
        if journal is not None:
            journal.close()

    def _train_epoch(self, model: nn.Module, bar: tqdm) -> dict[str, float]:
        optim = self.config.optim
        torch.manual_seed(self.config.seed * 1_000_003 + self.epoch)
        model.train()
        totals: dict[str, float] = {}
        for i, batch in enumerate(self.feed.epoch(self.epoch)):
            step = self.epoch * optim.steps_per_epoch + i
            for group in self._optimiser.param_groups:
                group["lr"] = learning_rate(step, self.config)
            parts = self._losses(model, batch)
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

    def _losses(self, model: nn.Module, batch: Tensors, exact: bool = False) -> dict[str, torch.Tensor]:
        with nullcontext() if exact else self._precision():
            out = model(batch.mel, batch.egemaps)
        out = out.float()
        face = out[..., : arkit.N_COEFFICIENTS]
        parts = face_loss(face, batch.target, batch.known, batch.measured, self._weights, self.config.loss)
        if self.twin.tells_speech:
            parts["speech"] = speech_loss(out[..., -1], batch.spoken, self.config.loss)
        return parts

    def _update_average(self, step: int) -> None:
        keep = min(self.config.optim.ema, (1 + step) / (10 + step))
        with torch.no_grad():
            for mean, value in zip(self.average.parameters(), self.twin.parameters(), strict=True):
                mean.lerp_(value, 1 - keep)

    def _precision(self):
        if self.device.type == "cuda" or torch.cpu.get_capabilities().get("avx512_bf16", False):
            return torch.autocast(self.device.type, torch.bfloat16)
        return nullcontext()

    def _validate(self, batches: list[Tensors]) -> dict[str, float]:
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
