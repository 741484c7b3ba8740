"""The naive side: the textbook's form of an op, in JAX."""

from dropout_lab.benchmark.ours import connect
from dropout_lab.benchmark.problems import CONNECT, Sizes
from dropout_lab.benchmark.work import Works


def works(sizes: Sizes) -> Works:
    """Returns the work of DropConnect with all masks in memory at once."""
    return {(CONNECT, "naive"): lambda: connect.timed(connect.naive, sizes)}
