"""A trial's identity, and the numbers that its program takes."""

import hashlib
import json
from typing import Any

from ml_collections import ConfigDict, FrozenConfigDict

from dropout_lab.config.keys import ADDED, DYNAMIC, HOST, HOW, flatten


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


def hparams_of(config: FrozenConfigDict) -> dict[str, Any]:
    """Returns the numbers of a resolved configuration that the program takes as arguments."""
    flat = flatten(config.to_dict())
    return {key: flat[key] for key in DYNAMIC if flat[key] is not None}


def static_key(config: FrozenConfigDict) -> str:
    """Returns what shapes the program: trials for which it is equal share one compile."""
    flat = flatten(config.to_dict())
    fixed = {key: value for key, value in flat.items() if key not in (*DYNAMIC, *HOST, *HOW)}
    fixed["dynamic"] = sorted(hparams_of(config))
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
