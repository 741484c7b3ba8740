"""Work: one computation to measure, as a side of a case provides it."""

import time
from collections.abc import Callable, Mapping
from typing import NamedTuple

from scripts.benchmarks.facts import Fact
from scripts.benchmarks.problems import Sizes

shortest = Sizes.shortest
"""Shortest duration of a repeat in seconds; a worker sets what its sizes say."""


class Work(NamedTuple):
    """A computation, ready to be measured.

    Attributes:
      take_repeat: Takes one repeat and returns seconds per step, or bytes.
      facts: Returns facts, by name, that show whether two sides compute the same thing.
    """

    take_repeat: Callable[[], float]
    facts: Callable[[], Mapping[str, Fact]] = dict


Works = dict[tuple[str, str], Callable[[], Work]]
"""Makers of work, by case and side."""


def timer(run: Callable[[int], None], steps: int = 1) -> Callable[[], float]:
    """Warms up, and returns a function that times one repeat, in seconds per step.

    Args:
      run: Makes this many calls, and waits for the last.
      steps: Steps in one call.
    """
    run(1)
    calls = 1
    while (seconds := _seconds(run, calls)) < shortest:
        calls = max(2 * calls, round(calls * shortest / seconds))

    def take_repeat() -> float:
        if steps == 1:
            run(1)  # after the other sides' turns: threads sleep, caches hold other arrays
        return _seconds(run, calls) / (calls * steps)

    return take_repeat


def _seconds(run: Callable[[int], None], calls: int) -> float:
    started = time.perf_counter()
    run(calls)
    return time.perf_counter() - started
