"""Working on a sweep: chunk after chunk until none is left.

Any number of processes may do so at once, on any number of machines that share the directory: the
store's locks settle who runs what, and its records what is done.
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

_PATIENCE = 0.5  # seconds between two looks at what others run


def work(
    store: Store,
    grouped: Sequence[Group],
    *,
    lanes: int | None,
    workers: int,
    stop: Stop,
    tell: Callable[[], None] = lambda: None,
) -> None:
    """Runs what is pending, a chunk at a time, and waits for what others run.

    Args:
      store: The sweep.
      grouped: What to run.
      lanes: Width of groups not yet planned; None to measure what is fastest.
      workers: Processes that share the machine.
      stop: Asked after every epoch whether to save and leave.
      tell: Called after every epoch and chunk, and while waiting.

    Raises:
      InputError: If a file cannot be written.
      Interrupted: If asked to stop; what was done is saved.
    """
    while True:
        ran = busy = False
        for group in grouped:
            plan = plan_of(store, group, lanes, workers)
            busy |= plan is None
            wanted = {trial.id for trial in group.trials}
            for chunk in plan.chunks if plan else ():
                if wanted.isdisjoint(chunk.pending(store)):
                    continue
                stop.check()
                done = run_chunk(store, group, chunk, stop=stop, on_epoch=tell)
                ran |= done
                busy |= not done
                tell()
        if not ran and not busy:
            return
        if not ran:
            tell()
            stop.check()
            time.sleep(_PATIENCE)


def plan_of(store: Store, group: Group, lanes: int | None, workers: int) -> Plan | None:
    """Returns the plan of a group, made if there is none; None while another process makes it."""
    if lanes is None:
        return make_plan(store, group, functools.partial(choose_lanes, workers=workers))
    return make_plan(store, group, lambda trials: (width(trials, lanes), None))


def width(trials: Sequence[Trial], lanes: int) -> int:
    """Returns how many of the lanes asked for are made: no more than there are trials to fill."""
    return min(lanes, evenly(len(trials), trials[0].config.mesh.data))


def groups_of(store: Store, trials: Sequence[str]) -> list[Group]:
    """Returns some trials of a sweep in groups."""
    configs = store.configs(trials)
    return groups([Trial(trial, config, {}) for trial, config in zip(trials, configs, strict=True)])
