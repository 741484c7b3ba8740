"""Sweeps on a Dask cluster that the README's commands start."""

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from dropout_lab.sweeps.store import Store
from dropout_lab.system.machine import SINGLE_THREADED
from tests.sweeps.campaign import ROOT, Sweep

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not os.path.exists("/proc/self/stat"), reason="finds workers in /proc"),
]

# As in the README; a test compares them.
SCHEDULER = "dask scheduler"
WORKERS = (
    "XLA_FLAGS=--xla_cpu_multi_thread_eigen=false "
    "dask worker tcp://HOST:8786 --nthreads 1 --nworkers 8"
)

SLOW = """
import pathlib, time
import jax
from dropout_lab.models.mlp import MLP

def wait(_):
    if not pathlib.Path({go!r}).exists():
        time.sleep(0.02)

class Slow(MLP):
    def features(self, x, rngs):
        jax.debug.callback(wait, x[0, 0])
        return super().features(x, rngs)
"""


@pytest.fixture
def start(tmp_path):
    """Returns a function that starts a command with flags; the process ends with the test."""
    pytest.importorskip("distributed", reason="needs the extra dask")
    started = []
    shared = {"PYTHONPATH": str(ROOT)}

    def begin(command, *flags):
        words = shlex.split(command)
        program = words.index("dask")
        added = dict(word.split("=", 1) for word in words[:program])
        with (tmp_path / "cluster.log").open("a") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", *words[program:], *flags],
                cwd=ROOT,
                stderr=log,
                env=os.environ | shared | added,
            )
        started.append(process)
        return process

    yield begin
    for process in reversed(started):
        process.terminate()
        process.wait(60)


def test_the_trial_of_a_terminated_worker_moves_to_another(start, tmp_path):
    """Two sweeps of the same trial, in two directories, on one scheduler.

    Training is slow, so that it lasts, until the one of the terminated worker is saved.
    """
    assert f"XLA_FLAGS={SINGLE_THREADED} " in WORKERS
    scheduler_file = tmp_path / "scheduler.json"
    flags = ("--port", "0", "--no-dashboard")
    start(SCHEDULER, *flags, "--host", "127.0.0.1", "--scheduler-file", str(scheduler_file))
    _until(scheduler_file.exists)
    address = json.loads(scheduler_file.read_text())["address"]
    command = WORKERS.replace("tcp://HOST:8786", address).replace("--nworkers 8", "--nworkers 1")
    workers = [start(command, "--no-dashboard") for _ in range(2)]
    go, slow = tmp_path / "go", tmp_path / "slow.py"
    slow.write_text(SLOW.format(go=str(go)))
    sweeps = [
        Sweep(
            tmp_path / name,
            "dask",
            1,
            f"--scheduler={address}",
            "--config.run.checkpoint_seconds=1000",
            f"--config.model.name={slow}:Slow",
            epochs=100,  # half a minute, were it not let go
        )
        for name in ("first", "second")
    ]
    for sweep in sweeps:
        sweep.start()
    busy = _until(lambda: [*tmp_path.glob("*/progress/*.json")])[0]
    parent = _parent(json.loads(busy.read_text()))
    next(worker for worker in workers if worker.pid == parent).send_signal(signal.SIGTERM)
    _until(lambda: any(busy.parents[1].glob("checkpoints/*/*")))
    go.touch()
    for sweep in sweeps:
        sweep.finish()
        [record] = Store(sweep.workdir).records()
        assert record["status"] == "ok"
        assert list(sweep.workdir.glob("failures/*.json")) == []


def _until(condition, patience=120):
    """Waits until a condition holds, and returns its value."""
    deadline = time.monotonic() + patience
    while not (value := condition()):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    return value


def _parent(report):
    """Returns the parent of the process that wrote a progress report."""
    stat = Path(f"/proc/{report['pid']}/stat").read_text()
    return int(stat.rpartition(")")[2].split()[1])
