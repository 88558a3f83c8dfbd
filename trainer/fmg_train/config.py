"""The configuration of a training run: one frozen dataclass tree, read from YAML."""

import dataclasses
import difflib
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from fmg_rt import architectures


class ConfigError(ValueError):
    """The configuration is not usable; the message names the key and says what is accepted."""


@dataclass(frozen=True)
class Model:
    """architecture: name in `architectures.ARCHITECTURES`; look-aheads in ms, multiples of 10; the rest sizes a `gru`, which
    with speech 1 also predicts speech presence."""

    architecture: str = "gru"
    lookaheads_ms: tuple[int, ...] = (0, 50, 60, 100)
    default_lookahead_ms: int = 60
    n_stack: int = 2
    d_input: int = 128
    d_model: int = 224
    d_head: int = 128
    speech: int = 1


@dataclass(frozen=True)
class Source:
    """A data set, a folder of data sets (shards), or a pattern such as ``data/corpus/shard-*``; `weight` is its share of a
    batch relative to the others. Training takes the recordings of split ``train``, validation those of ``val``."""

    path: str = ""
    weight: float = 1.0


@dataclass(frozen=True)
class Data:
    """train, val: data sets; sequence_s: length of a training sequence, seconds."""

    train: tuple[Source, ...] = ()
    val: tuple[Source, ...] = ()
    sequence_s: float = 3.0


@dataclass(frozen=True)
class Augment:
    """Random changes of the log-mel of a sequence that leave the face as it is; standard deviations.

    gain_db: level. tilt_db: spectral tilt from the lowest to the highest band. eq_db: smooth random filter.
    warp_bands: shift of all bands, as by another vocal-tract length.
    noise, rest: not deviations but the shares of sequences under which sounds without speech of the same data are mixed,
    and which are replaced by such sounds before a resting face.
    """

    gain_db: float = 3.0
    tilt_db: float = 5.0
    eq_db: float = 2.5
    warp_bands: float = 1.3
    noise: float = 0.65
    rest: float = 0.1


@dataclass(frozen=True)
class Loss:
    """Weights of the parts of the loss, see `fmg_train.fit.losses`."""

    dynamic_range: float = 0.0
    velocity: float = 2.0
    aperture: float = 0.5
    measured_aperture: float = 6.0
    closure: float = 8.0
    measured_closure: float = 6.0
    speech: float = 0.02


@dataclass(frozen=True)
class Optim:
    """AdamW with warm-up and cosine decay to `final_rate`; an epoch is `steps_per_epoch` batches."""

    batch: int = 128
    rate: float = 2e-3
    final_rate: float = 2e-5
    warmup_steps: int = 300
    weight_decay: float = 1e-4
    clip: float = 0.05
    epochs: int = 60
    steps_per_epoch: int = 300
    ema: float = 0.998
    patience: int = 40


@dataclass(frozen=True)
class Config:
    """A training run."""

    model: Model = field(default_factory=Model)
    data: Data = field(default_factory=Data)
    augment: Augment = field(default_factory=Augment)
    loss: Loss = field(default_factory=Loss)
    optim: Optim = field(default_factory=Optim)
    seed: int = 1


def _build(kind: type, value: Any, where: str) -> Any:
    if not isinstance(value, dict):
        raise ConfigError(f"{where or 'the configuration'}: expected a mapping, found {value!r}")
    hints = typing.get_type_hints(kind)
    arguments = {}
    for key, item in value.items():
        name = f"{where}.{key}" if where else str(key)
        if key not in hints:
            near = difflib.get_close_matches(str(key), hints, 1)
            raise ConfigError(f"unknown key '{name}'" + (f"; did you mean '{near[0]}'?" if near else ""))
        arguments[key] = _convert(hints[key], item, name)
    return kind(**arguments)


def _convert(hint: Any, item: Any, name: str) -> Any:
    if dataclasses.is_dataclass(hint):
        return _build(typing.cast(type, hint), item, name)
    if typing.get_origin(hint) is tuple:
        inner = typing.get_args(hint)[0]
        if not isinstance(item, list | tuple):
            raise ConfigError(f"'{name}': expected a list, found {item!r}")
        return tuple(_convert(inner, value, f"{name}[{i}]") for i, value in enumerate(item))
    try:
        if isinstance(item, bool) or (hint is int and float(item) != int(item)):
            raise ValueError
        return hint(item)
    except (TypeError, ValueError):
        raise ConfigError(f"'{name}': expected {hint.__name__}, found {item!r}") from None


def from_dict(value: Any) -> Config:
    """A configuration from plain containers, checked.

    Raises
    ------
    ConfigError
        Unknown key, wrong type, or values that do not fit together.
    """
    config = _build(Config, value, "")
    model, optim = config.model, config.optim
    if model.architecture not in architectures.ARCHITECTURES:
        raise ConfigError(f"'model.architecture': one of {', '.join(architectures.ARCHITECTURES)}, not '{model.architecture}'")
    if list(model.lookaheads_ms) != sorted(set(model.lookaheads_ms)) or not model.lookaheads_ms:
        raise ConfigError("'model.lookaheads_ms': must be ascending")
    if any(ms < 0 or ms % 10 for ms in model.lookaheads_ms):
        raise ConfigError("'model.lookaheads_ms': must be multiples of 10")
    if model.default_lookahead_ms not in model.lookaheads_ms:
        raise ConfigError("'model.default_lookahead_ms': must be one of the look-aheads")
    if model.architecture == "cross_attention" and len(model.lookaheads_ms) != 1:
        raise ConfigError("'model.lookaheads_ms': the predecessor's network has one read-out; give one look-ahead")
    for name in ("n_stack", "d_input", "d_model", "d_head"):
        if getattr(model, name) < 1 or (name != "n_stack" and getattr(model, name) % 4):
            raise ConfigError(f"'model.{name}': must be a positive multiple of 4")
    if model.speech not in (0, 1):
        raise ConfigError("'model.speech': must be 0 or 1")
    shares = config.augment.noise, config.augment.rest
    if min(shares) < 0.0 or sum(shares) > 1.0:
        raise ConfigError("'augment.noise' and 'augment.rest': must be 0 or more, and at most 1 together")
    for name in ("batch", "epochs", "steps_per_epoch", "patience", "rate"):
        if getattr(optim, name) <= 0:
            raise ConfigError(f"'optim.{name}': must be greater than 0")
    return config


def read(path: Path, model: Mapping[str, Any] | None = None) -> Config:
    """Read a YAML file; where it says nothing of the model, that is `model`, None: the default.

    With `base: other.yaml` (beside it) the file states only what differs from that one; a list is replaced as a whole.

    Raises
    ------
    ConfigError
        Unreadable file, a base that has a base itself, or as `from_dict`.
    """
    path = Path(path)
    stated = _load(path)
    try:
        if isinstance(stated, dict) and "base" in stated:
            base = _load(path.parent / str(stated.pop("base")))
            if not isinstance(base, dict) or "base" in base:
                raise ConfigError("'base': expected a file of settings without a base of its own")
            stated = _changed(base, stated)
        return from_dict({"model": dict(model or {})} | stated if isinstance(stated, dict) else stated)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from None


def _load(path: Path) -> Any:
    try:
        value = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigError(f"{path}: cannot read the configuration ({error})".replace("\n", " ")) from error
    return {} if value is None else value


def _changed(base: dict, changes: dict) -> dict:
    """`base` with the values of `changes` in place of its own, mapping by mapping."""
    return base | {
        key: _changed(base[key], value) if isinstance(value, dict) and isinstance(base.get(key), dict) else value
        for key, value in changes.items()
    }


def to_dict(config: Config) -> dict[str, Any]:
    """Plain containers, as `from_dict` takes them."""
    return dataclasses.asdict(config)
