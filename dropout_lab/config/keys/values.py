"""Sets of allowed values: the test, the words for messages, and the type that flags parse."""

import dataclasses
import functools
import math
from collections.abc import Callable, Collection
from typing import Any

import numpy as np

from dropout_lab.errors import InputError, shown, unknown
from dropout_lab.system.external import is_external

# What a program can hold: smaller numbers are zero there, larger ones infinite.
_SMALLEST, _LARGEST = float(np.finfo(np.float32).tiny), float(np.finfo(np.float32).max)
_LARGEST_WHOLE = 2**31 - 1


def plain(value: Any) -> Any:
    """Returns NumPy's numbers as Python's, and arrays and lists as tuples.

    >>> plain(np.int64(3)), plain(np.array([1, 2]))
    (3, (1, 2))
    """
    if isinstance(value, np.generic | np.ndarray):
        value = value.tolist()
    return tuple(map(plain, value)) if isinstance(value, tuple | list) else value


@functools.lru_cache(maxsize=4096)  # the trials of a sweep share most of their numbers
def short_decimal(value: float) -> float:
    """Returns the decimal of at most seven digits that is the same number in float32, if any.

    >>> short_decimal(0.1 * 3), short_decimal(1 / 3)
    (0.3, 0.3333333333333333)
    """
    with np.errstate(over="ignore", under="ignore"):
        rounded = np.float32(value)
    short = float(f"{value:.7g}")
    return short if np.isfinite(rounded) and np.float32(short) == rounded else value


@dataclasses.dataclass(frozen=True)
class Values:
    """The values that a key may take.

    Attributes:
      words: What is allowed, for messages.
      test: Whether a value is allowed.
      type: The type of a value given as a flag; ``object`` for a Python literal.
      names: The allowed names, if the values are names.
    """

    words: str
    test: Callable[[Any], bool]
    type: type
    names: Collection[str] = ()

    def check(self, name: str, value: Any) -> None:
        """Raises InputError unless ``value`` is allowed for what is called ``name``."""
        if self.test(plain(value)):
            return
        if self.names and isinstance(value, str):
            raise unknown(name.removeprefix("config."), value, self.names)
        bits = "" if _fits(value) else ", within 32 bits"
        raise InputError(f"{name} is {shown(value)}; allowed: {self.words}{bits}")

    def __or__(self, other: "Values") -> "Values":
        """Returns the union of two sets."""
        same_type = other is NONE or self.type is other.type
        return Values(
            f"{self.words}, or {other.words}",
            lambda value: self.test(value) or other.test(value),
            self.type if same_type else object,
            self.names or other.names,
        )


def _fits(value: Any) -> bool:
    """Returns whether a value is no finite number, or one that a program can hold."""
    if isinstance(value, float):
        return not math.isfinite(value) or value == 0 or _SMALLEST <= abs(value) <= _LARGEST
    return not isinstance(value, int) or abs(value) <= 2**32


def number(low: float, high: float = math.inf, *, above: bool = False) -> Values:
    """Returns the numbers from ``low`` to ``high`` that float32 can hold.

    Args:
      low: The smallest number.
      high: The largest number.
      above: Whether ``low`` itself is not allowed.
    """
    bound = f"{'above' if above else 'from'} {low:g}" + (f" to {high:g}" if high < math.inf else "")

    def test(value: Any) -> bool:
        if not isinstance(value, int | float) or isinstance(value, bool):
            return False
        held = value == 0 or _SMALLEST <= abs(value) <= _LARGEST
        return held and low <= value <= high and not (above and value == low)

    return Values(f"a number {bound}", test, float)


def whole(low: int, high: int | None = None, *, words: str = "") -> Values:
    """Returns the integers from ``low`` to ``high``; ``words`` replaces ``high`` in messages.

    Without ``high`` they end where those of a program do.
    """

    def test(value: Any) -> bool:
        if not isinstance(value, int) or isinstance(value, bool):
            return False
        return low <= value <= (_LARGEST_WHOLE if high is None else high)

    bound = "" if high is None else f" to {words or high}"
    return Values(f"a whole number from {low}{bound}", test, int)


def one_of(names: Collection[str]) -> Values:
    """Returns a set of names."""
    return Values(
        " | ".join(names), lambda value: isinstance(value, str) and value in names, str, names
    )


def tuple_of(item: Values) -> Values:
    """Returns the tuples and lists of which every item is allowed."""
    return Values(
        f"a tuple, each {item.words}",
        lambda value: isinstance(value, tuple | list) and all(map(item.test, value)),
        object,
    )


FLAG = Values("True or False", lambda value: isinstance(value, bool), bool)
TEXT = Values("a string", lambda value: isinstance(value, str), str)
EXTERNAL = Values(
    "FILE.py:NAME or package.module:NAME for one's own",
    lambda value: isinstance(value, str) and is_external(value),
    str,
)
NONE = Values("None", lambda value: value is None, object)
RATE = number(0, 1)
