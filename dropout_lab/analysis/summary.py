"""Statistics of one recorded value over seeds, in cells of a row key by a column key."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from dropout_lab.analysis.trials import Trial, Value, join, label, natural, require_key, select
from dropout_lab.config import EXECUTION
from dropout_lab.errors import InputError, unknown

SPLITS = {"train": "training", "val": "validation", "test": "test"}
SCORES = {
    "error": ("error (%)", 2),
    "nll": ("negative log-likelihood (nats)", 4),
    "brier": ("Brier score", 4),
    "ece": ("expected calibration error", 4),
}


@dataclass(frozen=True)
class Cell:
    """Trials that differ in nothing but their seed.

    Attributes:
      mean: over the ``n`` finished trials; None when there are none.
      std: sample standard deviation (n - 1 in the denominator); None below two trials.
      n: trials averaged.
      diverged: trials that ended as diverged, or whose value is not finite.
      missing: trials planned but without a record, or whose record lacks the value.
      val_error: mean validation error of the averaged trials, in percent; None when unrecorded.
    """

    mean: float | None
    std: float | None
    n: int
    diverged: int
    missing: int
    val_error: float | None

    @property
    def planned(self) -> int:
        """Every trial of the cell, finished or not."""
        return self.n + self.diverged + self.missing


@dataclass(frozen=True)
class Summary:
    """Cells by (row value, column value); a pair that was never planned has no cell.

    Without a row (column) key there is one row (column), whose value is None.
    """

    value: str
    rows: str | None
    cols: str | None
    where: tuple[str, ...]
    row_values: tuple[Value, ...]
    col_values: tuple[Value, ...]
    cells: Mapping[tuple[Value, Value], Cell]

    @property
    def best(self) -> frozenset[tuple[Value, Value]]:
        """Places of the lowest mean validation error: several on a tie, none if unrecorded."""
        errors = {at: c.val_error for at, c in self.cells.items() if c.val_error is not None}
        if not errors:
            return frozenset()
        lowest = min(errors.values())
        # Equal errors summed in another order differ in the last bits.
        return frozenset(
            at for at, e in errors.items() if math.isclose(e, lowest, rel_tol=1e-9, abs_tol=1e-9)
        )


def describe(value: str) -> tuple[str, int]:
    """Returns a recorded value's name with its unit, and the decimals to show it with.

    >>> describe("val_error"), describe("wall_seconds")
    (('validation error (%)', 2), ('wall time (s)', 1))
    """
    if value == "wall_seconds":
        return "wall time (s)", 1
    split, _, score = value.rpartition("_")
    if score not in SCORES:
        return value, 4
    name, decimals = SCORES[score]
    return f"{SPLITS.get(split, split)} {name}", decimals


def counts(cells: Iterable[Cell]) -> str:
    """Returns ``n = 3``, or ``n = 2 to 3``, over the cells that have any finished trial."""
    found = sorted({cell.n for cell in cells if cell.n} or {0})
    return f"n = {found[0]}" if len(found) == 1 else f"n = {found[0]} to {found[-1]}"


def summarise(
    records: Sequence[Mapping[str, Any]],
    plan: Mapping[str, dict[str, Any]],
    *,
    value: str = "test_error",
    rows: str | None = "variant",
    cols: str | None = None,
    where: Sequence[str] = (),
) -> Summary:
    """Averages one value over seeds, for each row value and column value.

    Args:
      records: trial records of schema 1.
      plan: trial id -> resolved config, for every trial the sweep intended.
      value: a name in the records' metrics, or ``wall_seconds``.
      rows: dotted config key of the rows; None for a single row.
      cols: dotted config key of the columns; None for a single column.
      where: filters ``"key=value"``, see :func:`dropout_lab.analysis.trials.select`.

    Returns:
      The cells, rows and columns ordered by :func:`dropout_lab.analysis.trials.natural`: numbers
      ascending, names as first met in the plan.

    Raises:
      InputError: no records, or none that match; an unknown value or key; trials of one cell that
        differ in a key that can change a result and is not the seed: averaged, they would pass
        for repeats.
    """
    if not records:
        raise InputError(f"no finished trials to summarise ({len(plan)} planned)")
    names = {name for record in records for name in record["metrics"] or ()}
    # When everything diverged nothing was measured, but a misspelt value is still an error.
    names = names or {f"{split}_{score}" for split in SPLITS for score in SCORES}
    if value not in names | {"wall_seconds"}:
        raise unknown("value", value, names | {"wall_seconds"})

    trials = join(records, plan)
    for kind, key in (("row key", rows), ("column key", cols)):
        if key is not None:
            require_key(kind, key, trials)
    selected = select(trials, where)
    if not selected:
        raise InputError(f"no trial matches all of {', '.join(where)}")
    groups: dict[tuple[Value, Value], list[Trial]] = {}
    for trial in selected:
        groups.setdefault((_at(trial, rows), _at(trial, cols)), []).append(trial)
    _require_repeats(groups.values())
    return Summary(
        value=value,
        rows=rows,
        cols=cols,
        where=tuple(where),
        row_values=natural(row for row, _ in groups),
        col_values=natural(col for _, col in groups),
        cells={at: _cell(members, value) for at, members in groups.items()},
    )


def _at(trial: Trial, key: str | None) -> Value:
    return None if key is None else trial.config.get(key)


def _require_repeats(groups: Iterable[Sequence[Trial]]) -> None:
    varying: dict[str, list[Value]] = {}
    for group in groups:
        for key in dict.fromkeys(name for trial in group for name in trial.config):
            values = natural(trial.config.get(key) for trial in group)
            if key not in ("seed", *EXECUTION) and len(values) > 1:
                varying.setdefault(key, []).extend(values)
    if varying:
        found = {key: [label(value) for value in natural(varying[key])] for key in sorted(varying)}
        named = " and ".join(f"{key} ({', '.join(values)})" for key, values in found.items())
        first = next(iter(found))
        raise InputError(
            f"trials of one cell differ in {named}: make it the rows or the columns, or keep one "
            f"value, as in --where='{first}={found[first][0]}'"
        )


def _cell(trials: Sequence[Trial], value: str) -> Cell:
    averaged, val_errors, diverged, missing = [], [], 0, 0
    for trial in trials:
        measured = trial.measured(value)
        if trial.diverged or not math.isfinite(measured or 0.0):
            diverged += 1
        elif measured is None:
            missing += 1
        else:
            averaged.append(measured)
            val_errors.append(trial.measured("val_error"))
    known = [error for error in val_errors if error is not None and math.isfinite(error)]
    return Cell(
        mean=float(np.mean(averaged)) if averaged else None,
        std=float(np.std(averaged, ddof=1)) if len(averaged) > 1 else None,
        n=len(averaged),
        diverged=diverged,
        missing=missing,
        val_error=float(np.mean(known)) if known else None,
    )
