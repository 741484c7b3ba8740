"""Nested and flat forms of a configuration, and its defaults."""

from typing import Any

from ml_collections import ConfigDict
from ml_collections.config_dict import placeholder

from dropout_lab.config.keys import KEYS, key_named
from dropout_lab.errors import InputError


def default_config() -> ConfigDict:
    """Returns every configuration key at its default, locked: an MLP on the embedded digits.

    Change values by attribute, ``config.dropout.rate = 0.2``; what each key means and allows is in
    ``dropout_lab/config/keys``.
    """
    flat = {
        name: placeholder(key.values.type) if key.default is None else key.default
        for name, key in KEYS.items()
    }
    return ConfigDict(nest(flat)).lock()


def variant_config(arg: str | None) -> tuple[ConfigDict, bool]:
    """Returns the defaults for the argument ``variant[,smoke]`` of a configuration file.

    Returns:
      The configuration with its variant set, and whether a smoke run of seconds is asked for.

    Raises:
      InputError: If the argument has another option.
    """
    variant, *options = (arg or "none").split(",")
    config = default_config()
    config.variant = variant
    if options not in ([], ["smoke"]):
        raise InputError(f"config argument {arg!r}; allowed: VARIANT or VARIANT,smoke")
    return config, bool(options)


def check(flat: dict[str, Any], *, resolved: bool = False) -> None:
    """Raises InputError for the first key that is unknown, missing or has a value not allowed.

    Args:
      flat: A configuration by dotted key.
      resolved: Whether any key may be None, as in a resolved configuration.
    """
    for name in flat:
        key_named(name)
    for name, key in KEYS.items():
        if name not in flat:
            raise InputError(
                f"config.{name} is missing; start from dropout_lab.config.default_config()"
            )
        if not (resolved and flat[name] is None):
            key.check(flat[name])


def flatten(tree: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Returns a nested dictionary's leaves under dotted keys.

    >>> flatten({"seed": 0, "model": {"name": "mlp"}})
    {'seed': 0, 'model.name': 'mlp'}
    """
    flat = {}
    for name, value in tree.items():
        if isinstance(value, dict) and value:
            flat.update(flatten(value, f"{prefix}{name}."))
        else:
            flat[f"{prefix}{name}"] = value
    return flat


def nest(flat: dict[str, Any]) -> dict[str, Any]:
    """Returns the nested dictionary whose leaves are under these dotted keys.

    >>> nest({"seed": 0, "model.name": "mlp"})
    {'seed': 0, 'model': {'name': 'mlp'}}
    """
    tree: dict[str, Any] = {}
    for name, value in flat.items():
        *sections, option = name.split(".")
        section = tree
        for part in sections:
            section = section.setdefault(part, {})
        section[option] = value
    return tree
