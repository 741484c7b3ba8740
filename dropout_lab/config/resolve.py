"""A resolved configuration: the complete description of one trial."""

from typing import Any

from ml_collections import ConfigDict, FrozenConfigDict

from dropout_lab.config.keys import check
from dropout_lab.config.resolve_network import resolve_network
from dropout_lab.config.resolve_training import (
    resolve_loss,
    resolve_optimizer,
    resolve_rate_schedule,
    resolve_schedule,
)
from dropout_lab.data import OWN
from dropout_lab.errors import InputError, unknown
from dropout_lab.models import MODELS
from dropout_lab.variants import RULES_OF_INFERENCE, VARIANTS


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
    """Clears what the data set does not read, and the validation size that a fold replaces."""
    data = config.data
    if (data.name in OWN) != (data.path is not None):
        raise InputError(
            f"config.data.path is {data.path!r} and config.data.name is {data.name!r}; allowed: a "
            f"path with {' or '.join(map(repr, OWN))}, None with any other"
        )
    if data.name != "npz":
        data.arrays = None
    if data.name != "table":
        data.label = None
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
