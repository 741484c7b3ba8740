"""Several processes, on one host or many, that train one run together.

Each computes the same, on its share of every batch; the first alone writes and prints. When one of
them is gone the others end too, with ProcessLost. If the first is gone, JAX may abort the others
before Python hears of it ("This most likely indicates that another task died").
"""

import contextlib
import sys
from collections.abc import Iterator

import jax
import numpy as np

from dropout_lab.errors import InputError

_HEARTBEAT = 30  # seconds after which a silent process is given up
_PATIENCE = 5  # minutes for all to come; then JAX aborts, and Python does not hear of it


class ProcessLost(Exception):  # noqa: N818 (nothing is wrong with what this process was given)
    """Raised where another process of the run no longer answers."""


def join(
    coordinator: str | None = None, processes: int | None = None, index: int | None = None
) -> None:
    """Makes this process one of several; to be called before JAX looks for its devices.

    Args:
      coordinator: Address of the first process, host:port; None to ask the cluster (a TPU slice,
        Slurm, Open MPI) for all three.
      processes: How many there are.
      index: Which of them this is, from 0.

    Raises:
      InputError: If some of these are missing, and there is no cluster to ask or JAX cannot
        make out what it says, or the address has no port.
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
            initialization_timeout=60 * _PATIENCE,
            heartbeat_timeout_seconds=_HEARTBEAT,
        )
    except (KeyError, RuntimeError, ValueError) as error:  # of a cluster's variables, any
        raise InputError(
            f"coordinator {coordinator!r}, num_processes {processes}, process_id {index}: "
            f"{str(error).rstrip('.')}; allowed: all three, or none of them in a cluster that JAX "
            "knows"
        ) from error


def is_first() -> bool:
    """Returns whether this process writes and prints for all."""
    return jax.process_index() == 0


def agreed(signum: int | None) -> int | None:
    """Returns the signal that asked any of the processes to stop, so that all leave together."""
    return int(_gathered(signum or 0).max()) or None


@contextlib.contextmanager
def agreement() -> Iterator[None]:
    """Lets all processes through a block, or none: otherwise one would wait for those that left.

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
    """Tells a failure of another process from those of this one.

    Raises:
      ProcessLost: If another process that has joined is gone.
    """
    try:
        yield
    except jax.errors.JaxRuntimeError as error:
        if not _several():
            raise
        reason = str(error).splitlines()[0]
        raise ProcessLost(f"another process of this run no longer answers ({reason})") from error


def _gathered(value: int) -> np.ndarray:
    """Returns every process's number, once all of them have called this."""
    if not _several():
        return np.array([value])
    from jax.experimental import multihost_utils

    return np.asarray(multihost_utils.process_allgather(np.int32(value)))


def _several() -> bool:
    # Asked in this order, since counting processes makes JAX look for its devices.
    return jax.distributed.is_initialized() and jax.process_count() > 1
