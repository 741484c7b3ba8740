"""The machine that measures, and whether it is quiet."""

import os
import platform
from pathlib import Path

BUSY = 0.5
"""Load average per core from which on measurements are not to be trusted."""


def cpu() -> str:
    """Returns the processor's name."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def load() -> float:
    """Returns the load average of the last minute."""
    return os.getloadavg()[0]


def warning(load: float, cores: int) -> str | None:
    """Returns what to say about a load before measuring; None if it is low.

    >>> warning(1.5, cores=2)
    'the load is 1.5 on 2 cores: other work disturbs these measurements'
    """
    if load <= BUSY * cores:
        return None
    return f"the load is {load:.1f} on {cores} cores: other work disturbs these measurements"
