"""Helpers that run sweeps in tests and compare records."""

from typing import Any

import numpy as np

from dropout_lab.config import default_config
from dropout_lab.sweeps.execution import runner
from dropout_lab.sweeps.execution.options import Execution


def write_tiny(path):
    """Writes 48 training and 24 test images of three classes."""
    rng = np.random.default_rng(0)
    arrays: dict[str, Any] = {}
    for part, n in (("train", 48), ("test", 24)):
        arrays[f"x_{part}"] = rng.integers(0, 256, (n, 4, 4, 1), np.uint8)
        arrays[f"y_{part}"] = np.arange(n) % 3
    np.savez(path, **arrays)


def tiny_config(path):
    """Returns the configuration of a small network on what :func:`write_tiny` wrote."""
    config = default_config()
    config.data.name, config.data.path, config.data.val_size = "npz", str(path), 24
    config.model.widths = (8,)
    config.train.batch_size = 8
    config.train.epochs = 2
    config.run.checkpoint_seconds = 0
    return config


def run_sweep(config, sweep, store, **execution):
    """Runs a sweep in this process, by default one trial at a time; returns what failed."""
    options: dict[str, Any] = {"lanes": 1, "executor": "local"} | execution
    return runner.run_sweep(config, sweep, store, Execution(**options)).failed


def without_time(record):
    """Returns a record without its wall time, on which two runs of a trial differ."""
    return {**record, "wall_seconds": 0}
