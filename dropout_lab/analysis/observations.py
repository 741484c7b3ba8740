"""Observations: planned trials of a sweep, joined with their records."""

import ast
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dropout_lab.config import by_content, flatten
from dropout_lab.config.keys.values import short_decimal
from dropout_lab.errors import InputError, unknown

Value = Hashable
"""A value in a configuration: a number, string, bool or None, or a (nested) tuple of these."""


@dataclass(frozen=True)
class Observation:
    """A trial: its configuration by dotted key, and its record (None until it has finished)."""

    config: Mapping[str, Value]
    record: Mapping[str, Any] | None

    @property
    def diverged(self) -> bool:
        """Whether training ended because the loss was not finite."""
        return self.record is not None and self.record["status"] == "diverged"

    def measured(self, value: str) -> float | None:
        """Returns a value of the record, see :func:`values_of`; None if it has no such value."""
        return None if self.record is None else values_of(self.record).get(value)


def values_of(record: Mapping[str, Any]) -> dict[str, float | None]:
    """Returns a record's metrics, its ``wall_seconds``, and its generalisation gaps."""
    metrics = record["metrics"] or {}
    return metrics | gaps(metrics, "test") | {"wall_seconds": record["wall_seconds"]}


def gaps(metrics: Mapping[str, Any], split: str) -> dict[str, float]:
    """Returns the generalisation gaps: a split's error and nll minus those of training examples.

    >>> gaps({"train_error": 0.5, "test_error": 2.0, "test_nll": 0.1}, "test")
    {'gap_error': 1.5}
    """
    pairs = {
        name: (metrics.get(f"train_{name}"), metrics.get(f"{split}_{name}"))
        for name in ("error", "nll")
    }
    return {
        f"gap_{name}": other - value
        for name, (value, other) in pairs.items()
        if value is not None and other is not None
    }


def join(
    records: Iterable[Mapping[str, Any]], planned: Mapping[str, dict[str, Any]]
) -> list[Observation]:
    """Returns the planned trials in order, then those with a record but no plan, sorted by id.

    The order does not depend on that of ``records``. A planned configuration takes precedence over
    the one in the record: a record written before a key existed lacks that key.
    """
    by_id = {record["id"]: record for record in records}
    configs = dict(planned)
    for trial in sorted(by_id.keys() - planned.keys()):
        configs[trial] = by_id[trial]["config"]
    return [Observation(leaves(config), by_id.get(trial)) for trial, config in configs.items()]


def leaves(config: dict[str, Any]) -> dict[str, Value]:
    """Returns hashable values by dotted key: lists as tuples, floats as in identities.

    >>> leaves({"dropout": {"rate": 0.30000000000000004, "stage_rates": [0.1, 0.2]}, "seed": 0})
    {'dropout.rate': 0.3, 'dropout.stage_rates': (0.1, 0.2), 'seed': 0}
    """
    return {key: _leaf(value) for key, value in by_content(flatten(config)).items()}


def _leaf(value: Any) -> Value:
    # So that 0.1 + 0.2 is in the column of 0.3, and a float32 0.1 in that of 0.1.
    if isinstance(value, float):
        return short_decimal(value)
    return tuple(map(_leaf, value)) if isinstance(value, list | tuple) else value


def label(value: Value) -> str:
    """Returns a value as text that a filter can hold; numbers in their shortest form.

    >>> label(0.5), label(1.0), label((0.1, 0.0)), label("dropout")
    ('0.5', '1', '(0.1, 0)', 'dropout')
    """
    if isinstance(value, tuple):
        return f"({', '.join(label(part) for part in value)}{',' if len(value) == 1 else ''})"
    return f"{value:.7g}" if isinstance(value, float) else str(value)


def natural(values: Iterable[Value]) -> tuple[Value, ...]:
    """Returns distinct values: numbers and tuples of numbers ascending, others in order given.

    >>> natural(["none", 10, "dropout", 9.5, "none"])
    (9.5, 10, 'none', 'dropout')
    """

    def rank(item: tuple[int, Value]) -> tuple[int, tuple[Any, ...], int]:
        position, value = item
        parts = value if isinstance(value, tuple) else (value,)
        numeric = all(isinstance(part, int | float) for part in parts)
        return (0, parts, 0) if numeric else (1, (), position)

    return tuple(value for _, value in sorted(enumerate(dict.fromkeys(values)), key=rank))


def require_key(kind: str, key: str, trials: Iterable[Observation]) -> None:
    """Raises InputError unless some trial has the key; ``kind`` describes it in the message."""
    keys = {name for trial in trials for name in trial.config}
    if key not in keys:
        raise unknown(kind, key, keys)


def select(trials: Sequence[Observation], where: Iterable[str]) -> list[Observation]:
    """Returns the trials that match every filter in ``where``.

    Args:
      trials: The trials to choose from.
      where: Filters ``"key=value"`` with a dotted configuration key; a key given several times
        matches any of its values. Tuples are written ``(0.1, 0.1)`` or ``[0.1, 0.1]``.

    Raises:
      InputError: If a filter has no ``=``, a key is unknown, or no trial has the value.
    """
    allowed: dict[str, set[Value]] = {}
    for text in where:
        key, equals, value = text.partition("=")
        if not equals:
            raise InputError(f"filter {text!r} is not of the form key=value")
        require_key("filter key", key, trials)
        present = natural(trial.config[key] for trial in trials if key in trial.config)
        matches = {known for known in present if value == label(known) or _literal(value) == known}
        if not matches:
            raise unknown(f"value of {key}", value, map(label, present))
        allowed.setdefault(key, set()).update(matches)
    return [
        trial
        for trial in trials
        if all(key in trial.config and trial.config[key] in ok for key, ok in allowed.items())
    ]


def _literal(text: str) -> Value:
    try:
        return _leaf(ast.literal_eval(text))
    except (ValueError, SyntaxError, TypeError):
        return text
