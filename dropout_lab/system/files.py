"""Files that are whole or absent, locks, and the user's cache of files."""

import contextlib
import errno
import glob
import io
import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from dropout_lab.errors import InputError


def user_cache() -> Path:
    """Returns the per-user cache folder of this package ($XDG_CACHE_HOME is heeded).

    A user without a home, as in some containers, has one in the temporary directory.
    """
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    try:
        return Path(base).expanduser() / "dropout_lab"
    except RuntimeError:
        return Path(tempfile.gettempdir(), f"dropout_lab-{os.getuid()}")


def expanded(path: str | Path) -> Path:
    """Returns a path with ``~`` and environment variables replaced.

    A home or a variable that does not exist stays as it is written.

    >>> expanded("a/b").as_posix()
    'a/b'
    """
    # Unlike Path's, os.path's leaves ~ alone where there is no home.
    return Path(os.path.expanduser(os.path.expandvars(path)))


@contextlib.contextmanager
def lock(path: Path, *, wait: bool) -> Iterator[bool]:
    """Holds a lock that one process at a time can hold; yields whether it was got.

    The operating system releases a lock when its holder dies: a file left behind locks nothing. It
    must not be deleted: a process that has opened the deleted file, and one that makes a new file,
    could both hold the lock.

    Args:
      path: Its file; made, with its directory, if there is none.
      wait: Whether to wait until it is free, or give up at once.

    Raises:
      InputError: If the file cannot be written.
    """
    held = FileLock(path, timeout=-1 if wait else 0)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        held.acquire()
    except Timeout:
        yield False
        return
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror}") from error
    try:
        yield True
    finally:
        held.release()


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[io.BufferedRandom]:
    """Yields a new file that takes the place of ``path`` once the block has ended.

    Its directory is made. No one, ever, sees a part of it; if the block raises, or the file cannot
    be written, which is an OSError, a file already there stays as it was.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=_unfinished(path))
    try:
        with os.fdopen(descriptor, "w+b") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
    _flush_directory(path.parent)


def write_bytes(path: Path, content: bytes) -> None:
    """Writes a file whole: see :func:`replacing`.

    Raises:
      InputError: If it cannot be written; a file already there stays as it was.
    """
    try:
        with replacing(path) as file:
            file.write(content)
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror}") from error


def delete_unfinished(path: Path) -> None:
    """Deletes the parts of a file that kills during :func:`replacing` left behind.

    Only for a file that no one is writing at the moment.
    """
    for left in path.parent.glob(f"{glob.escape(_unfinished(path))}*"):
        left.unlink(missing_ok=True)


def _unfinished(path: Path) -> str:
    """Returns the prefix of the temporary names that a file has until it is whole."""
    return f".{path.name}."


def _flush_directory(path: Path) -> None:
    """Makes a rename in a directory outlive a power cut, where the file system can do so."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # as SMB shares say
            raise
    finally:
        os.close(descriptor)


def write_json(path: Path, content: Any) -> None:
    """Writes JSON whole; a NaN in it is a bug and an error."""
    write_bytes(path, (json.dumps(content, indent=1, allow_nan=False) + "\n").encode())


class DamagedError(InputError):
    """A file does not hold what it should."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(path, reason)
        self.path, self.reason = path, reason

    def __str__(self) -> str:
        return f"{self.path} is damaged ({self.reason}); move it away to go on"


def read_json(path: Path) -> Any:
    """Returns a file's JSON.

    Raises:
      DamagedError: If the file holds none.
      InputError: If it cannot be read, or is gone.
    """
    try:
        return json.loads(path.read_text())
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from error
    except ValueError as error:
        raise DamagedError(path, f"not JSON: {error}") from error
