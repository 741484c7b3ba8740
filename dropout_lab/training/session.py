"""A session of a run that may be interrupted: wall time, checkpoints, requests to stop."""

import contextlib
import dataclasses
import functools
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import jax
import numpy as np

from dropout_lab.config import trial_id
from dropout_lab.system.interrupt import Stop
from dropout_lab.training.checkpoint import Arrays, Checkpoints, refill
from dropout_lab.training.network import Weights
from dropout_lab.training.pauses import Pauses
from dropout_lab.training.processes import agreed, is_first
from dropout_lab.training.progress import Progress, TrialState
from dropout_lab.training.state import TrainState


class Session:
    """Restores trials when it starts and saves them after an epoch when that is due.

    Args:
      trials: The trials, whose progress is restored and saved.
      checkpoints: Where to save and resume from; None to do neither.
      interval: Seconds between checkpoints.
      stop: Checked after every epoch for a request to save and leave.
      pauses: Where trials that ``train.stop`` ends leave their state and find it; None for neither.
    """

    def __init__(
        self,
        trials: Sequence[TrialState],
        checkpoints: Checkpoints | None,
        interval: float,
        stop: Stop,
        pauses: Pauses | None = None,
    ) -> None:
        self._trials = trials
        self._checkpoints = checkpoints
        self._interval = interval
        self._stop = stop
        self._pauses = pauses
        self._started = self._saved = time.monotonic()

    @property
    def seconds(self) -> float:
        """Wall time of the run, over all sessions."""
        return time.monotonic() - self._started

    def restore(
        self, make_template: Callable[[], TrainState], lanes: int
    ) -> tuple[TrainState, Weights] | None:
        """Restores the trials' progress from the checkpoint, or else from where they were stopped.

        Args:
          make_template: Returns the structure, shapes and types of a training state.
          lanes: Number of lanes of that state.

        Returns:
          The saved training state and selected weights; None if nothing is saved.

        Raises:
          InputError: If the checkpoint is damaged, or written by another version of the code.
        """

        def read(arrays: Arrays, described: dict[str, Any]) -> Any:
            rows = described["lanes"]
            progresses = [Progress(**row) for row in rows]
            fields = vars(Progress()).keys()
            if described["trials"] != self._ids() or len(rows) != len(self._trials):
                raise ValueError("progress of other trials")
            if any(row.keys() != fields for row in rows):
                raise ValueError("progress with other fields")
            state = make_template()
            template = state, state.weights
            restored = refill(template, arrays)
            if jax.tree.map(np.shape, restored) != jax.tree.map(np.shape, template):
                raise ValueError("arrays of other shapes")
            return restored, progresses

        saved = self._checkpoints.restore(read) if self._checkpoints else None
        if saved is None and self._pauses:

            @functools.cache
            def template() -> tuple[TrainState, Weights]:
                state = make_template()
                return state, state.weights

            saved = self._pauses.restore(self._trials, template, lanes)
        restored, progresses = saved or (None, [])
        for trial, progress in zip(self._trials, progresses, strict=False):
            trial.progress = progress
        self._started = time.monotonic() - self._trials[0].progress.seconds
        return restored

    def pause(
        self, trials: Sequence[TrialState], state: TrainState, selected_weights: Weights
    ) -> None:
        """Saves those of a phase's trials that ``train.stop`` has ended, so that they can go on."""
        stopped = [trial for trial in trials if trial.stopped]
        if self._pauses is None or not stopped:
            return
        tree = jax.device_get((state, selected_weights))
        for trial in stopped:
            trial.progress.seconds = self.seconds
            self._pauses.save(trial, tree)

    def end_epoch(self, state: TrainState, selected_weights: Weights) -> None:
        """Saves a checkpoint if one is due or a stop was requested.

        Raises:
          Interrupted: If a stop was requested.
        """
        self._stop.signum = agreed(self._stop.signum)
        due = time.monotonic() - self._saved >= self._interval
        if due or self._stop.signum is not None:
            self._save(state, selected_weights, [trial.progress for trial in self._trials])
        self._stop.check()

    @contextlib.contextmanager
    def saved_on_error(self, state: TrainState, selected_weights: Weights) -> Iterator[None]:
        """Saves a checkpoint from before a block if the block raises: training is not repeated."""
        progresses = [
            dataclasses.replace(trial.progress, metrics=dict(trial.progress.metrics))
            for trial in self._trials
        ]
        try:
            yield
        except Exception:
            self._save(state, selected_weights, progresses)
            raise

    def _save(
        self, state: TrainState, selected_weights: Weights, progresses: Sequence[Progress]
    ) -> None:
        if self._checkpoints is None or not is_first():
            return
        for progress in progresses:
            progress.seconds = self.seconds
        described = {
            "trials": self._ids(),
            "lanes": [dataclasses.asdict(progress) for progress in progresses],
        }
        step = sum(len(progress.history) for progress in progresses)
        self._checkpoints.save((state, selected_weights), described, step=step)
        self._saved = time.monotonic()

    def _ids(self) -> list[str]:
        return [trial_id(trial.config) for trial in self._trials]
