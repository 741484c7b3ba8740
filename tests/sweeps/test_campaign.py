"""Sweeps of several processes, some killed: the records equal those of an undisturbed sweep."""

import os
import signal
import time

import pytest

from dropout_lab.sweeps.store import Store
from tests.sweeps.campaign import PATIENCE, Sweep, campaign, compare, undisturbed

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not os.path.exists("/proc/self/stat"), reason="finds workers in /proc"),
]


TRIALS = 8


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Returns a folder for all sweeps, which share its compilation cache."""
    return tmp_path_factory.mktemp("campaign")


@pytest.fixture(scope="module")
def whole(folder):
    """Returns the directory of an undisturbed sweep."""
    return undisturbed(folder / "no other", "processes", TRIALS)


@pytest.fixture(params=["processes", "dask"])
def executor(request):
    if request.param == "dask":
        pytest.importorskip("distributed", reason="needs the extra dask")
    return request.param


def test_a_sweep_stopped_and_killed_anywhere_leaves_the_same_records(executor, folder, whole):
    """Stopped by Ctrl-C, which sends SIGINT to the main process and to the workers, then killed."""
    cut = folder / f"killed-{executor}"
    sweep = Sweep(cut, executor, TRIALS)
    sweep.start()
    while not any(cut.glob("checkpoints/*/*")):
        assert not sweep.ended(), sweep.log.read_text()
        time.sleep(0.1)
    os.killpg(sweep.process.pid, signal.SIGINT)
    assert sweep.process.wait(PATIENCE) == 128 + signal.SIGINT, sweep.log.read_text()
    assert "interrupted by SIGINT; what is done is saved" in sweep.log.read_text()
    assert list(cut.glob("progress/*.json")) == []
    assert list(cut.glob("failures/*.json")) == []

    killed, sweep = campaign(cut, executor, kills=2, trials=TRIALS, seed=1)
    assert {"main", "worker"} <= set(killed)
    if executor == "processes":
        assert "a worker was stopped by SIGKILL: started again" in sweep.log.read_text()
    assert len(Store(cut).trials()) == TRIALS
    assert compare(cut, whole) == []
    assert list((cut / "checkpoints").iterdir()) == []
    # Single-threaded workers have executables of their own, cached apart from the main process's.
    assert any(folder.glob("cache/dropout_lab/xla/*-1/jit__train_epoch-*"))
