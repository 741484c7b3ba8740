"""From a configuration to one trial: its complete description, identity and dynamic numbers."""

import hashlib
import inspect
import json
from collections.abc import Mapping
from typing import Any

from ml_collections import ConfigDict, FrozenConfigDict

from dropout_lab.errors import InputError
from dropout_lab.models import MODELS
from dropout_lab.rules import check, flatten
from dropout_lab.variants import VARIANTS, Variant

DYNAMIC = (
    "seed",
    "dropout.rate",
    "dropout.input_rate",
    "dropout.stage_rates",
    "train.label_smoothing",
    "optimizer.lr",
    "optimizer.momentum",
    "optimizer.weight_decay",
    "optimizer.max_norm",
)
"""Keys that are numbers inside the program; trials that differ only in these share one compile."""

HOW = ("data.dir", "run.checkpoint_seconds", "run.save_model")
"""Keys that say where and how to run, and cannot change a result."""

ADDED: Mapping[str, Any] = {}
"""Keys added since the first records were written, and what older code did in their place.

A trial's identity leaves them out when they have that value, so old records stay valid.
"""


def resolve(config: ConfigDict) -> FrozenConfigDict:
    """Returns the complete description of a trial.

    Rates left at None become the variant's defaults; what the variant, model or schedule does not
    read is cleared, so that configurations that mean the same become equal.

    Raises:
      InputError: If a key is unknown, a value is not allowed, or two do not go together.
    """
    check(config)
    # Not type-safe: one stage rate becomes a tuple of them, what is not read becomes None.
    resolved = ConfigDict(config.to_dict(), type_safe=False).unlock()
    variant = VARIANTS[config.variant]
    missing = set(variant.needs) - set(MODELS[config.model.name].places)
    if missing:
        raise InputError(
            f"variant {config.variant!r} needs a model with a {missing.pop()}; "
            f"model {config.model.name!r} has {', '.join(MODELS[config.model.name].places)}"
        )
    _resolve_model(resolved)
    _resolve_rates(resolved, variant)
    if resolved.schedule.name not in ("exponential", "step"):
        resolved.schedule.decay_rate = None
    if resolved.schedule.name != "step":
        resolved.schedule.boundaries = ()
    if resolved.optimizer.name != "sgd":
        resolved.optimizer.nesterov = resolved.optimizer.dampening = False
    if resolved.train.updates is not None:
        resolved.train.epochs = None
    if resolved.eval.inference == "mean":
        resolved.eval.passes = resolved.eval.samples = None
    if (resolved.data.name == "npz") != (resolved.data.path is not None):
        raise InputError(
            f"config.data.path is {resolved.data.path!r} and config.data.name is "
            f"{resolved.data.name!r}; allowed: a path with 'npz', None with any other"
        )
    return FrozenConfigDict(resolved.to_dict())


def _resolve_model(config: ConfigDict) -> None:
    """Clears what the model does not take."""
    taken = inspect.signature(MODELS[config.model.name].__init__).parameters
    for key in config.model:
        if key not in taken and key != "name":
            config.model[key] = None


def _resolve_rates(config: ConfigDict, variant: Variant) -> None:
    """Fills in the rates that the variant reads in this model, and zeroes the others."""
    rates = config.dropout
    stages = config.model.stages or ()
    reads = variant.reads()
    rates.rate = _rate(rates.rate, variant.rate, reads["rate"] and bool(config.model.widths))
    rates.input_rate = _rate(rates.input_rate, variant.input_rate, reads["input_rate"])
    given = rates.stage_rates
    each = tuple(given) if isinstance(given, tuple | list) else (given,) * len(stages)
    if len(each) != len(stages) and stages and reads["stage_rates"]:
        raise InputError(
            f"config.dropout.stage_rates is {given!r}; allowed: a rate, or {len(stages)} of them, "
            f"one for each of config.model.stages {tuple(stages)}"
        )
    if stages and reads["stage_rates"]:
        rates.stage_rates = tuple(_rate(rate, variant.stage_rate, True) for rate in each)
    else:
        rates.stage_rates = (0.0,) * len(stages)
    for key, rate in (
        ("rate", rates.rate),
        ("input_rate", rates.input_rate),
        ("stage_rates", max(rates.stage_rates, default=0.0)),
    ):
        if rate == 1 and not variant.one_allowed:
            raise InputError(
                f"config.dropout.{key} is 1 with variant {config.variant!r}; allowed: [0, 1)"
            )
    for key in set(rates) - set(reads) - set(variant.options):
        rates[key] = None


def _rate(given: float | None, default: float, read: bool) -> float:
    return float(default if given is None else given) if read else 0.0


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
    fixed = {key: value for key, value in flat.items() if key not in (*DYNAMIC, *HOW)}
    fixed["dynamic"] = sorted(dynamic(config))
    return json.dumps(fixed, sort_keys=True)


def from_dict(tree: dict[str, Any]) -> FrozenConfigDict:
    """Returns the resolved configuration that a record holds (JSON has no tuples)."""
    return FrozenConfigDict(ConfigDict(_tuples(tree)))


def _tuples(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _tuples(item) for key, item in value.items()}
    return tuple(map(_tuples, value)) if isinstance(value, list) else value
