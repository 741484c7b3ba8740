"""The one exception type that means "the user gave something wrong", and how to word it."""

import difflib
from collections.abc import Iterable


class InputError(ValueError):
    """Bad input from outside: names the thing, the value and what is allowed.

    Entry points print its message as one line and exit with status 2; anything else is a bug and
    keeps its traceback.
    """


def unknown(kind: str, name: object, allowed: Iterable[object]) -> InputError:
    """Returns the error for a name that is not one of ``allowed``, with the nearest one.

    >>> print(unknown("variant", "dropuot", ["none", "dropout"]))
    unknown variant 'dropuot'; did you mean 'dropout'? Allowed: dropout, none.
    """
    options = sorted(str(option) for option in allowed)
    near = difflib.get_close_matches(str(name), options, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else "."
    return InputError(f"unknown {kind} {name!r}{hint} Allowed: {', '.join(options)}.")
