"""Trials of a sweep, and groups of trials that share a compiled program."""

import copy
import dataclasses
import functools
import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from ml_collections import ConfigDict, FieldReference, FrozenConfigDict

from dropout_lab.config import (
    EXECUTION,
    KEYS,
    Flat,
    by_content,
    flatten,
    key_named,
    nest,
    resolve_flat,
    static_key,
    trial_id,
)
from dropout_lab.config.keys.values import plain
from dropout_lab.errors import InputError, shown
from dropout_lab.sweeps.grid import Overrides


@dataclasses.dataclass(frozen=True)
class Trial:
    """One trial of a sweep.

    Attributes:
      id: Identity, a hash of the configuration.
      flat: Resolved configuration, by dotted key.
      overrides: Values that the sweep set, by configuration key.
    """

    id: str
    flat: Flat
    overrides: Mapping[str, Any]

    @functools.cached_property
    def config(self) -> FrozenConfigDict:
        """The resolved configuration, made when it is first read: that takes milliseconds."""
        return FrozenConfigDict(nest(self.flat))

    def label(self) -> str:
        """Returns the resolved values of the keys that the sweep set, in one line."""
        return label(self.flat, self.overrides)


@dataclasses.dataclass(frozen=True)
class Group:
    """Trials that share one compiled program.

    Attributes:
      id: Identity, a hash of the program's static configuration.
      trials: The trials.
    """

    id: str
    trials: list[Trial]


def label(flat: Flat, keys: Iterable[str]) -> str:
    """Returns a configuration's values of some keys, in one line."""
    flat = by_content(flat)
    return " ".join(f"{key}={flat[key]}" for key in keys if key in flat)


def make_trials(config: ConfigDict, overrides: Iterable[Overrides]) -> list[Trial]:
    """Returns the distinct trials in order; overrides that resolve to the same are one trial.

    Args:
      config: The configuration that all trials share; not modified.
      overrides: Values by key, a mapping per trial.

    Raises:
      InputError: If a key is unknown or a value not allowed, if a key's value is tied to that of
        another one, or if overrides of the same trial differ in how to run it.
    """
    base = flatten(config.to_dict())
    shared = set(_references(config))
    trials: dict[str, Trial] = {}
    resolved: Flat = {}
    setting: dict[str, Any] | None = None
    for values in overrides:
        cast = {key: _checked(key, value) for key, value in values.items()}
        for key, value in cast.items():
            if key in shared and value != base.get(key):
                _check_untied(config, base, key, value)
                shared.remove(key)
        seed = {"seed": cast.pop("seed") if "seed" in cast else _checked("seed", base["seed"])}
        # Nothing depends on the seed: trials that differ in it alone, side by side in a grid, are
        # resolved once.
        if setting is None or not _same(cast, setting):
            resolved, setting = resolve_flat({**base, **cast, **seed}), cast
        flat = {**resolved, **seed}
        identity = trial_id(flat)
        first = trials.setdefault(identity, Trial(identity, flat, values))
        check_same_execution(first.flat, flat, EXECUTION)
    return list(trials.values())


def _same(first: Mapping[str, Any], second: Mapping[str, Any]) -> bool:
    """Returns whether two settings are equal, in their types too."""
    return repr(first) == repr(second)


def _checked(name: str, value: Any) -> Any:
    """Returns a value in its key's type; raises InputError unless it is allowed."""
    key = key_named(name)
    key.check(value)
    return key.cast(plain(value))


def _references(config: ConfigDict, prefix: str = "") -> Iterator[str]:
    """Yields the keys of references, to which other values may refer."""
    for name, value in config.items(preserve_field_references=True):
        if isinstance(value, ConfigDict):
            yield from _references(value, f"{prefix}{name}.")
        elif isinstance(value, FieldReference):
            yield prefix + name


def _check_untied(config: ConfigDict, base: Flat, key: str, value: Any) -> None:
    """Raises InputError if setting a key changes others too, which refer to it."""
    after = flatten(overridden(config, {key: value}).to_dict())
    for name, before in base.items():
        if name != key and after[name] != before:
            raise InputError(
                f"{key} is varied, and config.{name} refers to it; allowed: a value of its own for "
                f"config.{name}"
            )


def check_same_execution(first: Flat, second: Flat, keys: Sequence[str]) -> None:
    """Raises InputError if two trials of one program differ in how to run them.

    Args:
      first: Configuration of one trial, by dotted key.
      second: Configuration of the other.
      keys: Keys among ``dropout_lab.config.EXECUTION`` in which they must agree.
    """
    for key in keys:
        if first[key] != second[key]:
            raise InputError(
                f"config.{key} is {first[key]!r} and {second[key]!r} in trials that share a "
                "program; allowed: the same in all of them, as the key says only how to run them"
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
        by_program.setdefault(static_key(trial.flat), []).append(trial)
    return [
        Group(hashlib.sha256(program.encode()).hexdigest()[:12], members)
        for program, members in by_program.items()
    ]
