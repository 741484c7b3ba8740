"""Processes with one core each: how they are started, and kept there."""

import os

SINGLE_THREADED = "--xla_cpu_multi_thread_eigen=false"
"""XLA's flag for computing without a thread pool."""


def single_threaded() -> dict[str, str]:
    """Returns the environment variables that start a process without XLA's thread pool."""
    return {"XLA_FLAGS": f"{os.environ.get('XLA_FLAGS', '')} {SINGLE_THREADED}".strip()}


def pin(core: int) -> None:
    """Keeps this process on one core, where the system allows it; before jax first computes."""
    if hasattr(os, "sched_setaffinity"):
        cores = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, {cores[core % len(cores)]})
