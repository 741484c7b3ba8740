"""A process at work on a sweep: it takes chunk after chunk until none is left.

However many do so at once, on however many machines that share the directory: who runs what is
settled by the locks of the store, and what is done by its records.
"""

import functools
import json
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence

from dropout_lab.compilation import keep_programs
from dropout_lab.errors import InputError
from dropout_lab.sweeps.chunk import run_chunk
from dropout_lab.sweeps.measure import choose_lanes
from dropout_lab.sweeps.plan import Plan, make_plan
from dropout_lab.sweeps.store import Store
from dropout_lab.sweeps.trials import Group, Trial, groups
from dropout_lab.training.interrupt import Interrupted, Stop, graceful_stop
from dropout_lab.training.lanes import evenly

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
    """Returns how many lanes are made of so many that are asked for: no more than trials fill."""
    return min(lanes, evenly(len(trials), trials[0].config.mesh.data))


def groups_of(store: Store, trials: Sequence[str]) -> list[Group]:
    """Returns some trials of a sweep in groups."""
    configs = store.configs(trials)
    return groups([Trial(trial, config, {}) for trial, config in zip(trials, configs, strict=True)])


def pin(core: int) -> None:
    """Keeps this process on one core, where the system allows it; before jax first computes."""
    if hasattr(os, "sched_setaffinity"):
        cores = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, {cores[core % len(cores)]})


def main() -> int:
    """Does the work that is asked for, as JSON, on the standard input; returns the exit status."""
    asked = json.load(sys.stdin)
    pin(asked["core"])
    keep_programs()
    parent = os.getppid()
    store = Store(asked["workdir"])
    grouped = groups_of(store, asked["trials"])
    # Workers begin at different groups: each group is then compiled by few of them.
    first = asked["core"] * len(grouped) // asked["workers"]
    try:
        with graceful_stop() as stop:

            def follow() -> None:
                if os.getppid() != parent:  # killed: no one watches or restarts this one
                    stop.signum = signal.SIGTERM

            work(
                store,
                [*grouped[first:], *grouped[:first]],
                lanes=asked["lanes"],
                workers=asked["workers"],
                stop=stop,
                tell=follow,
            )
    except InputError as error:
        print(error, file=sys.stderr)
        return 2
    except Interrupted as error:
        return 128 + error.signum
    return 0


if __name__ == "__main__":
    sys.exit(main())
