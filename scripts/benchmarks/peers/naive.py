"""The naive side: the textbook form of an op in JAX; for a sweep, a loop over processes."""

from functools import partial

from scripts.benchmarks.ours import connect, sweep
from scripts.benchmarks.problems import CONNECT, SWEEP, Sizes
from scripts.benchmarks.work import Works


def works(sizes: Sizes) -> Works:
    """Returns the work of DropConnect with all masks in memory at once, and of a sweep."""
    return {
        (CONNECT, "naive"): partial(connect.timed, connect.naive, sizes),
        (SWEEP, "naive"): partial(sweep.loop_over_processes, sizes),
    }
