"""Identities of trials, keys of compiled programs, and the numbers that programs take."""

import hashlib
import json
from typing import Any

from ml_collections import FrozenConfigDict

from dropout_lab.config.keys import ADDED, DYNAMIC, EXECUTION, HOST
from dropout_lab.config.tree import flatten


def trial_id(config: FrozenConfigDict) -> str:
    """Returns the identity of a resolved configuration: 16 hexadecimal digits.

    It depends on everything that can change the result and on nothing else. A key that was added
    after the first records is left out while it has the value that older code implied, so that old
    records stay valid.
    """
    flat = flatten(config.to_dict())
    identifying = {
        name: value
        for name, value in flat.items()
        if name not in EXECUTION and not (name in ADDED and ADDED[name] == value)
    }
    return hashlib.sha256(json.dumps(identifying, sort_keys=True).encode()).hexdigest()[:16]


def hparams_of(config: FrozenConfigDict) -> dict[str, Any]:
    """Returns the numbers of a resolved configuration that the program takes as arguments."""
    flat = flatten(config.to_dict())
    return {name: flat[name] for name in DYNAMIC if flat[name] is not None}


def static_key(config: FrozenConfigDict) -> str:
    """Returns the values that the program is compiled for; trials with equal keys share it."""
    flat = flatten(config.to_dict())
    outside = {*DYNAMIC, *HOST, *EXECUTION}
    static: dict[str, Any] = {name: value for name, value in flat.items() if name not in outside}
    static["dynamic"] = sorted(hparams_of(config))
    return json.dumps(static, sort_keys=True)


def from_dict(tree: dict[str, Any]) -> FrozenConfigDict:
    """Returns a record's resolved configuration, with keys that were added since."""
    config = _tuples(tree)  # JSON has no tuples
    for name, value in ADDED.items():
        section, option = name.split(".")
        config.setdefault(section, {}).setdefault(option, value)
    return FrozenConfigDict(config)


def _tuples(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _tuples(item) for key, item in value.items()}
    return tuple(map(_tuples, value)) if isinstance(value, list) else value
