"""Faults of the environment: what the operating system refuses, whichever library reports it."""

import contextlib
import errno
import logging
import os
import re
from collections.abc import Iterator

# What says that a file is missing or another kind of thing: the content of a folder, not a fault.
_MISSING = frozenset({errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.EINVAL})
# TensorStore raises a ValueError with the number in its text, and the library below it without.
_IN_TEXT = re.compile(r"OS error (\d+)")
_NAMED_IN_TEXT = (
    errno.EACCES,
    errno.EDQUOT,
    errno.EFBIG,
    errno.EIO,
    errno.EMFILE,
    errno.ENFILE,
    errno.ENOSPC,
    errno.EROFS,
    errno.ESTALE,
)


def fault(error: BaseException | None) -> str | None:
    """Returns what the operating system refused if caused an error, as "No space left"; else None.

    A missing file is no fault.
    """
    while error is not None:
        number = error.errno if isinstance(error, OSError) else _number_in(str(error))
        if number is not None and number not in _MISSING:
            return os.strerror(number)
        error = error.__cause__ or error.__context__
    return None


def describe(error: Exception) -> str:
    """Returns an error as one line; that of the operating system with its file."""
    text = str(error)
    if isinstance(error, OSError):
        file = f"{os.fsdecode(error.filename)}: " if isinstance(error.filename, str | bytes) else ""
        text = file + (error.strerror or text or type(error).__name__)
    return " ".join(text.split())


@contextlib.contextmanager
def unlogged() -> Iterator[None]:
    """Keeps libraries from logging the errors of a block, which are raised as well."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(before)


def _number_in(text: str) -> int | None:
    number = _IN_TEXT.search(text)
    if number:
        return int(number[1])
    named = (number for number in _NAMED_IN_TEXT if os.strerror(number) in text)
    return next(named, None)
