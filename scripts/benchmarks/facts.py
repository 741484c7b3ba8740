"""Facts about results of a computation: the evidence that two sides do the same work."""

import statistics
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

EXACT = 1e-3
"""Largest relative difference of two sides' losses when both do the same steps without noise."""


class Fact(NamedTuple):
    """A number, for comparison with another side's.

    Attributes:
      value: The number.
      tolerance: Largest difference from the other side's.
    """

    value: float
    tolerance: float


def of_dropout(
    *, size: int, kept: float, largest: float, gap: float | None = None
) -> dict[str, Fact]:
    """Returns facts about dropout of an array of ones.

    Args:
      size: Number of ones.
      kept: Fraction that was kept.
      largest: The largest output.
      gap: Largest difference between the gradient of the outputs' sum and the output, which are
        equal in theory; None if there is no gradient.
    """
    # 4 standard errors of the difference of two fractions.
    spread = 4 * (2 * kept * (1 - kept) / size) ** 0.5
    facts = {"kept": Fact(kept, spread), "scale": Fact(largest, 1e-3)}
    return facts if gap is None else facts | {"gradient - output": Fact(gap, 1e-6)}


def of_training(parameters: int, step: Callable[[], float]) -> dict[str, Fact]:
    """Returns the losses of two steps on one batch without noise, the second one after an update.

    Args:
      parameters: Number of learnt values.
      step: Takes a step and returns its loss.
    """
    first, second = step(), step()
    return {
        "parameters": Fact(parameters, 0),
        "first loss": Fact(first, EXACT * first),
        "second loss": Fact(second, EXACT * second),
    }


def of_noise(losses: Sequence[float]) -> dict[str, Fact]:
    """Returns the mean loss of steps that differ in their noise alone.

    Args:
      losses: Of every step, all on one batch and at a learning rate of 0.
    """
    # 4 standard errors of the difference of two such means.
    spread = 4 * statistics.stdev(losses) * (2 / len(losses)) ** 0.5
    return {"mean loss": Fact(statistics.fmean(losses), spread)}


def of_attention(mean_square: float) -> dict[str, Fact]:
    """Returns the mean square of attention's output, without noise."""
    return {"mean square": Fact(mean_square, 1e-4 * mean_square)}


def of_trial(examples: int, error: float) -> dict[str, Fact]:
    """Returns facts about a trial on digits.

    Args:
      examples: Number of training examples.
      error: Its validation error in percent.
    """
    # Of 300 examples and networks that start elsewhere: three standard deviations at 3 %.
    return {"examples": Fact(examples, 0), "validation error": Fact(error, 3.0)}


def differences(ours: Mapping[str, Fact], theirs: Mapping[str, Fact]) -> str:
    """Returns where the facts of two sides differ; an empty string where they agree.

    >>> differences({"kept": Fact(0.5, 0.1)}, {"kept": Fact(0.7, 0.1)})
    'kept is 0.7, ours 0.5'
    """
    if ours.keys() != theirs.keys():
        return f"facts are {sorted(theirs)}, ours {sorted(ours)}"
    return "; ".join(
        f"{name} is {theirs[name].value:g}, ours {fact.value:g}"
        for name, fact in ours.items()
        if not abs(theirs[name].value - fact.value) <= fact.tolerance
    )
