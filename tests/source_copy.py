"""A copy of the source for tests of how it is extended: what is edited is what a user must edit."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


class SourceCopy:
    """A copy of the package, its configurations and its scripts.

    Args:
      path: An empty folder.
      more: Other files and folders of the repository to copy.

    Attributes:
      path: The folder.
      edited: The files that were written, relative to it.
    """

    def __init__(self, path: Path, *more: str) -> None:
        self.path = path
        self.edited: set[str] = set()
        for part in ("dropout_lab", "configs", "scripts", *more):
            if (ROOT / part).is_file():
                shutil.copy(ROOT / part, path / part)
                continue
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(ROOT / part, path / part, ignore=ignored)

    def write(self, file: str, text: str) -> None:
        """Writes a file."""
        (self.path / file).write_text(text)
        self.edited.add(file)

    def insert(self, file: str, text: str, *, after: str = "") -> None:
        """Inserts text after a piece that the file has exactly once; at the start without one."""
        old = (self.path / file).read_text()
        assert not after or old.count(after) == 1, f"{file}: {after!r}"
        self.write(file, old.replace(after, after + text, 1))

    def run(self, *args: str) -> str:
        """Runs Python in the copy, which has to succeed; returns its standard output."""
        process = subprocess.run(
            [sys.executable, *args],
            cwd=self.path,
            env=os.environ | {"PYTHONPATH": str(self.path)},
            capture_output=True,
            text=True,
            check=False,
            timeout=600,
        )
        assert process.returncode == 0, process.stdout + process.stderr
        return process.stdout
