"""The program of a worker process: runs a sweep on one core until its parent process is gone."""

import json
import os
import signal
import sys
from typing import Any

from dropout_lab.errors import InputError
from dropout_lab.sweeps.execution.work import ERROR, groups_of, work
from dropout_lab.sweeps.store import Store
from dropout_lab.system.compilation import keep_programs
from dropout_lab.system.faults import describe
from dropout_lab.system.interrupt import Interrupted, Stop, graceful_stop
from dropout_lab.system.machine import pin


def main() -> int:
    """Runs the trials given as JSON on standard input; returns the exit status."""
    try:
        with graceful_stop() as stop:
            _work(json.load(sys.stdin), stop)
    except (InputError, OSError) as error:
        print(f"{ERROR}{describe(error)}", file=sys.stderr)
        return 2
    except Interrupted as error:
        return 128 + error.signum
    return 0


def _work(request: dict[str, Any], stop: Stop) -> None:
    pin(request["core"])
    keep_programs()
    parent = os.getppid()
    store = Store(request["workdir"])
    grouped = groups_of(store, request["trials"])
    # Workers begin at different groups, so that few of them compile each group.
    first = request["core"] * len(grouped) // request["workers"]

    def stop_without_parent() -> None:
        if os.getppid() != parent:  # the parent was killed: nothing supervises this worker
            stop.signum = signal.SIGTERM

    work(
        store,
        [*grouped[first:], *grouped[:first]],
        lanes=request["lanes"],
        workers=request["workers"],
        stop=stop,
        on_progress=stop_without_parent,
    )


if __name__ == "__main__":
    sys.exit(main())
