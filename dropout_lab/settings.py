"""From a configuration to one trial: its complete description, identity and dynamic numbers."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from ml_collections import ConfigDict, FrozenConfigDict

from dropout_lab.architecture import resolve_network
from dropout_lab.errors import InputError, unknown
from dropout_lab.models import MODELS
from dropout_lab.places import RATES, RULES_OF_INFERENCE
from dropout_lab.recipe import (
    resolve_loss,
    resolve_optimizer,
    resolve_rate_schedule,
    resolve_schedule,
)
from dropout_lab.rules import check, flatten
from dropout_lab.variants import VARIANTS

DYNAMIC = (
    "seed",
    *(f"dropout.{rate}" for rate in RATES),
    "dropout.penalty_weight",
    "train.epochs",
    "train.init_std",
    "train.label_smoothing",
    "loss.weight",
    "loss.l1",
    "loss.l1_start",
    "loss.sparsity",
    "loss.sparsity_target",
    "optimizer.lr",
    "optimizer.momentum",
    "optimizer.momentum_start",
    "optimizer.momentum_epochs",
    "optimizer.rms_decay",
    "optimizer.clip_norm",
    "optimizer.weight_decay",
    "optimizer.max_norm",
)
"""Keys that are numbers inside the program; trials that differ only in these share one compile."""

HOST = ("train.select", "train.refit", "train.patience", "eval.test", "data.fold")
"""Keys that are read outside the program: they cannot change what it is."""

HOW = ("data.dir", "mesh.data", "run.checkpoint_seconds", "run.save_model")
"""Keys that say where and how to run, and cannot change a result by more than rounding."""

ADDED: Mapping[str, Any] = {
    "dropout.branch_rate": 0.0,
    "dropout.state_rate": 0.0,
    "dropout.cell_rate": 0.0,
    **{
        f"dropout.{key}": None
        for key in (
            *("per", "per_channel", "per_step", "share_mask", "block_size", "strength", "share"),
            *("target", "max_alpha", "length_scale", "penalty_weight", "penalty_warmup"),
            "prune_in_training",
        )
    },
    "rate_schedule.name": "constant",
    "rate_schedule.epochs": None,
    "rate_schedule.gamma": None,
    "rate_schedule.boundaries": (),
    "rate_schedule.factors": (),
    "model.noise_before_pool": None,
    "model.noise_before_norm": None,
    "model.padding": None,
    "model.stage_activation": None,
    "model.depth": None,
    "model.widening": None,
    "model.pieces": None,
    "model.cell": None,
    "model.units": None,
    "model.sequence": None,
    "model.permutation": None,
    "data.folds": None,
    "data.fold": None,
    "loss.name": "cross_entropy",
    "loss.weight": None,
    "loss.samples": None,
    "loss.l1": None,
    "loss.l1_start": None,
    "loss.sparsity": None,
    "loss.sparsity_target": None,
    "optimizer.momentum_start": None,
    "optimizer.momentum_epochs": None,
    "optimizer.rms_decay": None,
    "optimizer.clip_norm": None,
    "schedule.factors": (),
    "schedule.start": None,
    "schedule.gamma": None,
    "schedule.power": None,
    "train.init_std": None,
    "eval.recalibrate": False,
    "train.patience": None,
    "eval.test": True,
    "compute.dtype": "float32",
    "compute.precision": "default",
    "mesh.data": 1,
}
"""Keys added since the first records were written, and what older code did in their place.

A trial's identity leaves them out when they have that value, so old records stay valid.
"""


def resolve(config: ConfigDict) -> FrozenConfigDict:
    """Returns the complete description of a trial.

    What is left at None becomes the variant's default; what the variant, model, loss or schedule
    does not read is cleared, so that configurations that mean the same become equal. One that is
    resolved, which is why it is frozen, stays as it is.

    Raises:
      InputError: If a key is unknown, a value is not allowed, or two do not go together.
    """
    check(config, cleared=isinstance(config, FrozenConfigDict))
    # Not type-safe: one stage rate becomes a tuple of them, what is not read becomes None.
    resolved = ConfigDict(config.to_dict(), type_safe=False).unlock()
    places = resolve_network(resolved)
    resolve_rate_schedule(resolved, places)
    resolve_loss(resolved, places)
    resolve_optimizer(resolved)
    resolve_schedule(resolved)
    _resolve_inference(resolved)
    if resolved.compute.dtype != "float32":
        resolved.compute.precision = "default"
    if resolved.train.updates is not None:
        resolved.train.epochs = None
    if resolved.train.batch_size % resolved.mesh.data:
        raise InputError(
            f"config.mesh.data is {resolved.mesh.data} with batches of "
            f"{resolved.train.batch_size} examples; allowed: what divides them evenly"
        )
    _resolve_data(resolved)
    return FrozenConfigDict(_unsigned(resolved.to_dict()))


def _unsigned(value: Any) -> Any:
    """Returns the same without the sign of zeros: -0.0 would make another trial than 0.0."""
    if isinstance(value, dict):
        return {key: _unsigned(item) for key, item in value.items()}
    if isinstance(value, tuple):
        return tuple(map(_unsigned, value))
    return value + 0.0 if isinstance(value, float) else value


def _resolve_data(config: ConfigDict) -> None:
    """Clears the size of a validation part that a fold replaces."""
    data = config.data
    if (data.name == "npz") != (data.path is not None):
        raise InputError(
            f"config.data.path is {data.path!r} and config.data.name is {data.name!r}; allowed: a "
            "path with 'npz', None with any other"
        )
    if (data.fold is None) != (data.folds is None) or (data.folds and data.fold >= data.folds):
        allowed = f"0 to {data.folds - 1}" if data.folds else "None without folds"
        raise InputError(
            f"config.data.fold is {data.fold} with config.data.folds {data.folds}; allowed: "
            + allowed
        )
    if data.folds and data.train_size is None:
        data.val_size = None


def _resolve_inference(config: ConfigDict) -> None:
    """Fills in the rule of prediction, and clears what it does not take."""
    rules = VARIANTS[config.variant].inference
    options = config.eval
    if options.inference is None:
        options.inference = rules[0]
    check_inference("config.eval.inference", options.inference, config.variant)
    if options.inference in ("mean", "moments"):
        options.passes = options.samples = None
    if not (config.model.batch_norm or MODELS[config.model.name].normalised):
        options.recalibrate = False


def check_inference(name: str, rule: str, variant: str) -> None:
    """Raises InputError unless a variant has that rule of prediction."""
    if rule not in RULES_OF_INFERENCE:
        raise unknown("inference", rule, RULES_OF_INFERENCE)
    if rule not in VARIANTS[variant].inference:
        raise InputError(
            f"{name} is {rule!r} with variant {variant!r}; allowed: "
            + ", ".join(VARIANTS[variant].inference)
        )


def trial_id(config: FrozenConfigDict) -> str:
    """Returns the identity of a resolved configuration: 16 hexadecimal digits.

    It depends on everything that can change the result and on nothing else.
    """
    flat = flatten(config.to_dict())
    told = {
        key: value
        for key, value in flat.items()
        if key not in HOW and not (key in ADDED and ADDED[key] == value)
    }
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:16]


def dynamic(config: FrozenConfigDict) -> dict[str, Any]:
    """Returns the numbers of a resolved configuration that the program takes as arguments."""
    flat = flatten(config.to_dict())
    return {key: flat[key] for key in DYNAMIC if flat[key] is not None}


def static_key(config: FrozenConfigDict) -> str:
    """Returns what shapes the program: trials for which it is equal share one compile."""
    flat = flatten(config.to_dict())
    fixed = {key: value for key, value in flat.items() if key not in (*DYNAMIC, *HOST, *HOW)}
    fixed["dynamic"] = sorted(dynamic(config))
    return json.dumps(fixed, sort_keys=True)


def from_dict(tree: dict[str, Any]) -> FrozenConfigDict:
    """Returns the resolved configuration that a record holds, also one of older code."""
    config = _tuples(tree)  # JSON has no tuples
    for key, value in ADDED.items():
        part, name = key.split(".")
        config.setdefault(part, {}).setdefault(name, value)
    return FrozenConfigDict(ConfigDict(config))


def _tuples(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _tuples(item) for key, item in value.items()}
    return tuple(map(_tuples, value)) if isinstance(value, list) else value
