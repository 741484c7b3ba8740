"""Working directories: whether one can be written to, and whose it is."""

import os
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from dropout_lab.errors import InputError

_MARKS = {"run": "config.json", "sweep": "sweep.json", "tuning": "tuned.json"}
"""The file that says whose a directory is."""


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


def check_kind(directory: Path, kind: str) -> None:
    """Raises InputError if a directory holds anything else than a ``kind``.

    Args:
      directory: The directory; there may be none.
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
    """Raises InputError if a directory belongs to another run, sweep or experiment than this one.

    Args:
      directory: The directory.
      kind: What it belongs to, for the message.
      before: What was asked for when it was begun, by key.
      asked: What is asked for now.
      free: Keys that may differ.
    """
    keys = [key for key in changed(before, asked) if key not in free]
    if keys:
        told = ", ".join(f"{key} is {before[key]!r} there, {asked[key]!r} here" for key in keys[:3])
        raise InputError(
            f"workdir {str(directory)!r} belongs to another {kind}: {told}; allowed: the same, or "
            "another workdir"
        )


def changed(before: Mapping[str, Any], asked: Mapping[str, Any]) -> list[str]:
    """Returns the keys whose values have changed.

    A key that ``before`` lacks has not: the code did not have it yet.

    >>> changed({"lr": 0.1, "seed": 0}, {"lr": 0.2, "seed": 0, "clip_norm": None})
    ['lr']
    """
    return [key for key, value in asked.items() if before.get(key, value) != value]
