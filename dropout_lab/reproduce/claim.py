"""Claims of papers, as comparisons of values."""

import dataclasses

ERROR = "test_error"


@dataclasses.dataclass(frozen=True)
class CellMetric:
    """A metric of a cell; tables, curves and claims are made of these.

    Attributes:
      cell: The cell's label.
      metric: A name in the records' metrics, or one that an evaluation adds.
    """

    cell: str
    metric: str = ERROR

    def __str__(self) -> str:
        """Returns the cell, with the metric unless that is the test error."""
        return self.cell if self.metric == ERROR else f"{self.cell} ({self.metric})"


@dataclasses.dataclass(frozen=True)
class _Compared:
    """A claim about several values.

    Attributes:
      paired: Whether values are compared seed by seed, as for networks that start equal.
    """

    paired: bool = dataclasses.field(default=False, kw_only=True)

    @property
    def test(self) -> str:
        """The name of the statistical test."""
        return "paired by seed" if self.paired else "Welch"


@dataclasses.dataclass(frozen=True)
class Better(_Compared):
    """The claim that a value is lower than another.

    Attributes:
      value: The lower value; a cell's label stands for the cell's test error.
      than: The higher value, or a label.
      by: The difference must be above this.
    """

    value: CellMetric | str
    than: CellMetric | str
    by: float = 0.0

    @property
    def values(self) -> tuple[CellMetric, ...]:
        """The values compared."""
        return _values(self.value, self.than)

    def __str__(self) -> str:
        """Returns the claim in words."""
        better, worse = self.values
        return f"{better} is better than {worse}" + (
            f" by more than {self.by:g}" if self.by else ""
        )


@dataclasses.dataclass(frozen=True)
class Alike(_Compared):
    """The claim that two values differ by less than a bound.

    Attributes:
      value: The first value.
      other: The second value.
      within: The bound on the absolute difference, exclusive.
    """

    value: CellMetric | str
    other: CellMetric | str
    within: float

    @property
    def values(self) -> tuple[CellMetric, ...]:
        """The values compared."""
        return _values(self.value, self.other)

    def __str__(self) -> str:
        """Returns the claim in words."""
        one, other = self.values
        return f"{one} and {other} differ by less than {self.within:g}"


@dataclasses.dataclass(frozen=True)
class Ordered(_Compared):
    """The claim that values are in an order, each lower than the next.

    Attributes:
      order: From best to worst; neighbours are compared.
    """

    order: tuple[CellMetric | str, ...]

    @property
    def values(self) -> tuple[CellMetric, ...]:
        """The values compared."""
        return _values(*self.order)

    def __str__(self) -> str:
        """Returns the claim in words."""
        return "lowest first: " + " < ".join(map(str, self.values))


@dataclasses.dataclass(frozen=True)
class _Bound:
    """A claim about one value and a number.

    Attributes:
      value: The value.
      bound: The number.
    """

    value: CellMetric | str
    bound: float

    @property
    def values(self) -> tuple[CellMetric, ...]:
        """The value."""
        return _values(self.value)

    @property
    def test(self) -> str:
        """The name of the statistical test."""
        return "one sample"


class Below(_Bound):
    """The claim that a value is lower than a number."""

    def __str__(self) -> str:
        """Returns the claim in words."""
        return f"{self.values[0]} is below {self.bound:g}"


class Above(_Bound):
    """The claim that a value is higher than a number."""

    def __str__(self) -> str:
        """Returns the claim in words."""
        return f"{self.values[0]} is above {self.bound:g}"


Claim = Better | Alike | Ordered | Below | Above


def _values(*sides: CellMetric | str) -> tuple[CellMetric, ...]:
    return tuple(CellMetric(side) if isinstance(side, str) else side for side in sides)
