"""Sweeps: sets of trials, their execution, and the store of their records."""

from dropout_lab.sweeps.draws import choice, integers, log_uniform, sampled, uniform
from dropout_lab.sweeps.execution.options import Execution
from dropout_lab.sweeps.execution.runner import run_sweep
from dropout_lab.sweeps.frame import load, load_networks
from dropout_lab.sweeps.grid import chain, product, zipped
from dropout_lab.sweeps.store import Store

__all__ = [
    "Execution",
    "Store",
    "chain",
    "choice",
    "integers",
    "load",
    "load_networks",
    "log_uniform",
    "product",
    "run_sweep",
    "sampled",
    "uniform",
    "zipped",
]
