"""Mishaps in a sweep: they are reported, nothing else is lost, the next start recovers."""

import errno
import json
import os
import re
import subprocess
import sys
import tempfile
import time

import jax
import pytest

from dropout_lab.errors import InputError
from dropout_lab.sweeps.execution import work
from dropout_lab.sweeps.execution.plan import read_plan
from dropout_lab.sweeps.store import Store
from dropout_lab.sweeps.trials import groups, make_trials
from dropout_lab.system.interrupt import Stop
from dropout_lab.training import trainer
from tests.sweeps.running import run_sweep, without_time

SEEDS = {"seed": [0, 1, 2]}


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "sweep")


def seeds(store):
    return [record["seed"] for record in store.records()]


def breaking(monkeypatch, error, broken=lambda configs: configs[0].seed == 1):
    """Makes chunks raise an error until the returned function is called."""

    class Breaking(trainer.Trainer):
        def __init__(self, program, configs, dataset, **options):
            if broken(configs):
                raise error
            super().__init__(program, configs, dataset, **options)

    whole = trainer.Trainer
    monkeypatch.setattr(trainer, "Trainer", Breaking)
    return lambda: monkeypatch.setattr(trainer, "Trainer", whole)


def test_a_failure_is_recorded_and_the_other_trials_run(config, store, monkeypatch, capsys):
    breaking(monkeypatch, RuntimeError("of no\nuse"))
    assert run_sweep(config, SEEDS, store) == {"seed=1": "RuntimeError: of no"}
    assert seeds(store) == [0, 2]
    [path] = (store.directory / "failures").iterdir()
    failure = json.loads(path.read_text())
    assert (failure["schema"], failure["id"]) == (1, path.stem)
    assert "Traceback" in failure["traceback"]
    assert "seed=1: failed: RuntimeError: of no" in capsys.readouterr().err


def test_an_error_in_reporting_is_no_failure_of_a_trial(config, store):
    def report():
        raise OSError("the terminal is gone")

    [trial] = trials = make_trials(config, [{"seed": 0}])
    store.extend(config, ["seed"], trials)
    with pytest.raises(OSError, match="the terminal is gone"):
        work.work(store, groups(trials), lanes=1, workers=1, stop=Stop(), on_progress=report)
    assert store.failure(trial.id) is None


def test_a_failed_trial_is_run_again_with_retry(config, store, monkeypatch, capsys):
    repair = breaking(monkeypatch, RuntimeError("broken"))
    run_sweep(config, SEEDS, store)
    repair()
    assert run_sweep(config, SEEDS, store) == {"seed=1": "RuntimeError: broken"}
    assert "1 failed before (--retry runs them again)" in capsys.readouterr().err
    assert run_sweep(config, SEEDS, store, retry=True) == {}
    assert seeds(store) == [0, 1, 2]
    assert list((store.directory / "failures").iterdir()) == []


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda text, other: text[: len(text) // 2], "not JSON"),
        (lambda text, other: "\x00\x01", "not JSON"),
        (lambda text, other: "", "not JSON"),
        (lambda text, other: "[1]", "fields are missing"),
        (lambda text, other: '{"schema": 1, "id": "x"}', "fields are missing"),
        (lambda text, other: text.replace('"schema": 1', '"schema": 0'), "schema is 0"),
        (lambda text, other: other, "of trial '"),
        (lambda text, other: text.replace('"metrics": {', '"metrics": null, "x": {'), "metrics is"),
    ],
    ids=["truncated", "garbage", "empty", "list", "fields", "schema", "other", "kind"],
)
def test_a_damaged_record_is_moved_away_and_run_again(config, store, capsys, damage, reason):
    run_sweep(config, SEEDS, store)
    before = store.records()
    path, other = (store.file("trials", record["id"]) for record in before[:2])
    damaged = damage(path.read_text(), other.read_text())
    path.write_text(damaged)
    capsys.readouterr()
    run_sweep(config, SEEDS, store)
    messages = capsys.readouterr().err
    assert f"{path} is damaged ({reason}" in messages
    assert "seed=0: validation error" in messages
    assert "seed=1: validation error" not in messages
    assert list(map(without_time, store.records())) == list(map(without_time, before))
    [moved] = (store.directory / "quarantine").iterdir()
    assert moved.read_text() == damaged


@pytest.mark.slow
def test_a_damaged_checkpoint_is_moved_away_and_its_trials_start_again(config, store, monkeypatch):
    whole = Store(store.directory.parent / "whole")
    run_sweep(config, SEEDS, whole)

    class Cut(trainer.Trainer):
        def __init__(self, *args, on_epoch, **options):
            super().__init__(*args, on_epoch=self.cut, **options)
            self.epochs = 0

        def cut(self, epoch):
            self.epochs += 1
            if self.epochs == 2:
                raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(trainer, "Trainer", Cut)
        with pytest.raises(KeyboardInterrupt):
            run_sweep(config, SEEDS, store)
    [saved] = (store.directory / "checkpoints").iterdir()
    for path in saved.rglob("*"):
        if path.is_file():
            path.write_bytes(path.read_bytes()[:3])
    run_sweep(config, SEEDS, store)
    assert list(map(without_time, store.records())) == list(map(without_time, whole.records()))
    [moved] = (store.directory / "quarantine").iterdir()
    assert moved.name.startswith(saved.name)
    assert list((store.directory / "checkpoints").iterdir()) == []


def test_a_damaged_list_of_trials_is_an_error(config, store):
    run_sweep(config, {"seed": [0]}, store)
    (store.directory / "sweep.json").write_text("{}")
    with pytest.raises(InputError, match=r"sweep\.json is damaged \(fields are missing\)"):
        run_sweep(config, SEEDS, store)


@pytest.mark.slow
def test_too_many_lanes_are_split(config, store, monkeypatch):
    """Memory suffices for two lanes: a chunk of four trials becomes two of two."""
    error = RuntimeError("RESOURCE_EXHAUSTED: Out of memory allocating 9 bytes")
    sizes = []

    def too_many(configs):
        sizes.append(len(configs))
        return len(configs) > 2

    breaking(monkeypatch, error, too_many)
    assert run_sweep(config, {"seed": [0, 1, 2, 3, 4]}, store, lanes=4) == {}
    assert sizes == [4, 1, 2, 2]
    assert seeds(store) == [0, 1, 2, 3, 4]


def test_too_little_memory_for_one_lane_is_a_failure(config, store, monkeypatch):
    breaking(monkeypatch, RuntimeError("RESOURCE_EXHAUSTED: too big"), lambda configs: True)
    assert len(run_sweep(config, {"seed": [0, 1]}, store, lanes=2)) == 2


def test_a_record_that_does_not_fit_on_the_disk_leaves_no_file(config, store, monkeypatch):
    def full(descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    real = Store.add

    def add(self, record):
        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", full)
            real(self, record)

    with monkeypatch.context() as patch:
        patch.setattr(Store, "add", add)
        with pytest.raises(InputError, match=r"cannot write .*\.json: No space left on device"):
            run_sweep(config, SEEDS, store)
    assert list((store.directory / "trials").iterdir()) == []
    run_sweep(config, SEEDS, store)
    assert seeds(store) == [0, 1, 2]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user and return")
def test_a_directory_of_another_user_is_an_error(config):
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)  # pytest's own folders are for their owner alone
        store = Store(folder)
        run_sweep(config, {"seed": [0]}, store)
        os.seteuid(65534)
        try:
            with pytest.raises(InputError, match=r"cannot write .*: Permission denied"):
                run_sweep(config, SEEDS, store)
        finally:
            os.seteuid(0)
        assert seeds(store) == [0]


@pytest.mark.slow
def test_a_lock_whose_holder_was_killed_is_free(store):
    program = (
        "import sys, time; from dropout_lab.sweeps.store import Store\n"
        "with Store(sys.argv[1]).lock('x'): print('held', flush=True); time.sleep(100)"
    )
    command = [sys.executable, "-c", program, str(store.directory)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout
        assert holder.stdout.readline() == "held\n"
        with store.lock("x", wait=False) as acquired:
            assert not acquired
        holder.kill()
    assert (store.directory / "locks" / "x.lock").exists()
    with store.lock("x", wait=False) as acquired:
        assert acquired


def test_a_chunk_that_another_process_runs_is_waited_for(config, store, monkeypatch):
    """When the other process has finished it, it is not run again."""
    whole = Store(store.directory.parent / "whole")
    run_sweep(config, SEEDS, whole)
    run_sweep(config, {"seed": [0]}, store)
    [first, *others] = make_trials(config, [{"seed": seed} for seed in (0, 1, 2)])
    ran: list[int] = []

    class Watched(trainer.Trainer):
        def __init__(self, program, configs, *args, **options):
            ran.extend(config.seed for config in configs)
            super().__init__(program, configs, *args, **options)

    def other_finishes(seconds):
        store.add(whole.records()[1])
        lock.__exit__(None, None, None)

    store.extend(config, ["seed"], others)
    [group] = groups([first, *others])
    plan = work.plan_of(store, group, 1, 1)
    assert plan
    lock = store.lock(plan.chunks[1].id)
    lock.__enter__()
    monkeypatch.setattr(time, "sleep", other_finishes)
    monkeypatch.setattr(trainer, "Trainer", Watched)
    run_sweep(config, SEEDS, store)
    assert ran == [2]
    assert seeds(store) == [0, 1, 2]


def test_records_of_other_code_give_one_warning(config, store, monkeypatch, capsys):
    run_sweep(config, SEEDS, store)
    for record in store.records()[:2]:
        store.add({**record, "git_revision": "0123abc"})
    now = store.records()[2]["git_revision"]
    capsys.readouterr()
    run_sweep(config, SEEDS, store)
    warnings = [line for line in capsys.readouterr().err.splitlines() if "warning" in line]
    assert warnings == [f"warning: records are of revision 0123abc, this is {now}"]


@pytest.mark.slow
def test_a_plan_is_followed_in_spite_of_other_lanes(config, store, capsys):
    run_sweep(config, {"seed": [0, 1]}, store, lanes=2)
    assert "--lanes" not in capsys.readouterr().err
    run_sweep(config, {"seed": [0, 1, 2, 3, 4]}, store, lanes=1)
    warning = f"--lanes=1 is ignored, .* planned with 2 lanes; .* remove {store.directory}/plans"
    assert re.search(warning, capsys.readouterr().err)
    [path] = (store.directory / "plans").iterdir()
    plan = read_plan(store, path.stem)
    assert plan
    sizes = [(chunk.lanes, len(chunk.trials)) for chunk in plan.chunks]
    assert sizes == [(2, 2), (2, 2), (2, 1)]


@pytest.mark.parametrize("lanes", [None, 5])
def test_another_prng_implementation_is_refused_before_anything_is_written(config, store, lanes):
    grid = {"seed": [0, 1, 2, 3, 4]}
    with jax.default_prng_impl("unsafe_rbg"):
        with pytest.raises(InputError, match="jax_default_prng_impl is 'unsafe_rbg'"):
            run_sweep(config, grid, store, lanes=lanes)
        assert not store.directory.exists()
