"""Running a sweep: what is not recorded yet, by one process or many."""

import dataclasses
from collections.abc import Iterable, Iterator, Sequence

import jax
from ml_collections import ConfigDict

from dropout_lab.config import HOW
from dropout_lab.errors import InputError, unknown
from dropout_lab.sweeps.execution.cluster import run_dask
from dropout_lab.sweeps.execution.cost import estimate
from dropout_lab.sweeps.execution.plan import by_fold, read_plan
from dropout_lab.sweeps.execution.worker_pool import run_processes
from dropout_lab.sweeps.execution.work import width, work
from dropout_lab.sweeps.grid import Grid, Overrides, product
from dropout_lab.sweeps.status import Watch, duration
from dropout_lab.sweeps.store import Store
from dropout_lab.sweeps.trials import Group, Trial, check_one_way, groups, make_trials
from dropout_lab.system.display import Display
from dropout_lab.system.interrupt import Stop, graceful_stop
from dropout_lab.system.machine import threads
from dropout_lab.training.preparation import check_data, load_data, prepare
from dropout_lab.training.record import environment

EXECUTORS = ("auto", "local", "processes", "dask")
"""Who runs the chunks."""

# With networks as small as MNIST's, two single-threaded processes train 1.2 to 2 times as much in a
# second as one process of two threads (measured), but each has to start and compile.
_WORTHWHILE = 30.0  # seconds of work from which that pays
_MANY = 32  # trials from which on nothing is measured: if they are short, little is lost

# How a program runs, for all of its trials; whether a network is kept is asked of each.
_SHARED = tuple(key for key in HOW if key != "run.save_model")


@dataclasses.dataclass(frozen=True)
class Execution:
    """How a sweep is run; but for rounding, no effect on its records.

    Attributes:
      lanes: Trials side by side, in groups that have no plan yet; None to measure what is fastest.
      executor: One of ``EXECUTORS``.
      workers: Processes; None for one per core. Not with "local".
      scheduler: Address of a Dask scheduler.
      retry: Whether trials that failed are run again.

    Raises:
      InputError: If a value is not allowed.
    """

    lanes: int | None = None
    executor: str = "auto"
    workers: int | None = None
    scheduler: str | None = None
    retry: bool = False

    def __post_init__(self) -> None:
        if self.executor not in EXECUTORS:
            raise unknown("executor", self.executor, EXECUTORS)
        for name, number in (("lanes", self.lanes), ("workers", self.workers)):
            if number is not None and number < 1:
                raise InputError(f"--{name}={number}; allowed: a whole number above 0")
        if self.workers is not None and self.executor == "local":
            raise InputError(
                f"--workers={self.workers} with --executor=local, which is one process; allowed: "
                "with --executor=processes or --executor=dask"
            )
        if self.scheduler is not None and self.executor != "dask":
            raise InputError(
                f"--scheduler={self.scheduler} with --executor={self.executor}; allowed: with "
                "--executor=dask"
            )


def run_sweep(
    config: ConfigDict,
    sweep: Grid | Iterable[Overrides],
    store: Store,
    execution: Execution | None = None,
) -> dict[str, str]:
    """Runs the trials of a sweep that have no record yet, and records each when it is done.

    Args:
      config: What all trials have in common.
      sweep: A grid, or overrides by trial.
      store: Where the plan and the records go.
      execution: Who runs them.

    Returns:
      The error of each trial that failed, by label.

    Raises:
      InputError: If a value, the data or the directory is wrong; before anything is run.
      Interrupted: If a signal asked to stop; what was done is saved.
    """
    execution = execution or Execution()
    trials, grouped, varied = _checked(config, sweep, store, execution)
    store.extend(config, varied, trials)
    ids = [trial.id for trial in trials]
    damaged = store.quarantine_damaged(ids)
    if execution.retry:
        for trial in ids:
            store.forget_failure(trial)
    watch = Watch(store, ids)
    with graceful_stop() as stop, Display(trials=len(trials)) as display:
        _introduce(watch, display, [*damaged, *_other_revisions(watch)])
        pending = [each for each in grouped if not _is_over(each, watch)]
        if pending:
            executor = _executor(execution, store, pending)
            if execution.executor == "auto":
                display.say(f"executor: {executor}")
            for line in _otherwise_planned(executor, execution, store, pending):
                display.say(line)
            _execute(executor, execution, store, pending, watch, display, stop)
        watch.show(display)
    return {watch.labels[trial]: error for trial, error in watch.failed.items()}


def _checked(
    config: ConfigDict, sweep: Grid | Iterable[Overrides], store: Store, execution: Execution
) -> tuple[list[Trial], list[Group], list[str]]:
    """Returns a sweep's trials, their groups and what varies; InputError unless all can be run."""
    overrides = list(product(sweep))
    trials = make_trials(config, overrides)
    if not trials:
        raise InputError("the sweep has no trial; allowed: one or more")
    varied = list(dict.fromkeys(key for values in overrides for key in values))
    store.check(config, varied)
    grouped = groups(trials)
    for group in grouped:
        check_group(group, execution.lanes)
    return trials, grouped, varied


def check_group(group: Group, lanes: int | None = None) -> None:
    """Raises InputError if the program cannot be made, or it or the data do not suit some trial."""
    count = len(group.trials)
    for trial in group.trials:
        check_one_way(group.trials[0].config, trial.config, _SHARED)
    prepare(group.trials[0].config, min(count, lanes or count))
    for alike in by_fold(group.trials):
        for trial in alike:
            check_data(trial.config, load_data(trial.config))


def _is_over(group: Group, watch: Watch) -> bool:
    return all(trial.id in watch.done or trial.id in watch.failed for trial in group.trials)


def _introduce(watch: Watch, display: Display, warnings: Sequence[str]) -> None:
    line = f"{len(watch.labels)} trials, {len(watch.done)} of them recorded before"
    if watch.failed:
        line += f", {len(watch.failed)} failed before (--retry runs them again)"
    for each in (line, *warnings):
        display.say(each)


def _other_revisions(watch: Watch) -> list[str]:
    """Returns a warning if records were made by other code than this."""
    now = environment()["git_revision"]
    others = ", ".join(sorted(str(revision) for revision in watch.revisions - {now}))
    return [f"warning: records are of revision {others}, this is {now}"] if others else []


def _executor(execution: Execution, store: Store, pending: Sequence[Group]) -> str:
    """Returns who runs the chunks: on a CPU, processes if there is enough to do.

    A plan was made for so many threads, and is followed.
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
    whole = seconds / len(pending[0].trials) * count
    return "processes" if whole > _WORTHWHILE else "local"


def _otherwise_planned(
    executor: str, execution: Execution, store: Store, pending: Sequence[Group]
) -> Iterator[str]:
    """Yields a warning if plans were made for another number of lanes or threads than now."""
    plans = [(group, plan) for group in pending if (plan := read_plan(store, group.id))]
    if execution.lanes is not None:
        lanes = {
            plan.lanes
            for group, plan in plans
            if plan.lanes != width(group.trials, execution.lanes)
        }
        if lanes:
            yield (
                f"warning: begun with {_listed(lanes)} lanes, which stay, and not --lanes="
                f"{execution.lanes}; to plan anew what is left, remove {store.directory / 'plans'}"
            )
    now = threads() if executor == "local" else 1
    others = {plan.threads for _, plan in plans} - {now}
    if others and execution.scheduler is None:  # its workers may be anywhere
        yield (
            f"warning: begun with {_listed(others)} threads a process, going on with {now}: the "
            "last digits of what is left may depend on it"
        )


def _listed(widths: Iterable[int]) -> str:
    return " and ".join(map(str, sorted(widths)))


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
            tell=lambda: watch.glance(display),
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
        )


def preview(
    config: ConfigDict,
    sweep: Grid | Iterable[Overrides],
    store: Store,
    execution: Execution | None = None,
) -> list[str]:
    """Returns a line per trial, then what running them takes, from a short measurement.

    Writes nothing; arguments and errors as of :func:`run_sweep`.
    """
    lines, seconds, compiling = [], 0.0, 0.0
    trials, grouped, _ = _checked(config, sweep, store, execution or Execution())
    waiting = 0
    for number, group in enumerate(grouped, start=1):
        new = [trial for trial in group.trials if not store.has(trial.id)]
        for trial in group.trials:
            state = "recorded" if store.has(trial.id) else "to run"
            lines.append(f"group {number}  {trial.id}  {state:8}  {trial.label()}")
        if new:
            took, compiled = estimate(new)
            seconds, compiling, waiting = seconds + took, compiling + compiled, waiting + 1
    lines.append(
        f"{len(trials)} trials in {len(grouped)} groups; {waiting} to compile, about "
        f"{duration(compiling)}; to train one trial after another, about {duration(seconds)}"
    )
    return lines
