"""The work loop of a process: chunk after chunk of a sweep until none is left.

Any number of processes can run it at once, on any number of machines that share the directory: the
store's locks decide which process runs a chunk, its records which trials are done.
"""

import functools
import time
from collections.abc import Callable, Sequence

from dropout_lab.sweeps.execution.chunk import run_chunk
from dropout_lab.sweeps.execution.cost import choose_lanes
from dropout_lab.sweeps.execution.plan import Plan, make_plan
from dropout_lab.sweeps.store import Store
from dropout_lab.sweeps.trials import Group, Trial, groups
from dropout_lab.system.interrupt import Stop
from dropout_lab.training.vmapped import evenly

ERROR = "error: "
"""Start of the line on standard error that says why a worker ended with status 2."""

_POLL = 0.5  # seconds between two checks of the chunks that other processes run


def work(
    store: Store,
    grouped: Sequence[Group],
    *,
    lanes: int | None,
    workers: int,
    stop: Stop,
    on_progress: Callable[[], None] = lambda: None,
) -> None:
    """Runs the pending chunks one at a time, and waits for those that other processes run.

    Args:
      store: The sweep.
      grouped: The groups to run.
      lanes: Width of groups not yet planned; None to measure the fastest.
      workers: Number of processes that share the machine.
      stop: Checked after every epoch: whether to save and stop.
      on_progress: Called after every epoch and chunk, and while waiting.

    Raises:
      InputError: If a file cannot be written.
      Interrupted: If asked to stop; finished work is saved.
    """
    while True:
        ran = busy = False
        for group in grouped:
            plan = plan_of(store, group, lanes, workers)
            busy |= plan is None
            ids = {trial.id for trial in group.trials}
            for chunk in plan.chunks if plan else ():
                if ids.isdisjoint(chunk.pending(store)):
                    continue
                stop.check()
                done = run_chunk(store, group, chunk, stop=stop, on_epoch=on_progress)
                ran |= done
                busy |= not done
                on_progress()
        if not ran and not busy:
            return
        if not ran:
            on_progress()
            stop.check()
            time.sleep(_POLL)


def plan_of(store: Store, group: Group, lanes: int | None, workers: int) -> Plan | None:
    """Returns the plan of a group, made if necessary; None while another process makes it."""
    if lanes is None:
        return make_plan(store, group, functools.partial(choose_lanes, workers=workers))
    return make_plan(store, group, lambda trials: (width(trials, lanes), None))


def width(trials: Sequence[Trial], lanes: int) -> int:
    """Returns the number of lanes to use: as requested, but no more than the trials fill."""
    return min(lanes, evenly(len(trials), trials[0].config.mesh.data))


def groups_of(store: Store, trials: Sequence[str]) -> list[Group]:
    """Returns the groups of some trials of a sweep, given by id."""
    configs = store.flat_configs(trials)
    return groups([Trial(trial, config, {}) for trial, config in zip(trials, configs, strict=True)])
