"""Downloads of published files: resumed, retried, verified, then renamed."""

import hashlib
import http.client
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn

from dropout_lab.data.catalog import OriginalFile
from dropout_lab.errors import InputError

_ATTEMPTS = 4
_BACKOFF_S = 0.5
_TIMEOUT_S = 30
_CHUNK = 1 << 18


class UnreachableError(Exception):
    """A file could not be downloaded or written."""


def verify(path: Path, original: OriginalFile) -> None:
    """Checks that a file is the published one.

    Raises:
      InputError: If its checksum differs; names the file and both checksums.
    """
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    if sha256 != original.sha256:
        raise InputError(
            f"{path}: sha256 is {sha256} ({path.stat().st_size} bytes) but {original.url} is "
            f"registered with {original.sha256} ({original.size} bytes); remove the file to have "
            "it downloaded again."
        )


def fetch(original: OriginalFile, folder: Path) -> Path:
    """Returns the path of a published file in a folder, downloading it if it is not there.

    The content goes to ``<name>.part`` first; a later call resumes from there. Processes that want
    the same file wait for the one that downloads it. Nothing is written before the server answers.

    Raises:
      UnreachableError: If it cannot be downloaded or written.
      InputError: If what was downloaded is not the published file.
    """
    target = folder / original.name
    part = target.with_name(f"{target.name}.part")
    if not target.exists() and not part.exists():
        _check_reachable(original)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / f"{original.name}.lock"):
            if not target.exists():
                _download(original, part).replace(target)
    except OSError as error:
        raise UnreachableError(f"{original.url} to {folder}: {error}") from error
    return target


def _check_reachable(original: OriginalFile) -> None:
    """Raises UnreachableError unless the server of a file answers and has not lost it."""
    request = urllib.request.Request(original.url, method="HEAD")
    for attempt in range(_ATTEMPTS):
        _back_off(attempt)
        try:
            urllib.request.urlopen(request, timeout=_TIMEOUT_S).close()
        except urllib.error.HTTPError as error:
            error.close()
            if error.code < http.HTTPStatus.INTERNAL_SERVER_ERROR:
                raise UnreachableError(f"{original.url}: {error}") from error
            return  # busy, or it does not know HEAD: the download will tell
        except (OSError, http.client.HTTPException) as error:
            failure = str(error) or type(error).__name__
        else:
            return
    raise UnreachableError(f"{original.url}: {failure}")


def _back_off(attempt: int) -> None:
    """Waits before another attempt, longer each time; not before the first, number 0."""
    if attempt:
        time.sleep(_BACKOFF_S * 2 ** (attempt - 1))


def _download(original: OriginalFile, part: Path) -> Path:
    resumed = part.exists()
    _fill(original, part)
    try:
        verify(part, original)
    except InputError:
        part.unlink()
        if not resumed:
            raise
        # Perhaps only the part that an earlier process left was bad.
        return _download(original, part)
    return part


def _fill(original: OriginalFile, part: Path) -> None:
    """Downloads until ``part`` is as long as the published file."""
    progress = Progress(
        "{task.description}",
        BarColumn(),
        DownloadColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
    )
    with progress:
        task = progress.add_task(original.name, total=original.size)
        for attempt in range(_ATTEMPTS):
            _back_off(attempt)
            try:
                for length in _receive(original, part):
                    progress.update(task, completed=length)
            except urllib.error.HTTPError as error:
                failure = str(error)
                if error.code == http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
                    part.unlink()
                elif error.code < http.HTTPStatus.INTERNAL_SERVER_ERROR:
                    break
            except (OSError, http.client.HTTPException) as error:
                failure = str(error) or type(error).__name__
            else:
                if part.stat().st_size >= original.size:
                    return
                failure = f"connection closed after {part.stat().st_size} bytes"
    raise UnreachableError(f"{original.url}: {failure}")


def _receive(original: OriginalFile, part: Path) -> Iterator[int]:
    """Appends the content of one response; yields the length so far, at most a chunk too long."""
    length = part.stat().st_size if part.exists() else 0
    if length >= original.size:
        return
    request = urllib.request.Request(original.url, headers={"Range": f"bytes={length}-"})
    with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as response:
        if response.status != http.HTTPStatus.PARTIAL_CONTENT:
            length = 0
        with part.open("ab" if length else "wb") as file:
            while length <= original.size and (chunk := response.read(_CHUNK)):
                file.write(chunk)
                length += len(chunk)
                yield length
