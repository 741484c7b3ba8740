"""A pool of worker processes, one per core: for small networks faster than many threads."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import IO, Any

from dropout_lab.errors import InputError
from dropout_lab.sweeps.execution.work import ERROR
from dropout_lab.sweeps.status import Watch
from dropout_lab.sweeps.store import Store
from dropout_lab.system.display import Display
from dropout_lab.system.interrupt import Stop
from dropout_lab.system.machine import single_threaded

_MAX_DEATHS = 10  # workers killed in a row, without a new record, before the sweep is given up
_POLL = 0.2  # seconds between two checks of the workers


class _Worker:
    """A worker process; its standard error is kept for error messages."""

    def __init__(self, request: dict[str, Any]) -> None:
        self.request = request
        self._log: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 (open while the worker runs)
        root = str(Path(__file__).parents[3])
        path = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")]))
        self.process = subprocess.Popen(
            [sys.executable, "-m", "dropout_lab.sweeps.execution.worker"],
            stdin=subprocess.PIPE,
            stderr=self._log,
            env=os.environ | {"PYTHONPATH": path} | single_threaded(),
            start_new_session=True,  # Ctrl-C reaches only the parent, which forwards it
        )
        assert self.process.stdin
        with self.process.stdin as stdin:
            stdin.write(json.dumps(request).encode())

    def stderr(self) -> str:
        """Returns the text written to standard error so far."""
        self._log.seek(0)
        return self._log.read().decode(errors="replace").strip()

    def reported_error(self) -> str:
        """Returns the error that ended it; libraries may have written lines before and after it."""
        lines = [line for line in self.stderr().splitlines() if line.startswith(ERROR)]
        return lines[-1].removeprefix(ERROR) if lines else self.stderr()

    def send(self, signum: int) -> None:
        """Sends a signal, unless the worker has ended."""
        if self.process.poll() is None:
            self.process.send_signal(signum)


def run_processes(
    store: Store,
    watch: Watch,
    display: Display,
    *,
    lanes: int | None,
    workers: int,
    stop: Stop,
) -> None:
    """Runs the watched trials in worker processes, and restarts workers that are killed.

    The first request to stop lets workers finish their epoch and save; a second one kills them.

    Raises:
      InputError: If a worker reports bad input, or workers are killed again and again.
      Interrupted: If asked to stop; finished work is saved.
    """
    request = {
        "workdir": str(store.directory.absolute()),
        "trials": list(watch.labels),
        "lanes": lanes,
        "workers": workers,
    }
    pool = [_Worker({**request, "core": core}) for core in range(workers)]
    try:
        _supervise(pool, watch, display, stop)
    finally:
        for worker in pool:
            worker.send(signal.SIGKILL)
            worker.process.wait()
    watch.show(display)
    stop.check()


def _supervise(pool: list[_Worker], watch: Watch, display: Display, stop: Stop) -> None:
    """Returns when all workers have ended; until then restarts killed ones and forwards a stop."""
    deaths = done = 0
    stopping = False
    while True:
        working = any(worker.process.poll() is None for worker in pool)
        watch.show(display)
        if len(watch.done) > done:
            deaths, done = 0, len(watch.done)
        if stop.signum is not None and not stopping:
            stopping = True
            display.say("stopping: workers finish their epoch and save; again to stop at once")
            for worker in pool:
                worker.send(stop.signum)
        killed = 0 if stopping else _restart_killed(pool, display)
        if not working and not killed:
            return
        deaths += killed
        if deaths >= _MAX_DEATHS:
            raise InputError(
                f"workers were killed {deaths} times in a row without a record, perhaps out of "
                "memory; allowed: fewer --workers or --lanes"
            )
        time.sleep(_POLL)


def _restart_killed(pool: list[_Worker], display: Display) -> int:
    """Restarts the workers that a signal has killed, and returns their number.

    Raises:
      InputError: If a worker ended because of bad input.
      RuntimeError: If a worker ended because of a bug.
    """
    killed = 0
    for index, worker in enumerate(pool):
        status = worker.process.poll()
        if status is None or status == 0:
            continue
        if status == 2:
            raise InputError(worker.reported_error())
        if status > 0 and status < 128:
            raise RuntimeError(f"a worker ended with status {status}:\n{worker.stderr()}")
        name = signal.Signals(-status if status < 0 else status - 128).name
        display.say(f"a worker was stopped by {name}: started again")
        pool[index] = _Worker(worker.request)
        killed += 1
    return killed
