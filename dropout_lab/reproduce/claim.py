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
class _Compared:
    """What claims about several values share.

    Attributes:
      paired: Whether values are compared seed by seed, as for networks that start equal.
    """

    paired: bool = dataclasses.field(default=False, kw_only=True)

    @property
    def test(self) -> str:
        """The test that decides."""
        return "paired by seed" if self.paired else "Welch"


@dataclasses.dataclass(frozen=True)
class Better(_Compared):
    """The claim that a value is lower than another.

    Attributes:
      value: The lower one; a cell's label stands for its test error, here and below.
      than: The higher one.
      by: By more than so much.
    """

    value: Value | str
    than: Value | str
    by: float = 0.0

    @property
    def values(self) -> tuple[Value, ...]:
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
    """The claim that two values differ by less than so much.

    Attributes:
      value: One.
      other: The other.
      within: The least difference at which they would not be alike.
    """

    value: Value | str
    other: Value | str
    within: float

    @property
    def values(self) -> tuple[Value, ...]:
        """The values compared."""
        return _values(self.value, self.other)

    def __str__(self) -> str:
        """Returns the claim in words."""
        one, other = self.values
        return f"{one} and {other} differ by less than {self.within:g}"


@dataclasses.dataclass(frozen=True)
class Ordered(_Compared):
    """The claim that values come in an order: each better than the next.

    Attributes:
      order: From best to worst; neighbours are compared.
    """

    order: tuple[Value | str, ...]

    @property
    def values(self) -> tuple[Value, ...]:
        """The values compared."""
        return _values(*self.order)

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
