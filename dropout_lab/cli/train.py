"""Trains one network.

dropout-lab train --config=FILE.py:VARIANT --config.seed=1 --workdir=DIR

Exit status: 0, or 1 if the run diverged, 2 for bad input, 128 + the signal after an interruption.

On several hosts, run it on each, with --distributed --config.mesh.data=TOTAL_NUMBER_OF_DEVICES.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from absl import flags

from dropout_lab.cli.config_file import ConfigFlag
from dropout_lab.cli.log_flag import LogFlag
from dropout_lab.cli.path_flag import define_path
from dropout_lab.errors import InputError

if TYPE_CHECKING:
    from dropout_lab.training.progress import Epoch


class Command:
    """Flags and execution of ``dropout-lab train``."""

    def __init__(self) -> None:
        self._config = ConfigFlag()
        self._workdir = define_path(
            "workdir", "Directory for the record, DIR/record.json.", required=True
        )
        self._distributed = flags.DEFINE_bool(
            "distributed",
            False,
            "Train in several processes, told by the cluster, or by --coordinator, "
            "--num_processes and --process_id.",
        )
        self._coordinator = flags.DEFINE_string(
            "coordinator", None, "HOST:PORT of the first process."
        )
        self._processes = flags.DEFINE_integer("num_processes", None, "Number of processes.")
        self._log = LogFlag("each epoch's metrics")
        self._process = flags.DEFINE_integer("process_id", None, "This process's index, from 0.")

    def run(self) -> None:
        """Trains, and prints the metrics."""
        from dropout_lab.training.processes import is_first, join
        from dropout_lab.training.progress import DIVERGENCE_CURE

        cluster = (self._coordinator, self._processes, self._process)
        given = [f"--{flag.name}={flag.value}" for flag in cluster if flag.value is not None]
        if self._distributed.value:
            join(self._coordinator.value, self._processes.value, self._process.value)
        elif given:
            raise InputError(f"{' '.join(given)} without --distributed; allowed: only with it")
        record = self._train()
        if not is_first():
            return
        known = sorted(item for item in record["metrics"].items() if item[1] is not None)
        metrics = " ".join(f"{name}={value:.4g}" for name, value in known)
        print(f"{self._workdir.value}/record.json: {record['status']} {metrics}".rstrip())
        if record["status"] == "diverged":
            print(
                f"diverged in epoch {len(record['history'])}: the loss was no finite number; "
                f"{DIVERGENCE_CURE}",
                file=sys.stderr,
            )
            sys.exit(1)

    def _train(self) -> dict[str, Any]:
        """Trains while trackers follow, and returns the record."""
        from dropout_lab.config import resolve, trial_id
        from dropout_lab.tracking.sink import trial_of
        from dropout_lab.training.processes import is_first
        from dropout_lab.training.run import train

        config, workdir = self._config.given, self._workdir.value
        with self._log.sinks(workdir) as sinks:
            if not (sinks and is_first()):
                return train(config, workdir)
            resolved = resolve(config)
            trial = trial_of({"id": trial_id(resolved), "config": resolved.to_dict()})
            followed = False

            def follow(epoch: Epoch) -> None:
                nonlocal followed
                followed = True
                for sink in sinks:
                    sink.epoch(trial, epoch.rows[0])

            record = train(config, workdir, on_epoch=follow)
            if followed:  # else it had ended before
                for sink in sinks:
                    sink.end(trial, record)
            return record
