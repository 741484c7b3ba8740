"""Options for running a sweep."""

import dataclasses

from dropout_lab.errors import InputError, unknown
from dropout_lab.sweeps.execution.connection import Certificates

EXECUTORS = ("auto", "local", "processes", "dask")
"""The ways to run the chunks; "auto" chooses between "local" and "processes"."""


@dataclasses.dataclass(frozen=True)
class Execution:
    """Options for running a sweep, which affect its records only by rounding.

    Attributes:
      lanes: Number of trials side by side, in groups not yet planned; None to measure the fastest.
      executor: One of ``EXECUTORS``.
      workers: Number of processes; None for one per core. Not allowed with "local".
      scheduler: Address of a Dask scheduler; only with "dask", None to start one.
      retry: Whether to run failed trials again.
      certificates: For a scheduler that speaks TLS.

    Raises:
      InputError: If a value is not allowed.
    """

    lanes: int | None = None
    executor: str = "auto"
    workers: int | None = None
    scheduler: str | None = None
    retry: bool = False
    certificates: Certificates | None = None

    def __post_init__(self) -> None:
        if self.executor not in EXECUTORS:
            raise unknown("executor", self.executor, EXECUTORS)
        for name, number in (("lanes", self.lanes), ("workers", self.workers)):
            if number is not None and number < 1:
                raise InputError(f"--{name}={number}; allowed: a whole number above 0")
        if self.workers is not None and self.executor == "local":
            raise InputError(
                f"--workers={self.workers} with --executor=local, which is one process; allowed: "
                "with --executor=processes or --executor=dask"
            )
        if self.scheduler is not None and self.executor != "dask":
            raise InputError(
                f"--scheduler={self.scheduler} with --executor={self.executor}; allowed: with "
                "--executor=dask"
            )
        if self.certificates and not (self.scheduler or "").startswith("tls://"):
            raise InputError(
                f"--tls_ca, --tls_cert and --tls_key with --scheduler={self.scheduler}; allowed: "
                "with --scheduler=tls://HOST:PORT"
            )
