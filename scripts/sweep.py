r"""Trains many networks, a record each; started again, only what is missing.

python scripts/sweep.py --config=configs/mnist_mlp.py --vary=variant=none,dropout \
    --vary=dropout.rate=0.25,0.5 --vary=seed=0,1,2 --workdir=DIR

What is tried: the grid of --vary, or what the get_sweep() of --sweep=FILE.py yields (the
configuration's own file may be that file), or every combination of both.
"""

import sys

from absl import flags
from ml_collections import config_flags

from dropout_lab.cli.entry import run
from dropout_lab.cli.sweep_flags import ExecutorFlags, GridFlags
from dropout_lab.errors import InputError
from dropout_lab.sweeps.execution.runner import preview, run_sweep
from dropout_lab.sweeps.status import describe
from dropout_lab.sweeps.store import Store

_CONFIG = config_flags.DEFINE_config_file("config", None, "FILE.py:VARIANT[,smoke].")
_GRID = GridFlags()
_WORKDIR = flags.DEFINE_string(
    "workdir", None, "Where the records, DIR/trials/*.json, go.", required=True
)
_DRY_RUN = flags.DEFINE_bool("dry_run", False, "List the trials, tell the time, and stop.")
_STATUS = flags.DEFINE_bool("status", False, "Tell how far the sweep in --workdir is, and stop.")
_EXECUTOR = ExecutorFlags()


def main() -> None:
    """Runs what is not recorded yet, or tells what would run or has run."""
    store = Store(_WORKDIR.value)
    if _STATUS.value:
        print(describe(store))
        return
    config = _CONFIG.value
    if config is None:
        raise InputError("--config is missing; allowed without: --status")
    _EXECUTOR.set_checkpoints(config)
    sweep, execution = _GRID.overrides(), _EXECUTOR.execution()
    if _DRY_RUN.value:
        print("\n".join(preview(config, sweep, store, execution)))
        return
    failed = run_sweep(config, sweep, store, execution)
    for label, error in failed.items():
        print(f"failed: {label}: {error}", file=sys.stderr)
    if failed:
        sys.exit(1)


if __name__ == "__main__":
    run(main)
