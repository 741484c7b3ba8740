"""Scripts in forks of a process that has imported what they need, which takes them seconds."""

import multiprocessing
import os
import runpy
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[2]

_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(
    ["dropout_lab.cli", "dropout_lab.sweeps.runner", "dropout_lab.benchmark.runner"]
)


def run_forked(name, *args):
    """Runs a script to its end, with its output as text; for what ends before JAX computes."""
    with tempfile.TemporaryDirectory() as folder:
        told = [Path(folder) / stream for stream in ("out", "err")]
        process = _context.Process(target=_run, args=(name, [*map(str, args)], told))
        process.start()
        process.join()
        texts = [path.read_text() for path in told]
    assert process.exitcode is not None
    return subprocess.CompletedProcess((name, *args), process.exitcode, *texts)


def _run(name, args, told):
    for descriptor, path in enumerate(told, start=1):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT), descriptor)
    script = str(ROOT / "scripts" / f"{name}.py")
    sys.argv = [script, *args]
    os.chdir(ROOT)
    runpy.run_path(script, run_name="__main__")
