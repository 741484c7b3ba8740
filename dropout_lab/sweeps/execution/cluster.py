"""Chunks as tasks of Dask distributed, on this machine or on a running scheduler's workers."""

import contextlib
import signal
import threading
import time
import uuid
from collections.abc import Iterator, Sequence
from concurrent.futures import CancelledError
from typing import Any

from dropout_lab.errors import InputError
from dropout_lab.sweeps.execution.chunk import run_chunk
from dropout_lab.sweeps.execution.connection import (
    Certificates,
    connected,
    dask_distributed,
    lost_scheduler_named,
)
from dropout_lab.sweeps.execution.plan import Chunk
from dropout_lab.sweeps.execution.work import groups_of, plan_of
from dropout_lab.sweeps.status import Watch
from dropout_lab.sweeps.store import Store
from dropout_lab.system.compilation import keep_programs
from dropout_lab.system.display import Display
from dropout_lab.system.interrupt import Interrupted, Stop
from dropout_lab.system.machine import pin

_POLL = 0.2  # seconds between two checks of tasks or locks
_POLL_EVENT = 1.0  # seconds between two requests of a task to the scheduler


def run_dask(
    store: Store,
    watch: Watch,
    display: Display,
    *,
    lanes: int | None,
    workers: int,
    stop: Stop,
    scheduler: str | None,
    certificates: Certificates | None,
) -> None:
    """Runs the watched trials as Dask tasks; the task of a killed worker moves to another one.

    Args:
      store: The sweep, in a directory that all workers see under the same path.
      watch: The trials to run.
      display: Where to show progress.
      lanes: Width of groups not yet planned; None to measure the fastest.
      workers: Number of processes to start, or of those that share a machine of the cluster.
      stop: Checked regularly: whether the tasks are to finish their epoch, save and stop.
      scheduler: Address of a running scheduler; None to start one on this machine, which speaks TLS
        with certificates made for this run.
      certificates: For a running scheduler that speaks TLS; None for the ones that Dask's own
        configuration names, if any.

    Raises:
      InputError: If Dask is missing, the scheduler does not answer or ends, or a task's workers
        keep dying.
      Interrupted: If asked to stop; finished work is saved.
    """
    workdir = str(store.directory.absolute())
    grouped = [[trial.id for trial in group.trials] for group in groups_of(store, [*watch.labels])]
    if scheduler is not None and not scheduler.startswith("tls://"):
        display.say(
            f"warning: {scheduler} is not encrypted: whoever reaches it can run commands as the "
            "user of its workers; tls:// with --tls_ca, --tls_cert and --tls_key is safe"
        )
    with connected(workers, scheduler, certificates) as client, lost_scheduler_named(client):
        if scheduler is not None and not client.ncores():
            display.say(f"waiting: {scheduler} has no workers yet")
        stop_event = f"stop-{uuid.uuid4()}"
        while True:
            plans = [
                client.submit(_plan, workdir, trials, lanes, workers, pure=False)
                for trials in grouped
            ]
            _wait(client, plans, watch, display, stop)
            chunks = [
                client.submit(_run, workdir, first, chunk, stop_event, key=_task_key(chunk))
                for [first, *_], plan in zip(grouped, plans, strict=True)
                for chunk in plan.result()
            ]
            if not chunks:
                return
            try:
                _wait(client, chunks, watch, display, stop)
            except Interrupted:
                dask_distributed().Event(stop_event, client=client).set()
                _wait(client, chunks, watch, display, Stop())
                raise


def _plan(workdir: str, trials: Sequence[str], lanes: int | None, workers: int) -> list[Chunk]:
    """Returns the chunks of a group that have pending trials; runs on a worker."""
    _prepare_worker()
    store = Store(workdir)
    [group] = groups_of(store, trials)
    while (plan := plan_of(store, group, lanes, workers)) is None:
        time.sleep(_POLL)
    ids = set(trials)
    return [chunk for chunk in plan.chunks if not ids.isdisjoint(chunk.pending(store))]


def _run(workdir: str, first: str, chunk: Chunk, stop_event: str) -> None:
    """Runs a chunk until it is finished or ``stop_event`` is set; runs on a worker.

    Takes the id of only the first trial of the group: with all n, n tasks would take n**2 time.
    """
    _prepare_worker()
    store = Store(workdir)
    [group] = groups_of(store, [first])
    with _stop_on(stop_event) as stop:
        stop.check()
        run_chunk(store, group, chunk, stop=stop, wait=True)


@contextlib.contextmanager
def _stop_on(stop_event: str) -> Iterator[Stop]:
    """Yields a stop that is set by a Dask event or, to move the task, by the worker's closing."""
    distributed = dask_distributed()
    event = distributed.Event(stop_event)
    stop, finished = Stop(), threading.Event()
    closing = False

    def check() -> None:
        nonlocal closing
        try:
            stopping = event.is_set()
        except Exception:  # of many types: a closing worker loses its connections first
            stopping = closing = True
        if stopping:
            stop.signum = signal.SIGTERM

    def poll() -> None:
        while stop.signum is None and not finished.wait(_POLL_EVENT):
            check()

    check()  # first in this thread: only in a task's thread can the event find its worker
    threading.Thread(target=poll, daemon=True).start()
    try:
        yield stop
    except Interrupted as error:
        if closing:  # otherwise the client has set the event and expects the interruption
            raise distributed.Reschedule from error
    finally:
        finished.set()


def _wait(client: Any, futures: Sequence[Any], watch: Watch, display: Display, stop: Stop) -> None:
    """Waits until all tasks are done; raises the exception of the first that failed."""
    while True:
        # The client of a lost scheduler cancels its tasks, and may have found a new one since.
        if client.status != "running" or any(future.cancelled() for future in futures):
            raise CancelledError
        done = [future for future in futures if future.done()]
        watch.show(display)
        for future in done:
            if future.status == "error":
                error = future.exception()
                if type(error).__name__ == "KilledWorker":
                    raise InputError(
                        f"task {future.key} was given up: {error.allowed_failures + 1} workers "
                        "died while running it, perhaps out of memory; allowed: fewer --workers "
                        "or --lanes"
                    )
                raise error
        if len(done) == len(futures):
            return
        stop.check()
        time.sleep(_POLL)


def _prepare_worker() -> None:
    """Pins a worker of the local cluster to a core, and enables the compilation cache."""
    name = dask_distributed().get_worker().name
    if isinstance(name, int):
        pin(name)
    keep_programs()


def _task_key(chunk: Chunk) -> str:
    """Returns a key that no task has had: a scheduler runs only one task of each key."""
    return f"chunk-{chunk.id}-{uuid.uuid4()}"
