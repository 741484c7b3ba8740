"""Identities of trials and programs, and the numbers that a program takes."""

import hashlib
import json
from typing import Any

from ml_collections import FrozenConfigDict

from dropout_lab.config.keys import ADDED, DYNAMIC, EXECUTION, HOST
from dropout_lab.config.tree import flatten


def trial_id(config: FrozenConfigDict) -> str:
    """Returns the identity of a resolved configuration: 16 hexadecimal digits.

    It depends on everything that can change the result and on nothing else. Keys added since the
    first records are left out at the value that older code had in their place, so that old records
    stay valid.
    """
    return tree_id(config.to_dict())


def tree_id(tree: dict[str, Any]) -> str:
    """Returns :func:`trial_id` of a resolved configuration as a record holds it."""
    flat = flatten(tree)
    identifying = {
        name: value
        for name, value in flat.items()
        if name not in EXECUTION and not (name in ADDED and ADDED[name] == _tuples(value))
    }
    return hashlib.sha256(json.dumps(identifying, sort_keys=True).encode()).hexdigest()[:16]


def hparams_of(config: FrozenConfigDict) -> dict[str, Any]:
    """Returns the numbers of a resolved configuration that the program takes as arguments."""
    flat = flatten(config.to_dict())
    return {name: flat[name] for name in DYNAMIC if flat[name] is not None}


def static_key(config: FrozenConfigDict) -> str:
    """Returns what shapes the program: trials for which it is equal share one compile."""
    flat = flatten(config.to_dict())
    outside = {*DYNAMIC, *HOST, *EXECUTION}
    static: dict[str, Any] = {name: value for name, value in flat.items() if name not in outside}
    static["dynamic"] = sorted(hparams_of(config))
    return json.dumps(static, sort_keys=True)


def from_dict(tree: dict[str, Any]) -> FrozenConfigDict:
    """Returns the resolved configuration that a record holds, also one of older code."""
    config = _tuples(tree)  # JSON has no tuples
    for name, value in ADDED.items():
        section, option = name.split(".")
        config.setdefault(section, {}).setdefault(option, value)
    return FrozenConfigDict(config)


def _tuples(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _tuples(item) for key, item in value.items()}
    return tuple(map(_tuples, value)) if isinstance(value, list) else value
