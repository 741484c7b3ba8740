"""Helpers that run sweeps in tests and compare records."""

from typing import Any

from dropout_lab.sweeps.execution import runner
from dropout_lab.sweeps.execution.runner import Execution


def run_sweep(config, sweep, store, **execution):
    """Runs a sweep in this process, by default one trial at a time."""
    options: dict[str, Any] = {"lanes": 1, "executor": "local"} | execution
    return runner.run_sweep(config, sweep, store, Execution(**options))


def without_time(record):
    """Returns a record without its wall time, on which two runs of a trial differ."""
    return {**record, "wall_seconds": 0}
