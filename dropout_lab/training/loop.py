"""Training one trial: epochs, validation, selection, refit, one look at the test set."""

import dataclasses
import math
import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from ml_collections import FrozenConfigDict

from dropout_lab.data import Dataset, Split
from dropout_lab.settings import dynamic
from dropout_lab.training.arrays import (
    Examples,
    Scaling,
    concatenate,
    fit_scaling,
    to_device,
)
from dropout_lab.training.checkpoint import Checkpoints, refill
from dropout_lab.training.interrupt import Stop
from dropout_lab.training.network import Numbers, Weights
from dropout_lab.training.program import Lengths, Program, State, as_arrays

Metrics = dict[str, float | None]
"""Figures by name; None where one is not finite, which JSON cannot hold."""


@dataclasses.dataclass(frozen=True)
class Epoch:
    """Where a run is, told after every epoch.

    Attributes:
      share: Share of the whole run that is done, in [0, 1].
      row: The history's newest row.
    """

    share: float
    row: dict[str, Any]

    def summary(self) -> str:
        """Returns the newest figures in a few words."""
        words = f"{self.row['phase']} epoch {self.row['epoch']}"
        if self.row["train_loss"] is not None:
            words += f", loss {self.row['train_loss']:.4f}"
        if "val_error" in self.row:
            words += f", validation error {self.row['val_error']:.2f} %"
        return words


@dataclasses.dataclass
class Progress:
    """What a run has found so far; with the state, all that a resumed run needs.

    Attributes:
      phase: The phase under way.
      epochs: Epochs trained in it.
      history: A row per epoch, over all phases.
      selected: The epoch that counts.
      best: Its validation error in percent, where epochs are selected by it.
      metrics: What is known for good.
      seconds: Wall time, over all sessions.
    """

    phase: str = "select"
    epochs: int = 0
    history: list[dict[str, Any]] = dataclasses.field(default_factory=list)
    selected: int = 0
    best: float = math.inf
    metrics: Metrics = dataclasses.field(default_factory=dict)
    seconds: float = 0.0


@dataclasses.dataclass(frozen=True)
class Result:
    """What came of a trial.

    Attributes:
      status: "ok", or "diverged" if the loss was not finite.
      progress: History and metrics.
      weights: The network that was tested; after divergence, where it ended.
      scaling: How its inputs are scaled.
    """

    status: str
    progress: Progress
    weights: Weights
    scaling: Scaling


class Trial:
    """One run of a program: a seed, rates and other numbers, on a data set.

    Args:
      program: The compiled program of the configuration's static part.
      config: The resolved configuration.
      dataset: The data.
      checkpoints: Where to save and resume from; None to do neither.
      on_epoch: Called after every epoch.
      stop: Asked after every epoch whether to save and leave.
    """

    def __init__(
        self,
        program: Program,
        config: FrozenConfigDict,
        dataset: Dataset,
        *,
        checkpoints: Checkpoints | None = None,
        on_epoch: Callable[[Epoch], None] = lambda epoch: None,
        stop: Stop | None = None,
    ) -> None:
        self._program = program
        self._config = config
        self._dataset = dataset
        self._checkpoints = checkpoints
        self._on_epoch = on_epoch
        self._stop = stop or Stop()
        self._numbers: Numbers = as_arrays(dynamic(config))
        self._saved = time.monotonic()

    def run(self) -> Result:
        """Trains, from the checkpoint if there is one, and returns what came of it.

        Raises:
          Interrupted: If asked to stop; what was done is saved.
        """
        progress, arrays = self._resume()
        started = time.monotonic() - progress.seconds
        while True:
            phase = self._phase(progress)
            state = self._program.init(self._numbers, lengths=phase.lengths)
            kept = jax.tree.map(jnp.copy, state.weights)
            if arrays is not None:
                state, kept = refill((state, kept), arrays)
                arrays = None
            state, kept, finite = self._fit(phase, state, kept, progress, started)
            weights = kept if self._keeps_best(progress) else state.weights
            progress.seconds = time.monotonic() - started
            if not finite:
                return Result("diverged", progress, state.weights, phase.scaling)
            if self._config.eval.recalibrate:
                weights = self._program.recalibrate(weights, phase.examples, phase.scaling)
            if progress.phase == "select":
                progress.selected = progress.selected or progress.epochs
                progress.metrics |= self._measure("val", weights, self._dataset.val, phase.scaling)
                if self._config.train.refit:
                    progress.phase, progress.epochs = "refit", 0
                    continue
            samples = self._config.eval.samples
            progress.metrics |= self._measure("train", weights, phase.split, phase.scaling, samples)
            progress.metrics |= self._measure("test", weights, self._dataset.test, phase.scaling)
            sparsity = self._program.sparsity(weights)
            progress.metrics |= {name: float(value) for name, value in sparsity.items()}
            progress.seconds = time.monotonic() - started
            return Result("ok", progress, weights, phase.scaling)

    def _keeps_best(self, progress: Progress) -> bool:
        return self._config.train.select == "best_val" and progress.phase == "select"

    def _phase(self, progress: Progress) -> "_Phase":
        split = self._dataset.train
        if progress.phase == "refit":
            split = concatenate(split, self._dataset.val)
        lengths = self._program.lengths(len(split))
        scaling = fit_scaling(self._config.data.scaling, split)
        if progress.phase == "refit" and self._config.train.select == "best_val":
            epochs = progress.selected
        else:
            epochs = lengths.epochs
        return _Phase(split, to_device(split), scaling, lengths, epochs)

    def _fit(
        self, phase: "_Phase", state: State, kept: Weights, progress: Progress, started: float
    ) -> tuple[State, Weights, bool]:
        """Trains the phase's remaining epochs; returns whether the loss stayed finite."""
        val = to_device(self._dataset.val) if len(self._dataset.val) else None
        lengths = phase.lengths
        for epoch in range(progress.epochs, phase.epochs):
            state, loss = self._program.train_epoch(
                state,
                self._numbers,
                phase.examples,
                phase.scaling,
                lengths=lengths,
                steps=min(lengths.epoch, lengths.total - epoch * lengths.epoch),
            )
            row: dict[str, Any] = {"phase": progress.phase, "epoch": epoch + 1}
            row["train_loss"] = _finite(float(loss))
            if val is not None and progress.phase == "select":
                row |= self._evaluate(
                    "val", state.weights, val, phase.scaling, self._config.eval.samples
                )
                if self._keeps_best(progress) and row["val_error"] < progress.best:
                    progress.best, progress.selected = row["val_error"], epoch + 1
                    kept = jax.tree.map(jnp.copy, state.weights)
            progress.history.append(row)
            progress.epochs = epoch + 1
            self._on_epoch(Epoch(self._share(progress, phase.epochs), row))
            if row["train_loss"] is None:
                return state, kept, False
            progress.seconds = time.monotonic() - started
            self._save_if_due(state, kept, progress)
        return state, kept, True

    def _share(self, progress: Progress, epochs: int) -> float:
        share = progress.epochs / epochs
        return (share + (progress.phase == "refit")) / 2 if self._config.train.refit else share

    def _measure(
        self, name: str, weights: Weights, split: Split, scaling: Scaling, passes: int | None = None
    ) -> Metrics:
        """Returns a split's final metrics, with all passes unless told otherwise."""
        if not len(split):
            return {}
        passes = passes or self._config.eval.passes
        return self._evaluate(name, weights, to_device(split), scaling, passes)

    def _evaluate(
        self, name: str, weights: Weights, data: Examples, scaling: Scaling, passes: int | None
    ) -> Metrics:
        metrics = self._program.evaluate(
            weights,
            self._numbers,
            data,
            scaling,
            inference=self._config.eval.inference,
            passes=passes or 1,
        )
        return {f"{name}_{key}": _finite(float(value)) for key, value in metrics.items()}

    def _resume(self) -> tuple[Progress, dict[str, Any] | None]:
        saved = self._checkpoints.restore() if self._checkpoints else None
        if saved is None:
            return Progress(), None
        arrays, progress = saved
        return Progress(**progress), arrays

    def _save_if_due(self, state: State, kept: Weights, progress: Progress) -> None:
        """Saves when it is time, or when asked to stop, and then leaves."""
        asked = self._stop.signum is not None
        due = time.monotonic() - self._saved >= self._config.run.checkpoint_seconds
        if self._checkpoints and (asked or due):
            described = dataclasses.asdict(progress)
            self._checkpoints.save((state, kept), described, step=len(progress.history))
            self._saved = time.monotonic()
        self._stop.check()


@dataclasses.dataclass(frozen=True)
class _Phase:
    """The data, scaling and length of one phase."""

    split: Split
    examples: Examples
    scaling: Scaling
    lengths: Lengths
    epochs: int


def _finite(number: float) -> float | None:
    """Returns the number, or None in place of what JSON cannot hold."""
    return number if math.isfinite(number) else None
