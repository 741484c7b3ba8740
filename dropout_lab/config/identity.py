"""Identities of trials, keys of compiled programs, and the numbers that programs take."""

import hashlib
import json
from typing import Any

from ml_collections import FrozenConfigDict

from dropout_lab.config.code import by_content
from dropout_lab.config.keys import ADDED, DYNAMIC, EXECUTION, HOST, Flat
from dropout_lab.config.tree import flatten, nest

_OUTSIDE = frozenset((*DYNAMIC, *HOST, *EXECUTION))
"""Keys that do not shape the program."""


def trial_id(config: FrozenConfigDict | Flat) -> str:
    """Returns the identity of a resolved configuration: 16 hexadecimal digits.

    It depends on everything that can change the result and on nothing else. A key that was added
    after the first records is left out while it has the value that older code implied, so that old
    records stay valid.
    """
    identifying = {
        name: value
        for name, value in by_content(_flat(config)).items()
        if name not in EXECUTION and not (name in ADDED and ADDED[name] == value)
    }
    return hashlib.sha256(json.dumps(identifying, sort_keys=True).encode()).hexdigest()[:16]


def hparams_of(config: FrozenConfigDict | Flat) -> dict[str, Any]:
    """Returns the numbers of a resolved configuration that the program takes as arguments."""
    flat = _flat(config)
    return {name: flat[name] for name in DYNAMIC if flat[name] is not None}


def static_key(config: FrozenConfigDict | Flat) -> str:
    """Returns the values that the program is compiled for; trials with equal keys share it."""
    flat = by_content(_flat(config))
    static = {name: value for name, value in flat.items() if name not in _OUTSIDE}
    static["dynamic"] = sorted(hparams_of(flat))
    return json.dumps(static, sort_keys=True)


def from_dict(tree: dict[str, Any]) -> FrozenConfigDict:
    """Returns a record's resolved configuration, with keys that were added since."""
    return FrozenConfigDict(nest(flat_from_dict(tree)))


def flat_from_dict(tree: dict[str, Any]) -> Flat:
    """Returns what :func:`from_dict` does, by dotted key."""
    flat = {name: _tuples(value) for name, value in flatten(tree).items()}
    for name, value in ADDED.items():
        flat.setdefault(name, value)
    return flat


def _tuples(value: Any) -> Any:
    """Returns a value with tuples for the lists of JSON."""
    return tuple(map(_tuples, value)) if isinstance(value, list) else value


def _flat(config: FrozenConfigDict | Flat) -> Flat:
    return config if isinstance(config, dict) else flatten(config.to_dict())
