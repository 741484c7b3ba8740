"""Load of the machine that measures."""

import os

BUSY = 0.5
"""Load average per core above which measurements cannot be trusted."""


def load() -> float:
    """Returns the load average of the last minute."""
    return os.getloadavg()[0]


def warning(load: float, cores: int) -> str | None:
    """Returns a warning about the load before measuring; None if it is low.

    >>> warning(1.5, cores=2)
    'the load is 1.5 on 2 cores: other work disturbs these measurements'
    """
    if load <= BUSY * cores:
        return None
    return f"the load is {load:.1f} on {cores} cores: other work disturbs these measurements"
