"""Checks of working directories: permission to write, and the run they belong to."""

import os
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from dropout_lab.errors import InputError

_MARKS = {"run": "config.json", "sweep": "sweep.json", "tuning": "tuned.json"}
"""The file that identifies the owner of a directory."""


def check_directory(path: str | Path) -> Path:
    """Returns the path of a directory that is writable or can be created; creates nothing.

    Raises:
      InputError: If a part of the path is a file or not writable.
    """
    directory = Path(path)
    existing = nearest_existing(directory)
    if not existing.is_dir():
        reason = f"{existing} is a file"
    elif not os.access(existing, os.W_OK | os.X_OK):
        reason = f"no permission to write in {existing}"
    else:
        return directory
    raise InputError(
        f"workdir {str(path)!r} cannot be used: {reason}; allowed: a writable directory, or "
        "a path where one can be created"
    )


def nearest_existing(path: Path) -> Path:
    """Returns the path if it exists, else its nearest existing parent."""
    candidates = (path, *path.absolute().parents)
    return next(path for path in candidates if os.path.exists(path))  # Path.exists may raise


def check_kind(directory: Path, kind: str) -> None:
    """Raises InputError if a directory holds something other than a ``kind``.

    Args:
      directory: The directory; it need not exist.
      kind: "run", "sweep" or "tuning".
    """
    for other, mark in _MARKS.items():
        if other != kind and (directory / mark).exists():
            raise InputError(
                f"workdir {str(directory)!r} holds a {other}; allowed for a {kind}: a directory of "
                "its own"
            )


def check_same(
    directory: Path,
    kind: str,
    before: Mapping[str, Any],
    asked: Mapping[str, Any],
    *,
    free: Collection[str] = (),
) -> None:
    """Raises InputError if a directory belongs to another run, sweep or experiment.

    Args:
      directory: The directory.
      kind: "run", "sweep" or "experiment", for the message.
      before: The values that the directory was started with, by key.
      asked: The values requested now.
      free: Keys that may differ.
    """
    keys = [key for key in changed(before, asked) if key not in free]
    if keys:
        differences = ", ".join(
            f"{key} is {before[key]!r} there, {asked[key]!r} here" for key in keys[:3]
        )
        raise InputError(
            f"workdir {str(directory)!r} belongs to another {kind}: {differences}; allowed: the "
            "same, or another workdir"
        )


def changed(before: Mapping[str, Any], asked: Mapping[str, Any]) -> list[str]:
    """Returns the keys whose values have changed.

    A key missing in ``before`` counts as unchanged: it was added to the code later.

    >>> changed({"lr": 0.1, "seed": 0}, {"lr": 0.2, "seed": 0, "clip_norm": None})
    ['lr']
    """
    return [key for key, value in asked.items() if before.get(key, value) != value]
