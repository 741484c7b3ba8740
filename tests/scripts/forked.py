"""Scripts in forks of a process that has imported what they need, which takes them seconds."""

import atexit
import dataclasses
import multiprocessing
import os
import runpy
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]

_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(
    [
        *(
            "dropout_lab.cli.entry",
            "dropout_lab.sweeps.execution.runner",
        ),
        "orbax.checkpoint",
    ]
)


@dataclasses.dataclass(frozen=True)
class Forked:
    """A script at work.

    Attributes:
      process: Where it runs.
      told: Files of its stdout and stderr.
    """

    process: Any
    told: tuple[Path, Path]

    def ended(self, timeout=None):
        """Waits for its end and returns what came of it, with its output as text."""
        self.process.join(timeout)
        assert self.process.exitcode is not None, [path.read_text() for path in self.told]
        texts = [path.read_text() for path in self.told]
        return subprocess.CompletedProcess(self.process.name, self.process.exitcode, *texts)


def start_forked(folder, name, *args, **environment):
    """Starts a script whose output goes to new files in a folder; JAX is imported already."""
    place = tempfile.mkdtemp(dir=folder)
    told = Path(place, "out"), Path(place, "err")
    process = _context.Process(
        target=_run, args=(name, [*map(str, args)], told, environment), name=name
    )
    process.start()
    return Forked(process, told)


def run_forked(name, *args):
    """Runs a script to its end; for what ends before JAX computes."""
    with tempfile.TemporaryDirectory() as folder:
        return start_forked(folder, name, *args).ended()


def _run(name, args, told, environment):
    for descriptor, path in enumerate(told, start=1):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT), descriptor)
    os.environ.update(environment)
    script = str(ROOT / "scripts" / f"{name}.py")
    sys.argv = [script, *args]
    os.chdir(ROOT)
    try:
        runpy.run_path(script, run_name="__main__")
    finally:
        atexit._run_exitfuncs()  # which forks leave out
