"""The one exception type that means "the user gave something wrong", and how to word it."""

import difflib
import os
import traceback
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


def told(error: BaseException, file: str) -> str:
    """Returns in one line what a user's Python file raised, and where in it.

    Args:
      error: What it led to: that error, or one raised in handling it.
      file: The file, as it was given to be run.
    """
    path = os.path.abspath(file)
    each: BaseException | None = error
    while each is not None:
        frames = traceback.extract_tb(each.__traceback__)
        lines = [frame.lineno for frame in frames if os.path.abspath(frame.filename) == path]
        if lines and isinstance(each, InputError):
            return _words(each)
        if lines:
            return f"{type(each).__name__}: {_words(each)} ({file}, line {lines[-1]})"
        each = each.__cause__ or each.__context__
    return _words(error)


def _words(error: BaseException) -> str:
    """Returns an error's message in one line; a KeyError's without quotes round it."""
    [only] = error.args if len(error.args) == 1 else [str(error)]
    return _words(only) if isinstance(only, BaseException) else " ".join(str(only).split())
