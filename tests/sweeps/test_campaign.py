"""Sweeps of several processes, some killed: the records are those of a sweep left alone."""

import os
import signal
import time

import pytest

from dropout_lab.sweeps.store import Store
from tests.sweeps.campaign import Sweep, campaign, compare

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not os.path.exists("/proc/self/stat"), reason="finds workers in /proc"),
]


@pytest.fixture(params=["processes", "dask"])
def executor(request):
    if request.param == "dask":
        pytest.importorskip("distributed", reason="needs the extra dask")
    return request.param


def test_a_killed_workers_chunk_goes_to_another(executor, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    killed, sweep = campaign(tmp_path / "cut", executor, kills=1, trials=12, victims=["worker"])
    assert killed == ["worker"]
    if executor == "processes":
        assert "a worker was stopped by SIGKILL: started again" in sweep.log.read_text()
    assert compare(tmp_path / "cut", executor, trials=12) == []
    # Workers have one thread each, and programs of their own, kept apart from the main process's.
    assert any(tmp_path.glob("cache/dropout_lab/xla/*-1/jit__train_epoch-*"))


def test_a_sweep_killed_anywhere_leaves_the_same_records(executor, tmp_path):
    killed, _ = campaign(tmp_path / "cut", executor, kills=4, trials=24, seed=1)
    assert {"main", "worker"} <= set(killed)
    assert compare(tmp_path / "cut", executor, trials=24) == []
    assert list((tmp_path / "cut" / "checkpoints").iterdir()) == []


def test_a_sweep_asked_to_stop_saves_and_goes_on(executor, tmp_path):
    sweep = Sweep(tmp_path / "cut", executor, trials=8)
    sweep.start()
    deadline = time.monotonic() + 120
    while not any(sweep.workdir.glob("checkpoints/*/*")):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    sweep.process.send_signal(signal.SIGTERM)
    assert sweep.process.wait(60) == 128 + signal.SIGTERM, sweep.log.read_text()
    assert "interrupted by SIGTERM; what is done is saved" in sweep.log.read_text()
    assert list(sweep.workdir.glob("progress/*.json")) == []
    sweep.start()
    sweep.finish()
    assert compare(tmp_path / "cut", executor, trials=8) == []


def test_two_sweeps_in_one_directory_share_the_work(executor, tmp_path):
    """Started together, of overlapping trials: none is run twice, all are recorded."""
    first, second = (Sweep(tmp_path / "cut", executor, trials) for trials in (10, 14))
    first.start()
    second.start()
    first.finish()
    second.finish()
    assert len(Store(tmp_path / "cut").records()) == 14
    assert compare(tmp_path / "cut", executor, trials=14) == []
