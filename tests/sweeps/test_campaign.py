"""Sweeps of several processes, some killed: the records equal those of an undisturbed sweep."""

import os
import signal
import time

import pytest

from dropout_lab.sweeps.store import Store
from tests.sweeps.campaign import Sweep, campaign, compare, undisturbed

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not os.path.exists("/proc/self/stat"), reason="finds workers in /proc"),
]


TRIALS = 16


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


def test_a_sweep_killed_anywhere_leaves_the_same_records(executor, folder, whole):
    cut = folder / f"killed-{executor}"
    killed, sweep = campaign(cut, executor, kills=3, trials=TRIALS, seed=1)
    assert {"main", "worker"} <= set(killed)
    if executor == "processes":
        assert "a worker was stopped by SIGKILL: started again" in sweep.log.read_text()
    assert len(Store(cut).trials()) == TRIALS
    assert compare(cut, whole) == []
    assert list((cut / "checkpoints").iterdir()) == []
    # Single-threaded workers have executables of their own, cached apart from the main process's.
    assert any(folder.glob("cache/dropout_lab/xla/*-1/jit__train_epoch-*"))


def test_a_sweep_stopped_by_ctrl_c_saves_and_goes_on(executor, folder, whole):
    """A terminal sends SIGINT to the main process and to the workers."""
    sweep = Sweep(folder / f"stopped-{executor}", executor, trials=4)
    sweep.start()
    deadline = time.monotonic() + 120
    while not any(sweep.workdir.glob("checkpoints/*/*")):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    os.killpg(sweep.process.pid, signal.SIGINT)
    assert sweep.process.wait(60) == 128 + signal.SIGINT, sweep.log.read_text()
    assert "interrupted by SIGINT; what is done is saved" in sweep.log.read_text()
    assert list(sweep.workdir.glob("progress/*.json")) == []
    assert list(sweep.workdir.glob("failures/*.json")) == []
    sweep.start()
    sweep.finish()
    assert len(Store(sweep.workdir).trials()) == 4
    assert compare(sweep.workdir, whole) == []


def test_two_sweeps_in_one_directory_share_the_work(folder, whole):
    """Started together with overlapping trials."""
    both = folder / "both"
    first, second = Sweep(both, "processes", 6), Sweep(both, "processes", 8)
    first.start()
    second.start()
    first.finish()
    second.finish()
    assert len(Store(both).trials()) == 8
    assert compare(both, whole) == []
