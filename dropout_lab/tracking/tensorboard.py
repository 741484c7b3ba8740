"""Event files for TensorBoard, by tensorboardX: scalars, and the page HPARAMS."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tensorboardX import SummaryWriter
from tensorboardX.summary import hparams

from dropout_lab.tracking.sink import Trial, numbers


class TensorBoard:
    """A folder of event files for each trial; scalars are named PHASE/METRIC and final/METRIC.

    Args:
      directory: Where the folders are.
      fresh: Whether to delete it first.
    """

    def __init__(self, directory: Path, *, fresh: bool) -> None:
        self._directory = directory
        if fresh:
            shutil.rmtree(directory, ignore_errors=True)
        self._writers: dict[str, SummaryWriter] = {}

    def epoch(self, trial: Trial, row: Mapping[str, Any]) -> None:
        """Writes a row of a history, with the epoch as step."""
        writer = self._writer(trial)
        for name, value in numbers(row).items():
            writer.add_scalar(f"{row['phase']}/{name}", value, row["epoch"])
        writer.flush()  # followed while the run goes on

    def end(self, trial: Trial, record: Mapping[str, Any]) -> None:
        """Writes a record's metrics and the settings."""
        final = {f"final/{name}": value for name, value in numbers(record["metrics"]).items()}
        settings = {**trial.settings, "status": record["status"]}
        writer = self._writer(trial)
        # The writer's add_hparams would put them in a second file, a run of its own.
        for summary in hparams(settings, final):
            writer.file_writer.add_summary(summary)
        for name, value in final.items():
            writer.add_scalar(name, value, record["epoch"])
        self._writers.pop(trial.id).close()

    def close(self) -> None:
        """Closes the files."""
        for writer in self._writers.values():
            writer.close()
        self._writers.clear()

    def _writer(self, trial: Trial) -> SummaryWriter:
        if trial.id not in self._writers:
            # The name that TensorBoard shows; the id keeps trials of equal labels apart.
            name = f"{trial.label[:100].replace('/', '_')} {trial.id[:6]}"
            self._writers[trial.id] = SummaryWriter(str(self._directory / name))
        return self._writers[trial.id]
