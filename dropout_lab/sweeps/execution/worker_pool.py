"""One worker process per core: for small networks faster than one process with many threads."""

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
from dropout_lab.sweeps.status import Watch
from dropout_lab.sweeps.store import Store
from dropout_lab.system.display import Display
from dropout_lab.system.interrupt import Stop
from dropout_lab.system.machine import single_threaded

_DEATHS = 10  # of workers in a row, without a record in between: more than an accident
_PATIENCE = 0.2  # seconds between two looks


class _Worker:
    """A worker process; its standard error is kept in case that it ends badly."""

    def __init__(self, request: dict[str, Any]) -> None:
        self.request = request
        self._log: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 (lives as the worker does)
        root = str(Path(__file__).parents[3])
        path = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")]))
        self.process = subprocess.Popen(
            [sys.executable, "-m", "dropout_lab.sweeps.execution.worker"],
            stdin=subprocess.PIPE,
            stderr=self._log,
            env=os.environ | {"PYTHONPATH": path} | single_threaded(),
            start_new_session=True,  # a terminal's Ctrl-C reaches the parent alone, which passes it
        )
        assert self.process.stdin
        with self.process.stdin as stdin:
            stdin.write(json.dumps(request).encode())

    def said(self) -> str:
        """Returns what it wrote to its standard error."""
        self._log.seek(0)
        return self._log.read().decode(errors="replace").strip()

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
    """Runs the trials that are watched in worker processes, and starts killed ones again.

    Asked to stop, it asks the workers, which save and leave; asked again, it kills them.

    Raises:
      InputError: If a worker says so, or workers are killed again and again.
      Interrupted: If asked to stop; what was done is saved.
    """
    request = {
        "workdir": str(store.directory.absolute()),
        "trials": list(watch.labels),
        "lanes": lanes,
        "workers": workers,
    }
    running = [_Worker({**request, "core": core}) for core in range(workers)]
    try:
        _attend(running, watch, display, stop)
    finally:
        for worker in running:
            worker.send(signal.SIGKILL)
            worker.process.wait()
    watch.show(display)
    stop.check()


def _attend(running: list[_Worker], watch: Watch, display: Display, stop: Stop) -> None:
    """Returns when all workers have ended, by themselves or because they were asked to."""
    deaths = done = 0
    asked = False
    while True:
        working = any(worker.process.poll() is None for worker in running)
        watch.show(display)
        if len(watch.done) > done:
            deaths, done = 0, len(watch.done)
        if stop.signum is not None and not asked:
            asked = True
            display.say("stopping: workers finish their epoch and save; again to stop at once")
            for worker in running:
                worker.send(stop.signum)
        killed = 0 if asked else _restart_killed(running, display)
        if not working and not killed:
            return
        deaths += killed
        if deaths >= _DEATHS:
            raise InputError(
                f"workers were killed {deaths} times in a row without a record, perhaps for want "
                "of memory; allowed: fewer --workers or --lanes"
            )
        time.sleep(_PATIENCE)


def _restart_killed(running: list[_Worker], display: Display) -> int:
    """Starts workers again that a signal killed, and returns how many.

    Raises:
      InputError: If a worker ended for bad input.
      RuntimeError: If one ended for a bug.
    """
    killed = 0
    for place, worker in enumerate(running):
        status = worker.process.poll()
        if status is None or status == 0:
            continue
        if status == 2:
            raise InputError(worker.said().splitlines()[-1])
        if status > 0 and status < 128:
            raise RuntimeError(f"a worker ended with status {status}:\n{worker.said()}")
        name = signal.Signals(-status if status < 0 else status - 128).name
        display.say(f"a worker was stopped by {name}: started again")
        running[place] = _Worker(worker.request)
        killed += 1
    return killed
