r"""Trains many networks and records each; started again, trains only those that are missing.

dropout-lab sweep --config=FILE.py --vary=variant=none,dropout \
    --vary=dropout.rate=0.25,0.5 --vary=seed=0,1,2 --workdir=DIR

The trials are the grid of --vary, or the overrides that get_sweep() of --sweep=FILE.py yields (the
configuration file may be that file), or every combination of both.

Exit status: 0 if every trial has a result, 1 if one failed or diverged, 2 for bad input, 128 + the
signal after an interruption.
"""

import sys
from typing import Any

from absl import flags

from dropout_lab.cli.config_file import ConfigFlag
from dropout_lab.cli.log_flag import LogFlag
from dropout_lab.cli.path_flag import define_path
from dropout_lab.cli.sweep_flags import ExecutionFlags, GridFlags
from dropout_lab.errors import InputError


class Command:
    """Flags and execution of ``dropout-lab sweep``."""

    def __init__(self) -> None:
        self._config = ConfigFlag(required=False)
        self._grid = GridFlags()
        self._workdir = define_path("workdir", "Directory for the records, DIR/trials/*.json.")
        self._dry_run = flags.DEFINE_bool("dry_run", False, "List the trials; stop.")
        self._measure = flags.DEFINE_bool(
            "measure", False, "With --dry_run: measure how long the trials will take."
        )
        self._status = flags.DEFINE_bool("status", False, "Print the progress of --workdir; stop.")
        self._log = LogFlag("each trial as it ends")
        self._execution = ExecutionFlags()

    def run(self) -> None:
        """Runs the trials that have no record yet, or prints what would run or has run."""
        from dropout_lab.sweeps.execution.runner import preview, run_sweep
        from dropout_lab.sweeps.status import describe
        from dropout_lab.sweeps.store import Store
        from dropout_lab.tracking.sink import replay, trial_of
        from dropout_lab.training.run_status import describe_run, is_run

        store = Store(self._workdir.value) if self._workdir.value else None
        if store is None and not self._dry_run.value:
            raise InputError("--workdir is missing; allowed without: --dry_run")
        if self._measure.value and not self._dry_run.value:
            raise InputError("--measure without --dry_run; allowed: with it")
        if store is not None and self._status.value:
            directory = store.directory
            print(describe_run(directory) if is_run(directory) else describe(store))
            return
        config = self._config.value
        if config is None:
            raise InputError("--config is missing; only --status works without it")
        self._execution.set_checkpoints(config)
        sweep, execution = self._grid.overrides(config), self._execution.execution()
        if store is None or self._dry_run.value:
            measure = self._measure.value
            print("\n".join(preview(config, sweep, store, execution, measure=measure)))
            return
        with self._log.sinks(self._workdir.value) as sinks:

            def follow(record: dict[str, Any]) -> None:
                trial = trial_of(record, store.varied())
                for sink in sinks:
                    replay(sink, trial, record)

            on_record = follow if sinks else None
            failed, diverged = run_sweep(config, sweep, store, execution, on_record=on_record)
        for label, error in failed.items():
            print(f"failed: {label}: {error}", file=sys.stderr)
        if failed or diverged:
            sys.exit(1)
