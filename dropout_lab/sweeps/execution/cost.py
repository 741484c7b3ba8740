"""Measured time and memory of trials, alone and side by side, and the choice of lanes by them."""

import contextlib
import dataclasses
import itertools
import math
import os
import statistics
import time
from collections.abc import Sequence

import jax
from ml_collections import FrozenConfigDict

from dropout_lab.data import Dataset
from dropout_lab.sweeps.execution import chunk
from dropout_lab.sweeps.execution.plan import by_fold
from dropout_lab.sweeps.trials import Trial
from dropout_lab.training import trainer
from dropout_lab.training.preparation import load_data
from dropout_lab.training.progress import Epoch
from dropout_lab.training.vmapped import VmappedProgram, evenly

# On a CPU, lanes save only the overhead of an update. Measured on digits with one core, time per
# epoch and trial with 1 lane and with 8: MLP 2 x 32 0.9 and 0.6 ms (50 us per update), 2 x 128 3.0
# and 2.7 (170 us per update), 2 x 256 8.8 and 8.2; CNN 17 and 21; LSTM 33 and 40. MNIST's MLP with
# 1 lane and with 2: 316 and 310 ms. 32 lanes are as fast as 8 and take longer to compile.
_WIDEST_ON_CPU = 8
_SHORT_UPDATE = 1e-4  # seconds per update below which lanes may be faster on a CPU
_WIDEST = 64  # on an accelerator

_ENOUGH = 0.3  # seconds of epochs to measure after the first epoch, which compiles


@dataclasses.dataclass(frozen=True)
class Cost:
    """Cost of training with some number of lanes.

    Attributes:
      epoch: Seconds per epoch of all lanes together, including evaluation.
      compile: Additional seconds of the first epoch.
      memory: Bytes of memory that the largest executable needs besides its arguments.
    """

    epoch: float
    compile: float
    memory: int


class _EnoughMeasured(Exception):  # noqa: N818 (not an error)
    """Ends a run that has been measured long enough."""


def measure_cost(trials: Sequence[Trial], lanes: int) -> Cost:
    """Measures the cost of trials in their first epochs; writes nothing.

    Args:
      trials: Trials of one group and fold, at most as many as lanes.
      lanes: Width of the program.
    """
    config = trials[0].config
    program, dataset = chunk.prepared(config, lanes), load_data(config)
    configs = [trial.config for trial in trials]
    first, *later = _time_epochs(program, configs, dataset)
    if len(later) <= config.train.refit:  # each phase has a single epoch, which compiled
        later = _time_epochs(program, configs, dataset)
    executables = jax.local_devices()[0].client.live_executables()
    stats = [executable.get_compiled_memory_stats() for executable in executables]
    sizes = [memory.temp_size_in_bytes + memory.output_size_in_bytes for memory in stats]
    epoch = statistics.median(later)
    return Cost(epoch, max(first - epoch, 0.0), max(sizes, default=0))


def _time_epochs(
    program: VmappedProgram, configs: Sequence[FrozenConfigDict], dataset: Dataset
) -> list[float]:
    """Returns the seconds of each epoch of a run, which ends once enough is measured."""
    times = [time.monotonic()]

    def on_epoch(epoch: Epoch) -> None:
        times.append(time.monotonic())
        if len(times) > 2 and times[-1] - times[1] > _ENOUGH:
            raise _EnoughMeasured

    with contextlib.suppress(_EnoughMeasured):
        trainer.Trainer(program, configs, dataset, on_epoch=on_epoch).run()
    return [end - start for start, end in itertools.pairwise(times)]


def choose_lanes(trials: Sequence[Trial], workers: int) -> tuple[int, float | None]:
    """Returns the fastest number of lanes, and the seconds per epoch and trial if measured.

    One lane is compared with as many as fit in half of the memory and fill all chunks evenly,
    unless compiling for them would take longer than they could save.

    Args:
      trials: Trials of one group.
      workers: Number of processes that share the machine.
    """
    if len(trials) == 1:
        return 1, None
    alone = measure_cost(trials[:1], 1)
    same_fold = by_fold(trials)[0]
    lanes = _lanes_to_try(alone, same_fold, workers)
    if lanes == 1 or alone.epoch * _epochs(trials) < 2 * alone.compile:
        return 1, alone.epoch
    together = measure_cost(same_fold[:lanes], lanes).epoch / min(lanes, len(same_fold))
    return (lanes, together) if together < alone.epoch else (1, alone.epoch)


def estimate(trials: Sequence[Trial]) -> tuple[float, float]:
    """Returns the estimated seconds to train a group's trials one by one, and to compile."""
    cost = measure_cost(trials[:1], 1)
    return cost.epoch * _epochs(trials), cost.compile


def _lanes_to_try(alone: Cost, trials: Sequence[Trial], workers: int) -> int:
    """Returns the number of lanes to compare with one: it fills all chunks evenly."""
    backend = jax.default_backend()
    if backend == "cpu" and alone.epoch >= _SHORT_UPDATE * _updates(trials[0]):
        return 1
    widest = _WIDEST_ON_CPU if backend == "cpu" else _WIDEST
    fitting = _memory() // 2 // workers // max(alone.memory, 1) * jax.local_device_count()
    per_worker = math.ceil(len(trials) / workers)
    chunks = math.ceil(len(trials) / max(1, min(widest, per_worker, fitting)))
    return evenly(math.ceil(len(trials) / chunks), trials[0].config.mesh.data)


def _epochs(trials: Sequence[Trial]) -> int:
    """Returns the number of epochs of all trials of a group, without early stopping."""
    updates = _updates(trials[0])
    total = 0
    for trial in trials:
        epochs = trial.flat["train.epochs"] or math.ceil(trial.flat["train.updates"] / updates)
        total += epochs * (2 if trial.flat["train.refit"] else 1)
    return total


def _updates(trial: Trial) -> int:
    """Returns the number of updates per epoch."""
    return len(load_data(trial.config).train) // trial.config.train.batch_size


def _memory() -> int:
    """Returns the bytes of memory of a device."""
    stats = jax.local_devices()[0].memory_stats()
    if stats and "bytes_limit" in stats:
        return int(stats["bytes_limit"])
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
