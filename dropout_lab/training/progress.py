"""The state of a trial between epochs, and the decisions that the host makes from it."""

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

from ml_collections import FrozenConfigDict

from dropout_lab.training.state import Lengths

Metrics = dict[str, float | None]
"""Values by name; None where a value is not finite, which JSON cannot hold."""


DIVERGENCE_CURE = "try a lower optimizer.lr, or optimizer.clip_norm=1"
"""What helps against a loss that is not finite."""


@dataclasses.dataclass
class Progress:
    """Results of a trial so far; together with the arrays, all that resuming needs.

    Attributes:
      phase: The current or last phase: "select" or "refit".
      epochs: Epochs trained in this phase.
      live: Whether this phase goes on.
      diverged: Whether the loss was not finite.
      history: One row per epoch, over both phases.
      best: Lowest validation error, in percent; of next tokens, lowest validation nll.
      best_epoch: First epoch with that value.
      selected: Epoch whose weights are used.
      metrics: Final metrics.
      seconds: Wall time of all trials that ran side by side, over all sessions.
    """

    phase: str = "select"
    epochs: int = 0
    live: bool = True
    diverged: bool = False
    history: list[dict[str, Any]] = dataclasses.field(default_factory=list)
    best: float = math.inf
    best_epoch: int = 0
    selected: int = 0
    metrics: Metrics = dataclasses.field(default_factory=dict)
    seconds: float = 0.0


@dataclasses.dataclass(frozen=True)
class Epoch:
    """Report of a run's progress after an epoch.

    Attributes:
      fraction: Fraction of the whole run that is done, in [0, 1].
      rows: Newest history row of each trial that trained in this epoch.
      phase: Phase of the epoch; None for a run without refit, which has only one.
    """

    fraction: float
    rows: Sequence[dict[str, Any]]
    phase: str | None = None

    def summary(self) -> str:
        """Returns the newest metrics in a few words; of several trials, the lowest."""
        words = f"{self.phase} " if self.phase else ""
        words += f"epoch {self.rows[0]['epoch']}"
        if len(self.rows) > 1:
            words += f", best of {len(self.rows)}"
        for name, text in (
            ("train_loss", "loss {:.4f}"),
            ("val_error", "validation error {:.2f} %"),
        ):
            values = [row[name] for row in self.rows if row.get(name) is not None]
            if values:
                words += ", " + text.format(min(values))
        return words


class TrialState:
    """One of the trials that run side by side; it does not depend on the others.

    Args:
      index: Its index on the axis of lanes.
      config: Its resolved configuration.
    """

    def __init__(self, index: int, config: FrozenConfigDict) -> None:
        self.index = index
        self.config = config
        self.progress = Progress()
        self._lengths = Lengths(1, 0)

    def start_phase(self, lengths: Lengths) -> None:
        """Sets how long the phase may be; a trial stopped before may then go on."""
        self._lengths = lengths
        self.progress.live = self._goes_on()

    @property
    def next_steps(self) -> int:
        """Number of updates in the next epoch; the last epoch of a phase may be shorter."""
        steps_per_epoch, total_steps = self._lengths
        return min(steps_per_epoch, int(total_steps) - self.progress.epochs * steps_per_epoch)

    def end_epoch(self, row: Metrics) -> None:
        """Adds an epoch to the history and decides whether the phase goes on.

        Args:
          row: "train_loss", "train_error" and, with validation data, its metrics.
        """
        progress = self.progress
        progress.epochs += 1
        progress.history.append({"phase": progress.phase, "epoch": progress.epochs, **row})
        progress.diverged = row["train_loss"] is None
        error = row.get("val_nll" if self.config.model.head == "token" else "val_error")
        if error is not None and error < progress.best:
            progress.best, progress.best_epoch = error, progress.epochs
        progress.live = self._goes_on()

    @property
    def selects_newest(self) -> bool:
        """Whether the weights of the newest epoch are the selected ones so far."""
        progress = self.progress
        if self._keeps_best and not progress.diverged:
            return progress.best_epoch == progress.epochs
        return not progress.live

    def end_selection(self) -> None:
        """Sets the epoch whose weights are used."""
        progress = self.progress
        progress.selected = progress.best_epoch if self._keeps_best else progress.epochs

    def start_refit(self) -> None:
        """Moves on to the refit, in which the trial starts over on all data."""
        self.progress.phase, self.progress.epochs, self.progress.live = "refit", 0, True

    @property
    def in_last_phase(self) -> bool:
        """Whether no other phase follows the current one."""
        return self.progress.phase == "refit" or not self.config.train.refit

    @property
    def fraction(self) -> float:
        """Fraction of the whole trial that is done, in [0, 1]."""
        progress = self.progress
        if progress.diverged:
            return 1.0
        of_phase = progress.epochs / self._phase_epochs if progress.live else 1.0
        return (of_phase + (progress.phase == "refit")) / 2 if self.config.train.refit else of_phase

    @property
    def stopped(self) -> bool:
        """Whether the trial has been stopped before its end, and could go on from there."""
        progress = self.progress
        stopped = progress.phase == "select" and progress.epochs == self.config.train.stop
        return stopped and not progress.diverged

    def _goes_on(self) -> bool:
        """Returns whether another epoch follows in this phase."""
        progress = self.progress
        waited = progress.epochs - progress.best_epoch
        patience = self.config.train.patience or math.inf
        impatient = progress.phase == "select" and waited >= patience
        return not (progress.diverged or impatient or progress.epochs >= self._phase_epochs)

    @property
    def _phase_epochs(self) -> int:
        """Most epochs of the phase: refit trains no longer than the selected epoch."""
        allowed = int(self._lengths.epochs)
        if self.progress.phase == "select":
            return min(self.config.train.stop or allowed, allowed)
        return min(self.progress.selected or allowed, allowed)

    @property
    def _keeps_best(self) -> bool:
        return self.config.train.select == "best_val" and self.progress.phase == "select"
