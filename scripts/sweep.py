"""Trains a grid of networks, a record each; started again, only what is missing.

python scripts/sweep.py --config=configs/mnist_mlp.py --vary=variant=none,dropout \
    --vary=dropout.rate=0.25,0.5 --vary=seed=0,1,2 --workdir=DIR
"""

from absl import flags
from ml_collections import config_flags

from dropout_lab.cli import run
from dropout_lab.sweeps.grid import make_trials, parse, product
from dropout_lab.sweeps.runner import groups, run_sweep
from dropout_lab.sweeps.store import Store

_CONFIG = config_flags.DEFINE_config_file("config", None, "FILE.py:VARIANT[,smoke].")
_VARY = flags.DEFINE_multi_string("vary", [], "KEY=VALUE,VALUE,...; repeatable: a grid.")
_WORKDIR = flags.DEFINE_string(
    "workdir", None, "Where the records, DIR/trials/*.json, go.", required=True
)
_DRY_RUN = flags.DEFINE_bool("dry_run", False, "List the trials and stop.")
flags.mark_flag_as_required("config")


def main() -> None:
    """Runs what is not recorded yet, or lists what would run."""
    grid = parse(_VARY.value)
    store = Store(_WORKDIR.value)
    if not _DRY_RUN.value:
        run_sweep(_CONFIG.value, grid, store)
        return
    for number, group in enumerate(groups(make_trials(_CONFIG.value, product(grid))), start=1):
        for trial in group:
            state = "recorded" if store.has(trial.id) else "to run"
            print(f"group {number}  {trial.id}  {state:8}  {trial.label()}")


if __name__ == "__main__":
    run(main)
