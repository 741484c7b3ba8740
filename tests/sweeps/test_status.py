"""The status of a sweep before, while and after it runs."""

import json
import os
import socket
from typing import Any

import pytest

from dropout_lab import sweeps
from dropout_lab.errors import InputError
from dropout_lab.sweeps import status
from dropout_lab.sweeps.execution.options import Execution
from dropout_lab.sweeps.execution.runner import preview
from dropout_lab.sweeps.status import describe
from dropout_lab.sweeps.store import Store
from dropout_lab.training import trainer
from tests.sweeps.running import run_sweep

SEEDS = {"seed": [0, 1, 2, 3]}


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "sweep")


def test_no_sweep_has_no_status(store):
    with pytest.raises(InputError, match="holds no sweep"):
        describe(store)
    assert not store.directory.exists()


def test_a_finished_sweep_reports_the_best_trial(config, store):
    run_sweep(config, SEEDS, store)
    records = store.records()
    best = min(records, key=lambda record: record["metrics"]["val_error"])
    assert describe(store).splitlines() == [
        "4 trials: 4 done, 0 failed, 0 running, 0 waiting",
        f"best so far: {best['metrics']['val_error']:.2f} % validation error, seed={best['seed']}",
    ]


def test_a_running_sweep_reports_what_is_done_and_left(config, store, monkeypatch):
    """Described after the third trial's first epoch; the second trial failed."""
    lines: list[str] = []

    class Describing(trainer.Trainer):
        def __init__(self, program, configs, dataset, *, on_epoch, **options):
            def describing(epoch):
                on_epoch(epoch)
                if configs[0].seed == 2 and not lines:
                    lines.extend(describe(store).splitlines())

            if configs[0].seed == 1:
                raise RuntimeError("broken")
            super().__init__(program, configs, dataset, on_epoch=describing, **options)

    monkeypatch.setattr(trainer, "Trainer", Describing)
    run_sweep(config, SEEDS, store)
    counts, running, left, best, failed = lines
    assert counts == "4 trials: 1 done, 1 failed, 1 running, 1 waiting"
    assert running.startswith("running: epoch 1, loss ")
    assert running.endswith(f"50 % (process {os.getpid()} on {socket.gethostname()})")
    assert left.startswith("time left: about ")
    assert best.endswith("validation error, seed=0")
    assert failed == "failed: seed=1: RuntimeError: broken"


def test_the_report_of_a_dead_process_does_not_count(config, store):
    run_sweep(config, {"seed": [0]}, store)
    dead = {"trials": ["a"], "fraction": 0.5, "summary": "", "pid": 2**22 + 1}
    path = store.file("progress", "x")
    path.write_text(json.dumps(dead | {"host": socket.gethostname()}))
    store.file("progress", "y").write_text("{")
    nothing = {"host": socket.gethostname(), "pid": os.getpid()}
    store.file("progress", "z").write_text(json.dumps(nothing))
    assert "running:" not in describe(store)


@pytest.mark.slow
def test_a_preview_lists_trials_groups_and_time_and_writes_nothing(config, store):
    grid: dict[str, list[Any]] = {"variant": ["none", "dropout"], "seed": [0, 1]}
    run_sweep(config, {"seed": [0]}, store)
    before = {path: path.stat().st_mtime_ns for path in store.directory.rglob("*")}
    *trials, last = preview(config, grid, store, measure=True)
    assert [line.split()[1:2] + line.split()[3:] for line in trials] == [
        ["1", "recorded", "variant=none", "seed=0"],
        ["1", "to", "run", "variant=none", "seed=1"],
        ["2", "to", "run", "variant=dropout", "seed=0"],
        ["2", "to", "run", "variant=dropout", "seed=1"],
    ]
    assert last.startswith("4 trials in 2 groups; 2 to compile, about ")
    assert {path: path.stat().st_mtime_ns for path in store.directory.rglob("*")} == before


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"executor": "procesess"}, r"executor 'procesess'; did you mean 'processes'\?"),
        ({"lanes": 0}, r"--lanes=0; allowed: a whole number above 0"),
        ({"workers": -1}, r"--workers=-1; allowed"),
        ({"executor": "local", "workers": 2}, r"--workers=2 with --executor=local, which is one"),
        ({"scheduler": "tcp://a:1"}, r"--scheduler=tcp://a:1 with --executor=auto; allowed"),
    ],
)
def test_a_bad_execution_option_is_an_error(config, store, options, message):
    with pytest.raises(InputError, match=message):
        sweeps.execution.runner.run_sweep(config, SEEDS, store, Execution(**options))
    assert not store.directory.exists()


def test_a_sweep_is_not_read_after_every_short_epoch(config, store, monkeypatch):
    reads = []
    news = status.Watch.news

    def counted(watch):
        reads.append(watch)
        return news(watch)

    monkeypatch.setattr(status.Watch, "news", counted)
    monkeypatch.setattr(status, "_REFRESH", 1e9)
    run_sweep(config, SEEDS, store)
    assert len(reads) == 3  # before, in the first trial, after


def test_records_load_as_a_data_frame(config, store):
    pytest.importorskip("pandas", reason="needs the extra pandas")
    run_sweep(config, SEEDS, store)
    frame = sweeps.load(store.directory)
    assert list(frame["seed"]) == [0, 1, 2, 3]
    records = store.records()
    assert list(frame["val_error"]) == [record["metrics"]["val_error"] for record in records]
    assert set(frame["model.widths"]) == {(8,)}
    assert list(frame["id"]) == [record["id"] for record in records]
