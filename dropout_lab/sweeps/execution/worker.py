"""The program of a worker process: works on a sweep, on one core, until its parent is gone."""

import json
import os
import signal
import sys

from dropout_lab.errors import InputError
from dropout_lab.sweeps.execution.work import groups_of, work
from dropout_lab.sweeps.store import Store
from dropout_lab.system.compilation import keep_programs
from dropout_lab.system.interrupt import Interrupted, graceful_stop
from dropout_lab.system.machine import pin


def main() -> int:
    """Does the work that standard input asks for, as JSON; returns the exit status."""
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
