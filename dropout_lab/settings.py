"""From a configuration to one trial: its complete description, identity and dynamic numbers."""

import hashlib
import inspect
import json
from collections.abc import Mapping, Sequence
from typing import Any

from ml_collections import ConfigDict, FrozenConfigDict

from dropout_lab.errors import InputError, unknown
from dropout_lab.models import MODELS, Network
from dropout_lab.ops import BELOW_ONE
from dropout_lab.places import PLACES, RATES, RULES_OF_INFERENCE, Variant
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
    network = MODELS[config.model.name]
    _resolve_model(resolved, network)
    places = present_places(resolved)
    _check_variant(resolved, places)
    for key in ("noise_before_pool", "noise_before_norm"):
        if "stage" not in VARIANTS[config.variant].uses(places) or not resolved.model[key]:
            resolved.model[key] = None
    _resolve_dropout(resolved, network, places)
    resolve_rate_schedule(resolved, places)
    resolve_loss(resolved, places)
    resolve_optimizer(resolved)
    resolve_schedule(resolved)
    _resolve_inference(resolved, network)
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
    return FrozenConfigDict(resolved.to_dict())


def present_places(config: ConfigDict) -> tuple[str, ...]:
    """Returns the places that a variant finds in a configuration's model."""
    network = MODELS[config.model.name]
    absent = () if config.model.widths else network.dense_places
    return tuple(place for place in network.places if place not in absent)


def _resolve_model(config: ConfigDict, network: type[Network]) -> None:
    """Clears what the model does not take."""
    taken = set(inspect.signature(network.__init__).parameters)
    if config.model.activation != "maxout":
        taken -= {"pieces"}
    for key in config.model:
        if key not in taken and key != "name":
            config.model[key] = None
    if config.model.padding == "same":
        config.model.padding = None
    if config.model.stage_activation == config.model.activation:
        config.model.stage_activation = None


def _check_variant(config: ConfigDict, places: Sequence[str]) -> None:
    """Raises InputError if the variant makes no sense in a network with these places."""
    variant = VARIANTS[config.variant]
    if not variant.fits(places):
        needs = variant.needs or variant.uses(tuple(PLACES))
        raise InputError(
            f"variant {config.variant!r} needs a model with {' or '.join(needs)}; "
            f"model {config.model.name!r} has {', '.join(places)}"
        )
    flat = flatten(config.to_dict())
    for key, values in variant.allowed.items():
        if flat[key] not in (None, *values):
            raise InputError(
                f"config.{key} is {flat[key]!r} with variant {config.variant!r}; allowed: "
                + ", ".join(values)
            )


def _resolve_dropout(config: ConfigDict, network: type[Network], places: Sequence[str]) -> None:
    """Fills in what the variant reads in this model; clears the rest, rates to 0."""
    variant, options = VARIANTS[config.variant], config.dropout
    reads = variant.reads(places)
    given = options.stage_rates
    for key in set(RATES) - {"stage_rates"}:
        options[key] = _rate(options[key], variant, key, key in reads)
    count = len(config.model.stages) if config.model.stages is not None else network.groups
    each = tuple(given) if isinstance(given, tuple | list) else (given,) * count
    read = "stage_rates" in reads
    if len(each) != count and count and read:
        raise InputError(
            f"config.dropout.stage_rates is {given!r}; allowed: a rate, or {count} of them, one "
            "for each convolutional stage"
        )
    each = each if read else (0.0,) * count
    options.stage_rates = tuple(_rate(rate, variant, "stage_rates", read) for rate in each[:count])
    if variant.penalty_weight is not None:
        reads |= {"penalty_weight", "penalty_warmup"}
        if options.penalty_weight is None:
            options.penalty_weight = variant.penalty_weight
        if options.penalty_warmup is None:
            options.penalty_warmup = variant.penalty_warmup
        warmup = options.penalty_warmup
        if len(warmup) != 2 or warmup[0] > warmup[1]:
            raise InputError(
                f"config.dropout.penalty_warmup is {warmup}; allowed: (first epoch, last epoch)"
            )
    for key in set(options) - set(RATES):
        if key not in reads:
            options[key] = None
        elif options[key] is None:
            options[key] = variant.defaults.get(key)


def _rate(given: float | None, variant: Variant, key: str, read: bool) -> float:
    """Returns a rate filled in, or 0 where it is not read."""
    if not read:
        return 0.0
    rate = float(variant.default(key) if given is None else given)
    if rate > variant.top:
        allowed = "[0, 1)" if variant.top == BELOW_ONE else f"[0, {variant.top:g}]"
        raise InputError(f"config.dropout.{key} is {rate:g}; allowed with this variant: {allowed}")
    return rate


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


def _resolve_inference(config: ConfigDict, network: type[Network]) -> None:
    """Fills in the rule of prediction, and clears what it does not take."""
    rules = VARIANTS[config.variant].inference
    options = config.eval
    if options.inference is None:
        options.inference = rules[0]
    check_inference("config.eval.inference", options.inference, config.variant)
    if options.inference in ("mean", "moments"):
        options.passes = options.samples = None
    if not (config.model.batch_norm or network.normalised):
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
