"""How a trial stands between epochs, and what follows from it: all that the host decides."""

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

from ml_collections import FrozenConfigDict

from dropout_lab.training.program import Lengths

Metrics = dict[str, float | None]
"""Figures by name; None where one is not finite, which JSON cannot hold."""


@dataclasses.dataclass
class Progress:
    """What a trial has found so far; with the arrays, all that a resumed one needs.

    Attributes:
      phase: The phase under way, or the last one: "select" or "refit".
      epochs: Epochs trained in it.
      live: Whether it goes on after them.
      diverged: Whether the loss was not finite.
      history: A row per epoch, over all phases.
      best: The lowest validation error, in percent.
      best_epoch: The first epoch that had it.
      selected: The epoch that counts.
      metrics: What is known for good.
      seconds: Wall time, over all sessions, of all trials that ran side by side.
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
    """How far a run is, reported after every epoch.

    Attributes:
      share: Share of the whole run that is done, in [0, 1].
      rows: The newest row in the history of each trial that was still training.
    """

    share: float
    rows: Sequence[dict[str, Any]]

    def summary(self) -> str:
        """Returns the newest figures in a few words; of several trials the lowest."""
        words = f"{self.rows[0]['phase']} epoch {self.rows[0]['epoch']}"
        if len(self.rows) > 1:
            words += f", best of {len(self.rows)}"
        for name, text in (
            ("train_loss", "loss {:.4f}"),
            ("val_error", "validation error {:.2f} %"),
        ):
            found = [row[name] for row in self.rows if row.get(name) is not None]
            if found:
                words += ", " + text.format(min(found))
        return words


class TrialState:
    """One of several trials that run side by side; the others cannot tell what it decides.

    Args:
      index: Its place on the axis of lanes.
      config: Its resolved configuration.
    """

    def __init__(self, index: int, config: FrozenConfigDict) -> None:
        self.index = index
        self.config = config
        self.progress = Progress()
        self._length = 0

    def begin(self, lengths: Lengths) -> None:
        """Sets how long a phase may be: refit trains no longer than what was selected did."""
        whole = int(lengths.epochs)
        self._length = min(self.progress.selected or whole, whole)

    def note(self, row: Metrics) -> bool:
        """Takes an epoch's figures and returns whether its weights count, for now.

        Args:
          row: "train_loss" and, with validation data, its metrics.
        """
        progress, train = self.progress, self.config.train
        progress.epochs += 1
        progress.history.append({"phase": progress.phase, "epoch": progress.epochs, **row})
        progress.diverged = row["train_loss"] is None
        error = row.get("val_error")
        better = error is not None and error < progress.best
        if error is not None and better:
            progress.best, progress.best_epoch = error, progress.epochs
        waited = progress.epochs - progress.best_epoch
        impatient = progress.phase == "select" and waited >= (train.patience or math.inf)
        progress.live = not (progress.diverged or impatient or progress.epochs == self._length)
        if self._keeps_best and not progress.diverged:
            return better
        return not progress.live

    def select(self) -> None:
        """Settles the epoch that counts."""
        progress = self.progress
        progress.selected = progress.best_epoch if self._keeps_best else progress.epochs

    def refit(self) -> bool:
        """Starts over on all data if a refit is to follow; returns whether it is."""
        if self.final:
            return False
        self.progress.phase, self.progress.epochs, self.progress.live = "refit", 0, True
        return True

    @property
    def final(self) -> bool:
        """Whether no other phase follows this one."""
        return self.progress.phase == "refit" or not self.config.train.refit

    @property
    def share(self) -> float:
        """Share of the whole trial that is done, in [0, 1]."""
        progress = self.progress
        if progress.diverged:
            return 1.0
        share = progress.epochs / self._length if progress.live else 1.0
        return (share + (progress.phase == "refit")) / 2 if self.config.train.refit else share

    @property
    def _keeps_best(self) -> bool:
        return self.config.train.select == "best_val" and self.progress.phase == "select"
