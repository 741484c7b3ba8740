"""From ``--vary key=v1,v2`` to the trials it means."""

import ast
import copy
import dataclasses
import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from ml_collections import ConfigDict, FrozenConfigDict

from dropout_lab.errors import InputError, unknown
from dropout_lab.rules import RULES, flatten
from dropout_lab.settings import resolve, trial_id

Grid = Mapping[str, Sequence[Any]]


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
        flat = flatten(self.config.to_dict())
        return " ".join(f"{key}={flat[key]}" for key in self.overrides)


def parse(specs: Iterable[str]) -> dict[str, list[Any]]:
    """Returns the values to try for each key.

    >>> parse(["dropout.rate=0,0.5", "variant=none,dropout", "model.widths=(32,),(64,64)"])
    {'dropout.rate': [0, 0.5], 'variant': ['none', 'dropout'], 'model.widths': [(32,), (64, 64)]}

    Raises:
      InputError: If a specification has no value, or names an unknown key, or a key twice.
    """
    grid: dict[str, list[Any]] = {}
    for spec in specs:
        key, equals, text = spec.partition("=")
        if not equals or not text.strip(","):
            raise InputError(f"--vary={spec}; allowed: --vary=KEY=VALUE,VALUE,...")
        if key not in RULES:
            raise unknown("configuration key", key, RULES)
        if key in grid:
            raise InputError(
                f"--vary={spec}: {key} is varied twice; allowed: once, with all values"
            )
        grid[key] = _values(text)
    return grid


def _values(text: str) -> list[Any]:
    try:
        return list(ast.literal_eval(f"[{text}]"))
    except (ValueError, SyntaxError):
        return [_value(item) for item in text.split(",")]


def _value(text: str) -> Any:
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text


def product(grid: Grid) -> Iterator[dict[str, Any]]:
    """Yields every combination of the values; the last key varies fastest."""
    for values in itertools.product(*grid.values()):
        yield dict(zip(grid, values, strict=True))


def make_trials(config: ConfigDict, overrides: Iterable[Mapping[str, Any]]) -> list[Trial]:
    """Returns the trials, in order, each once: settings that mean the same are one trial.

    Args:
      config: The configuration that all have in common; it stays as it is.
      overrides: Values by key, a mapping per trial.

    Raises:
      InputError: If a key is unknown or a value not allowed.
    """
    trials: dict[str, Trial] = {}
    for values in overrides:
        varied = copy.deepcopy(config)
        for key, value in values.items():
            _override(varied, key, value)
        resolved = resolve(varied)
        identity = trial_id(resolved)
        trials.setdefault(identity, Trial(identity, resolved, values))
    return list(trials.values())


def _override(config: ConfigDict, key: str, value: Any) -> None:
    RULES[key].check(key, value)
    try:
        config.update_from_flattened_dict({key: value})
    except (TypeError, ValueError) as error:
        raise InputError(f"config.{key} is {value!r}; allowed: {RULES[key].allowed}") from error
