"""Tutorials: notebooks in ``docs/tutorials``, executed once for tests and site.

What was executed is kept in ``build/tutorials`` under a name that depends on the notebook's text
and on all code that it can run, so that a test and the site that follows share one execution.
"""

import functools
import hashlib
import os
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from scripts.docs import ROOT

FOLDER = ROOT / "docs" / "tutorials"
KEPT = ROOT / "build" / "tutorials"
NAMES = tuple(sorted(path.stem for path in FOLDER.glob("*.py")))
_CODE = ("dropout_lab/**/*.py", "configs/*.py", "experiments/*.py", "scripts/*.py")
_SECONDS = 300  # for one cell, on a busy machine


def write(folder: Path) -> None:
    """Writes the executed notebooks."""
    for name in NAMES:
        shutil.copy(executed(name), folder / f"{name}.ipynb")


def executed(name: str) -> Path:
    """Returns the file of a tutorial with its outputs, executing it if that was not done yet.

    Raises:
      nbclient.exceptions.CellExecutionError: If a cell fails.
    """
    source = FOLDER / f"{name}.py"
    kept = KEPT / f"{name}-{_digest(source)}.ipynb"
    if not kept.is_file():
        text = _execute(source)
        KEPT.mkdir(parents=True, exist_ok=True)
        for old in KEPT.glob(f"{name}-*.ipynb"):
            old.unlink(missing_ok=True)
        kept.write_text(text)
    return kept


def _execute(source: Path) -> str:
    """Returns a notebook with its outputs, executed from the root of the checkout."""
    import jupytext
    import nbformat
    from nbclient import NotebookClient

    notebook: Any = jupytext.read(source, fmt="py:percent")
    del notebook.metadata["jupytext"]
    resources = {"metadata": {"path": str(ROOT)}}
    client = NotebookClient(notebook, timeout=_SECONDS, kernel_name="python3", resources=resources)
    # Compiling takes longer than what is compiled.
    client.execute(env=os.environ | {"JAX_DISABLE_MOST_OPTIMIZATIONS": "1"})
    return str(nbformat.writes(notebook))


def _digest(source: Path) -> str:
    digest = hashlib.sha256(source.read_bytes())
    digest.update(_digest_of_code())
    return digest.hexdigest()[:16]


@functools.cache
def _digest_of_code() -> bytes:
    digest = hashlib.sha256()
    for path in _files():
        digest.update(path.relative_to(ROOT).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.digest()


def _files() -> Iterable[Path]:
    for pattern in _CODE:
        yield from sorted(ROOT.glob(pattern))
