r"""Chooses a setting by validation error and evaluates it once on the test set.

dropout-lab tune --config=FILE.py:dropout --vary=dropout.rate=0.25,0.5 \
    --vary=seed=0,1,2 --workdir=DIR

Settings are given as for dropout-lab sweep. Seeds are not part of a setting: errors are averaged
over them. DIR/tuned.json lists all settings tried.

--search=halving trains all settings a few epochs, goes on with the best third, and so on to the
whole length; --search=hyperband does so in brackets that begin later and later.
"""

import sys
from pathlib import Path

from absl import flags

from dropout_lab.cli.config_file import ConfigFlag
from dropout_lab.cli.path_flag import define_path
from dropout_lab.cli.sweep_flags import ExecutionFlags, GridFlags


class Command:
    """Flags and execution of ``dropout-lab tune``."""

    def __init__(self) -> None:
        self._config = ConfigFlag()
        self._grid = GridFlags()
        self._folds = flags.DEFINE_integer(
            "folds", None, "Choose by cross-validation with this many folds."
        )
        self._search = flags.DEFINE_enum(
            "search",
            "grid",
            ["grid", "halving", "hyperband"],
            "Train every setting to the end (grid), or stop most of them early.",
        )
        self._factor = flags.DEFINE_integer(
            "factor", 3, "Halving: one setting in this many goes on, this many times as far."
        )
        self._min_epochs = flags.DEFINE_integer(
            "min_epochs", 1, "Halving: fewest epochs of a setting."
        )
        self._workdir = define_path(
            "workdir", "Directory for tuned.json and the records.", required=True
        )
        self._execution = ExecutionFlags()

    def run(self) -> None:
        """Runs what has no record yet; prints all validation errors and the test error."""
        from dropout_lab.sweeps.grid import settings_and_seeds
        from dropout_lab.tuning.halving import Halving
        from dropout_lab.tuning.tuning import Tuning

        config = self._config.given
        self._execution.set_checkpoints(config)
        settings, seeds = settings_and_seeds(self._grid.overrides(config), default=config.seed)
        halving = Halving(
            self._factor.value, self._min_epochs.value, self._search.value == "hyperband"
        )
        tuned = Tuning(
            config,
            {"all": settings},
            Path(self._workdir.value),
            seeds=seeds,
            final_seeds=seeds,
            folds=self._folds.value,
            halving=halving if self._search.value != "grid" else None,
        ).run(self._execution.execution())
        print(tuned.choices["all"].table())
        for label, error in tuned.failed.items():
            print(f"failed: {label}: {error}", file=sys.stderr)
        if tuned.failed:
            sys.exit(1)
