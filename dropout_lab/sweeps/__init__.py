"""Sweeps: what to try, the trials it means, running them, and the store of records."""

from dropout_lab.sweeps.frame import load
from dropout_lab.sweeps.grid import (
    chain,
    choice,
    integers,
    log_uniform,
    product,
    sampled,
    uniform,
    zipped,
)
from dropout_lab.sweeps.networks import load_networks

__all__ = [
    "chain",
    "choice",
    "integers",
    "load",
    "load_networks",
    "log_uniform",
    "product",
    "sampled",
    "uniform",
    "zipped",
]
