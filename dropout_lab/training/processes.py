"""Several processes, on one host or many, that train one run together.

Each computes the same, on its share of every batch; the first alone writes and prints.
"""

import jax
import numpy as np

from dropout_lab.errors import InputError

_HEARTBEAT = 30  # seconds after which a silent process is given up


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
      InputError: If some of these are missing, and there is no cluster to ask.
    """
    jax.config.update("jax_cpu_collectives_implementation", "gloo")
    try:
        jax.distributed.initialize(
            coordinator, processes, index, heartbeat_timeout_seconds=_HEARTBEAT
        )
    except ValueError as error:
        raise InputError(
            f"coordinator {coordinator!r}, num_processes {processes}, process_id {index}: {error} "
            "Allowed: all three, or none of them in a cluster that JAX knows"
        ) from error


def is_first() -> bool:
    """Returns whether this process writes and prints for all."""
    return jax.process_index() == 0


def agreed(signum: int | None) -> int | None:
    """Returns the signal that asked any of the processes to stop, so that all leave together."""
    if jax.process_count() == 1:
        return signum
    from jax.experimental import multihost_utils

    told = multihost_utils.process_allgather(np.int32(signum or 0))
    return int(np.max(told)) or None


def wait(reason: str) -> None:
    """Waits until every process is here."""
    if jax.process_count() > 1:
        from jax.experimental import multihost_utils

        multihost_utils.sync_global_devices(reason)
