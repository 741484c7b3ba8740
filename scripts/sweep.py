"""Trains many networks, a record each; started again, only what is missing.

python scripts/sweep.py --config=configs/mnist_mlp.py --vary=variant=none,dropout \
    --vary=dropout.rate=0.25,0.5 --vary=seed=0,1,2 --workdir=DIR

What is tried: the grid of --vary, or what the get_sweep() of --sweep=FILE.py yields (the
configuration's own file may be that file), or every combination of both.
"""

import sys

from absl import flags
from ml_collections import config_flags

from dropout_lab.cli import run
from dropout_lab.errors import InputError
from dropout_lab.sweeps.grid import parse, product, read_sweep
from dropout_lab.sweeps.runner import EXECUTORS, How, preview, run_sweep
from dropout_lab.sweeps.status import describe
from dropout_lab.sweeps.store import Store

_CONFIG = config_flags.DEFINE_config_file("config", None, "FILE.py:VARIANT[,smoke].")
_VARY = flags.DEFINE_multi_string("vary", [], "KEY=VALUE,VALUE,...; repeatable: a grid.")
_SWEEP = flags.DEFINE_string("sweep", None, "FILE.py, whose get_sweep() yields overrides.")
_WORKDIR = flags.DEFINE_string(
    "workdir", None, "Where the records, DIR/trials/*.json, go.", required=True
)
_DRY_RUN = flags.DEFINE_bool("dry_run", False, "List the trials, tell the time, and stop.")
_STATUS = flags.DEFINE_bool("status", False, "Tell how far the sweep in --workdir is, and stop.")
_LANES = flags.DEFINE_string("lanes", "auto", "Trials side by side: auto, or a number.")
_EXECUTOR = flags.DEFINE_enum("executor", "auto", EXECUTORS, "Who runs the trials.")
_WORKERS = flags.DEFINE_integer("workers", None, "Processes; one per core without it.")
_SCHEDULER = flags.DEFINE_string("scheduler", None, "dask: tcp://HOST:PORT of a scheduler.")
_RETRY = flags.DEFINE_bool("retry", False, "Run trials again that failed.")
_CHECKPOINT_MINUTES = flags.DEFINE_float(
    "checkpoint_minutes", None, "Save every so often; config.run.checkpoint_seconds in minutes."
)


def main() -> None:
    """Runs what is not recorded yet, or tells what would run or has run."""
    store = Store(_WORKDIR.value)
    if _STATUS.value:
        print(describe(store))
        return
    config = _CONFIG.value
    if config is None:
        raise InputError("--config is missing; allowed without: --status")
    if _CHECKPOINT_MINUTES.value is not None:
        config.run.checkpoint_seconds = 60.0 * _CHECKPOINT_MINUTES.value
    factors = [read_sweep(_SWEEP.value)] if _SWEEP.value else []
    sweep = list(product(*factors, parse(_VARY.value)))
    if _DRY_RUN.value:
        print("\n".join(preview(config, sweep, store)))
        return
    how = How(_lanes(), _EXECUTOR.value, _WORKERS.value, _SCHEDULER.value, _RETRY.value)
    failed = run_sweep(config, sweep, store, how)
    for label, error in failed.items():
        print(f"failed: {label}: {error}", file=sys.stderr)
    if failed:
        sys.exit(1)


def _lanes() -> int | None:
    if _LANES.value == "auto":
        return None
    try:
        return int(_LANES.value)
    except ValueError as error:
        raise InputError(f"--lanes={_LANES.value}; allowed: auto, or a whole number") from error


if __name__ == "__main__":
    run(main)
