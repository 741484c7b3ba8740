"""Seconds from the start of a process to its first trained epoch, as a user waits for it."""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from scripts.benchmarks.problems import Sizes
from scripts.benchmarks.work import Work, Works

ROOT = Path(__file__).parents[3]

IMPORT = "import of all that training needs"
COLD = "first epoch on digits, empty compilation cache"
WARM = "first epoch on digits, filled compilation cache"


def works(sizes: Sizes) -> Works:
    """Returns the work of every start; sizes do not matter."""
    del sizes
    return {(IMPORT, "ours"): _import, (COLD, "ours"): _cold, (WARM, "ours"): _warm}


def _import() -> Work:
    return Work(lambda: _seconds(["-c", "import dropout_lab.training.run"], {}))


def _cold() -> Work:
    def take_repeat() -> float:
        with tempfile.TemporaryDirectory() as cache:
            return _first_epoch(cache)

    return Work(take_repeat)


def _warm() -> Work:
    cache = tempfile.TemporaryDirectory()
    _first_epoch(cache.name)
    return Work(lambda: _first_epoch(cache.name))


def _first_epoch(cache: str) -> float:
    with tempfile.TemporaryDirectory() as workdir:
        command = [
            "scripts/train.py",
            "--config=configs/digits_mlp.py:dropout",
            "--config.train.epochs=1",
            f"--workdir={workdir}/run",
        ]
        return _seconds(command, {"JAX_COMPILATION_CACHE_DIR": cache})


def _seconds(arguments: list[str], environment: dict[str, str]) -> float:
    started = time.perf_counter()
    subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        check=True,
        capture_output=True,
    )
    return time.perf_counter() - started
