r"""Trains many networks and records each; started again, trains only those that are missing.

dropout-lab sweep --config=FILE.py --vary=variant=none,dropout \
    --vary=dropout.rate=0.25,0.5 --vary=seed=0,1,2 --workdir=DIR

The trials are the grid of --vary, or the overrides that get_sweep() of --sweep=FILE.py yields (the
configuration file may be that file), or every combination of both.
"""

import sys

from absl import flags
from ml_collections import config_flags

from dropout_lab.cli.sweep_flags import ExecutionFlags, GridFlags
from dropout_lab.errors import InputError


class Command:
    """Flags and execution of ``dropout-lab sweep``."""

    def __init__(self) -> None:
        self._config = config_flags.DEFINE_config_file("config", None, "FILE.py[:VARIANT[,smoke]].")
        self._grid = GridFlags()
        self._workdir = flags.DEFINE_string(
            "workdir", None, "Directory for the records, DIR/trials/*.json.", required=True
        )
        self._dry_run = flags.DEFINE_bool("dry_run", False, "List trials and estimate time; exit.")
        self._status = flags.DEFINE_bool("status", False, "Print the progress of --workdir; exit.")
        self._execution = ExecutionFlags()

    def run(self) -> None:
        """Runs the trials that have no record yet, or prints what would run or has run."""
        from dropout_lab.sweeps.execution.runner import preview, run_sweep
        from dropout_lab.sweeps.status import describe
        from dropout_lab.sweeps.store import Store

        store = Store(self._workdir.value)
        if self._status.value:
            print(describe(store))
            return
        config = self._config.value
        if config is None:
            raise InputError("--config is missing; only --status works without it")
        self._execution.set_checkpoints(config)
        sweep, execution = self._grid.overrides(), self._execution.execution()
        if self._dry_run.value:
            print("\n".join(preview(config, sweep, store, execution)))
            return
        failed = run_sweep(config, sweep, store, execution)
        for label, error in failed.items():
            print(f"failed: {label}: {error}", file=sys.stderr)
        if failed:
            sys.exit(1)
