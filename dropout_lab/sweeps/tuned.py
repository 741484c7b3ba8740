"""What a tuning has come to: all that was tried, what was chosen, and how it tested."""

import dataclasses
import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import tabulate

from dropout_lab.errors import InputError
from dropout_lab.sweeps.grid import Overrides
from dropout_lab.sweeps.store import Store
from dropout_lab.training.progress import Metrics

RULE = (
    "lowest mean validation error; ties: lowest mean validation nll, then the order asked for; "
    "a setting with fewer runs diverged or failed comes before any other"
)
"""How a setting is chosen."""


@dataclasses.dataclass(frozen=True)
class Spread:
    """A metric over runs.

    Attributes:
      mean: None if no run has it.
      std: Sample standard deviation; None of fewer than two.
      n: How many runs have it.
    """

    mean: float | None
    std: float | None
    n: int

    def __str__(self) -> str:
        if self.mean is None:
            return "–"
        deviation = "" if self.std is None else f" ± {self.std:.2f}"
        return f"{self.mean:.2f}{deviation} ({self.n})"


@dataclasses.dataclass(frozen=True)
class Run:
    """One trial of a setting.

    Attributes:
      id: Of its record.
      seed: Its seed.
      fold: The part it was validated on in cross-validation; else None.
      status: "ok", "diverged" or "failed".
      metrics: The record's; none unless it ended well.
    """

    id: str
    seed: int
    fold: int | None
    status: str
    metrics: Metrics


@dataclasses.dataclass(frozen=True)
class Setting:
    """A setting and its runs, one for each seed and fold.

    Attributes:
      overrides: What sets it apart.
      runs: None if nothing had to be chosen.
    """

    overrides: Overrides
    runs: tuple[Run, ...]

    def spread(self, metric: str) -> Spread:
        """Returns a metric, such as ``val_error``, over the runs that ended well."""
        found = [run.metrics.get(metric) for run in self.runs]
        known = [value for value in found if value is not None]
        return Spread(
            statistics.mean(known) if known else None,
            statistics.stdev(known) if len(known) > 1 else None,
            len(known),
        )

    @property
    def lost(self) -> int:
        """How many runs diverged or failed."""
        return sum(run.status != "ok" for run in self.runs)


@dataclasses.dataclass(frozen=True)
class Choice:
    """What became of a problem.

    Attributes:
      tried: All settings, in the order asked for.
      chosen: Which of them was chosen.
      final: That setting again, trained on all data but the test set: a run for each final seed.
    """

    tried: tuple[Setting, ...]
    chosen: int
    final: Setting


@dataclasses.dataclass(frozen=True)
class Tuned:
    """The outcome of a tuning.

    Attributes:
      choices: By problem.
      failed: The error of each final trial that failed, by label.
    """

    choices: Mapping[str, Choice]
    failed: Mapping[str, str]
