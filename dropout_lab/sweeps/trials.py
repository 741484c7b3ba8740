"""The trials that a sweep means, and the groups of them that share a compiled program."""

import copy
import dataclasses
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ml_collections import ConfigDict, FrozenConfigDict

from dropout_lab.config import EXECUTION, KEYS, flatten, resolve, static_key, trial_id
from dropout_lab.errors import InputError, unknown
from dropout_lab.sweeps.grid import Overrides


@dataclasses.dataclass(frozen=True)
class Trial:
    """One trial of a sweep.

    Attributes:
      id: Its identity.
      config: Its resolved configuration.
      overrides: What the sweep asked for.
    """

    id: str
    config: FrozenConfigDict
    overrides: Mapping[str, Any]

    def label(self) -> str:
        """Returns what the sweep asked for, as resolved, in a few words."""
        return label(self.config.to_dict(), self.overrides)


@dataclasses.dataclass(frozen=True)
class Group:
    """Trials that share one compiled program.

    Attributes:
      id: Its identity: that of the program.
      trials: Its trials.
    """

    id: str
    trials: list[Trial]


def label(config: Mapping[str, Any], keys: Iterable[str]) -> str:
    """Returns a configuration's values of some keys, in a few words."""
    flat = flatten(dict(config))
    return " ".join(f"{key}={flat[key]}" for key in keys if key in flat)


def make_trials(config: ConfigDict, overrides: Iterable[Overrides]) -> list[Trial]:
    """Returns the trials, in order, each once: settings that mean the same are one trial.

    Args:
      config: The configuration that all have in common; it stays as it is.
      overrides: Values by key, a mapping per trial.

    Raises:
      InputError: If a key is unknown or a value not allowed, or one trial is to be run in two ways.
    """
    trials: dict[str, Trial] = {}
    for values in overrides:
        resolved = resolve(overridden(config, values))
        identity = trial_id(resolved)
        first = trials.setdefault(identity, Trial(identity, resolved, values))
        check_one_way(first.config, resolved, EXECUTION)
    return list(trials.values())


def check_one_way(first: FrozenConfigDict, other: FrozenConfigDict, keys: Sequence[str]) -> None:
    """Raises InputError if two trials of one program are to be run in two ways.

    Args:
      first: The configuration of one of them.
      other: That of the other.
      keys: Which keys of ``EXECUTION`` they have to share.
    """
    one, two = flatten(first.to_dict()), flatten(other.to_dict())
    for key in keys:
        if one[key] != two[key]:
            raise InputError(
                f"config.{key} is {one[key]!r} and {two[key]!r} in trials that share a program; "
                "allowed: the same in all of them, as it says only how to run"
            )


def overridden(config: ConfigDict, overrides: Overrides) -> ConfigDict:
    """Returns a copy of a configuration with other values.

    Raises:
      InputError: If a key is unknown or a value not allowed.
    """
    varied = copy.deepcopy(config)
    for key, value in overrides.items():
        if key not in KEYS:
            raise unknown("configuration key", key, KEYS)
        KEYS[key].check(value)
        try:
            varied.update_from_flattened_dict({key: value})
        except (TypeError, ValueError) as error:
            raise InputError(
                f"config.{key} is {value!r}; allowed: {KEYS[key].values.words}"
            ) from error
    return varied


def groups(trials: Sequence[Trial]) -> list[Group]:
    """Returns the trials in groups that share one compiled program, first come first."""
    found: dict[str, list[Trial]] = {}
    for trial in trials:
        found.setdefault(static_key(trial.config), []).append(trial)
    return [
        Group(hashlib.sha256(key.encode()).hexdigest()[:12], members)
        for key, members in found.items()
    ]
