"""Dropout experiments in JAX and Flax: ops, layers, models, training, sweeps and tables."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dropout_lab.training.trained import load_run

__all__ = ["load_run"]


def __getattr__(name: str) -> Any:
    # Imported when asked for: the ops alone need neither Flax nor the training code.
    if name == "load_run":
        from dropout_lab.training.trained import load_run

        return load_run
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
