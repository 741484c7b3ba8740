"""The checkout: its location, and imports of the parts that are not installed."""

import sys
from pathlib import Path

from dropout_lab.errors import InputError

_MARKS = ("dropout_lab/__init__.py", "scripts/train.py")


def enclosing(path: Path) -> Path | None:
    """Returns the root of the checkout that a path lies in; None if it lies in none."""
    absolute = path.absolute()
    for folder in (absolute, *absolute.parents):
        if all((folder / mark).is_file() for mark in _MARKS):
            return folder
    return None


def locate() -> Path | None:
    """Returns the root of this code's checkout, else of the one around the working directory."""
    return enclosing(Path(__file__)) or enclosing(Path.cwd())


def require(command: str) -> Path:
    """Returns the root of the checkout.

    Args:
      command: Subcommand that needs it, for the error message.

    Raises:
      InputError: If there is no checkout.
    """
    root = locate()
    if root is None:
        raise InputError(
            f"dropout-lab {command} needs files that only a checkout of dropout_lab has; run it in "
            "a checkout, or install one with pip install --editable"
        )
    return root


def make_importable(root: Path) -> None:
    """Puts a checkout's root on Python's path: ``experiments``, ``configs`` and ``scripts``."""
    if str(root) not in sys.path:
        sys.path.insert(0, str(root))
