"""Dropout experiments in JAX and Flax: ops, layers, models, training, sweeps and tables."""

import importlib
from typing import TYPE_CHECKING, Any

from dropout_lab.version import __version__

if TYPE_CHECKING:
    from dropout_lab.training.run import train
    from dropout_lab.training.trained import load_run

__all__ = ["__version__", "load_run", "train"]

_HOMES = {"load_run": "dropout_lab.training.trained", "train": "dropout_lab.training.run"}


def __getattr__(name: str) -> Any:
    # Imported when asked for: the ops alone need neither Flax nor the training code.
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
