"""Running a sweep: trials grouped by what they compile, each recorded as soon as it is done."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from ml_collections import ConfigDict

from dropout_lab.display import Display
from dropout_lab.settings import static_key
from dropout_lab.sweeps.grid import Grid, Trial, make_trials, product
from dropout_lab.sweeps.store import Store
from dropout_lab.training import loop
from dropout_lab.training.checkpoint import Checkpoints
from dropout_lab.training.interrupt import Stop, graceful_stop
from dropout_lab.training.progress import Epoch
from dropout_lab.training.record import make_record
from dropout_lab.training.run import prepare


def groups(trials: Sequence[Trial]) -> list[list[Trial]]:
    """Returns the trials in groups that share one compiled program, first come first."""
    found: dict[str, list[Trial]] = {}
    for trial in trials:
        found.setdefault(static_key(trial.config), []).append(trial)
    return list(found.values())


def run_sweep(config: ConfigDict, grid: Grid, store: Store) -> None:
    """Runs the trials of a grid that have no record yet, and records each when it is done.

    Args:
      config: What all trials have in common.
      grid: The values to try, by key.
      store: Where the plan and the records go.

    Raises:
      InputError: If a value, the data or the directory is wrong; before anything is run.
      Interrupted: If a signal asked to stop; what was done is saved.
    """
    trials = make_trials(config, product(grid))
    store.check(config, grid)
    for group in groups(trials):
        prepare(group[0].config)
    store.extend(config, grid, trials)
    pending = [trial for trial in trials if not store.has(trial.id)]
    done = len(trials) - len(pending)
    with graceful_stop() as stop, Display(trials=len(trials)) as display:
        display.say(f"{len(trials)} trials, {done} of them recorded before")

        def show(epoch: Epoch) -> None:
            display.update(done + epoch.share, f"trial {done + 1}/{len(trials)}")

        for group in groups(pending):
            for trial, record in _run_group(group, store, stop, show):
                store.add(record)
                Checkpoints(store.checkpoint(trial.id)).clear()
                done += 1
                display.update(done, f"trial {done}/{len(trials)}")
                display.say(f"{trial.label() or trial.id}: {_outcome(record)}")


def _run_group(
    group: Sequence[Trial], store: Store, stop: Stop, show: Callable[[Epoch], None]
) -> Iterator[tuple[Trial, dict[str, Any]]]:
    """Yields the trials of a group with their records, as they finish: here, one after another."""
    program, dataset = prepare(group[0].config)
    for trial in group:
        run = loop.Lanes(
            program,
            [trial.config],
            dataset,
            checkpoints=Checkpoints(store.checkpoint(trial.id)),
            on_epoch=show,
            stop=stop,
        )
        [result] = run.run()
        yield trial, make_record(trial.config, dataset, result)


def _outcome(record: dict[str, Any]) -> str:
    # Never the test error: who watches a sweep is about to choose something.
    error = record["metrics"].get("val_error")
    return record["status"] if error is None else f"validation error {error:.2f} %"
