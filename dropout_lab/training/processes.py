"""Distributed runs: several processes, on one host or many, that train one run together.

All processes run the same program, each on its part of every batch; only the first one writes and
prints. When one of them dies, the others end with ProcessLost. If the first one dies, JAX may abort
the others before Python can react ("This most likely indicates that another task died").
"""

import contextlib
import sys
from collections.abc import Iterator

import jax
import numpy as np

from dropout_lab.errors import InputError

_HEARTBEAT = 30  # seconds without a sign of life after which a process counts as dead
_PATIENCE = 5  # minutes to wait for all processes; then JAX aborts without a Python exception


class ProcessLost(Exception):  # noqa: N818 (not an error of this process's input)
    """Raised where another process of the run no longer answers."""


def join(
    coordinator: str | None = None, processes: int | None = None, index: int | None = None
) -> None:
    """Makes this process one of several; call it before JAX initialises its devices.

    Args:
      coordinator: Address on which the first process listens, host:port; None to get all three
        arguments from the cluster (a TPU slice, Slurm, Open MPI).
      processes: Number of processes.
      index: Index of this process, from 0.

    Raises:
      InputError: If the address has no port, or arguments are missing and JAX cannot get them from
        a cluster.
    """
    if coordinator is not None and not coordinator.rpartition(":")[2].isdecimal():
        raise InputError(f"coordinator {coordinator!r} has no port; allowed: HOST:PORT")
    jax.config.update("jax_cpu_collectives_implementation", "gloo")
    if coordinator is not None:
        waiting = f"process {index} waits for {processes} at {coordinator}"
        print(f"{waiting}, {_PATIENCE} minutes at most", file=sys.stderr, flush=True)
    try:
        jax.distributed.initialize(
            coordinator,
            processes,
            index,
            coordinator_bind_address=coordinator,  # not all interfaces
            initialization_timeout=60 * _PATIENCE,
            heartbeat_timeout_seconds=_HEARTBEAT,
        )
    except (KeyError, RuntimeError, ValueError) as error:  # depends on the kind of cluster
        raise InputError(
            f"coordinator {coordinator!r}, num_processes {processes}, process_id {index}: "
            f"{str(error).rstrip('.')}; allowed: all three, or none of them in a cluster that JAX "
            "knows"
        ) from error


def is_first() -> bool:
    """Returns whether this is the process that writes and prints."""
    return jax.process_index() == 0


def agreed(signum: int | None) -> int | None:
    """Returns the stop signal that any process received, so that all of them stop together."""
    return int(_gathered(signum or 0).max()) or None


@contextlib.contextmanager
def agreement() -> Iterator[None]:
    """Makes a block succeed in all processes or in none, so that none waits for one that left.

    Raises:
      InputError: If it was raised inside the block, here or in another process.
    """
    problem = None
    try:
        yield
    except InputError as error:
        problem = error
    stopped = np.flatnonzero(_gathered(problem is not None))
    if problem is not None:
        raise problem
    if stopped.size:
        raise InputError(f"process {stopped[0]} of this run has stopped: see what it printed")


@contextlib.contextmanager
def one_of_several() -> Iterator[None]:
    """Turns an error of JAX in a distributed run into ProcessLost.

    Raises:
      ProcessLost: If another process of the run has died.
    """
    try:
        yield
    except jax.errors.JaxRuntimeError as error:
        if not _several():
            raise
        reason = str(error).splitlines()[0]
        raise ProcessLost(f"another process of this run no longer answers ({reason})") from error


def _gathered(value: int) -> np.ndarray:
    """Returns the values of all processes, once all of them have called this."""
    if not _several():
        return np.array([value])
    from jax.experimental import multihost_utils

    return np.asarray(multihost_utils.process_allgather(np.int32(value)))


def _several() -> bool:
    # In this order, because counting processes makes JAX initialise its devices.
    return jax.distributed.is_initialized() and jax.process_count() > 1
