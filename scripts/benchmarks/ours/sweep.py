"""A sweep from the start of its process to its last record, and as a loop over processes.

The loop runs one trial of each variant twice, the second time with its program in the compilation
cache, and counts the rest of its trials as the second ones.
"""

import functools
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from scripts.benchmarks.facts import Fact, of_trial
from scripts.benchmarks.problems import SWEEP, Sizes, swept_rates
from scripts.benchmarks.work import Work, Works

ROOT = Path(__file__).parents[3]


def works(sizes: Sizes) -> Works:
    """Returns the work of the whole sweep."""
    return {
        (SWEEP, "ours"): lambda: Work(lambda: _sweep(sizes), lambda: _facts(sizes, "sweep")),
    }


def loop_over_processes(sizes: Sizes) -> Work:
    """Returns the work of the same trials, each in a process of ``scripts/train.py``."""
    return Work(lambda: _processes(sizes), lambda: _facts(sizes, "train"))


def _sweep(sizes: Sizes) -> float:
    with tempfile.TemporaryDirectory() as folder:
        grid = {
            "variant": sizes.variants,
            "dropout.rate": swept_rates(sizes),
            "seed": range(sizes.seeds),
        }
        vary = [f"--vary={key}={','.join(map(str, values))}" for key, values in grid.items()]
        seconds = _script("sweep", [*_options(sizes), *vary], folder)
        records = list(Path(folder).glob("run/trials/*.json"))
    if len(records) != sizes.trials:
        raise RuntimeError(f"the sweep left {len(records)} records, not {sizes.trials}")
    return seconds


def _processes(sizes: Sizes) -> float:
    first: list[float] = []
    second: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        for seconds in (first, second):
            for variant in sizes.variants:
                where = Path(folder) / f"{variant}-{len(first)}-{len(second)}"
                options = (*_trial(variant, sizes), f"--config.seed={len(second)}")
                seconds.append(_script("train", options, folder, where))
    return sum(first) + sum(second) / len(second) * (sizes.trials - len(first))


@functools.cache
def _facts(sizes: Sizes, script: str) -> dict[str, Fact]:
    """Returns what a trial comes to, by the script that trains one or as a sweep of one."""
    with tempfile.TemporaryDirectory() as folder:
        _script(script, _trial(sizes.variants[0], sizes), folder)
        name = {"train": "record.json", "sweep": "trials/*.json"}[script]
        [path] = Path(folder).glob(f"run/{name}")
        record = json.loads(path.read_text())
    return of_trial(record["data"]["train"], record["metrics"]["val_error"])


def _trial(variant: str, sizes: Sizes) -> tuple[str, ...]:
    rate = swept_rates(sizes)[-1]
    return *_options(sizes), f"--config.variant={variant}", f"--config.dropout.rate={rate}"


def _options(sizes: Sizes) -> tuple[str, ...]:
    return "--config=configs/digits_mlp.py", f"--config.train.epochs={sizes.epochs}"


def _script(name: str, options: Sequence[str], folder: str, run: Path | None = None) -> float:
    """Runs a script, with a compilation cache in the folder, and returns the seconds it took."""
    environment = {"PYTHONPATH": str(ROOT), "JAX_COMPILATION_CACHE_DIR": f"{folder}/cache"}
    workdir = run or Path(folder) / "run"
    started = time.perf_counter()
    subprocess.run(
        [sys.executable, f"scripts/{name}.py", *options, f"--workdir={workdir}"],
        cwd=ROOT,
        env={**os.environ, **environment},
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    return time.perf_counter() - started
