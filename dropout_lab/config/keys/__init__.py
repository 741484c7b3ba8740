"""The table of configuration keys, one row for each, and what is derived from it."""

from collections.abc import Mapping
from typing import Any

from dropout_lab.config.keys import data, model, noise, optimizer, running, training
from dropout_lab.config.keys.key import (
    ORIGINAL,
    Flat,
    Key,
    Role,
    present_places,
    variant_options,
)
from dropout_lab.errors import unknown

_SECTIONS = (noise, model, data, training, optimizer, running)

KEYS: dict[str, Key] = {key.name: key for section in _SECTIONS for key in section.KEYS}
"""Every configuration key, by dotted name."""


def _with_role(role: Role) -> tuple[str, ...]:
    return tuple(name for name, key in KEYS.items() if key.role is role)


DYNAMIC = _with_role(Role.DYNAMIC)
"""Keys that are numbers inside the program; trials that differ only in these share one compile."""

HOST = _with_role(Role.HOST)
"""Keys that are read between epochs, outside the program."""

EXECUTION = _with_role(Role.EXECUTION)
"""Keys that say where and how to run, without an effect on results beyond rounding."""

ADDED: Mapping[str, Any] = {
    name: key.before for name, key in KEYS.items() if key.before is not ORIGINAL
}
"""Keys added since the first records, with the value that leaves a trial's identity unchanged."""


def key_named(name: str) -> Key:
    """Returns the row of a key.

    Raises:
      InputError: If there is no such key; it names the nearest.
    """
    if name not in KEYS:
        raise unknown("configuration key", name, KEYS)
    return KEYS[name]


__all__ = [
    "ADDED",
    "DYNAMIC",
    "EXECUTION",
    "HOST",
    "KEYS",
    "Flat",
    "Key",
    "key_named",
    "present_places",
    "variant_options",
]
