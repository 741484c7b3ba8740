"""Atomic writing of files, locks, and the user's cache folder."""

import contextlib
import errno
import io
import json
import math
import os
import re
import reprlib
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from filelock import FileLock, SoftFileLock, Timeout

from dropout_lab.errors import InputError


def user_cache(*names: str) -> Path:
    """Returns the per-user cache folder of this package, in $XDG_CACHE_HOME or ~/.cache.

    For a user without a home, as in some containers, it is in the temporary directory.

    Args:
      *names: Folders inside it, each in the one before: the path of the last is returned.

    Raises:
      InputError: If somebody else could have written in one of these folders, from which compiled
        programs are read.
    """
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    try:
        folder = Path(base).expanduser() / "dropout_lab"
    except RuntimeError:
        folder = Path(tempfile.gettempdir(), f"dropout_lab-{os.getuid()}")
    _check_private(folder)
    for name in names:
        folder /= name
        _check_private(folder)
    return folder


def _check_private(folder: Path) -> None:
    try:
        link, target = os.lstat(folder), os.stat(folder)
    except OSError:
        return  # there is none, or none that can be read
    others = {link.st_uid, target.st_uid} - {os.geteuid()}
    if others:
        problem = f"belongs to user {min(others)}, not to user {os.geteuid()}"
    elif target.st_mode & 0o022:
        problem = f"can be written by others (mode {target.st_mode & 0o777:o})"
    else:
        return
    raise InputError(
        f"cache {folder} {problem}; allowed: a folder of your own: remove it, chmod -R go-w if you "
        "trust what is in it, or set XDG_CACHE_HOME to another place"
    )


def make_private(folder: Path) -> None:
    """Makes a folder, and those above it that are missing, for this user alone.

    Raises:
      OSError: If it cannot be made.
    """
    if not folder.is_dir():
        make_private(folder.parent)
        folder.mkdir(mode=0o700, exist_ok=True)


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
    """Holds a lock that only one process can hold; yields whether it was acquired.

    The operating system releases the lock when its holder dies, so a lock file left behind locks
    nothing. Never delete it: a process that has the deleted file open and a process that creates a
    new file could both hold the lock.

    Args:
      path: The lock's file; created, with its directory, if it does not exist.
      wait: Whether to wait until the lock is free, or give up at once.

    Raises:
      InputError: If the file cannot be written.
    """
    file_lock = FileLock(path, timeout=0)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            file_lock.acquire()
        except Timeout:
            if isinstance(file_lock, SoftFileLock):
                _tell_of_soft(path)
            if not wait:
                yield False
                return
            file_lock.acquire(timeout=-1)
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror}") from error
    try:
        yield True
    finally:
        file_lock.release()


def _tell_of_soft(path: Path) -> None:
    """Warns, once per lock, of one that its holder's death does not release."""
    with contextlib.suppress(OSError, ValueError):
        holder = " ".join(path.read_text().split()[:2])
        warnings.warn(
            f"waiting for {path}, held by {holder} (process, host), as its file system lacks "
            "flock: if that process has ended, delete the file",
            stacklevel=2,
        )


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[io.BufferedRandom]:
    """Yields a temporary file that atomically replaces ``path`` at the end of the block.

    The directory is created if needed. If the block raises, or the file cannot be written, an
    existing file stays unchanged.

    Raises:
      OSError: If the file cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
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
    """Writes a file atomically: see :func:`replacing`.

    Raises:
      InputError: If it cannot be written; an existing file stays unchanged.
    """
    try:
        with replacing(path) as file:
            file.write(content)
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror}") from error


def delete_unfinished(directory: Path) -> None:
    """Deletes temporary files of existing files, left behind by processes killed while writing.

    No process may be replacing an existing file of the directory. Temporary files of files that do
    not exist stay, as a process may be writing them.
    """
    with contextlib.suppress(OSError):  # they harm nobody
        names = set(os.listdir(directory))
        for name in names:
            if name.startswith(".") and name[1:].rpartition(".")[0] in names:
                (directory / name).unlink(missing_ok=True)


def _flush_directory(path: Path) -> None:
    """Makes a rename in a directory durable, if the file system supports that."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (
            errno.EINVAL,
            errno.ENOTSUP,
        ):  # from file systems without support, such as SMB
            raise
    finally:
        os.close(descriptor)


def write_json(path: Path, content: Any) -> None:
    """Writes JSON atomically; raises ValueError for NaN, which JSON cannot hold."""
    write_bytes(path, (json.dumps(content, indent=1, allow_nan=False) + "\n").encode())


class DamagedError(InputError):
    """A file with unexpected content."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(path, reason)
        self.path, self.reason = path, reason

    def __str__(self) -> str:
        return f"{self.path} is damaged ({self.reason}); move it away to go on"


def version(path: Path) -> tuple[int, int, int, int] | None:
    """Returns what changes whenever a file is replaced; None if there is no such file.

    Raises:
      InputError: If it cannot be read.
    """
    try:
        with path.open("rb") as file:  # a network file system asks its server only on opening
            status = os.fstat(file.fileno())
    except FileNotFoundError:
        return None
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from error
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


def read_json(path: Path) -> Any:
    """Returns the content of a JSON file, whose numbers are finite and whose keys are distinct.

    Raises:
      DamagedError: If it is not JSON, as :func:`write_json` writes it.
      InputError: If it cannot be read or does not exist.
    """
    try:
        text = path.read_bytes().decode()
        # A function called for each number takes as long as all else.
        parse_float = _finite if any(huge.search(text) for huge in _HUGE) else None
        return json.loads(
            text, object_pairs_hook=_distinct, parse_float=parse_float, parse_constant=_no
        )
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise DamagedError(path, f"not JSON: {error}") from error


def read_object(path: Path) -> dict[str, Any]:
    """Returns the content of a JSON file that holds an object; errors as of :func:`read_json`."""
    content = read_json(path)
    if not isinstance(content, dict):
        raise DamagedError(path, "not an object")
    return content


_HUGE = re.compile(r"[0-9.][eE]\+?[0-9]{3}"), re.compile(r"[0-9]{300}")  # beyond float64


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) < len(pairs):
        keys = [key for key, _ in pairs]
        raise ValueError(f"{next(key for key in keys if keys.count(key) > 1)!r} is given twice")
    return content


def _finite(text: str) -> float:
    number = float(text)
    return number if math.isfinite(number) else _no(text)


def _no(text: str) -> float:
    raise ValueError(f"{text} is no finite number")


def check_schema(path: Path, content: Any, known: int) -> None:
    """Checks the version of a file's layout.

    Args:
      path: The file, for messages.
      content: Its content.
      known: The version that this code writes.

    Raises:
      DamagedError: If the content is no object with a version.
      InputError: If a later version of this code wrote it.
    """
    if not isinstance(content, dict) or "schema" not in content:
        raise DamagedError(path, "fields are missing")
    schema = content["schema"]
    if not isinstance(schema, int) or isinstance(schema, bool) or schema < 1:
        raise DamagedError(path, f"schema is {reprlib.repr(schema)}")
    if schema > known:
        raise InputError(
            f"{path} has schema {schema}, which a later version of dropout_lab wrote; this one "
            f"knows {known}; allowed: that version, or another directory"
        )
