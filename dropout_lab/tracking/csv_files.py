"""CSV files of single values, for any tool that reads tables."""

import csv
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from dropout_lab.tracking.sink import Trial, numbers

_HEADERS = {
    "history.csv": ("trial", "phase", "epoch", "metric", "value"),
    "trials.csv": ("trial", "kind", "name", "value"),
}


class CsvFiles:
    """Two files: ``history.csv``, and ``trials.csv`` with settings and final metrics.

    Args:
      directory: Where they are.
      fresh: Whether to delete it first; else lines are added.
    """

    def __init__(self, directory: Path, *, fresh: bool) -> None:
        self._directory = directory
        if fresh:
            shutil.rmtree(directory, ignore_errors=True)

    def epoch(self, trial: Trial, row: Mapping[str, Any]) -> None:
        """Adds the metrics of a row, a line each."""
        self._add(
            "history.csv",
            ((row["phase"], row["epoch"], *item) for item in numbers(row).items()),
            trial,
        )

    def end(self, trial: Trial, record: Mapping[str, Any]) -> None:
        """Adds status, settings and final metrics, a line each."""
        lines = [("status", "status", record["status"])]
        lines += [("setting", *item) for item in trial.settings.items()]
        lines += [("metric", *item) for item in numbers(record["metrics"]).items()]
        self._add("trials.csv", lines, trial)

    def close(self) -> None:
        """Does nothing: files are closed after every call."""

    def _add(self, name: str, lines: Iterable[tuple[Any, ...]], trial: Trial) -> None:
        self._directory.mkdir(parents=True, exist_ok=True)
        path = self._directory / name
        new = not path.exists()
        with path.open("a", newline="") as file:
            writer = csv.writer(file)
            if new:
                writer.writerow(_HEADERS[name])
            writer.writerows((trial.id, *line) for line in lines)
