"""The choice of a setting: the settings tried, the rule that chooses one, and its test results."""

import dataclasses
import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import tabulate

from dropout_lab.errors import InputError
from dropout_lab.sweeps.grid import Overrides
from dropout_lab.training.progress import Metrics

CHOICE_RULE = (
    "lowest mean validation error; ties: lowest mean validation nll, then the order asked for; "
    "a setting with fewer runs diverged or failed comes before any other"
)
"""The rule that chooses a setting, as written in tuned.json."""


@dataclasses.dataclass(frozen=True)
class MetricStats:
    """Statistics of a metric over runs.

    Attributes:
      mean: Mean; None if no run has the metric.
      std: Sample standard deviation; None for fewer than two runs.
      n: Number of runs that have the metric.
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
      id: The trial's id.
      seed: The trial's seed.
      fold: The fold used for validation in cross-validation; otherwise None.
      status: "ok", "diverged" or "failed".
      metrics: The record's metrics; empty unless the status is "ok".
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
      overrides: Values by configuration key.
      runs: One run for each seed and fold; empty if the setting was not run.
    """

    overrides: Overrides
    runs: tuple[Run, ...] = ()

    def stats(self, metric: str) -> MetricStats:
        """Returns statistics of a metric, such as ``val_error``, over the runs that have it."""
        values = [run.metrics.get(metric) for run in self.runs]
        known = [value for value in values if value is not None]
        return MetricStats(
            statistics.mean(known) if known else None,
            statistics.stdev(known) if len(known) > 1 else None,
            len(known),
        )

    def count(self, *statuses: str) -> int:
        """Returns the number of runs with one of these statuses."""
        return sum(run.status in statuses for run in self.runs)

    def label(self) -> str:
        """Returns the overrides in one line."""
        return " ".join(f"{key}={value}" for key, value in self.overrides.items())

    def as_json(self) -> dict[str, Any]:
        """Returns the setting, with statistics of every metric, ready for JSON."""
        names = dict.fromkeys(name for run in self.runs for name in run.metrics)
        return {
            "overrides": dict(self.overrides),
            "runs": [dataclasses.asdict(run) for run in self.runs],
            "metrics": {name: dataclasses.asdict(self.stats(name)) for name in names},
        }


@dataclasses.dataclass(frozen=True)
class Rung:
    """Settings compared after the same number of epochs.

    Attributes:
      epochs: Epochs trained so far.
      settings: Indices of the settings trained this far.
      promoted: Indices of those that go on; at the last rung, of the one chosen.
      val_error: Mean validation error of each setting of ``settings``, in percent; None where no
        run succeeded.
    """

    epochs: int
    settings: tuple[int, ...]
    promoted: tuple[int, ...]
    val_error: tuple[float | None, ...]

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> "Rung":
        """Returns the rung that ``dataclasses.asdict`` wrote."""
        lists = {name: tuple(content[name]) for name in ("settings", "promoted", "val_error")}
        return cls(epochs=content["epochs"], **lists)

    @classmethod
    def of(cls, epochs: int, tried: Mapping[int, Setting], keep: int) -> "Rung":
        """Returns a rung that promotes the best settings by the rule that chooses one.

        Args:
          epochs: Epochs trained so far.
          tried: The settings trained this far, by index.
          keep: Number of settings to promote.
        """
        best = sorted(tried, key=lambda index: _rank(tried[index]))[:keep]
        errors = tuple(setting.stats("val_error").mean for setting in tried.values())
        return cls(epochs, tuple(tried), tuple(sorted(best)), errors)


@dataclasses.dataclass(frozen=True)
class Choice:
    """The result of tuning a problem.

    Attributes:
      tried: All settings of the problem, in the order given.
      chosen: Index of the chosen setting.
      final: The chosen setting, trained on all data but the test set: a run for each final seed.
      rungs: Of a search that stops early, its rungs in order; ``tried`` has each setting's last.
    """

    tried: tuple[Setting, ...]
    chosen: int
    final: Setting
    rungs: tuple[Rung, ...] = ()

    @property
    def searched(self) -> bool:
        """Whether there was more than one setting to choose from."""
        return len(self.tried) > 1

    @classmethod
    def among(
        cls,
        problem: str,
        tried: Sequence[Setting],
        finalists: Iterable[int] | None = None,
        rungs: Iterable[Rung] = (),
    ) -> "Choice":
        """Returns the choice by ``CHOICE_RULE``, without final runs yet.

        Args:
          problem: The problem, for the message.
          tried: All settings of the problem.
          finalists: Indices of those to choose from; None for all.
          rungs: The rungs of a search that stopped early.

        Raises:
          InputError: If there are several settings, and no run of any of them succeeded.
        """
        indices = range(len(tried)) if finalists is None else finalists
        chosen = min(indices, key=lambda index: _rank(tried[index]))
        if len(tried) > 1 and not tried[chosen].count("ok"):
            diverged, failed = (
                sum(setting.count(status) for setting in tried) for status in ("diverged", "failed")
            )
            raise InputError(
                f"no run of {problem!r} succeeded: {diverged} diverged, {failed} failed; allowed: "
                "settings that include one that can be trained"
            )
        return cls(tuple(tried), chosen, Setting(tried[chosen].overrides), tuple(rungs))

    @classmethod
    def from_json(cls, content: Mapping[str, Any], settings: Sequence[Overrides]) -> "Choice":
        """Returns the choice that :meth:`as_json` wrote; ``settings`` are all of the problem's."""
        tried = [
            Setting(overrides, _runs(setting))
            for overrides, setting in zip(settings, content["tried"], strict=True)
        ]
        chosen = content["chosen"]
        rungs = tuple(map(Rung.from_json, content.get("rungs", ())))
        return cls(tuple(tried), chosen, Setting(settings[chosen], _runs(content["final"])), rungs)

    def as_json(self) -> dict[str, Any]:
        """Returns the choice ready for JSON."""
        return {
            "tried": [setting.as_json() for setting in self.tried],
            "chosen": self.chosen,
            "final": self.final.as_json(),
            **({"rungs": list(map(dataclasses.asdict, self.rungs))} if self.rungs else {}),
        }

    def table(self) -> str:
        """Returns the validation errors of all settings and the test error of the chosen one."""
        epochs = {index: rung.epochs for rung in self.rungs for index in rung.settings}
        rows = [
            [
                setting.label(),
                *([epochs[index]] if epochs else []),
                setting.stats("val_error"),
                setting.count("diverged"),
                setting.count("failed"),
                "chosen" if index == self.chosen else "",
            ]
            for index, setting in enumerate(self.tried)
        ]
        header = [
            "setting",
            *(["epochs"] if epochs else []),
            "validation error (%)",
            "diverged",
            "failed",
            "",
        ]
        tested = f"test error (%) of {self.final.label()}: {self.final.stats('test_error')}"
        if not self.searched:
            return tested
        return f"{tabulate.tabulate(rows, header, disable_numparse=True)}\n\n{tested}"


def _rank(setting: Setting) -> tuple[float, ...]:
    """Returns what orders settings; of next tokens, only the nll counts, not the error."""
    error, nll = setting.stats("val_error").mean, setting.stats("val_nll").mean
    if setting.stats("val_perplexity").mean is not None:
        error = None
    # Rounded: in single precision, 61/3 and 41/3 average to more than 17.
    return (
        setting.count("diverged", "failed"),
        math.inf if error is None else round(error, 4),
        math.inf if nll is None else nll,
    )


def _runs(content: Mapping[str, Any]) -> tuple[Run, ...]:
    return tuple(Run(**run) for run in content["runs"])
