"""Training trials side by side: epochs, validation, selection, refit, one look at the test set."""

import dataclasses
import math
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import jax
import numpy as np
from ml_collections import FrozenConfigDict

from dropout_lab.config import hparams_of, static_key
from dropout_lab.data import Dataset, Split, concatenate
from dropout_lab.system.interrupt import Stop
from dropout_lab.training.arrays import Examples, Scaling, fit_scaling, to_device
from dropout_lab.training.checkpoint import Arrays, Checkpoints, refill
from dropout_lab.training.network import Weights
from dropout_lab.training.processes import agreed, is_first
from dropout_lab.training.program import Lengths, TrainState, as_arrays
from dropout_lab.training.progress import Epoch, Metrics, Progress, TrialState
from dropout_lab.training.vmapped import VmappedProgram


@dataclasses.dataclass(frozen=True)
class Result:
    """What came of a trial.

    Attributes:
      status: "ok", or "diverged" if the loss was not finite.
      progress: History and metrics.
      weights: The network that was tested, on the host; after divergence, where it ended.
      scaling: How its inputs are scaled.
      lanes: How many trials ran side by side.
    """

    status: str
    progress: Progress
    weights: Weights
    scaling: Scaling
    lanes: int


class Trainer:
    """Trials of one program, each with its own seed, rates and other numbers, on one data set.

    Each ends as if it ran alone: one that diverges, runs out of patience or has fewer epochs keeps
    its weights from that moment, and what its lane computes later is ignored.

    Args:
      program: The compiled program of the configurations' static part.
      configs: A resolved configuration per trial, at most as many as the program has lanes.
      dataset: The data.
      checkpoints: Where to save and resume from; None to do neither.
      on_epoch: Called after every epoch.
      stop: Asked after every epoch whether to save and leave.

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
    ) -> None:
        if not 1 <= len(configs) <= program.lanes:
            raise ValueError(f"{len(configs)} trials; allowed: 1 to {program.lanes}, the lanes")
        if len({static_key(config) for config in configs}) > 1:
            raise ValueError("trials differ in more than dynamic numbers; allowed: one static_key")
        if len({config.data.fold for config in configs}) > 1:
            raise ValueError("trials of several folds side by side; allowed: of one, they share it")
        self._program = program
        self._config = configs[0]  # of what all have in common
        self._dataset = dataset
        self._checkpoints = checkpoints
        self._on_epoch = on_epoch
        self._stop = stop or Stop()
        self._lanes = [TrialState(index, config) for index, config in enumerate(configs)]
        idle = [configs[-1]] * (program.lanes - len(configs))
        each = [hparams_of(config) for config in (*configs, *idle)]
        stacked = jax.tree.map(lambda *hparams: np.stack(hparams), *each)
        self._hparams = program.spread(as_arrays(stacked))
        self._scalings: dict[str, Scaling] = {}
        self._started = time.monotonic()
        self._saved = time.monotonic()

    def run(self) -> list[Result]:
        """Trains, from the checkpoint if there is one, and returns what came of each trial.

        Raises:
          Interrupted: If asked to stop; what was done is saved.
        """
        resumed = self._resume()
        resumes_refit = any(lane.progress.phase == "refit" for lane in self._lanes)
        kept: Weights | None = None
        for name in ("refit",) if resumes_refit else ("select", "refit"):
            lanes = [lane for lane in self._lanes if lane.progress.phase == name]
            if not lanes:
                continue
            phase = self._phase(name)
            if resumed is not None:
                state, kept = self._program.spread(resumed)
                resumed = None
            else:
                state = self._program.init(self._hparams)
                if kept is None:
                    # Again, because training overwrites those of the state.
                    kept = self._program.init(self._hparams).weights
            kept = self._fit(phase, lanes, state, kept)
            kept = self._close(phase, [x for x in lanes if not x.progress.diverged], kept)
        return self._results(kept)

    def _fit(
        self, phase: "_Phase", lanes: list[TrialState], state: TrainState, kept: Weights
    ) -> Weights:
        """Trains while a lane is live; returns the weights that count, also of earlier phases."""
        program = self._program
        validated = phase.name == "select" and len(self._dataset.val)
        val = self._shared(self._dataset.val) if validated else None
        lengths = {lane: self._lengths(lane, phase.split) for lane in lanes}
        for lane in lanes:
            lane.begin(lengths[lane])
        while live := [lane for lane in lanes if lane.progress.live]:
            done = live[0].progress.epochs
            epoch, total = lengths[live[0]]
            state, loss = program.train_epoch(
                state,
                self._hparams,
                phase.examples,
                phase.scaling,
                steps=min(epoch, int(total) - done * epoch),
            )
            rows: list[Metrics] = [{"train_loss": each} for each in _by_lane(loss)]
            if val is not None:
                found = self._evaluate("val", state.weights, val, phase, self._config.eval.samples)
                rows = [row | each for row, each in zip(rows, found, strict=True)]
            counting = [lane for lane in live if lane.note(rows[lane.index])]
            if counting:
                kept = program.choose(self._mask(counting), state.weights, kept)
            # The slowest trial says how far all are.
            share = min(lane.share for lane in self._lanes)
            self._on_epoch(Epoch(share, [lane.progress.history[-1] for lane in live]))
            self._save_if_due(state, kept)
        return kept

    def _close(self, phase: "_Phase", lanes: list[TrialState], kept: Weights) -> Weights:
        """Settles what a phase found of the lanes that did not diverge; returns their networks."""
        if not lanes:
            return kept
        if self._config.eval.recalibrate:
            raw = [lane for lane in lanes if lane.final and lane.config.eval.test]
            self._measure("test_raw", kept, self._dataset.test, phase, raw)
            fresh = self._program.recalibrate(kept, phase.examples, phase.scaling)
            kept = self._program.choose(self._mask(lanes), fresh, kept)
        if phase.name == "select":
            for lane in lanes:
                lane.select()
            self._measure("val", kept, self._dataset.val, phase, lanes)
        final = [lane for lane in lanes if not lane.refit()]
        if not final:
            return kept
        self._measure("train", kept, phase.split, phase, final, self._config.eval.samples)
        tested = [lane for lane in final if lane.config.eval.test]
        self._measure("test", kept, self._dataset.test, phase, tested)
        sparsity = {name: _by_lane(each) for name, each in self._program.sparsity(kept).items()}
        for lane in final:
            for name, each in sparsity.items():
                lane.progress.metrics[name] = each[lane.index]
        return kept

    def _measure(
        self,
        name: str,
        weights: Weights,
        split: Split,
        phase: "_Phase",
        lanes: list[TrialState],
        passes: int | None = None,
    ) -> None:
        """Notes a split's final metrics of some lanes, with all passes unless told otherwise."""
        if not lanes or not len(split):
            return
        data = self._shared(split)
        found = self._evaluate(name, weights, data, phase, passes or self._config.eval.passes)
        for lane in lanes:
            lane.progress.metrics |= found[lane.index]

    def _evaluate(
        self, name: str, weights: Weights, data: Examples, phase: "_Phase", passes: int | None
    ) -> list[Metrics]:
        """Returns the metrics of every lane, idle ones included."""
        found = self._program.evaluate(
            weights,
            self._hparams,
            data,
            phase.scaling,
            inference=self._config.eval.inference,
            passes=passes or 1,
        )
        columns = {f"{name}_{key}": _by_lane(each) for key, each in found.items()}
        return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]

    def _results(self, kept: Weights | None) -> list[Result]:
        host = jax.device_get(kept)
        seconds = self._seconds()
        results = []
        for lane in self._lanes:
            lane.progress.seconds = seconds
            status = "diverged" if lane.progress.diverged else "ok"
            weights = jax.tree.map(lambda leaf, index=lane.index: leaf[index], host)
            scaling = self._scaling(lane.progress.phase)
            results.append(Result(status, lane.progress, weights, scaling, len(self._lanes)))
        return results

    def _phase(self, name: str) -> "_Phase":
        split = self._split(name)
        return _Phase(name, split, self._shared(split), self._program.share(self._scaling(name)))

    def _split(self, phase: str) -> Split:
        train = self._dataset.train
        return concatenate(train, self._dataset.val) if phase == "refit" else train

    def _scaling(self, phase: str) -> Scaling:
        if phase not in self._scalings:
            self._scalings[phase] = fit_scaling(self._config.data.scaling, self._split(phase))
        return self._scalings[phase]

    def _shared(self, split: Split) -> Examples:
        examples: Examples = self._program.share(to_device(split))
        return examples

    def _lengths(self, lane: TrialState, split: Split) -> Lengths:
        return self._program.lengths(hparams_of(lane.config), len(split))

    def _mask(self, lanes: Iterable[TrialState]) -> np.ndarray:
        """Returns which lanes of the program these are."""
        mask = np.zeros(self._program.lanes, bool)
        mask[[lane.index for lane in lanes]] = True
        return mask

    def _seconds(self) -> float:
        return time.monotonic() - self._started

    def _resume(self) -> tuple[TrainState, Weights] | None:
        """Takes what the checkpoint knows; returns the state and the weights that count."""
        saved = self._checkpoints.restore(self._read) if self._checkpoints else None
        resumed = None
        if saved is not None:
            resumed, progresses = saved
            for lane, progress in zip(self._lanes, progresses, strict=True):
                lane.progress = progress
        self._started = time.monotonic() - self._lanes[0].progress.seconds
        return resumed

    def _read(
        self, arrays: Arrays, described: dict[str, Any]
    ) -> tuple[tuple[TrainState, Weights], list[Progress]]:
        """Returns what was saved of these lanes; raises if it is not what this code saves."""
        lanes = [progress for _, progress in zip(self._lanes, described["lanes"], strict=True)]
        progresses = [Progress(**progress) for progress in lanes]
        if [vars(progress).keys() for progress in progresses] != [each.keys() for each in lanes]:
            raise ValueError("progress of other fields")
        fresh = jax.eval_shape(self._program.init, self._hparams)
        template = fresh, fresh.weights
        restored: tuple[TrainState, Weights] = refill(template, arrays)
        if jax.tree.map(np.shape, restored) != jax.tree.map(np.shape, template):
            raise ValueError("arrays of other shapes")
        return restored, progresses

    def _save_if_due(self, state: TrainState, kept: Weights) -> None:
        """Saves when it is time, or when asked to stop, and then leaves."""
        self._stop.signum = agreed(self._stop.signum)
        asked = self._stop.signum is not None
        due = time.monotonic() - self._saved >= self._config.run.checkpoint_seconds
        if self._checkpoints and is_first() and (asked or due):
            seconds = self._seconds()
            found = [dataclasses.replace(lane.progress, seconds=seconds) for lane in self._lanes]
            described = {"lanes": [dataclasses.asdict(progress) for progress in found]}
            step = sum(len(progress.history) for progress in found)
            self._checkpoints.save((state, kept), described, step=step)
            self._saved = time.monotonic()
        self._stop.check()


@dataclasses.dataclass(frozen=True)
class _Phase:
    """The data of one phase, and how it is scaled."""

    name: str
    split: Split
    examples: Examples
    scaling: Scaling


def _by_lane(values: Any) -> list[float | None]:
    """Returns each lane's number, or None where it is not finite, which JSON cannot hold."""
    return [each if math.isfinite(each) else None for each in np.asarray(values).tolist()]
