"""Nested and flat forms of a configuration, and its defaults."""

import reprlib
from collections.abc import Mapping
from typing import Any

from ml_collections import ConfigDict, FrozenConfigDict
from ml_collections.config_dict import placeholder

from dropout_lab.config.keys import KEYS, key_named
from dropout_lab.config.keys.values import plain
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
    config, values = _Config(), {}
    for name, value in nest(flat).items():
        values[name] = _Config(value) if isinstance(value, dict) else value
    config.update(values)
    return config.lock()


class _Config(ConfigDict):
    """A configuration that takes NumPy's numbers as Python's."""

    def __setitem__(self, key: str, value: Any) -> None:
        super().__setitem__(key, plain(value))


def from_tree(name: str, tree: Any, changes: Mapping[str, Any]) -> ConfigDict:
    """Returns the configuration that a nested dictionary or a ConfigDict of any kind stands for.

    Keys that it lacks are at their defaults. References between its values hold for the changes.

    Args:
      name: What made it, for messages.
      tree: The configuration.
      changes: Values to change, by dotted key.

    Raises:
      InputError: If it is none, has a key that there is not, or a value is not allowed.
    """
    if not isinstance(tree, Mapping | ConfigDict):
        raise InputError(
            f"{name} returns {reprlib.repr(tree)}; allowed: a ConfigDict, as in configs/"
        )
    frozen = isinstance(tree, FrozenConfigDict)
    given = ConfigDict(tree)
    for key, value in changes.items():
        key_named(key).check(value)
    with given.unlocked(), given.ignore_type():
        for key, value in changes.items():
            section, _, option = key.rpartition(".")
            if section and section not in given:
                given[section] = ConfigDict()
            (given[section] if section else given)[option] = value
    config = default_config()
    for key, value in flatten(given.to_dict()).items():
        if isinstance(value, dict) and any(known.startswith(f"{key}.") for known in KEYS):
            continue  # an empty section
        if frozen and value is None:
            continue  # a resolved configuration does not read it
        key_named(key).check(value)
        config.update_from_flattened_dict({key: plain(value)})
    return config


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
        value = flat[name]
        if not (key.values.test(value) or (resolved and value is None)):
            key.check(value)


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
    """Returns the dictionary of sections whose leaves are under these keys of one dot or none.

    >>> nest({"seed": 0, "model.name": "mlp"})
    {'seed': 0, 'model': {'name': 'mlp'}}
    """
    tree: dict[str, Any] = {}
    for name, value in flat.items():
        section, dot, option = name.partition(".")
        if dot:
            tree.setdefault(section, {})[option] = value
        else:
            tree[name] = value
    return tree
