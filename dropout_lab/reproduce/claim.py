"""What papers conclude, as comparisons of values."""

import dataclasses

ERROR = "test_error"


@dataclasses.dataclass(frozen=True)
class Value:
    """A metric of a cell, which is what tables, curves and claims are made of.

    Attributes:
      cell: The cell's label.
      metric: A name in the records' metrics, or of what is measured besides.
    """

    cell: str
    metric: str = ERROR

    def __str__(self) -> str:
        """Returns the cell, with the metric where that is not the usual one."""
        return self.cell if self.metric == ERROR else f"{self.cell} ({self.metric})"


@dataclasses.dataclass(frozen=True)
class Better:
    """The claim that a value is lower than another.

    Attributes:
      value: The lower one; of a cell's label, its test error is meant, here as below.
      than: The higher one.
      by: By more than so much.
      paired: Whether the seeds of both are compared one by one, as for networks that start equal.
    """

    value: Value | str
    than: Value | str
    by: float = 0.0
    paired: bool = False

    @property
    def values(self) -> tuple[Value, ...]:
        """The values compared."""
        return _values(self.value, self.than)

    @property
    def test(self) -> str:
        """The test that decides."""
        return "paired by seed" if self.paired else "Welch"

    def __str__(self) -> str:
        """Returns the claim in words."""
        better, worse = self.values
        return f"{better} is better than {worse}" + (
            f" by more than {self.by:g}" if self.by else ""
        )


@dataclasses.dataclass(frozen=True)
class Alike:
    """The claim that two values differ by less than so much.

    Attributes:
      value: One.
      other: The other.
      within: The difference from which on they would not be alike.
      paired: Whether the seeds of both are compared one by one.
    """

    value: Value | str
    other: Value | str
    within: float
    paired: bool = False

    @property
    def values(self) -> tuple[Value, ...]:
        """The values compared."""
        return _values(self.value, self.other)

    @property
    def test(self) -> str:
        """The test that decides."""
        return "paired by seed" if self.paired else "Welch"

    def __str__(self) -> str:
        """Returns the claim in words."""
        one, other = self.values
        return f"{one} and {other} differ by less than {self.within:g}"


@dataclasses.dataclass(frozen=True)
class Ordered:
    """The claim that values come in an order: each better than the next.

    Attributes:
      order: From best to worst.
      paired: Whether the seeds of neighbours are compared one by one.
    """

    order: tuple[Value | str, ...]
    paired: bool = False

    @property
    def values(self) -> tuple[Value, ...]:
        """The values compared."""
        return _values(*self.order)

    @property
    def test(self) -> str:
        """The test that decides."""
        return "paired by seed" if self.paired else "Welch"

    def __str__(self) -> str:
        """Returns the claim in words."""
        return "lowest first: " + " < ".join(map(str, self.values))


@dataclasses.dataclass(frozen=True)
class _Bound:
    """What claims about one value and a number share.

    Attributes:
      value: The value.
      bound: The number.
    """

    value: Value | str
    bound: float

    @property
    def values(self) -> tuple[Value, ...]:
        """The value."""
        return _values(self.value)

    @property
    def test(self) -> str:
        """The test that decides."""
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


def _values(*sides: Value | str) -> tuple[Value, ...]:
    return tuple(Value(side) if isinstance(side, str) else side for side in sides)
