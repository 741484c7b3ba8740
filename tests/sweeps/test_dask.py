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

# As in the README, of which a test compares them.
SCHEDULER = "dask scheduler"
WORKERS = (
    "XLA_FLAGS=--xla_cpu_multi_thread_eigen=false "
    "dask worker tcp://HOST:8786 --nthreads 1 --nworkers 8"
)


@pytest.fixture
def start(tmp_path):
    """Returns a function that starts a command, with more flags, until the test is over."""
    pytest.importorskip("distributed", reason="needs the extra dask")
    started = []
    shared = {"PYTHONPATH": str(ROOT), "XDG_CACHE_HOME": str(tmp_path / "cache")}

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


def test_a_worker_that_is_asked_to_end_leaves_its_trial_to_another(start, tmp_path):
    """Two sweeps of the same trial, each in a directory of its own, on one scheduler."""
    assert f"XLA_FLAGS={SINGLE_THREADED} " in WORKERS
    told = tmp_path / "scheduler.json"
    flags = ("--port", "0", "--no-dashboard")
    start(SCHEDULER, *flags, "--host", "127.0.0.1", "--scheduler-file", str(told))
    _until(told.exists)
    address = json.loads(told.read_text())["address"]
    few = WORKERS.replace("tcp://HOST:8786", address).replace("--nworkers 8", "--nworkers 1")
    workers = [start(few, "--no-dashboard") for _ in range(2)]
    sweeps = [
        Sweep(
            tmp_path / name,
            "dask",
            1,
            f"--scheduler={address}",
            "--config.run.checkpoint_seconds=1000",
            epochs=1500,  # some seconds: within one, a worker notices that it closes
        )
        for name in ("first", "second")
    ]
    for sweep in sweeps:
        sweep.start()
    busy = _until(lambda: [*tmp_path.glob("*/progress/*.json")])[0]
    asked = next(each for each in workers if each.pid == _parent(json.loads(busy.read_text())))
    asked.send_signal(signal.SIGTERM)
    _until(lambda: any(busy.parents[1].glob("checkpoints/*/*")))
    for sweep in sweeps:
        sweep.finish()
        [record] = Store(sweep.workdir).records()
        assert record["status"] == "ok"
        assert list(sweep.workdir.glob("failures/*.json")) == []


def _until(found, patience=120):
    """Waits until something is found, and returns it."""
    deadline = time.monotonic() + patience
    while not (result := found()):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    return result


def _parent(worker):
    """Returns the process that has started the one that tells of its progress."""
    stat = Path(f"/proc/{worker['pid']}/stat").read_text()
    return int(stat.rpartition(")")[2].split()[1])
