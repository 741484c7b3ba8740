"""Flags of all scripts that run sweeps: what is tried, and who runs it."""

from absl import flags
from ml_collections import ConfigDict

from dropout_lab.errors import InputError
from dropout_lab.sweeps.execution.runner import EXECUTORS, Execution
from dropout_lab.sweeps.grid import Overrides, parse, product, read_sweep

flags.disclaim_key_flags()  # --help shows them as the script's own


class GridFlags:
    """What is tried; made once, where a script defines its flags."""

    def __init__(self) -> None:
        self._vary = flags.DEFINE_multi_string(
            "vary", [], "KEY=VALUE,VALUE,...; repeatable: a grid."
        )
        self._sweep = flags.DEFINE_string(
            "sweep", None, "FILE.py, whose get_sweep() yields overrides."
        )

    def overrides(self) -> list[Overrides]:
        """Returns the overrides of every trial.

        Raises:
          InputError: If a flag or the file is wrong.
        """
        factors = [read_sweep(self._sweep.value)] if self._sweep.value else []
        return list(product(*factors, parse(self._vary.value)))


class ExecutorFlags:
    """Who runs the trials; made once, where a script defines its flags."""

    def __init__(self) -> None:
        self._lanes = flags.DEFINE_string(
            "lanes", "auto", "Trials side by side: auto, or a number."
        )
        self._executor = flags.DEFINE_enum("executor", "auto", EXECUTORS, "Who runs the trials.")
        self._workers = flags.DEFINE_integer("workers", None, "Processes; one per core without it.")
        self._scheduler = flags.DEFINE_string(
            "scheduler", None, "dask: tcp://HOST:PORT of a scheduler."
        )
        self._retry = flags.DEFINE_bool("retry", False, "Run trials again that failed.")
        self._checkpoint_minutes = flags.DEFINE_float(
            "checkpoint_minutes",
            None,
            "Save every so often; config.run.checkpoint_seconds in minutes.",
        )

    def execution(self) -> Execution:
        """Returns who runs the trials.

        Raises:
          InputError: If a flag is wrong.
        """
        return Execution(
            self._parsed_lanes(),
            self._executor.value,
            self._workers.value,
            self._scheduler.value,
            self._retry.value,
        )

    def set_checkpoints(self, config: ConfigDict) -> None:
        """Writes into a configuration how often to save, if a flag says so."""
        if self._checkpoint_minutes.value is not None:
            config.run.checkpoint_seconds = 60.0 * self._checkpoint_minutes.value

    def _parsed_lanes(self) -> int | None:
        text = self._lanes.value
        if text == "auto":
            return None
        try:
            return int(text)
        except ValueError as error:
            raise InputError(f"--lanes={text}; allowed: auto, or a whole number") from error
