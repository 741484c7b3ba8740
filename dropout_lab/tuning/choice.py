"""The choice of a setting: what was tried, by which rule one is chosen, and how it tested."""

import dataclasses
import math
import statistics
from collections.abc import Mapping, Sequence
from typing import Any

import tabulate

from dropout_lab.errors import InputError
from dropout_lab.sweeps.grid import Overrides
from dropout_lab.training.progress import Metrics

RULE = (
    "lowest mean validation error; ties: lowest mean validation nll, then the order asked for; "
    "a setting with fewer runs diverged or failed comes before any other"
)
"""How a setting is chosen."""


@dataclasses.dataclass(frozen=True)
class MetricStats:
    """A metric over runs.

    Attributes:
      mean: None if no run has it.
      std: Sample standard deviation; None of fewer than two runs.
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
    """A setting and its runs.

    Attributes:
      overrides: What sets it apart.
      runs: One for each seed and fold; none if it was not run.
    """

    overrides: Overrides
    runs: tuple[Run, ...] = ()

    def stats(self, metric: str) -> MetricStats:
        """Returns a metric, such as ``val_error``, over the runs that ended well."""
        found = [run.metrics.get(metric) for run in self.runs]
        known = [value for value in found if value is not None]
        return MetricStats(
            statistics.mean(known) if known else None,
            statistics.stdev(known) if len(known) > 1 else None,
            len(known),
        )

    def count(self, *statuses: str) -> int:
        """Returns how many runs ended so."""
        return sum(run.status in statuses for run in self.runs)

    def label(self) -> str:
        """Returns what sets it apart, in a few words."""
        return " ".join(f"{key}={value}" for key, value in self.overrides.items())

    def as_json(self) -> dict[str, Any]:
        """Returns it, with the spread of every metric, ready for JSON."""
        names = dict.fromkeys(name for run in self.runs for name in run.metrics)
        return {
            "overrides": dict(self.overrides),
            "runs": [dataclasses.asdict(run) for run in self.runs],
            "metrics": {name: dataclasses.asdict(self.stats(name)) for name in names},
        }


@dataclasses.dataclass(frozen=True)
class Choice:
    """What became of a problem.

    Attributes:
      tried: All its settings, in the order asked for.
      chosen: Which of them was chosen.
      final: That setting, trained on all data but the test set: a run for each final seed.
    """

    tried: tuple[Setting, ...]
    chosen: int
    final: Setting

    @property
    def searched(self) -> bool:
        """Whether there was more than one setting."""
        return len(self.tried) > 1

    @classmethod
    def among(cls, problem: str, tried: Sequence[Setting]) -> "Choice":
        """Returns the choice by ``RULE``, with no final run yet.

        Raises:
          InputError: If there is more than one setting, and no run of any ended well.
        """
        chosen = min(range(len(tried)), key=lambda index: _rank(tried[index]))
        if len(tried) > 1 and not tried[chosen].count("ok"):
            diverged, failed = (
                sum(setting.count(status) for setting in tried) for status in ("diverged", "failed")
            )
            raise InputError(
                f"no run of {problem!r} ended well: {diverged} diverged, {failed} failed; allowed: "
                "settings of which one can be trained"
            )
        return cls(tuple(tried), chosen, Setting(tried[chosen].overrides))

    @classmethod
    def from_json(cls, content: Mapping[str, Any], settings: Sequence[Overrides]) -> "Choice":
        """Returns what ``as_json`` wrote of a choice among these settings."""
        tried = [
            Setting(overrides, _runs(each))
            for overrides, each in zip(settings, content["tried"], strict=True)
        ]
        chosen = content["chosen"]
        return cls(tuple(tried), chosen, Setting(settings[chosen], _runs(content["final"])))

    def as_json(self) -> dict[str, Any]:
        """Returns it ready for JSON."""
        return {
            "tried": [setting.as_json() for setting in self.tried],
            "chosen": self.chosen,
            "final": self.final.as_json(),
        }

    def table(self) -> str:
        """Returns the validation errors of all settings, then the test error of the chosen one."""
        rows = [
            [
                setting.label(),
                setting.stats("val_error"),
                setting.count("diverged"),
                setting.count("failed"),
                "chosen" if index == self.chosen else "",
            ]
            for index, setting in enumerate(self.tried)
        ]
        header = ["setting", "validation error (%)", "diverged", "failed", ""]
        told = f"test error (%) of {self.final.label()}: {self.final.stats('test_error')}"
        if not self.searched:
            return told
        return f"{tabulate.tabulate(rows, header, disable_numparse=True)}\n\n{told}"


def _rank(setting: Setting) -> tuple[float, ...]:
    error, nll = setting.stats("val_error").mean, setting.stats("val_nll").mean
    # Rounded: errors are of single precision, of which 61/3 and 41/3 average to more than 17.
    return (
        setting.count("diverged", "failed"),
        math.inf if error is None else round(error, 4),
        math.inf if nll is None else nll,
    )


def _runs(content: Mapping[str, Any]) -> tuple[Run, ...]:
    return tuple(Run(**each) for each in content["runs"])
