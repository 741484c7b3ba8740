"""The grammar of values on the command line: one for ``--config.KEY=VALUES`` and ``--vary``."""

import ast
from collections.abc import Iterator
from typing import Any

from dropout_lab.config.keys import Key, key_named
from dropout_lab.errors import InputError

_MOST = 1_000_000  # values of a range; more is a slip of the hand
_OPENING, _CLOSING = "([{", ")]}"

# What Python raises for a text that is no literal, too deep, or a dictionary with lists as keys.
_NO_LITERAL = (ValueError, SyntaxError, TypeError, MemoryError, RecursionError)


def values_of(name: str, text: str) -> list[Any]:
    """Returns the values that a text lists for a key.

    Commas separate values, and spaces around them mean nothing. A tuple has parentheses; a key that
    takes tuples only may do without them where there is but one. ``0:10`` is 0, 1, ..., 9, and
    ``0:10:5`` is 0, 5.

    >>> values_of("dropout.rate", "0, 0.5"), values_of("seed", "0:3,7")
    ([0, 0.5], [0, 1, 2, 7])
    >>> values_of("model.widths", "64,64"), values_of("model.widths", "(64,64),(32,)")
    ([(64, 64)], [(64, 64), (32,)])

    Raises:
      InputError: If the key is unknown, or a range is empty or none of whole numbers.
    """
    key, items = key_named(name), [item.strip() for item in _split(text)]
    if items and not items[-1]:
        items.pop()  # a comma at the end
    values = [value for item in items for value in _values(key, item)]
    whole = tuple(values)
    if not any(map(key.values.test, values)) and key.values.test(whole) and values:
        return [whole]
    return values


def value_of(name: str, text: str) -> Any:
    """Returns the one value that a text gives for a key.

    Raises:
      InputError: If it gives several values, or as :func:`values_of`.
    """
    values = values_of(name, text)
    if len(values) != 1:
        raise InputError(
            f"--config.{name}={text} gives {len(values)} values; allowed: one, such as "
            f"{tuple(values) or key_named(name).default}, or --vary={name}=... to try several"
        )
    return values[0]


def _values(key: Key, item: str) -> Iterator[Any]:
    parts = item.split(":")
    if key.values.type is not int or len(parts) not in (2, 3):
        yield _value(item)
        return
    try:
        numbers = range(*map(int, parts))
    except ValueError as error:
        raise InputError(f"{key.name}={item}; allowed: FIRST:END or FIRST:END:STEP") from error
    if not 0 < len(numbers) <= _MOST:
        raise InputError(
            f"{key.name}={item} is {len(numbers)} values; allowed: 1 to {_MOST}, without END itself"
        )
    yield from numbers


def _value(text: str) -> Any:
    try:
        return ast.literal_eval(text)
    except _NO_LITERAL:
        return text


def _split(text: str) -> Iterator[str]:
    """Yields the parts between commas that are in no brackets or quotes."""
    depth, quote, part = 0, "", ""
    for letter in text:
        if letter == "," and depth == 0 and not quote:
            yield part
            part = ""
            continue
        part += letter
        if quote:
            quote = "" if letter == quote else quote
        elif letter in "'\"":
            quote = letter
        else:
            depth += (letter in _OPENING) - (letter in _CLOSING)
    yield part
