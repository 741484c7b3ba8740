"""A resolved configuration: the complete description of one trial."""

from typing import Any

from ml_collections import ConfigDict, FrozenConfigDict

from dropout_lab.config.code import pinned
from dropout_lab.config.keys import KEYS, Flat
from dropout_lab.config.keys.key import ALWAYS
from dropout_lab.config.keys.values import plain, short_decimal
from dropout_lab.config.resolve_network import (
    check_network,
    expand_stage_rates,
    fill_in_noise,
    normalise_activations,
)
from dropout_lab.config.resolve_training import check_training
from dropout_lab.config.tree import check, flatten, nest
from dropout_lab.data import OWN, usual_val_size
from dropout_lab.errors import InputError, unknown
from dropout_lab.variants import INFERENCE_RULES, variant_named

_CLEARED = [key for key in KEYS.values() if key.when is not ALWAYS or key.neutral is not None]
"""Keys that some configuration does not read."""


def resolve(config: ConfigDict | FrozenConfigDict) -> FrozenConfigDict:
    """Returns the complete description of a trial.

    Keys left at None take the variant's default. Keys that nothing reads are set to one fixed
    value, so that configurations that mean the same are equal. A frozen configuration is one that
    was resolved before; resolving it again changes nothing.

    Raises:
      InputError: If a key is unknown, a value is not allowed, or two values do not go together.
    """
    flat = flatten(config.to_dict())
    return FrozenConfigDict(nest(resolve_flat(flat, again=isinstance(config, FrozenConfigDict))))


def resolve_flat(config: Flat, *, again: bool = False) -> Flat:
    """Returns a flat configuration as :func:`resolve` does.

    Args:
      config: Values by dotted key.
      again: Whether it was resolved before: then any key may be None.
    """
    check(config, resolved=again)
    flat = pinned({name: plain(value) for name, value in config.items()})
    _clear_unread(flat)
    normalise_activations(flat)
    check_network(flat)
    fill_in_noise(flat)
    _fill_in_inference(flat)
    _clear_unread(flat)  # again: what is read may depend on what was filled in
    expand_stage_rates(flat)
    check_training(flat)
    _check_data(flat)
    return {
        name: _canonical(value) if isinstance(value, float | tuple | list) else value
        for name, value in flat.items()
    }


def _clear_unread(config: Flat) -> None:
    for key in _CLEARED:
        value = config[key.name]
        is_neutral = value is not None and value == key.neutral
        if is_neutral or not key.is_read(config):
            config[key.name] = key.unread


def _canonical(value: Any) -> Any:
    """Returns a value as identities are computed from it: tuples, and zeros without a sign.

    A number that is a short decimal in the program, which computes in float32, is that decimal:
    0.1 * 3 and a float32 of 0.3 are 0.3. Longer ones, such as 1 / 3, stay as they are.
    """
    if isinstance(value, tuple | list):
        return tuple(map(_canonical, value))
    return short_decimal(value) + 0.0 if isinstance(value, float) else value


def _fill_in_inference(config: Flat) -> None:
    if config["eval.inference"] is None:
        config["eval.inference"] = variant_named(config["variant"]).inference[0]
    check_inference("config.eval.inference", config["eval.inference"], config["variant"])


def check_inference(name: str, rule: str, variant: str) -> None:
    """Raises InputError unless a variant has an inference rule.

    Args:
      name: The setting that asks for it, for the message.
      rule: The inference rule.
      variant: The variant.
    """
    if rule not in INFERENCE_RULES:
        raise unknown("inference", rule, INFERENCE_RULES)
    if rule not in variant_named(variant).inference:
        raise InputError(
            f"{name} is {rule!r} with variant {variant!r}; allowed: "
            + ", ".join(variant_named(variant).inference)
        )


def _check_data(config: Flat) -> None:
    name, path = config["data.name"], config["data.path"]
    if (name in OWN) != (path is not None):
        raise InputError(
            f"config.data.path is {path!r} and config.data.name is {name!r}; allowed: a path with "
            f"{' or '.join(map(repr, OWN))}, None with any other"
        )
    if (name == "text") != (config["model.head"] == "token"):
        raise InputError(
            f"config.model.head is {config['model.head'] or 'class'!r} with data {name!r} and "
            f"model {config['model.name']!r}; allowed: 'token' with 'text' and a model that has "
            "that head, and with no other"
        )
    if config["data.val_size"] is not None and config["data.val_size"] == usual_val_size(name):
        config["data.val_size"] = None
    folds, fold = config["data.folds"], config["data.fold"]
    if (fold is None) != (folds is None) or (folds and fold >= folds):
        allowed = f"0 to {folds - 1}" if folds else "None without folds"
        raise InputError(
            f"config.data.fold is {fold} with config.data.folds {folds}; allowed: {allowed}"
        )
    devices, batch_size = config["mesh.data"], config["train.batch_size"]
    if batch_size % devices:
        raise InputError(
            f"config.mesh.data is {devices} with batches of {batch_size} examples; allowed: "
            "divisors of the batch size"
        )
