import dataclasses
import functools
import json
import signal
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from ml_collections import FrozenConfigDict

from dropout_lab.errors import InputError
from dropout_lab.sweeps.execution import cost, work
from dropout_lab.sweeps.grid import product
from dropout_lab.sweeps.store import Store
from dropout_lab.sweeps.trials import groups, make_trials
from dropout_lab.system.interrupt import Interrupted, Stop
from dropout_lab.system.machine import threads
from dropout_lab.training import preparation, trainer
from dropout_lab.training.program import Program
from dropout_lab.training.vmapped import VmappedProgram
from tests.sweeps.running import run_sweep, without_time

GRID: dict[str, list[Any]] = {
    "variant": ["none", "dropout"],
    "dropout.rate": [0.25, 0.5],
    "seed": [0, 1],
}
SMALL: dict[str, list[Any]] = {"seed": [0, 1, 2]}


def count_runs(monkeypatch):
    """Returns a list to which the configuration of every trial run from now on is appended."""
    seen: list[FrozenConfigDict] = []
    run_one = trainer.Trainer.run

    def counted(trainer):
        seen.extend(state.config for state in trainer._trials)
        return run_one(trainer)

    monkeypatch.setattr(trainer.Trainer, "run", counted)
    return seen


def test_trials_of_one_program_form_a_group(config):
    trials = make_trials(config, product({"seed": GRID["seed"], **GRID}))
    grouped = groups(trials)
    assert [len(group.trials) for group in grouped] == [2, 4]
    seeds = [[trial.config.seed for trial in group.trials] for group in grouped]
    assert seeds == [[0, 1], [0, 0, 1, 1]]


@pytest.fixture
def compiled(monkeypatch):
    """Returns a count of the functions compiled from now on, by variant and name."""
    counts: Counter[tuple[str, str]] = Counter()

    def count(method):
        @functools.wraps(method)
        def counted(program, *args, **kwargs):
            counts[program.config.variant, method.__name__] += 1
            return method(program, *args, **kwargs)

        monkeypatch.setattr(Program, method.__name__, counted)

    count(Program._train_epoch)
    count(Program._evaluate)
    monkeypatch.setattr(preparation, "Program", Program)
    monkeypatch.setattr(preparation, "VmappedProgram", VmappedProgram)
    return counts


def compiles(count, *variants):
    """Returns counts of this many compiles of training and of evaluation for each variant."""
    names = ("_train_epoch", "_evaluate")
    return {(variant, name): count for variant in variants for name in names}


@pytest.mark.slow
def test_a_group_compiles_once(config, tmp_path, compiled):
    """Two rates and two seeds: one compile for none, which has no rate, and one for dropout."""
    store = Store(tmp_path)
    run_sweep(config, GRID, store)
    assert compiled == compiles(1, "none", "dropout")
    records = store.records()
    assert [record["id"] for record in records] == list(store.trials())
    rates = [(r["config"]["variant"], r["config"]["dropout"]["rate"], r["seed"]) for r in records]
    assert rates == [
        ("none", 0, 0),
        ("none", 0, 1),
        *(("dropout", rate, seed) for rate in (0.25, 0.5) for seed in (0, 1)),
    ]
    assert len({record["metrics"]["train_nll"] for record in records}) == 6
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "checkpoints",
        "locks",
        "plans",
        "progress",
        "sweep.json",
        "trials",
    ]
    for emptied in ("checkpoints", "progress"):
        assert list((tmp_path / emptied).iterdir()) == []


@pytest.mark.slow
def test_rates_of_attention_and_seeds_share_a_compile(config, tmp_path, compiled):
    """In lanes: three rates and two seeds of a transformer."""
    config.update_from_flattened_dict(
        {
            "variant": "drop_key",
            "model.name": "transformer",
            "model.layers": 1,
            "model.width": 8,
            "model.heads": 2,
            "model.ff_width": 8,
        }
    )
    rates, seeds = [0.0, 0.3, 0.6], [0, 1]
    axes: dict[str, Any] = {"dropout.attention_rate": rates, "seed": seeds}
    run_sweep(config, product(axes), Store(tmp_path), lanes=6)
    assert compiled == compiles(1, "drop_key")
    records = Store(tmp_path).records()
    assert [record["config"]["dropout"]["attention_rate"] for record in records] == [
        rate for rate in rates for _ in range(2)
    ]
    assert len({record["metrics"]["train_nll"] for record in records}) == 6


@pytest.mark.slow
def test_lanes_compile_once_per_group(config, tmp_path, compiled):
    """Chunks have the same width; the last one is padded."""
    run_sweep(config, {"seed": list(range(6))}, Store(tmp_path), lanes=4)
    assert compiled == compiles(1, "none")


@pytest.mark.slow
def test_choosing_lanes_takes_one_more_compile(config, tmp_path, compiled, monkeypatch):
    """One lane, measured first, is chosen; its program is kept."""
    measure_cost = cost.measure_cost

    def one_lane_is_faster(trials, lanes):
        epoch = 0.0 if lanes == 1 else 1.0
        return dataclasses.replace(measure_cost(trials, lanes), epoch=epoch, compile=0.0)

    monkeypatch.setattr(cost, "measure_cost", one_lane_is_faster)
    monkeypatch.setattr(cost, "_SHORT_UPDATE", 1e9)
    run_sweep(config, SMALL, Store(tmp_path), lanes=None)
    assert compiled == compiles(2, "none")
    assert {record["lanes"] for record in Store(tmp_path).records()} == {1}


def test_a_trial_does_not_depend_on_the_others(config, tmp_path):
    run_sweep(config, {"seed": [0, 1]}, Store(tmp_path / "both"))
    config.seed = 1
    run_sweep(config, {}, Store(tmp_path / "alone"))
    [alone] = Store(tmp_path / "alone").records()
    together = Store(tmp_path / "both").record(alone["id"])
    assert without_time(alone) == without_time(together)


def test_a_finished_sweep_runs_nothing(config, tmp_path, monkeypatch):
    run_sweep(config, SMALL, Store(tmp_path))
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "trials").iterdir()}
    seen = count_runs(monkeypatch)
    run_sweep(config, SMALL, Store(tmp_path))
    assert seen == []
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_a_larger_grid_runs_only_what_is_new(config, tmp_path, monkeypatch):
    run_sweep(config, {"seed": [0, 1]}, Store(tmp_path))
    seen = count_runs(monkeypatch)
    run_sweep(config, {"seed": [0, 2, 1, 3]}, Store(tmp_path))
    assert [config.seed for config in seen] == [2, 3]
    assert [record["seed"] for record in Store(tmp_path).records()] == [0, 1, 2, 3]


@pytest.mark.slow
def test_no_trial_is_run_by_two_workers(config, tmp_path, monkeypatch):
    seen = count_runs(monkeypatch)
    store = Store(tmp_path)
    grid = {"seed": list(range(8))}
    trials = make_trials(config, product(grid))
    store.extend(config, grid, trials)

    def at_work(_):
        work.work(store, groups(trials), lanes=1, workers=2, stop=Stop())

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(at_work, range(2)))
    assert sorted(config.seed for config in seen) == grid["seed"]
    assert [record["seed"] for record in store.records()] == grid["seed"]


@pytest.mark.slow
def test_a_plan_for_other_threads_is_followed_with_a_warning(config, tmp_path, capsys):
    store = Store(tmp_path)
    run_sweep(config, {"seed": [0]}, store, lanes=2)
    [path] = (tmp_path / "plans").iterdir()
    path.write_text(json.dumps(json.loads(path.read_text()) | {"threads": 77, "lanes": 3}))
    capsys.readouterr()
    run_sweep(config, {"seed": [0, 1, 2, 3]}, store, lanes=1)
    warning = f"warning: planned with 77 threads per process, continued with {threads()}"
    assert warning in capsys.readouterr().err
    assert {record["lanes"] for record in store.records()} == {1, 3}


def test_another_common_configuration_is_refused(config, tmp_path, monkeypatch):
    run_sweep(config, {"seed": [0]}, Store(tmp_path))
    plan = (tmp_path / "sweep.json").read_bytes()
    seen = count_runs(monkeypatch)
    config.optimizer.lr = 0.25
    with pytest.raises(InputError, match=r"another sweep: optimizer\.lr is 0\.1 there, 0\.25 here"):
        run_sweep(config, SMALL, Store(tmp_path))
    assert seen == []
    assert (tmp_path / "sweep.json").read_bytes() == plan


@pytest.mark.parametrize("epoch", [1, 2, 3])
def test_an_interrupted_sweep_is_resumed(config, tmp_path, monkeypatch, epoch):
    """Trials have two epochs: stopped within and after the first trial, and in the second."""
    run_sweep(config, SMALL, Store(tmp_path / "whole"))
    cut = Store(tmp_path / "cut")
    reports = []

    class Stopping(trainer.Trainer):
        def __init__(self, *args, on_epoch, **options):
            def count(progress):
                on_epoch(progress)
                reports.append(progress)
                if len(reports) == epoch:
                    signal.raise_signal(signal.SIGTERM)

            super().__init__(*args, on_epoch=count, **options)

    monkeypatch.setattr(trainer, "Trainer", Stopping)
    with pytest.raises(Interrupted):
        run_sweep(config, SMALL, cut)
    assert len(reports) == epoch
    assert [record["seed"] for record in cut.records()] == [0] * (epoch > 2)
    run_sweep(config, SMALL, cut)
    assert len(reports) == 6  # no epoch twice
    whole = Store(tmp_path / "whole").records()
    assert list(map(without_time, cut.records())) == list(map(without_time, whole))


def test_a_diverged_trial_is_recorded_and_the_others_run(config, tmp_path):
    grid = {"optimizer.lr": [1e30, 0.1]}
    run_sweep(config, grid, Store(tmp_path))
    diverged, fine = Store(tmp_path).records()
    assert (diverged["status"], fine["status"]) == ("diverged", "ok")
    assert diverged["history"][-1]["train_loss"] is None
    assert "test_error" not in diverged["metrics"]


@pytest.mark.parametrize(
    ("grid", "message"),
    [
        ({"seed": [0], "dropout.rate": [0.5, 1.5]}, r"config\.dropout\.rate is 1\.5"),
        ({"seed": [0], "train.batch_size": [8, 25]}, r"batch_size is 25 with 24 training examples"),
        ({"seed": [0], "data.train_size": [20, 25]}, r"train_size 25 of npz: must be in 1\.\.24"),
        ({"data.val_size": [0], "train.select": ["last", "best_val"]}, r"'best_val' with no valid"),
        ({"data.val_size": [0], "train.patience": [None, 2]}, r"patience is 2 with no validation"),
        ({"seed": []}, "the sweep has no trial; allowed: one or more"),
        ({"model.name": ["mlp", "cnn"], "model.stages": [(4, 4, 4)]}, r"model cnn: examples have"),
        (
            [{"seed": 0, "data.dir": "a"}, {"seed": 1, "data.dir": "b"}],
            r"data\.dir is 'a' and 'b' in trials that share a program; allowed: the same",
        ),
    ],
)
def test_bad_input_is_refused_before_anything_runs(config, tmp_path, monkeypatch, grid, message):
    seen = count_runs(monkeypatch)
    with pytest.raises(InputError, match=message):
        run_sweep(config, grid, Store(tmp_path))
    assert seen == []
    assert list(tmp_path.iterdir()) == []


def test_progress_is_printed(config, tmp_path, capsys):
    run_sweep(config, {"seed": [0, 1]}, Store(tmp_path))
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "2 trials, 0 of them recorded before"
    assert [line.partition(":")[0] for line in lines[1:]] == ["seed=0", "seed=1"]
    error = json.loads(json.dumps(Store(tmp_path).records()[0]["metrics"]["val_error"]))
    assert lines[1] == f"seed=0: validation error {error:.2f} %"
