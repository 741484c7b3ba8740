"""Sets of allowed values: the test, the words for messages, and the type that flags parse."""

import dataclasses
import math
import sys
from collections.abc import Callable, Collection
from typing import Any

import numpy as np

from dropout_lab.errors import InputError, unknown
from dropout_lab.system.external import is_external


def plain(value: Any) -> Any:
    """Returns NumPy's numbers as Python's, and arrays and lists as tuples.

    >>> plain(np.int64(3)), plain(np.array([1, 2]))
    (3, (1, 2))
    """
    if isinstance(value, np.generic | np.ndarray):
        value = value.tolist()
    return tuple(map(plain, value)) if isinstance(value, tuple | list) else value


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
        raise InputError(f"{name} is {value!r}; allowed: {self.words}")

    def __or__(self, other: "Values") -> "Values":
        """Returns the union of two sets."""
        same_type = other is NONE or self.type is other.type
        return Values(
            f"{self.words}, or {other.words}",
            lambda value: self.test(value) or other.test(value),
            self.type if same_type else object,
            self.names or other.names,
        )


def number(low: float, high: float = math.inf, *, above: bool = False) -> Values:
    """Returns the finite numbers from ``low`` to ``high``; without ``low`` itself if ``above``."""
    bound = f"{'above' if above else 'from'} {low:g}" + (f" to {high:g}" if high < math.inf else "")

    def test(value: Any) -> bool:
        if not isinstance(value, int | float) or isinstance(value, bool):
            return False
        # Not math.isfinite, which raises on an integer too large for a float.
        finite = abs(value) <= sys.float_info.max
        return finite and low <= value <= high and not (above and value == low)

    return Values(f"a number {bound}", test, float)


def whole(low: int, high: int | None = None, *, words: str = "") -> Values:
    """Returns the integers from ``low`` to ``high``; ``words`` replaces ``high`` in messages."""

    def test(value: Any) -> bool:
        if not isinstance(value, int) or isinstance(value, bool):
            return False
        return value >= low and (high is None or value <= high)

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
