"""The status of a run, which it reports in its directory for other processes to read."""

import json
import os
import socket
import time
from pathlib import Path
from typing import Any

from dropout_lab.errors import InputError
from dropout_lab.system.files import read_json, write_json
from dropout_lab.system.machine import is_alive
from dropout_lab.training.progress import DIVERGENCE_CURE, Epoch

_FILE = "progress.json"


class RunProgress:
    """A file that reports how far a run is.

    Args:
      directory: The run's directory.
      shown: Whether to report: of several processes, one does.
    """

    def __init__(self, directory: Path, *, shown: bool) -> None:
        self._path, self._shown, self._written = directory / _FILE, shown, 0.0

    def __call__(self, epoch: Epoch) -> None:
        """Reports an epoch; writes the file at most once a second."""
        if self._shown and time.monotonic() - self._written >= 1:
            where = {"host": socket.gethostname(), "pid": os.getpid()}
            write_json(
                self._path, {"fraction": epoch.fraction, "summary": epoch.summary(), **where}
            )
            self._written = time.monotonic()

    def clear(self) -> None:
        """Deletes the file, as the run is no longer going on."""
        if self._shown:
            self._path.unlink(missing_ok=True)


def is_run(directory: Path) -> bool:
    """Returns whether a directory holds a run."""
    return (directory / "config.json").exists()


def describe_run(directory: Path) -> str:
    """Returns the status of the run in a directory, in a line.

    Raises:
      InputError: If there is none, or its record is damaged.
    """
    if not is_run(directory):
        raise InputError(f"{str(directory)!r} holds no run: no config.json")
    if (directory / "record.json").exists():
        record = read_json(directory / "record.json")
        cure = f"; {DIVERGENCE_CURE}" if record["status"] == "diverged" else ""
        error = record["metrics"].get("val_error")
        result = "" if error is None else f", validation error {error:.2f} %"
        return f"finished: {record['status']} after {len(record['history'])} epochs{result}{cure}"
    report = _report(directory)
    if report is None:
        return "not running, not finished: the same command goes on"
    return (
        f"running: {report['summary']}, {100 * report['fraction']:.0f} % "
        f"(process {report['pid']} on {report['host']})"
    )


def _report(directory: Path) -> dict[str, Any] | None:
    """Returns the report of a process that is alive; None if there is none."""
    path = directory / _FILE
    try:
        report = json.loads(path.read_text())
        alive = is_alive(report["host"], report["pid"], path.stat().st_mtime)
        return dict(report) if alive and {"summary", "fraction"} <= report.keys() else None
    except (OSError, ValueError, KeyError, TypeError):
        return None  # deleted in the meantime, or not a report
