r"""Chooses a setting by validation error, and evaluates it once on the test set.

python scripts/tune.py --config=configs/mnist_mlp.py:dropout --vary=dropout.rate=0.25,0.5 \
    --vary=seed=0,1,2 --workdir=DIR

What is tried: as scripts/sweep.py has it. Seeds are no part of a setting: errors are averaged over
them. DIR/tuned.json tells everything that was tried.
"""

import sys
from pathlib import Path

from absl import flags
from ml_collections import config_flags

from dropout_lab.cli.entry import run
from dropout_lab.cli.sweep_flags import ExecutorFlags, GridFlags
from dropout_lab.sweeps.grid import settings_and_seeds
from dropout_lab.tuning.tuning import Tuning

_CONFIG = config_flags.DEFINE_config_file("config", None, "FILE.py:VARIANT[,smoke].")
_GRID = GridFlags()
_FOLDS = flags.DEFINE_integer("folds", None, "Choose by cross-validation with so many parts.")
_WORKDIR = flags.DEFINE_string(
    "workdir", None, "Where tuned.json and the records go.", required=True
)
_EXECUTOR = ExecutorFlags()
flags.mark_flag_as_required("config")


def main() -> None:
    """Searches, chooses and tests what is not recorded yet; prints all errors."""
    config = _CONFIG.value
    _EXECUTOR.set_checkpoints(config)
    settings, seeds = settings_and_seeds(_GRID.overrides(), default=config.seed)
    tuned = Tuning(
        config,
        {"all": settings},
        Path(_WORKDIR.value),
        seeds=seeds,
        final_seeds=seeds,
        folds=_FOLDS.value,
    ).run(_EXECUTOR.execution())
    print(tuned.choices["all"].table())
    for label, error in tuned.failed.items():
        print(f"failed: {label}: {error}", file=sys.stderr)
    if tuned.failed:
        sys.exit(1)


if __name__ == "__main__":
    run(main)
