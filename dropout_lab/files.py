"""Files that are whole or absent, locks, and directories that can be written to."""

import contextlib
import errno
import glob
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


def check_directory(path: str | Path) -> Path:
    """Returns the path of a directory that exists or can be made, and can be written to.

    Nothing is made yet.

    Raises:
      InputError: If a part of the path is a file, or its owner does not allow writing.
    """
    directory = Path(path)
    existing = nearest(directory)
    if not existing.is_dir():
        reason = f"{existing} is a file"
    elif not os.access(existing, os.W_OK | os.X_OK):
        reason = f"no permission to write in {existing}"
    else:
        return directory
    raise InputError(
        f"workdir {str(path)!r} cannot be used: {reason}; allowed: a directory that can be written "
        "to, or a place where one can be made"
    )


def nearest(path: Path) -> Path:
    """Returns a path, or the nearest of the directories above it that exists."""
    places = (path, *path.absolute().parents)
    return next(place for place in places if os.path.exists(place))  # Path.exists may raise


@contextlib.contextmanager
def lock(path: Path, *, wait: bool) -> Iterator[bool]:
    """Holds a lock that one process at a time can hold; yields whether it was got.

    The operating system releases a lock when its holder dies: a file left behind locks nothing.

    Args:
      path: Its file; made, with its directory, if there is none.
      wait: Until it is free; or give up at once.

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


def write_bytes(path: Path, content: bytes) -> None:
    """Writes a file whole, making its directory: no one, ever, sees a part of it.

    Raises:
      InputError: If it cannot be written; a file already there stays as it was.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=_unfinished(path))
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.chmod(temporary, 0o644)
            os.replace(temporary, path)
        except BaseException:
            os.unlink(temporary)
            raise
        _flush_directory(path.parent)
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror}") from error


def delete_unfinished(path: Path) -> None:
    """Deletes what kills amid :func:`write_bytes` left of a file that no one is writing now."""
    for left in path.parent.glob(f"{glob.escape(_unfinished(path))}*"):
        left.unlink(missing_ok=True)


def _unfinished(path: Path) -> str:
    """Returns how the names of a file begin that is not whole yet."""
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
        raise DamagedError(path, f"no JSON: {error}") from error
