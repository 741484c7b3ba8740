"""Differences with intervals, one-sided tests, and the decimals that a sample supports.

Intervals and probabilities are scipy's. Holm's correction is arithmetic on probabilities, which
scipy does not offer (``false_discovery_control`` controls another error rate).
"""

import dataclasses
import math
from collections.abc import Mapping, Sequence

import numpy as np
from scipy import stats  # type: ignore[import-untyped]

CONFIDENCE = 0.95

_ROUNDING = 1e-6  # of numbers of single precision, which records hold: 6e-8, and some operations


@dataclasses.dataclass(frozen=True)
class Sample:
    """Values of a metric in a cell: one for each seed whose network did not diverge.

    Attributes:
      by_seed: The values.
      diverged: How many networks diverged; they have no part in any statistic.
      resolution: The smallest step between two numbers, such as 0.01 % with 10,000 examples.
    """

    by_seed: Mapping[int, float]
    diverged: int = 0
    resolution: float = 0.0

    @property
    def values(self) -> list[float]:
        """The values, in order of their seeds."""
        return [self.by_seed[seed] for seed in sorted(self.by_seed)]

    @property
    def n(self) -> int:
        """The number of values."""
        return len(self.by_seed)

    @property
    def mean(self) -> float | None:
        """The mean; None without numbers."""
        return float(np.mean(self.values)) if self.n else None

    @property
    def std(self) -> float | None:
        """The sample standard deviation (n - 1 in the denominator); None below two numbers."""
        return _deviation(self.values, self.values) if self.n > 1 else None

    @property
    def decimals(self) -> int:
        """Decimals to show the mean with.

        The last decimal is that of the first digit of the mean's standard error or, if coarser, of
        the resolution. A single network's percentage has the standard error of a proportion.
        """
        if self.std is not None:
            step = self.std / math.sqrt(self.n)
        else:
            [percent] = self.values or [0.0]
            step = math.sqrt(max(percent * (100 - percent), 0.0) * self.resolution / 100)
        step = max(step, self.resolution)
        return max(0, -math.floor(math.log10(step))) if step else 2


@dataclasses.dataclass(frozen=True)
class Difference:
    """An estimated difference, with the Student distribution of its error.

    Attributes:
      estimate: The difference.
      error: Its standard error.
      df: Degrees of freedom.
    """

    estimate: float
    error: float
    df: float

    @property
    def interval(self) -> tuple[float, float]:
        """The two-sided confidence interval, at level ``CONFIDENCE``."""
        low, high = stats.t.interval(CONFIDENCE, self.df, loc=self.estimate, scale=self.error)
        return float(low), float(high)

    def upper(self, level: float) -> float:
        """Returns the one-sided upper confidence bound, exceeded with probability ``level``."""
        return float(stats.t.ppf(1 - level, self.df, loc=self.estimate, scale=self.error))

    def lower(self, level: float) -> float:
        """Returns the one-sided lower confidence bound, missed with probability ``level``."""
        return float(stats.t.ppf(level, self.df, loc=self.estimate, scale=self.error))

    @property
    def p_value(self) -> float:
        """The two-sided p-value of a difference from 0."""
        return 2 * min(self.p_below(0.0), self.p_above(0.0))

    def p_below(self, bound: float) -> float:
        """Returns the one-sided p-value of the claim that the difference is below a bound."""
        return float(stats.t.cdf((self.estimate - bound) / self.error, self.df))

    def p_above(self, bound: float) -> float:
        """Returns the one-sided p-value of the claim that the difference is above a bound."""
        return float(stats.t.sf((self.estimate - bound) / self.error, self.df))


def welch(
    mean: float, std: float, n: int, other_mean: float, other_std: float, other_n: int
) -> Difference | None:
    """Returns Welch's difference of two means; None for a sample of one, or if neither varies."""
    if min(n, other_n) < 2 or std == other_std == 0:
        return None
    parts = std**2 / n, other_std**2 / other_n
    df = sum(parts) ** 2 / (parts[0] ** 2 / (n - 1) + parts[1] ** 2 / (other_n - 1))
    return Difference(mean - other_mean, math.sqrt(sum(parts)), df)


def one_sample(values: Sequence[float], number: float = 0.0) -> Difference | None:
    """Returns the difference of a mean from a number; None if the values do not vary."""
    return _from_number(values, _deviation(values, values), number)


def difference(a: Sample, b: Sample, *, paired: bool = False) -> Difference | None:
    """Returns the mean of ``a`` minus the mean of ``b``, with its uncertainty.

    Args:
      a: A sample.
      b: A sample.
      paired: Whether to compare seed by seed, where both have the seed; else Welch's difference.

    Returns:
      The difference; None if there are too few numbers for a test, or they do not vary.
    """
    if paired:
        seeds = sorted(a.by_seed.keys() & b.by_seed.keys())
        ours, theirs = ([sample.by_seed[seed] for seed in seeds] for sample in (a, b))
        apart = [one - other for one, other in zip(ours, theirs, strict=True)]
        return _from_number(apart, _deviation(apart, ours + theirs), 0.0)
    if a.mean is None or b.mean is None:
        return None
    return welch(a.mean, a.std or 0.0, a.n, b.mean, b.std or 0.0, b.n)


def holm(probabilities: Sequence[float]) -> list[float]:
    """Returns p-values adjusted for their number: the chance of any false claim stays bounded.

    >>> [round(p, 3) for p in holm([0.01, 0.04, 0.03])]
    [0.03, 0.06, 0.06]

    References:
      S. Holm, *A simple sequentially rejective multiple test procedure*, Scandinavian Journal of
      Statistics 6:65-70, 1979.
    """
    order = np.argsort(probabilities, kind="stable")
    factors = len(order) - np.arange(len(order))
    stepped = np.maximum.accumulate(np.asarray(probabilities, float)[order] * factors)
    adjusted = np.empty(len(order))
    adjusted[order] = np.minimum(stepped, 1.0)
    return adjusted.tolist()


def holm_level(adjusted: Sequence[float], level: float) -> float:
    """Returns the level at which Holm's procedure stops, given its adjusted p-values.

    A p-value before adjustment is below it exactly where Holm's procedure rejects, so one-sided
    confidence bounds at this level agree with the procedure's decisions.

    >>> holm_level([0.03, 0.06, 0.06], 0.05)
    0.025
    """
    return level / max(1, sum(p >= level for p in adjusted))


def significant(number: float | None) -> float | None:
    """Returns a number rounded to six significant digits; None stays None.

    These digits are the same under all versions of the libraries: records have about seven (single
    precision), and scipy's quantiles have differed between versions in the tenth.

    >>> significant(0.000123456789), significant(9876543.21)
    (0.000123457, 9876540.0)
    """
    return None if number is None else float(f"{number:.6g}")


def _deviation(values: Sequence[float], of: Sequence[float]) -> float:
    """Returns the sample standard deviation; 0 of one, or of what differs only by rounding.

    Args:
      values: Numbers.
      of: The numbers that they were computed from; rounding is relative to their size.
    """
    if len(values) < 2:
        return 0.0
    std = float(np.std(values, ddof=1))
    return std if std > _ROUNDING * max(map(abs, of)) else 0.0


def _from_number(values: Sequence[float], std: float, number: float) -> Difference | None:
    if std == 0:
        return None
    error = std / math.sqrt(len(values))
    return Difference(float(np.mean(values)) - number, error, len(values) - 1)
