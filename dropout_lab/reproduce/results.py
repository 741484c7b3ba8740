"""Results of an experiment: the final networks of each cell, as samples."""

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

from dropout_lab.analysis.statistics import Difference, Sample, one_sample, welch
from dropout_lab.reproduce.claim import CellMetric
from dropout_lab.reproduce.design import Design
from dropout_lab.reproduce.evaluations import Measured
from dropout_lab.reproduce.experiment import Experiment, Published
from dropout_lab.tuning.choice import Choice


@dataclasses.dataclass(frozen=True)
class Results:
    """An experiment that was run.

    Attributes:
      name: Name of the experiment.
      experiment: The experiment.
      design: The design of the whole run.
      choices: The chosen setting and its final runs, by cell, for cells that have been run.
      records: The final networks' records, by id.
      measured: Errors of the final networks by the protocol's evaluations.
      run: How it was run: protocol, command, seconds.
    """

    name: str
    experiment: Experiment
    design: Design
    choices: Mapping[str, Choice]
    records: Mapping[str, Mapping[str, Any]]
    measured: Measured
    run: Mapping[str, Any]

    def sample(self, value: CellMetric) -> Sample:
        """Returns a metric of a cell's final networks; an empty sample if it was not run."""
        if value.cell not in self.choices:
            return Sample({})
        runs = self.choices[value.cell].final.runs
        evaluated = self.measured.get(value.cell, {}).get(value.metric, {})
        values = {
            run.seed: run.metrics.get(value.metric, evaluated.get(str(run.seed))) for run in runs
        }
        known = {
            seed: number
            for seed, number in values.items()
            if number is not None and math.isfinite(number)
        }
        diverged = sum(run.status == "diverged" for run in runs)
        return Sample(known, diverged, self._resolution(value.metric))

    def _resolution(self, metric: str) -> float:
        """Returns the step between two values of a metric, in its unit."""
        split, _, score = metric.rpartition("_")
        if score != "error":
            return 0.0
        # Evaluations besides the record's are on the test set.
        part = split if split in ("train", "val") else "test"
        return max(100 / record["data"][part] for record in self.records.values())

    @property
    def not_run(self) -> list[str]:
        """The cells that have not been run."""
        return [label for label in self.design.candidates if label not in self.choices]

    def paper(self, value: CellMetric) -> Published | None:
        """Returns the paper's number; None if it has none."""
        return self.experiment.cells[value.cell].paper.get(value.metric)

    def from_paper(self, value: CellMetric) -> Difference | None:
        """Returns our mean minus the paper's number, with its uncertainty.

        Welch's difference if the paper gives a standard deviation and n; else the paper's number
        is taken as exact. None if either has no number, if ours do not vary, or if the protocol's
        task is another.
        """
        ours, paper = self.sample(value), self.paper(value)
        if paper is None or ours.mean is None or self.design.protocol.incomparable:
            return None
        if paper.std is None or paper.n is None:
            return one_sample(ours.values, paper.value)
        return welch(ours.mean, ours.std or 0.0, ours.n, paper.value, paper.std, paper.n)
