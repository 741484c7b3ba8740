"""Trials of a sweep, and groups of trials that share a compiled program."""

import copy
import dataclasses
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ml_collections import ConfigDict, FrozenConfigDict

from dropout_lab.config import (
    EXECUTION,
    KEYS,
    flatten,
    key_named,
    resolve,
    static_key,
    trial_id,
)
from dropout_lab.errors import InputError, shown
from dropout_lab.sweeps.grid import Overrides


@dataclasses.dataclass(frozen=True)
class Trial:
    """One trial of a sweep.

    Attributes:
      id: Identity, a hash of the configuration.
      config: Resolved configuration.
      overrides: Values that the sweep set, by configuration key.
    """

    id: str
    config: FrozenConfigDict
    overrides: Mapping[str, Any]

    def label(self) -> str:
        """Returns the resolved values of the keys that the sweep set, in one line."""
        return label(self.config.to_dict(), self.overrides)


@dataclasses.dataclass(frozen=True)
class Group:
    """Trials that share one compiled program.

    Attributes:
      id: Identity, a hash of the program's static configuration.
      trials: The trials.
    """

    id: str
    trials: list[Trial]


def label(config: Mapping[str, Any], keys: Iterable[str]) -> str:
    """Returns a configuration's values of some keys, in one line."""
    flat = flatten(dict(config))
    return " ".join(f"{key}={flat[key]}" for key in keys if key in flat)


def make_trials(config: ConfigDict, overrides: Iterable[Overrides]) -> list[Trial]:
    """Returns the distinct trials in order; overrides that resolve to the same are one trial.

    Args:
      config: The configuration that all trials share; not modified.
      overrides: Values by key, a mapping per trial.

    Raises:
      InputError: If a key is unknown or a value not allowed, or if overrides of the same trial
        differ in how to run it.
    """
    trials: dict[str, Trial] = {}
    for values in overrides:
        resolved = resolve(overridden(config, values))
        identity = trial_id(resolved)
        first = trials.setdefault(identity, Trial(identity, resolved, values))
        check_same_execution(first.config, resolved, EXECUTION)
    return list(trials.values())


def check_same_execution(
    first: FrozenConfigDict, second: FrozenConfigDict, keys: Sequence[str]
) -> None:
    """Raises InputError if two trials of one program differ in how to run them.

    Args:
      first: Configuration of one trial.
      second: Configuration of the other.
      keys: Keys among ``dropout_lab.config.EXECUTION`` in which they must agree.
    """
    one, two = flatten(first.to_dict()), flatten(second.to_dict())
    for key in keys:
        if one[key] != two[key]:
            raise InputError(
                f"config.{key} is {one[key]!r} and {two[key]!r} in trials that share a program; "
                "allowed: the same in all of them, as the key says only how to run them"
            )


def overridden(config: ConfigDict, overrides: Overrides) -> ConfigDict:
    """Returns a copy of a configuration with some values replaced.

    Raises:
      InputError: If a key is unknown or a value not allowed.
    """
    varied = copy.deepcopy(config)
    for key, value in overrides.items():
        key_named(key).check(value)
        try:
            varied.update_from_flattened_dict({key: value})
        except (TypeError, ValueError) as error:
            raise InputError(
                f"config.{key} is {shown(value)}; allowed: {KEYS[key].values.words}"
            ) from error
    return varied


def groups(trials: Sequence[Trial]) -> list[Group]:
    """Returns the trials in groups that share one compiled program, in order of appearance."""
    by_program: dict[str, list[Trial]] = {}
    for trial in trials:
        by_program.setdefault(static_key(trial.config), []).append(trial)
    return [
        Group(hashlib.sha256(program.encode()).hexdigest()[:12], members)
        for program, members in by_program.items()
    ]
