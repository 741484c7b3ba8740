"""Connections to a Dask scheduler: one that runs already, or one started for a sweep."""

import contextlib
import dataclasses
import logging
import os
import types
from collections.abc import Iterator
from concurrent.futures import CancelledError
from typing import Any

from dropout_lab.errors import InputError
from dropout_lab.system.interrupt import Interrupted
from dropout_lab.system.machine import single_threaded

_MAX_DEATHS = 10  # local workers that may die while running one task before it is given up
_STARTS = 3  # attempts to start a cluster
_PATIENCE = 10  # seconds for a scheduler to answer
# Workers preload this. Ctrl-C in a terminal is for the main process, which then stops the workers.
# The main process raises the errors of tasks, which workers would log with a traceback.
_IN_WORKERS = """
import logging, signal
signal.signal(signal.SIGINT, signal.SIG_IGN)
logging.getLogger("distributed.worker").setLevel(logging.CRITICAL)
"""
# Dask serves pages and metrics without encryption, to all who ask.
_NO_PAGES: dict[str, list[str]] = {
    f"distributed.{role}.http.routes": [] for role in ("scheduler", "worker")
}


@dataclasses.dataclass(frozen=True)
class Certificates:
    """Files in PEM format for a scheduler that speaks TLS.

    Attributes:
      ca: Certificate of the authority that signed those of scheduler, workers and clients.
      cert: Certificate of this client.
      key: Private key of this client.

    Raises:
      InputError: If some are missing.
    """

    ca: str
    cert: str
    key: str

    def __post_init__(self) -> None:
        for name, path in dataclasses.asdict(self).items():
            if not os.path.isfile(path):
                raise InputError(
                    f"--tls_{name}={path}: no such file; allowed: a file in PEM format"
                )


@contextlib.contextmanager
def connected(
    workers: int, scheduler: str | None, certificates: Certificates | None
) -> Iterator[Any]:
    """Yields a client of a running scheduler, or of a cluster that is started for it.

    Args:
      workers: Number of processes to start.
      scheduler: Address of a running scheduler; None to start one on this machine, which speaks TLS
        with certificates made for this run.
      certificates: For a running scheduler that speaks TLS; None for the ones that Dask's own
        configuration names, if any.

    Raises:
      InputError: If Dask is missing, or the scheduler does not answer.
    """
    distributed = dask_distributed()
    logging.getLogger("distributed").setLevel(logging.WARNING)  # else it logs every start
    logging.getLogger("distributed.client").setLevel(logging.CRITICAL)  # errors are raised, too
    if scheduler is not None:
        security = certificates and distributed.Security(
            require_encryption=True,
            tls_ca_file=certificates.ca,
            tls_client_cert=certificates.cert,
            tls_client_key=certificates.key,
        )
        try:
            client = distributed.Client(scheduler, timeout=_PATIENCE, security=security)
        except Exception as error:  # of many types: of the address, the network, the certificates
            raise InputError(
                f"--scheduler={scheduler} does not answer ({error}); allowed: the address of a "
                "running Dask scheduler, such as tls://HOST:8786 with its certificates"
            ) from error
        with client:
            yield client
        return
    with _local_cluster(workers) as cluster, distributed.Client(cluster) as client:
        yield client


@contextlib.contextmanager
def lost_scheduler_named(client: Any) -> Iterator[None]:
    """Raises InputError in place of the many errors that follow from a scheduler's end.

    Its tasks are cancelled, even if another one answers at its address since.
    """
    address = client.scheduler.address
    try:
        yield
    except (InputError, Interrupted):
        raise
    except Exception as error:
        if isinstance(error, CancelledError) or client.status != "running":
            raise InputError(
                f"the Dask scheduler {address} has gone; what is done is saved: run the same "
                "command again, with a running scheduler, to go on"
            ) from error
        raise


def _local_cluster(workers: int) -> Any:
    """Returns a cluster of single-threaded worker processes on this machine.

    It listens on the loopback interface, and only to those who have the certificates of this run.
    """
    import dask

    distributed = dask_distributed()
    for attempts_left in reversed(range(_STARTS)):
        try:
            with dask.config.set(_NO_PAGES):
                return distributed.LocalCluster(
                    n_workers=workers,
                    threads_per_worker=1,
                    processes=True,
                    host="127.0.0.1",
                    security=distributed.Security.temporary(),
                    dashboard_address="127.0.0.1:0",
                    scheduler_kwargs={"allowed_failures": _MAX_DEATHS, "dashboard": False},
                    env=single_threaded(),
                    preload=[_IN_WORKERS],
                )
        except RuntimeError:  # Dask fails if a worker is killed while it starts
            if not attempts_left:
                raise
    raise AssertionError


def dask_distributed() -> types.ModuleType:
    """Returns the package distributed; raises InputError if it is missing."""
    try:
        import cryptography  # noqa: F401 (with which distributed makes certificates)
        import distributed
    except ImportError as error:
        raise InputError(
            "--executor=dask needs Dask: pip install 'dropout_lab[dask]', or pip install "
            "distributed cryptography; allowed without it: local, processes"
        ) from error
    return distributed
