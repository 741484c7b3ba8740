"""Flags of the subcommands that run sweeps: the configuration, the trials, the execution."""

from __future__ import annotations

from typing import TYPE_CHECKING

from absl import flags
from ml_collections import ConfigDict

from dropout_lab.cli.path_flag import define_path
from dropout_lab.errors import InputError

if TYPE_CHECKING:
    from dropout_lab.sweeps.execution.connection import Certificates
    from dropout_lab.sweeps.execution.options import Execution
    from dropout_lab.sweeps.grid import Overrides

flags.disclaim_key_flags()  # --help shows them as the subcommand's own


class GridFlags:
    """Flags that select a sweep's trials; an instance defines them, so make only one."""

    def __init__(self) -> None:
        self._vary = flags.DEFINE_multi_string(
            "vary",
            [],
            "KEY=VALUE,VALUE,...; repeat it for a grid. seed=0:10 is 0 to 9; variant=all is every "
            "variant that fits the model. With --trials also uniform(LOW,HIGH), "
            "log_uniform(LOW,HIGH) and integers(LOW,HIGH).",
        )
        self._seeds = flags.DEFINE_integer("seeds", None, "N: the same as --vary=seed=0:N.")
        self._trials = flags.DEFINE_integer(
            "trials", None, "Draw this many settings of --vary; each is run with every seed."
        )
        self._draws = flags.DEFINE_string(
            "draws",
            "random",
            "With --trials: random, or sobol, which covers more evenly.",
        )
        self._draw_seed = flags.DEFINE_integer("draw_seed", 0, "With --trials: seed of the draws.")
        self._sweep = define_path(
            "sweep", "FILE.py whose get_sweep() yields the values of each trial."
        )

    def overrides(self, config: ConfigDict) -> list[Overrides]:
        """Returns the overrides of every trial.

        Args:
          config: The configuration, for whose model ``variant=all`` stands.

        Raises:
          InputError: If a flag or the file is wrong.
        """
        from dropout_lab.sweeps.draws import draw_of, sampled
        from dropout_lab.sweeps.grid import (
            MAX_TRIALS,
            parse,
            product,
            read_sweep,
            with_all_variants,
        )

        factors = [read_sweep(self._sweep.value)] if self._sweep.value else []
        specs = [*self._vary.value]
        if self._seeds.value is not None:
            specs.append(f"seed=0:{self._seeds.value}")
        grid = with_all_variants(parse(specs), config)
        count = self._trials.value
        if count is None:
            return list(product(*factors, grid))
        draws = {key: draw_of(key, values) for key, values in grid.items() if key != "seed"}
        if not 1 <= count <= MAX_TRIALS:
            raise InputError(f"--trials={count}; allowed: 1 to {MAX_TRIALS}")
        if not draws:
            raise InputError(f"--trials={count} without --vary of a key to draw; allowed: with it")
        drawn = sampled(draws, count, self._draw_seed.value, self._draws.value)
        seeds = {key: values for key, values in grid.items() if key == "seed"}
        return list(product(*factors, drawn, seeds))


class ExecutionFlags:
    """Flags that say how trials run; an instance defines them, so make only one."""

    def __init__(self) -> None:
        self._lanes = flags.DEFINE_string(
            "lanes", "auto", "Trials that train side by side: auto, or a number."
        )
        self._executor = flags.DEFINE_string(
            "executor", "auto", "auto, local (this process), processes, or dask (a cluster)."
        )
        self._workers = flags.DEFINE_integer(
            "workers", None, "Number of processes; default: one per core."
        )
        self._scheduler = flags.DEFINE_string(
            "scheduler", None, "With dask: tls://HOST:PORT, or tcp://, of a running scheduler."
        )
        self._tls = {
            name: define_path(f"tls_{name}", f"With --scheduler=tls://: {meaning}.")
            for name, meaning in (
                ("ca", "file of the authority that signed all certificates"),
                ("cert", "file of this client's certificate"),
                ("key", "file of this client's private key"),
            )
        }
        self._retry = flags.DEFINE_bool("retry", False, "Run failed trials again.")
        self._checkpoint_minutes = flags.DEFINE_float(
            "checkpoint_minutes",
            None,
            "Minutes between checkpoints; default: config.run.checkpoint_seconds.",
        )

    def execution(self) -> Execution:
        """Returns how trials run.

        Raises:
          InputError: If a flag is wrong.
        """
        from dropout_lab.sweeps.execution.options import Execution

        return Execution(
            self._parsed_lanes(),
            self._executor.value,
            self._workers.value,
            self._scheduler.value,
            self._retry.value,
            self._certificates(),
        )

    def set_checkpoints(self, config: ConfigDict) -> None:
        """Sets the time between checkpoints in a configuration, if a flag gives it."""
        if self._checkpoint_minutes.value is not None:
            config.run.checkpoint_seconds = 60.0 * self._checkpoint_minutes.value

    def _certificates(self) -> Certificates | None:
        from dropout_lab.sweeps.execution.connection import Certificates

        files = {name: flag.value for name, flag in self._tls.items() if flag.value is not None}
        if not files:
            return None
        if len(files) < len(self._tls):
            given = " ".join(f"--tls_{name}={file}" for name, file in files.items())
            raise InputError(f"{given}; allowed: all of --tls_ca, --tls_cert, --tls_key, or none")
        return Certificates(**files)

    def _parsed_lanes(self) -> int | None:
        text = self._lanes.value
        if text == "auto":
            return None
        try:
            return int(text)
        except ValueError as error:
            raise InputError(f"--lanes={text}; allowed: auto, or a whole number") from error
