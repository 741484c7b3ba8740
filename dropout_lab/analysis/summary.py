"""Statistics of one recorded value over seeds, in a table of a row key by a column key."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from dropout_lab.analysis import observations
from dropout_lab.analysis.observations import Observation, Value, label, natural
from dropout_lab.config import EXECUTION
from dropout_lab.errors import InputError, unknown

SPLITS = {
    "train": "training",
    "val": "validation",
    "test": "test",
    "gap": "test − training",
}
SCORES = {
    "error": ("error (%)", 2),
    "accuracy": ("accuracy (%)", 2),
    "perplexity": ("perplexity", 2),
    "nll": ("negative log-likelihood (nats)", 4),
    "brier": ("Brier score", 4),
    "ece": ("expected calibration error", 4),
}


@dataclass(frozen=True)
class Aggregate:
    """Statistics of a value over trials that differ in their seed only.

    Attributes:
      mean: Mean over the ``n`` finished trials; None if there are none.
      std: Sample standard deviation (n - 1 in the denominator); None for fewer than two trials.
      n: Number of trials averaged.
      diverged: Number of trials that diverged, or whose value is not finite.
      missing: Number of planned trials without a record, or whose record lacks the value.
      val_error: Mean validation error of the averaged trials, in percent, or perplexity of next
        tokens; None if not recorded.
    """

    mean: float | None
    std: float | None
    n: int
    diverged: int
    missing: int
    val_error: float | None

    @property
    def planned(self) -> int:
        """The number of trials, finished or not."""
        return self.n + self.diverged + self.missing


@dataclass(frozen=True)
class Summary:
    """A table of statistics: ``cells`` maps (row value, column value) to them.

    ``value``, ``rows``, ``cols`` and ``where`` are the arguments of :func:`summarise`.

    Without a row (column) key there is a single row (column), whose value is None. Pairs for which
    no trial was planned are left out of ``cells``.
    """

    value: str
    rows: str | None
    cols: str | None
    where: tuple[str, ...]
    row_values: tuple[Value, ...]
    col_values: tuple[Value, ...]
    cells: Mapping[tuple[Value, Value], Aggregate]

    @property
    def best(self) -> frozenset[tuple[Value, Value]]:
        """The pairs of lowest mean validation error: several if tied, none if not recorded."""
        errors = {at: c.val_error for at, c in self.cells.items() if c.val_error is not None}
        if not errors:
            return frozenset()
        lowest = min(errors.values())
        # The same errors summed in another order can differ in the last bits.
        return frozenset(
            at for at, e in errors.items() if math.isclose(e, lowest, rel_tol=1e-9, abs_tol=1e-9)
        )


def describe(value: str) -> tuple[str, int]:
    """Returns a recorded value's title with its unit, and the number of decimals to show.

    >>> describe("val_error"), describe("wall_seconds"), describe("test_entropy_of_labels")
    (('validation error (%)', 2), ('wall time (s)', 1), ('test entropy of labels', 4))
    """
    if value == "wall_seconds":
        return "wall time (s)", 1
    split, *words = value.split("_")
    if not words or (split not in SPLITS and words[-1] not in SCORES):
        return value, 4  # such as sparsity.PATH
    title, decimals = SCORES.get(words[-1], (words[-1], 4))
    return " ".join([SPLITS.get(split, split), *words[:-1], title]), decimals


def counts(cells: Iterable[Aggregate]) -> str:
    """Returns the range of n over cells with finished trials: ``n = 3`` or ``n = 2 to 3``."""
    numbers = sorted({cell.n for cell in cells if cell.n} or {0})
    return f"n = {numbers[0]}" if len(numbers) == 1 else f"n = {numbers[0]} to {numbers[-1]}"


def summarise(
    records: Sequence[Mapping[str, Any]],
    planned: Mapping[str, dict[str, Any]],
    *,
    value: str = "test_error",
    rows: str | None = "variant",
    cols: str | None = None,
    where: Sequence[str] = (),
) -> Summary:
    """Averages one value over seeds, for each row value and column value.

    Args:
      records: Trial records of schema 1.
      planned: Resolved configurations of all planned trials, by trial id.
      value: A name in the records' metrics, ``wall_seconds``, or a generalisation gap such as
        ``gap_error``: that of the test set minus that of the training set.
      rows: Dotted configuration key of the rows; None for a single row.
      cols: Dotted configuration key of the columns; None for a single column.
      where: Filters ``"key=value"``, see :func:`dropout_lab.analysis.observations.select`.

    Returns:
      The summary, with rows and columns in the order of
      :func:`dropout_lab.analysis.observations.natural`.

    Raises:
      InputError: If there are no records, or none match; if the value or a key is unknown; if
        trials of one cell differ in a key other than the seed that can change the result:
        averaging them would present them as repeats; or if a seed is twice in a cell.
    """
    if not records:
        raise InputError(f"no finished trials to summarise ({len(planned)} planned)")
    names = {name for record in records for name in observations.values_of(record)}
    # If all trials diverged there are no metrics, but a misspelt value is still an error.
    if not names - {"wall_seconds"}:
        names |= {f"{split}_{score}" for split in SPLITS for score in SCORES}
    if value not in names:
        raise unknown("value", value, names)
    groups = cells(observations.join(records, planned), rows=rows, cols=cols, where=where)
    return Summary(
        value=value,
        rows=rows,
        cols=cols,
        where=tuple(where),
        row_values=natural(row for row, _ in groups),
        col_values=natural(col for _, col in groups),
        cells={at: _cell(members, value) for at, members in groups.items()},
    )


def cells(
    trials: Sequence[Observation],
    *,
    rows: str | None,
    cols: str | None = None,
    where: Sequence[str] = (),
) -> dict[tuple[Value, Value], list[Observation]]:
    """Returns the trials that match the filters, by row and column value.

    Trials of a cell differ in their seed, and in the directory of their sweep if there are several.

    Raises:
      InputError: See :func:`summarise`.
    """
    for kind, key in (("row key", rows), ("column key", cols)):
        if key is not None:
            observations.require_key(kind, key, trials)
    selected = observations.select(trials, where)
    if not selected:
        raise InputError(f"no trial matches all of {', '.join(where)}")
    groups: dict[tuple[Value, Value], list[Observation]] = {}
    for trial in selected:
        groups.setdefault((_at(trial, rows), _at(trial, cols)), []).append(trial)
    _require_repeats(groups.values())
    _require_distinct_seeds(groups)
    return groups


def setting(at: tuple[Value, Value]) -> str:
    """Returns the name of a cell: its row and column value.

    >>> setting(("dropout", 0.5)), setting((None, None))
    ('dropout, 0.5', 'all')
    """
    return ", ".join(label(value) for value in at if value is not None) or "all"


def _at(trial: Observation, key: str | None) -> Value:
    return None if key is None else trial.config.get(key)


def _require_repeats(groups: Iterable[Sequence[Observation]]) -> None:
    varying: dict[str, list[Value]] = {}
    for group in groups:
        for key in dict.fromkeys(name for trial in group for name in trial.config):
            if key in ("seed", "sweep", *EXECUTION):
                continue
            if len({trial.config.get(key) for trial in group}) > 1:
                values = natural(trial.config.get(key) for trial in group)
                varying.setdefault(key, []).extend(values)
    if varying:
        labels = {key: [label(value) for value in natural(varying[key])] for key in sorted(varying)}
        named = " and ".join(f"{key} ({', '.join(values)})" for key, values in labels.items())
        first = next(iter(labels))
        raise InputError(
            f"trials of one cell differ in {named}: make it the rows or the columns, or keep one "
            f"value, as in --where='{first}={labels[first][0]}'"
        )


def _require_distinct_seeds(groups: Mapping[tuple[Value, Value], Sequence[Observation]]) -> None:
    for at, group in groups.items():
        seeds = Counter(trial.config.get("seed") for trial in group if trial.record is not None)
        twice = [seed for seed in natural(seeds) if seeds[seed] > 1]
        if twice:
            raise InputError(
                f"seed {label(twice[0])} is there twice in the cell of {setting(at)}, of trials "
                "whose configurations mean the same; allowed: each seed once, so move one of their "
                "records away"
            )


def _cell(trials: Sequence[Observation], value: str) -> Aggregate:
    averaged, val_errors, diverged, missing = [], [], 0, 0
    for trial in trials:
        measured = trial.measured(value)
        if trial.diverged or not math.isfinite(measured or 0.0):
            diverged += 1
        elif measured is None:
            missing += 1
        else:
            averaged.append(measured)
            perplexity = trial.measured("val_perplexity")
            val_errors.append(trial.measured("val_error") if perplexity is None else perplexity)
    known = [error for error in val_errors if error is not None and math.isfinite(error)]
    return Aggregate(
        mean=float(np.mean(averaged)) if averaged else None,
        std=float(np.std(averaged, ddof=1)) if len(averaged) > 1 else None,
        n=len(averaged),
        diverged=diverged,
        missing=missing,
        val_error=float(np.mean(known)) if known else None,
    )
