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

from dropout_lab.sweeps import chunk
from dropout_lab.sweeps.plan import by_fold
from dropout_lab.sweeps.trials import Trial
from dropout_lab.training import loop
from dropout_lab.training.progress import Epoch
from dropout_lab.training.run import load_data

_WIDEST = 32  # lanes; measured: beyond it a small network gains nothing
_LONG = 5.0  # seconds of an epoch alone from which a CPU is busy enough

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


def measure(trials: Sequence[Trial], lanes: int) -> Cost:
    """Returns what the trials cost, from their first epochs; nothing is written.

    Args:
      trials: Of one group and fold, as many as lanes or fewer.
      lanes: Width of the program.
    """
    config = trials[0].config
    program, dataset = chunk.prepared(config, lanes), load_data(config)
    times = [time.monotonic()]

    def told(epoch: Epoch) -> None:
        times.append(time.monotonic())
        if len(times) > 2 and times[-1] - times[1] > _ENOUGH:
            raise _Measured

    configs = [trial.config for trial in trials]
    with contextlib.suppress(_Measured):
        loop.Lanes(program, configs, dataset, on_epoch=told).run()
    executables = jax.local_devices()[0].client.live_executables()
    stats = [each.get_compiled_memory_stats() for each in executables]
    sizes = [each.temp_size_in_bytes + each.output_size_in_bytes for each in stats]
    first, *later = (end - start for start, end in itertools.pairwise(times))
    epoch = statistics.median(later or [first])
    return Cost(epoch, max(first - epoch, 0.0), max(sizes, default=0))


def choose_lanes(trials: Sequence[Trial], workers: int) -> tuple[int, float | None]:
    """Returns how many trials to run side by side, and the seconds of an epoch of one.

    One alone is compared with as many as fit in half of the memory, share the work evenly, and
    take about as long as is worth finding out.

    Args:
      trials: Trials of one group.
      workers: Processes that share the machine.
    """
    if len(trials) == 1:
        return 1, None
    alone = measure(trials[:1], 1)
    beside = by_fold(trials)[0]
    wide = _width(alone, len(beside), workers)
    if wide == 1 or alone.epoch * _epochs(trials) < 2 * alone.compile:
        return 1, alone.epoch
    together = measure(beside[:wide], wide).epoch / wide
    return (wide, together) if together < alone.epoch else (1, alone.epoch)


def estimate(trials: Sequence[Trial]) -> tuple[float, float]:
    """Returns the seconds that the trials of a group take one after another, and to compile."""
    cost = measure(trials[:1], 1)
    return cost.epoch * _epochs(trials), cost.compile


def _width(alone: Cost, trials: int, workers: int) -> int:
    """Returns the width to compare with one lane: trials spread evenly over the chunks."""
    fitting = _memory() // 2 // workers // max(alone.memory, 1)
    busy = alone.epoch >= _LONG and jax.default_backend() == "cpu"
    widest = 1 if busy else max(1, min(_WIDEST, math.ceil(trials / workers), fitting))
    return math.ceil(trials / math.ceil(trials / widest))


def _epochs(trials: Sequence[Trial]) -> int:
    """Returns about how many epochs the trials of a group train."""
    size = len(load_data(trials[0].config).train)
    total = 0
    for trial in trials:
        train = trial.config.train
        epochs = train.epochs or math.ceil(train.updates / (size // train.batch_size))
        total += epochs * (2 if train.refit else 1)
    return total


def _memory() -> int:
    """Returns the bytes of memory of a device."""
    stats = jax.local_devices()[0].memory_stats()
    if stats and "bytes_limit" in stats:
        return int(stats["bytes_limit"])
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
