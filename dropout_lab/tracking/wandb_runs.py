"""Runs for Weights & Biases, offline unless WANDB_MODE says otherwise."""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import wandb

from dropout_lab.tracking.sink import Trial, numbers


class Wandb:
    """A run for each trial, in a group named like the directory of the sweep.

    Metrics are named PHASE/METRIC and, in the summary, final/METRIC. Trials come one after the
    other: the first row of another one finishes the run.

    Args:
      directory: Where runs are written; ``wandb sync`` sends offline ones.
      fresh: Whether to delete it first.
    """

    def __init__(self, directory: Path, *, fresh: bool) -> None:
        self._directory = directory
        if fresh:
            shutil.rmtree(directory, ignore_errors=True)
        self._run: Any = None

    def epoch(self, trial: Trial, row: Mapping[str, Any]) -> None:
        """Logs a row of a history."""
        named = {f"{row['phase']}/{name}": value for name, value in numbers(row).items()}
        self._run_of(trial).log({"epoch": row["epoch"], **named})

    def end(self, trial: Trial, record: Mapping[str, Any]) -> None:
        """Writes a record's metrics as the run's summary, and finishes the run."""
        summary = {f"final/{name}": value for name, value in numbers(record["metrics"]).items()}
        self._run_of(trial).summary.update({**summary, "status": record["status"]})
        self.close()

    def close(self) -> None:
        """Finishes the run."""
        if self._run is not None:
            self._run.finish()
            self._run = None

    def _run_of(self, trial: Trial) -> Any:
        if self._run is not None and self._run.id != trial.id:
            self.close()
        if self._run is None:
            self._directory.mkdir(parents=True, exist_ok=True)
            mode: Any = os.environ.get("WANDB_MODE", "offline")
            self._run = wandb.init(
                project="dropout_lab",
                group=self._directory.parent.name,
                id=trial.id,
                name=trial.label,
                config=dict(trial.settings),
                dir=str(self._directory),
                mode=mode,
                resume="allow",
                settings=wandb.Settings(silent=True, console="off"),
            )
        return self._run
