"""The states of trials that ``train.stop`` ended, from which trials that stop later go on."""

import dataclasses
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import jax
import numpy as np
from ml_collections import FrozenConfigDict

from dropout_lab.config import flatten, trial_id
from dropout_lab.training.checkpoint import Arrays, Checkpoints, DamagedCheckpointError, refill
from dropout_lab.training.progress import Progress, TrialState


class Pauses:
    """A folder with the latest state of each trial that was stopped, one for all its lengths.

    Args:
      directory: The folder.
      lock: Returns a lock by name: trials that differ only in ``train.stop`` share a state.
    """

    def __init__(
        self, directory: Path, lock: Callable[[str], AbstractContextManager[bool]]
    ) -> None:
        self._directory = directory
        self._lock = lock

    def save(self, trial: TrialState, tree: Any) -> None:
        """Saves the state of a trial in place of its earlier one.

        Args:
          trial: The trial.
          tree: Arrays with an axis of lanes.
        """
        lane = jax.tree.map(lambda leaf: np.asarray(leaf)[trial.index], tree)
        progress = dataclasses.asdict(trial.progress)
        name = unstopped_id(trial.config)
        with self._lock(f"pause-{name}"):
            self._of(name).save(lane, progress, step=trial.progress.epochs)

    def restore(
        self, trials: Sequence[TrialState], make_template: Callable[[], Any], lanes: int
    ) -> tuple[Any, list[Progress]] | None:
        """Returns what trials side by side go on from; None if they have to start anew.

        They go on together, in the same epoch, or not at all.

        Args:
          trials: The trials.
          make_template: Returns the structure and types of the saved arrays.
          lanes: Number of lanes; those without a trial are copies of the last.
        """
        saved = [self._saved(trial, make_template) for trial in trials]
        found = [pair for pair in saved if pair is not None]
        if len(found) < len(trials) or len({progress.epochs for _, progress in found}) > 1:
            return None
        trees = [tree for tree, _ in found]
        trees += trees[-1:] * (lanes - len(trees))
        stacked = jax.tree.map(lambda *leaves: np.stack(leaves), *trees)
        return stacked, [progress for _, progress in found]

    def _saved(
        self, trial: TrialState, make_template: Callable[[], Any]
    ) -> tuple[Any, Progress] | None:
        """Returns the arrays and progress of a trial, unless it has none from before its end."""

        def read(arrays: Arrays, progress: dict[str, Any]) -> tuple[Any, Progress]:
            return refill(make_template(), arrays), Progress(**progress)

        name = unstopped_id(trial.config)
        if not (self._directory / name).is_dir():
            return None
        with self._lock(f"pause-{name}"):
            try:
                saved: tuple[Any, Progress] | None = self._of(name).restore(read)
            except DamagedCheckpointError:
                self._of(name).clear()  # it trains from the start, to the same state
                return None
        stop = trial.config.train.stop
        return saved if saved and (stop is None or saved[1].epochs <= stop) else None

    def _of(self, name: str) -> Checkpoints:
        return Checkpoints(self._directory / name)


def unstopped_id(config: FrozenConfigDict) -> str:
    """Returns the identity of a trial if it were not stopped."""
    return trial_id({**flatten(config.to_dict()), "train.stop": None})
