"""Statistics of repeats of one measurement."""

import dataclasses
import statistics
from collections.abc import Sequence
from typing import Self


@dataclasses.dataclass(frozen=True)
class Sample:
    """Summary of repeats.

    Attributes:
      median: Median; ratios are computed from it.
      minimum: Smallest repeat.
      quartiles: First and third.
      values: The repeats, in order.
    """

    median: float
    minimum: float
    quartiles: tuple[float, float]
    values: tuple[float, ...]

    @classmethod
    def of(cls, values: Sequence[float]) -> Self:
        """Returns the summary of one repeat or more.

        >>> Sample.of([4.0, 1.0, 2.0, 3.0, 5.0]).quartiles
        (2.0, 4.0)
        """
        low, high = values[0], values[0]
        if len(values) > 1:
            low, _, high = statistics.quantiles(values, n=4, method="inclusive")
        return cls(statistics.median(values), min(values), (low, high), tuple(values))
