"""The exception for wrong input from the user, and the wording of its messages."""

import difflib
import os
import traceback
from collections.abc import Iterable, Iterator

_SHOWN = 100  # characters of a value in a message


class InputError(ValueError):
    """Wrong input; the message names the thing, the value and what is allowed.

    Entry points print the message as one line and exit with status 2. Any other exception is a bug
    and keeps its traceback.
    """


def unknown(kind: str, name: object, allowed: Iterable[object]) -> InputError:
    """Returns the error for a name that is not in ``allowed``, which suggests the nearest one.

    >>> print(unknown("variant", "dropuot", ["none", "dropout"]))
    unknown variant 'dropuot'; did you mean 'dropout'? Allowed: dropout, none.
    """
    options = sorted(str(option) for option in allowed)
    near = difflib.get_close_matches(str(name)[:_SHOWN], options, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else "."
    return InputError(f"unknown {kind} {shown(name)}{hint} Allowed: {', '.join(options)}.")


def shown(value: object) -> str:
    """Returns a value as a message shows it: as Python writes it, but not without end.

    >>> shown((0.5, "a")), len(shown([0] * 1000)), shown(10**9999)
    ("(0.5, 'a')", 100, 'an int too long to show')
    """
    try:
        text = repr(value)
    except Exception:  # an integer of too many digits; lists too deep; anything in a user's class
        name = type(value).__name__
        return f"{'an' if name[0] in 'aeiou' else 'a'} {name} too long to show"
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 3]}..."


def describe_error(error: BaseException, file: str) -> str:
    """Returns one line that describes an error raised by a user's Python file, with its line.

    Args:
      error: The error, or one that was raised because of it.
      file: Path of the file, as the user gave it.
    """
    for cause, line in _raised_in(error, file):
        if isinstance(cause, InputError):
            return _message(cause)
        return f"{type(cause).__name__}: {_message(cause)} ({file}, line {line})"
    return _message(error)


def raised_in(error: BaseException, file: str) -> bool:
    """Returns whether a line of the file led to an error."""
    return any(_raised_in(error, file))


def _raised_in(error: BaseException, file: str) -> Iterator[tuple[BaseException, int | None]]:
    """Yields the error and its causes that a line of a file led to, with that line."""
    path = os.path.abspath(file)
    cause: BaseException | None = error
    while cause is not None:
        frames = traceback.extract_tb(cause.__traceback__)
        lines = [frame.lineno for frame in frames if os.path.abspath(frame.filename) == path]
        if lines:
            yield cause, lines[-1]
        cause = cause.__cause__ or cause.__context__


def _message(error: BaseException) -> str:
    """Returns an error's message as one line; that of a KeyError without quotes."""
    [argument] = error.args if len(error.args) == 1 else [str(error)]
    if isinstance(argument, BaseException):
        return _message(argument)
    return " ".join(str(argument).split())
