"""The training loop of trials side by side: epochs, validation, selection, refit, one test."""

import dataclasses
import functools
from collections.abc import Callable, Iterable, Sequence

import jax
import jax.numpy as jnp
import numpy as np
from ml_collections import FrozenConfigDict

from dropout_lab.config import hparams_of, static_key
from dropout_lab.data import Dataset, Split, concatenate, label_noise
from dropout_lab.system.interrupt import Stop
from dropout_lab.training.arrays import Examples, Scaling, by_lane, fit_scaling, to_device
from dropout_lab.training.checkpoint import Checkpoints
from dropout_lab.training.network import Weights
from dropout_lab.training.pauses import Pauses
from dropout_lab.training.program import as_arrays
from dropout_lab.training.progress import Epoch, Metrics, Progress, TrialState
from dropout_lab.training.robustness import measure
from dropout_lab.training.session import Session
from dropout_lab.training.state import TrainState
from dropout_lab.training.vmapped import VmappedProgram


@dataclasses.dataclass(frozen=True)
class Result:
    """The result of a trial.

    Attributes:
      status: "ok", or "diverged" if the loss was not finite.
      progress: History and metrics.
      weights: The tested network's weights, on the host; after divergence, the last ones.
      scaling: Scaling of its inputs.
      lanes: Number of trials that ran side by side.
    """

    status: str
    progress: Progress
    weights: Weights
    scaling: Scaling
    lanes: int


@dataclasses.dataclass(frozen=True)
class _Phase:
    """A phase ("select" or "refit"), its training data on host and device, and their scaling."""

    name: str
    split: Split
    examples: Examples
    scaling: Scaling


class Trainer:
    """Trials of one program on one data set, each with its own seed, rates and other numbers.

    Every trial ends as if it ran alone: one that diverges, runs out of patience or has fewer
    epochs keeps its weights from that moment, and what its lane computes later is ignored.

    Args:
      program: The compiled program of the configurations' static part.
      configs: A resolved configuration per trial, at most as many as the program has lanes.
      dataset: The data.
      checkpoints: Where to save and resume from; None to do neither.
      on_epoch: Called after every epoch.
      stop: Checked after every epoch for a request to save and leave.
      pauses: Where trials that ``train.stop`` ends leave their state and find it; None for neither.

    Raises:
      ValueError: If there are too many configurations, or they do not share a program.
    """

    def __init__(
        self,
        program: VmappedProgram,
        configs: Sequence[FrozenConfigDict],
        dataset: Dataset,
        *,
        checkpoints: Checkpoints | None = None,
        on_epoch: Callable[[Epoch], None] = lambda epoch: None,
        stop: Stop | None = None,
        pauses: Pauses | None = None,
    ) -> None:
        if not 1 <= len(configs) <= program.lanes:
            raise ValueError(f"{len(configs)} trials; allowed: 1 to {program.lanes}, the lanes")
        if len({static_key(config) for config in configs}) > 1:
            raise ValueError("trials differ in more than dynamic numbers; allowed: one static_key")
        if len({config.data.fold for config in configs}) > 1:
            raise ValueError("trials have several folds; allowed: one, they share their data")
        self._program = program
        self._config = configs[0]  # for the keys that all trials have in common
        self._dataset = dataset
        self._on_epoch = on_epoch
        self._trials = [TrialState(index, config) for index, config in enumerate(configs)]
        interval = self._config.run.checkpoint_seconds
        self._session = Session(self._trials, checkpoints, interval, stop or Stop(), pauses)
        idle = [configs[-1]] * (program.lanes - len(configs))
        hparams = [hparams_of(config) for config in (*configs, *idle)]
        stacked = jax.tree.map(lambda *leaves: np.stack(leaves), *hparams)
        self._hparams = program.split_lanes(as_arrays(stacked))
        self._scalings: dict[str, Scaling] = {}

    def run(self) -> list[Result]:
        """Trains, from the checkpoint if there is one, and returns the result of each trial.

        Raises:
          Interrupted: If a stop was requested; progress is saved.
        """
        init = functools.partial(self._program.init, self._hparams)
        make_template = functools.partial(jax.eval_shape, self._program.init, self._hparams)
        restored = self._session.restore(make_template, self._program.lanes)
        if restored is None:
            # Two calls, because training overwrites the buffers of the state.
            state, selected_weights = init(), init().weights
        else:
            state, selected_weights = self._program.split_lanes(restored)
        if not self._trials_in("refit"):
            selected_weights = self._run_phase("select", state, selected_weights)
            if self._trials_in("refit"):
                state = init()
        if self._trials_in("refit"):
            selected_weights = self._run_phase("refit", state, selected_weights)
        return self._results(selected_weights)

    def _run_phase(self, name: str, state: TrainState, selected_weights: Weights) -> Weights:
        """Trains and evaluates a phase; returns all lanes' selected weights."""
        split = self._training_split(name)
        scaling = self._program.replicate(self._scaling(name))
        phase = _Phase(name, split, self._on_device(split, trained=True), scaling)
        trials = self._trials_in(name)
        state, selected_weights = self._train(phase, trials, state, selected_weights)
        healthy = [trial for trial in trials if not trial.progress.diverged]
        if healthy:
            with self._session.saved_on_error(state, selected_weights):
                selected_weights = self._end_phase(phase, healthy, selected_weights)
        return selected_weights

    def _train(
        self, phase: _Phase, trials: list[TrialState], state: TrainState, selected_weights: Weights
    ) -> tuple[TrainState, Weights]:
        """Trains until the phase has ended for every trial.

        Returns:
          The training state and all lanes' selected weights.
        """
        validated = phase.name == "select" and len(self._dataset.val)
        val = self._on_device(self._dataset.val) if validated else None
        sample = self._on_device(self._sample(phase.split), trained=True)
        for trial in trials:
            hparams = hparams_of(trial.config)
            trial.start_phase(self._program.lengths(hparams, len(phase.split)))
        while live := [trial for trial in trials if trial.progress.live]:
            state, loss = self._program.train_epoch(
                state, self._hparams, phase.examples, phase.scaling, steps=live[0].next_steps
            )
            samples = self._config.eval.samples
            fits = self._evaluate("train", state.evaluated, sample, phase, samples)
            rows: list[Metrics] = [
                {"train_loss": value, "train_error": fit["train_error"]}
                for value, fit in zip(by_lane(loss), fits, strict=True)
            ]
            if val is not None:
                metrics = self._evaluate("val", state.evaluated, val, phase, samples)
                rows = [row | added for row, added in zip(rows, metrics, strict=True)]
            for trial in live:
                trial.end_epoch(rows[trial.index])
            improved = [trial for trial in live if trial.selects_newest]
            if improved:
                mask = self._mask(improved)
                selected_weights = self._program.choose(mask, state.evaluated, selected_weights)
            self._report(phase, live)
            self._session.end_epoch(state, selected_weights)
        self._session.pause(trials, state, selected_weights)
        return state, selected_weights

    def _end_phase(
        self, phase: _Phase, trials: list[TrialState], selected_weights: Weights
    ) -> Weights:
        """Ends a phase: selects epochs, evaluates, moves trials on to refit.

        Returns:
          All lanes' selected weights, recalibrated if configured.
        """
        last = [trial for trial in trials if trial.in_last_phase]
        tested = [trial for trial in last if trial.config.eval.test]
        if self._config.eval.recalibrate:
            self._measure("test_raw", selected_weights, self._dataset.test, phase, tested)
            fresh = self._program.recalibrate(selected_weights, phase.examples, phase.scaling)
            # A copy, since choosing overwrites it and an error must leave it to be saved.
            copied = jax.tree.map(jnp.copy, selected_weights)
            selected_weights = self._program.choose(self._mask(trials), fresh, copied)
        if phase.name == "select":
            for trial in trials:
                trial.end_selection()
            self._measure("val", selected_weights, self._dataset.val, phase, trials)
        for trial in trials:
            if not trial.in_last_phase:
                trial.start_refit()
        self._measure("train", selected_weights, phase.split, phase, last)
        self._measure("test", selected_weights, self._dataset.test, phase, tested)
        trained = (self._program, selected_weights, self._hparams, phase.scaling)
        configs = [trial.config for trial in tested]
        for (option, name), columns in measure(*trained, self._dataset.test, configs):
            for trial in (trial for trial in tested if name in trial.config.eval[option]):
                row = {metric: values[trial.index] for metric, values in columns.items()}
                trial.progress.metrics |= row
        if last:
            for metric, values in self._program.sparsity(selected_weights).items():
                lanes = by_lane(values)
                for trial in last:
                    trial.progress.metrics[metric] = lanes[trial.index]
        return selected_weights

    def _measure(
        self, name: str, weights: Weights, split: Split, phase: _Phase, trials: list[TrialState]
    ) -> None:
        """Adds the metrics of a split, with ``name`` as prefix, to trials' final metrics."""
        if trials and len(split):
            options = self._config.eval
            passes = (options.samples if name == "train" else None) or options.passes
            data = self._on_device(split, trained=name == "train")
            rows = self._evaluate(name, weights, data, phase, passes)
            for trial in trials:
                trial.progress.metrics |= rows[trial.index]

    def _evaluate(
        self, name: str, weights: Weights, data: Examples, phase: _Phase, passes: int | None
    ) -> list[Metrics]:
        """Returns the metrics of every lane, idle ones included."""
        metrics = self._program.evaluate(
            weights,
            self._hparams,
            data,
            phase.scaling,
            inference=self._config.eval.inference,
            passes=passes or 1,
        )
        columns = {f"{name}_{metric}": by_lane(values) for metric, values in metrics.items()}
        return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]

    def _report(self, phase: _Phase, live: list[TrialState]) -> None:
        """Reports an epoch; the slowest trial determines the fraction done."""
        fraction = min(trial.fraction for trial in self._trials)
        rows = [trial.progress.history[-1] for trial in live]
        refits = any(trial.config.train.refit for trial in self._trials)
        self._on_epoch(Epoch(fraction, rows, phase.name if refits else None))

    def _results(self, selected_weights: Weights) -> list[Result]:
        host = jax.device_get(selected_weights)
        seconds = self._session.seconds
        results = []
        for trial in self._trials:
            trial.progress.seconds = seconds
            status = "diverged" if trial.progress.diverged else "ok"
            weights = jax.tree.map(lambda leaf, index=trial.index: leaf[index], host)
            scaling = self._scaling(trial.progress.phase)
            results.append(Result(status, trial.progress, weights, scaling, len(self._trials)))
        return results

    def _trials_in(self, phase: str) -> list[TrialState]:
        return [trial for trial in self._trials if trial.progress.phase == phase]

    def _training_split(self, phase: str) -> Split:
        train = self._dataset.train
        return concatenate(train, self._dataset.val) if phase == "refit" else train

    def _sample(self, split: Split) -> Split:
        """Returns evenly spaced examples, as many as of validation or test: one program for both.

        The error on them, after every epoch, costs as much as validation and compiles nothing.
        """
        size = min(len(self._dataset.val) or len(self._dataset.test) or len(split), len(split))
        chosen = np.linspace(0, len(split) - 1, size).astype(int)
        return split[chosen]

    def _scaling(self, phase: str) -> Scaling:
        if phase not in self._scalings:
            split = self._training_split(phase)
            self._scalings[phase] = fit_scaling(self._config.data.scaling, split)
        return self._scalings[phase]

    def _on_device(self, split: Split, *, trained: bool = False) -> Examples:
        """Returns a split on the devices; of those trained on, with their label noise, if any."""
        host = to_device(split)
        if trained and self._config.data.label_noise is not None:
            host = host._replace(noise=label_noise(split, self._dataset.classes))
        examples: Examples = self._program.replicate(host)
        return examples

    def _mask(self, trials: Iterable[TrialState]) -> np.ndarray:
        """Returns which lanes of the program belong to these trials."""
        mask = np.zeros(self._program.lanes, bool)
        mask[[trial.index for trial in trials]] = True
        return mask
