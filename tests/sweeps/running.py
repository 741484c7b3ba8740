"""Running sweeps in tests."""

from typing import Any

from dropout_lab.sweeps.execution import runner
from dropout_lab.sweeps.execution.runner import Execution


def run_sweep(config, sweep, store, **execution):
    """Runs a sweep in this process, one trial at a time unless told otherwise."""
    options: dict[str, Any] = {"lanes": 1, "executor": "local"} | execution
    return runner.run_sweep(config, sweep, store, Execution(**options))


def without_time(record):
    """Returns what two runs of a trial agree on."""
    return {**record, "wall_seconds": 0}
