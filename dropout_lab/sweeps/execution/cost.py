"""How long trials take and how much memory they need, alone and side by side: measured."""

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

# On a CPU lanes share what an update costs besides its arithmetic. Measured on digits, one core, 1
# lane against 8: 0.9 and 0.6 ms an epoch with 2 x 32 units (50 us an update), 3.0 and 2.7 with 2 x
# 128 (170 us), 8.8 and 8.2 with 2 x 256; 17 and 21 of the CNN, 33 and 40 of the LSTM; of MNIST's
# MLP 316 and 310 ms in 2. With 32 lanes as with 8, and compiling them takes longer.
_WIDEST_ON_CPU = 8
_SHORT = 1e-4  # seconds of an update below which lanes may pay on a CPU
_WIDEST = 64  # on an accelerator

_ENOUGH = 0.3  # seconds of epochs after the first, which compiles


@dataclasses.dataclass(frozen=True)
class Cost:
    """What training costs in so many lanes.

    Attributes:
      epoch: Seconds of an epoch of all lanes, with its evaluation.
      compile: Seconds of the first epoch beyond that.
      memory: Bytes of the largest program, without its arguments.
    """

    epoch: float
    compile: float
    memory: int


class _Measured(Exception):  # noqa: N818 (not an error: enough is known)
    """Ends a run of which enough is known."""


def measure_cost(trials: Sequence[Trial], lanes: int) -> Cost:
    """Returns what the trials cost, from their first epochs; nothing is written.

    Args:
      trials: Of one group and fold, as many as lanes or fewer.
      lanes: Width of the program.
    """
    config = trials[0].config
    program, dataset = chunk.prepared(config, lanes), load_data(config)
    configs = [trial.config for trial in trials]
    first, *later = _time_epochs(program, configs, dataset)
    if len(later) <= config.train.refit:  # each phase has one epoch, which compiles
        later = _time_epochs(program, configs, dataset)
    executables = jax.local_devices()[0].client.live_executables()
    stats = [each.get_compiled_memory_stats() for each in executables]
    sizes = [each.temp_size_in_bytes + each.output_size_in_bytes for each in stats]
    epoch = statistics.median(later)
    return Cost(epoch, max(first - epoch, 0.0), max(sizes, default=0))


def _time_epochs(
    program: VmappedProgram, configs: Sequence[FrozenConfigDict], dataset: Dataset
) -> list[float]:
    """Returns the seconds of a run's first epochs: all of them, or as many as are enough."""
    times = [time.monotonic()]

    def told(epoch: Epoch) -> None:
        times.append(time.monotonic())
        if len(times) > 2 and times[-1] - times[1] > _ENOUGH:
            raise _Measured

    with contextlib.suppress(_Measured):
        trainer.Trainer(program, configs, dataset, on_epoch=told).run()
    return [end - start for start, end in itertools.pairwise(times)]


def choose_lanes(trials: Sequence[Trial], workers: int) -> tuple[int, float | None]:
    """Returns how many trials to run side by side, and the seconds of an epoch of one.

    One alone is compared with as many as fit in half of the memory and share the work evenly, if
    that can pay for compiling them.

    Args:
      trials: Trials of one group.
      workers: Processes that share the machine.
    """
    if len(trials) == 1:
        return 1, None
    alone = measure_cost(trials[:1], 1)
    beside = by_fold(trials)[0]
    wide = _width(alone, beside, workers)
    if wide == 1 or alone.epoch * _epochs(trials) < 2 * alone.compile:
        return 1, alone.epoch
    together = measure_cost(beside[:wide], wide).epoch / min(wide, len(beside))
    return (wide, together) if together < alone.epoch else (1, alone.epoch)


def estimate(trials: Sequence[Trial]) -> tuple[float, float]:
    """Returns the seconds that the trials of a group take one after another, and to compile."""
    cost = measure_cost(trials[:1], 1)
    return cost.epoch * _epochs(trials), cost.compile


def _width(alone: Cost, trials: Sequence[Trial], workers: int) -> int:
    """Returns the width to compare with one lane: trials spread evenly over the chunks."""
    backend = jax.default_backend()
    if backend == "cpu" and alone.epoch >= _SHORT * _updates(trials[0]):
        return 1
    widest = _WIDEST_ON_CPU if backend == "cpu" else _WIDEST
    fitting = _memory() // 2 // workers // max(alone.memory, 1) * jax.local_device_count()
    share = math.ceil(len(trials) / workers)
    chunks = math.ceil(len(trials) / max(1, min(widest, share, fitting)))
    return evenly(math.ceil(len(trials) / chunks), trials[0].config.mesh.data)


def _epochs(trials: Sequence[Trial]) -> int:
    """Returns about how many epochs the trials of a group train."""
    updates = _updates(trials[0])
    total = 0
    for trial in trials:
        train = trial.config.train
        total += (train.epochs or math.ceil(train.updates / updates)) * (2 if train.refit else 1)
    return total


def _updates(trial: Trial) -> int:
    """Returns the updates in an epoch."""
    return len(load_data(trial.config).train) // trial.config.train.batch_size


def _memory() -> int:
    """Returns the bytes of memory of a device."""
    stats = jax.local_devices()[0].memory_stats()
    if stats and "bytes_limit" in stats:
        return int(stats["bytes_limit"])
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
