"""Chunks as tasks of Dask distributed: on this machine, or wherever a scheduler has workers."""

import contextlib
import logging
import signal
import threading
import time
import types
import uuid
from collections.abc import Iterator, Sequence
from typing import Any

from dropout_lab.errors import InputError
from dropout_lab.sweeps.execution.chunk import run_chunk
from dropout_lab.sweeps.execution.plan import Chunk
from dropout_lab.sweeps.execution.work import groups_of, plan_of
from dropout_lab.sweeps.status import Watch
from dropout_lab.sweeps.store import Store
from dropout_lab.system.compilation import keep_programs
from dropout_lab.system.display import Display
from dropout_lab.system.interrupt import Interrupted, Stop
from dropout_lab.system.machine import pin, single_threaded

_DEATHS = 10  # workers started here that may die of one task until it is given up
_STARTS = 3  # attempts at a cluster
_PATIENCE = 0.2  # seconds between two looks
_ASKING = 1.0  # seconds between two questions of a task to the scheduler
# Workers start with this: a terminal's Ctrl-C is for the main process, which tells them.
_DEAF = "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)"


def run_dask(
    store: Store,
    watch: Watch,
    display: Display,
    *,
    lanes: int | None,
    workers: int,
    stop: Stop,
    scheduler: str | None,
) -> None:
    """Runs the trials that are watched as Dask tasks; the task of a killed worker goes to another.

    Args:
      store: The sweep, in a directory that all workers see under the same path.
      watch: Its trials.
      display: Where to show progress.
      lanes: Width of groups not yet planned; None to measure what is fastest.
      workers: Processes to start, or that share a machine of the cluster.
      stop: Asked to stop, tasks finish their epoch, save and leave.
      scheduler: Address of a running scheduler; None to start one here.

    Raises:
      InputError: If Dask is missing, the scheduler does not answer, or a task's workers all die.
      Interrupted: If asked to stop; what was done is saved.
    """
    workdir = str(store.directory.absolute())
    grouped = [[trial.id for trial in group.trials] for group in groups_of(store, [*watch.labels])]
    with _client(workers, scheduler) as client:
        told = f"stop-{uuid.uuid4()}"
        while True:
            plans = [
                client.submit(_plan, workdir, trials, lanes, workers, pure=False)
                for trials in grouped
            ]
            _wait(plans, watch, display, stop)
            chunks = [
                client.submit(_run, workdir, trials, chunk, told, key=_new_key(chunk))
                for trials, plan in zip(grouped, plans, strict=True)
                for chunk in plan.result()
            ]
            if not chunks:
                return
            try:
                _wait(chunks, watch, display, stop)
            except Interrupted:
                _distributed().Event(told, client=client).set()
                _wait(chunks, watch, display, Stop())
                raise


def _plan(workdir: str, trials: Sequence[str], lanes: int | None, workers: int) -> list[Chunk]:
    """Returns the chunks of a group that have something left to run; runs on a worker."""
    _prepare()
    store = Store(workdir)
    [group] = groups_of(store, trials)
    while (plan := plan_of(store, group, lanes, workers)) is None:
        time.sleep(_PATIENCE)
    return [chunk for chunk in plan.chunks if not set(trials).isdisjoint(chunk.pending(store))]


def _run(workdir: str, trials: Sequence[str], chunk: Chunk, told: str) -> None:
    """Runs a chunk, until it is done or all are told to stop; runs on a worker."""
    _prepare()
    store = Store(workdir)
    [group] = groups_of(store, trials)
    with _following(told) as stop:
        stop.check()
        run_chunk(store, group, chunk, stop=stop, wait=True)


@contextlib.contextmanager
def _following(told: str) -> Iterator[Stop]:
    """Stops a task when all are told to, or when its worker closes: then another one takes it."""
    distributed = _distributed()
    event = distributed.Event(told)
    stop, over = Stop(), threading.Event()
    closing = False

    def look() -> None:
        nonlocal closing
        try:
            asked = event.is_set()
        except Exception:  # of many types: a worker that closes loses its connections first
            asked = closing = True
        if asked:
            stop.signum = signal.SIGTERM

    def follow() -> None:
        while stop.signum is None and not over.wait(_ASKING):
            look()

    look()  # here first: the event finds the worker in the thread of a task, and remembers it
    threading.Thread(target=follow, daemon=True).start()
    try:
        yield stop
    except Interrupted as error:
        if closing:  # else the client knows, it has asked
            raise distributed.Reschedule from error
    finally:
        over.set()


def _wait(futures: Sequence[Any], watch: Watch, display: Display, stop: Stop) -> None:
    """Returns when all tasks are done; raises what the first of them raised that failed."""
    while True:
        done = [future for future in futures if future.done()]
        watch.show(display)
        for future in done:
            if future.status == "error":
                error = future.exception()
                if type(error).__name__ == "KilledWorker":
                    raise InputError(
                        f"task {future.key} was given up: {error.allowed_failures + 1} workers "
                        "ended while they ran it, perhaps for want of memory; allowed: fewer "
                        "--workers or --lanes"
                    )
                raise error
        if len(done) == len(futures):
            return
        stop.check()
        time.sleep(_PATIENCE)


def _prepare() -> None:
    """Keeps a worker that was started here on a core of its own, and what it compiles."""
    name = _distributed().get_worker().name
    if isinstance(name, int):
        pin(name)
    keep_programs()


@contextlib.contextmanager
def _client(workers: int, scheduler: str | None) -> Iterator[Any]:
    distributed = _distributed()
    logging.getLogger("distributed").setLevel(logging.WARNING)  # tells ten lines about a start
    if scheduler is not None:
        try:
            client = distributed.Client(scheduler, timeout=10)
        except (OSError, TimeoutError, ValueError) as error:
            raise InputError(
                f"--scheduler={scheduler} does not answer ({error}); allowed: the address of a "
                "running Dask scheduler, such as tcp://HOST:8786"
            ) from error
        with client:
            yield client
        return
    with _local_cluster(workers) as cluster, distributed.Client(cluster) as client:
        yield client


def _new_key(chunk: Chunk) -> str:
    """Returns a name that no task has had: a scheduler runs only one task of each name."""
    return f"chunk-{chunk.id}-{uuid.uuid4()}"


def _local_cluster(workers: int) -> Any:
    """Returns a cluster of single-threaded worker processes on this machine."""
    for attempts_left in reversed(range(_STARTS)):
        try:
            return _distributed().LocalCluster(
                n_workers=workers,
                threads_per_worker=1,
                processes=True,
                dashboard_address=":0",
                scheduler_kwargs={"allowed_failures": _DEATHS},
                env=single_threaded(),
                preload=[_DEAF],
            )
        except RuntimeError:  # Dask gives up if a worker is killed while it starts
            if not attempts_left:
                raise
    raise AssertionError


def _distributed() -> types.ModuleType:
    try:
        import distributed
    except ImportError as error:
        raise InputError(
            "--executor=dask needs Dask: pip install 'dropout_lab[dask]', or pip install "
            "distributed; allowed without: local, processes"
        ) from error
    return distributed
