"""The number of lanes is measured where lanes can be faster."""

import json
from types import SimpleNamespace

import pytest

from dropout_lab.sweeps.execution import cost
from dropout_lab.sweeps.grid import product
from dropout_lab.sweeps.store import Store
from dropout_lab.sweeps.trials import make_trials
from dropout_lab.training import trainer
from tests.sweeps.running import run_sweep

SEEDS = {"seed": [0, 1, 2, 3]}


@pytest.mark.slow
def test_lanes_are_measured_and_kept_in_the_plan(config, tmp_path, monkeypatch):
    """If lanes are faster, the trials are spread evenly over the chunks."""
    seen = []
    store = Store(tmp_path)

    def measured(trials, lanes):
        seen.append((len(trials), lanes))
        return cost.Cost(epoch=1e-4 if lanes == 1 else 1e-5 * lanes, compile=0, memory=1)

    monkeypatch.setattr(cost, "measure_cost", measured)
    monkeypatch.setattr(cost, "_WIDEST_ON_CPU", 3)
    run_sweep(config, SEEDS, store, lanes=None)
    [path] = (store.directory / "plans").iterdir()
    plan = json.loads(path.read_text())
    assert (plan["lanes"], plan["seconds"]) == (2, pytest.approx(1e-5))
    assert [len(chunk["trials"]) for chunk in plan["chunks"]] == [2, 2]
    assert seen == [(1, 1), (2, 2)]


@pytest.mark.parametrize(
    ("alone", "lanes"),
    [
        ({"epoch": 1e-4, "compile": 100, "memory": 1}, 1),  # training is shorter than compiling
        ({"epoch": 1e-2, "compile": 0, "memory": 1}, 1),  # three long updates
        ({"epoch": 1e-4, "compile": 0, "memory": 2**60}, 1),  # not enough memory
        ({"epoch": 1e-4, "compile": 0, "memory": 1}, 4),
    ],
)
def test_lanes_are_chosen_only_where_they_can_be_faster(config, monkeypatch, alone, lanes):
    def measured(trials, lanes):
        return cost.Cost(**alone) if lanes == 1 else cost.Cost(1e-4, 0, 1)

    monkeypatch.setattr(cost, "measure_cost", measured)
    chosen, _ = cost.choose_lanes(make_trials(config, product(SEEDS)), workers=1)
    assert chosen == lanes


def test_only_trials_of_one_fold_are_measured_side_by_side(config, monkeypatch):
    seen = []

    def measured(trials, lanes):
        seen.append([trial.config.data.fold for trial in trials])
        return cost.Cost(epoch=1e-4 if lanes == 1 else 1e-5, compile=0, memory=1)

    monkeypatch.setattr(cost, "measure_cost", measured)
    config.data.folds = 2
    sweep = product(SEEDS, {"data.fold": [0, 1]})
    assert cost.choose_lanes(make_trials(config, sweep), workers=1)[0] == 4
    assert seen == [[0], [0, 0, 0, 0]]


def test_time_and_memory_are_measured(config):
    measured = cost.measure_cost(make_trials(config, product({"seed": [0]})), 1)
    assert measured.epoch > 0
    assert measured.memory > 8 * 16 * 4  # the first layer's weights at least


def test_the_time_of_a_single_epoch_excludes_its_compile(config, monkeypatch):
    """The first epoch of a program takes a hundred seconds, any other epoch one second."""

    class OneEpoch:
        def __init__(self, program, configs, dataset, *, on_epoch):
            self.run = lambda: on_epoch(None)

    clock = iter([0.0, 100.0, 200.0, 201.0])
    monkeypatch.setattr(cost, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    monkeypatch.setattr(trainer, "Trainer", OneEpoch)
    measured = cost.measure_cost(make_trials(config, [{"train.epochs": 1}]), 1)
    assert (measured.epoch, measured.compile) == (1.0, 99.0)
