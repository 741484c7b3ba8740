"""The runs of a setting, read from a store."""

from collections.abc import Iterable

from ml_collections import ConfigDict

from dropout_lab.sweeps.grid import Overrides, product
from dropout_lab.sweeps.store import Store
from dropout_lab.sweeps.trials import make_trials
from dropout_lab.tuning.choice import Run, Setting


def read_setting(
    store: Store, config: ConfigDict, overrides: Overrides, repeats: Iterable[Overrides]
) -> Setting:
    """Returns a setting with its runs; those without a record count as failed.

    Args:
      store: The sweep.
      config: The configuration that all trials share.
      overrides: The setting.
      repeats: The overrides of each of its runs.
    """
    trials = make_trials(config, product([overrides], repeats))
    runs = []
    for trial in trials:
        record = store.record(trial.id)
        status = record["status"] if record else "failed"
        metrics = record["metrics"] if record and status == "ok" else {}
        data = trial.config.data
        runs.append(Run(trial.id, trial.config.seed, data.fold, status, metrics))
    return Setting(overrides, tuple(runs))
