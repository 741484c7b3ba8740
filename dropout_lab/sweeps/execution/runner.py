"""Execution of a sweep's pending trials, by one process or many."""

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import jax
from ml_collections import ConfigDict

from dropout_lab.config import EXECUTION, HOST
from dropout_lab.errors import InputError
from dropout_lab.sweeps.execution.cluster import run_dask
from dropout_lab.sweeps.execution.cost import estimate
from dropout_lab.sweeps.execution.options import Execution
from dropout_lab.sweeps.execution.plan import by_fold, read_plan
from dropout_lab.sweeps.execution.work import width, work
from dropout_lab.sweeps.execution.worker_pool import run_processes
from dropout_lab.sweeps.grid import Grid, Overrides, product
from dropout_lab.sweeps.status import Watch, duration
from dropout_lab.sweeps.store import Store
from dropout_lab.sweeps.trials import Group, Trial, check_same_execution, groups, make_trials
from dropout_lab.system.display import Display
from dropout_lab.system.files import DamagedError
from dropout_lab.system.interrupt import Stop, graceful_stop
from dropout_lab.system.machine import threads
from dropout_lab.training.preparation import check_data, load_data, prepare
from dropout_lab.training.record import environment

# With networks as small as MNIST's, two single-threaded processes train 1.2 to 2 times as fast as
# one process with two threads (measured), but each has to start and compile.
_WORTHWHILE = 30.0  # estimated seconds of work from which processes are worth their start
_MANY = 32  # trials from which processes are chosen unmeasured: if they are short, little is lost

# Keys in which all trials of a program agree; run.save_model is read for each trial.
_SHARED = tuple(key for key in EXECUTION if key != "run.save_model")


class Outcome(NamedTuple):
    """What became of a sweep's trials, besides those that ended well.

    Attributes:
      failed: The error of each trial that failed, by label.
      diverged: Labels of the trials that diverged.
    """

    failed: dict[str, str]
    diverged: list[str]


def run_sweep(
    config: ConfigDict,
    sweep: Grid | Iterable[Overrides],
    store: Store,
    execution: Execution | None = None,
    *,
    on_record: Callable[[dict[str, Any]], None] | None = None,
) -> Outcome:
    """Runs the trials of a sweep that have no record yet, and records each when it is done.

    Args:
      config: The configuration that all trials share.
      sweep: A grid, or the overrides of each trial.
      store: The directory of the sweep.
      execution: How to run the trials.
      on_record: Called in this process with the record of each trial that has ended.

    Returns:
      The trials that failed or diverged.

    Raises:
      InputError: If a value, the data or the directory is wrong; raised before anything runs.
      Interrupted: If a signal asked to stop; finished work is saved.
    """
    execution = execution or Execution()
    trials, grouped, varied = _checked(config, sweep, store, execution)
    store.extend(config, varied, trials)
    ids = [trial.id for trial in trials]
    if execution.retry:
        for trial in ids:
            store.forget_failure(trial)
    watch, damaged = _watch(store, ids)
    watch.on_record = on_record
    with graceful_stop() as stop, Display(trials=len(trials)) as display:
        warnings = (*_other_revisions(watch), *_without_network(config, store, watch))
        for line in (_introduction(watch), *damaged, *warnings):
            display.say(line)
        pending = [group for group in grouped if not _is_finished(group, watch)]
        if pending:
            executor = _executor(execution, store, pending)
            if execution.executor == "auto":
                display.say(f"executor: {executor}")
            for line in _plan_warnings(executor, execution, store, pending):
                display.say(line)
            _execute(executor, execution, store, pending, watch, display, stop)
        watch.show(display)
        for line in watch.divergence_lines():
            display.say(line)
    store.delete_unfinished()
    return Outcome(
        {watch.labels[trial]: error for trial, error in watch.failed.items()},
        [watch.labels[trial] for trial in watch.diverged],
    )


def _watch(store: Store, trials: Sequence[str]) -> tuple[Watch, list[str]]:
    """Returns a watch of the trials, and a message about each damaged record moved away."""
    try:
        return Watch(store, trials), []
    except DamagedError:
        damaged = store.quarantine_damaged(trials)
        return Watch(store, trials), damaged


def _checked(
    config: ConfigDict,
    sweep: Grid | Iterable[Overrides],
    store: Store | None,
    execution: Execution,
) -> tuple[list[Trial], list[Group], list[str]]:
    """Returns a sweep's trials, groups and varied keys; raises InputError unless all can be run."""
    overrides = list(product(sweep))
    trials = make_trials(config, overrides)
    if not trials:
        raise InputError("the sweep has no trial; allowed: one or more")
    varied = list(dict.fromkeys(key for values in overrides for key in values))
    if store is not None:
        store.check(config, varied)
    grouped = groups(trials)
    for group in grouped:
        check_group(group, execution.lanes)
    return trials, grouped, varied


def check_group(group: Group, lanes: int | None = None) -> None:
    """Raises InputError if the group cannot be run with this many lanes; None for one per trial."""
    first, count = group.trials[0], len(group.trials)
    for trial in group.trials:
        check_same_execution(first.flat, trial.flat, _SHARED)
    prepare(first.config, min(count, lanes or count))
    # In all other keys that the data have to fit, the trials of a group agree.
    distinct = {tuple(trial.flat[key] for key in HOST): trial for trial in group.trials}
    for trial in itertools.chain(*by_fold(distinct.values())):  # the latest fold's data is kept
        check_data(trial.config, load_data(trial.config))


def _is_finished(group: Group, watch: Watch) -> bool:
    return all(trial.id in watch.done or trial.id in watch.failed for trial in group.trials)


def _introduction(watch: Watch) -> str:
    line = f"{len(watch.labels)} trials, {len(watch.done)} of them recorded before"
    if watch.failed:
        line += f", {len(watch.failed)} failed before (--retry runs them again)"
    return line


def _other_revisions(watch: Watch) -> list[str]:
    """Returns a warning if records were made by another revision of the code."""
    now = environment()["git_revision"]
    others = ", ".join(sorted(str(revision) for revision in watch.revisions - {now}))
    return [f"warning: records are of revision {others}, this is {now}"] if others else []


def _without_network(config: ConfigDict, store: Store, watch: Watch) -> list[str]:
    """Returns a warning if networks are to be kept, but were not of the trials done before."""
    if not config.run.save_model:
        return []
    count = sum(not store.network(trial).is_dir() for trial in watch.done)
    if not count:
        return []
    return [
        f"warning: the networks of {count} trials recorded before were not kept; to train them "
        f"again, remove their records from {store.directory / 'trials'}"
    ]


def _executor(execution: Execution, store: Store, pending: Sequence[Group]) -> str:
    """Returns the executor; in place of "auto" on a CPU, "processes" if there is enough work.

    If there is a plan, its number of threads decides.
    """
    if execution.executor != "auto":
        return execution.executor
    plans = [plan for group in pending if (plan := read_plan(store, group.id))]
    if plans:
        return "processes" if plans[0].threads == 1 < threads() else "local"
    count = sum(len(group.trials) for group in pending)
    if jax.default_backend() != "cpu" or min(threads(), count) < 2:
        return "local"
    if count >= _MANY:
        return "processes"
    seconds, _ = estimate(pending[0].trials)
    total = seconds / len(pending[0].trials) * count
    return "processes" if total > _WORTHWHILE else "local"


def _plan_warnings(
    executor: str, execution: Execution, store: Store, pending: Sequence[Group]
) -> Iterator[str]:
    """Yields warnings if plans were made for another number of lanes or threads."""
    plans = [(group, plan) for group in pending if (plan := read_plan(store, group.id))]
    if execution.lanes is not None:
        lanes = {
            plan.lanes
            for group, plan in plans
            if plan.lanes != width(group.trials, execution.lanes)
        }
        if lanes:
            yield (
                f"warning: --lanes={execution.lanes} is ignored, as the sweep was planned with "
                f"{_listed(lanes)} lanes; to plan the pending trials again, remove "
                f"{store.directory / 'plans'}"
            )
    now = threads() if executor == "local" else 1
    others = {plan.threads for _, plan in plans} - {now}
    if others and execution.scheduler is None:  # its workers may be on other machines
        yield (
            f"warning: planned with {_listed(others)} threads per process, continued with {now}: "
            "the last digits of the remaining results may depend on it"
        )


def _listed(counts: Iterable[int]) -> str:
    return " and ".join(map(str, sorted(counts)))


def _execute(
    executor: str,
    execution: Execution,
    store: Store,
    pending: Sequence[Group],
    watch: Watch,
    display: Display,
    stop: Stop,
) -> None:
    workers = execution.workers or threads()
    if executor == "local":
        work(
            store,
            pending,
            lanes=execution.lanes,
            workers=1,
            stop=stop,
            on_progress=lambda: watch.refresh(display),
        )
    elif executor == "processes":
        run_processes(store, watch, display, lanes=execution.lanes, workers=workers, stop=stop)
    else:
        run_dask(
            store,
            watch,
            display,
            lanes=execution.lanes,
            workers=workers,
            stop=stop,
            scheduler=execution.scheduler,
            certificates=execution.certificates,
        )


def preview(
    config: ConfigDict,
    sweep: Grid | Iterable[Overrides],
    store: Store | None = None,
    execution: Execution | None = None,
    *,
    measure: bool = False,
) -> list[str]:
    """Returns a line per trial, then their numbers and, if asked, how long they will take.

    Writes nothing; other arguments and errors as of :func:`run_sweep`.

    Args:
      config: The configuration that all trials share.
      sweep: A grid, or the overrides of each trial.
      store: The directory of the sweep; None if there is none yet.
      execution: How to run the trials.
      measure: Whether to measure the time, which compiles each group and takes minutes.
    """
    trials, grouped, _ = _checked(config, sweep, store, execution or Execution())
    lines: list[str] = []
    pending: list[list[Trial]] = []
    for number, group in enumerate(grouped, start=1):
        new = [trial for trial in group.trials if store is None or not store.has(trial.id)]
        ids = {trial.id for trial in new}
        for trial in group.trials:
            state = "to run" if trial.id in ids else "recorded"
            lines.append(f"group {number}  {trial.id}  {state:8}  {trial.label()}")
        if new:
            pending.append(new)
    line = f"{len(trials)} trials in {len(grouped)} groups; {len(pending)} to compile"
    if measure:
        estimates = map(estimate, pending)
        training, compiling = (sum(seconds) for seconds in zip((0.0, 0.0), *estimates, strict=True))
        line += (
            f", about {duration(compiling)}; to train one trial after another, about "
            f"{duration(training)}"
        )
    return [*lines, line]
