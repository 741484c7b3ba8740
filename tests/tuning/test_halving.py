"""Successive halving: its rungs and decisions, and trials that go on from where they stopped."""

import dataclasses
import json
import os
import random
from typing import Any

import pytest

from dropout_lab.errors import InputError
from dropout_lab.sweeps.execution.options import Execution
from dropout_lab.sweeps.execution.runner import run_sweep
from dropout_lab.sweeps.grid import product
from dropout_lab.sweeps.store import Store
from dropout_lab.training.progress import TrialState
from dropout_lab.tuning.choice import Run, Setting
from dropout_lab.tuning.halving import Halving, whole_length
from dropout_lab.tuning.tuning import Tuning

SETTINGS = [{"dropout.rate": rate, "optimizer.lr": lr} for rate in (0.2, 0.5) for lr in (0.3, 1e-3)]
EPOCHS, HALVING = 4, Halving(factor=2)
WIDE = Execution(3, "local")  # eight trials in three lanes: settings share chunks


@pytest.fixture
def config(config):
    config.variant = "dropout"
    config.train.epochs = EPOCHS
    config.schedule.name = "cosine"
    return config


def tune(config, workdir, settings=SETTINGS, **options):
    options = {"halving": HALVING, "seeds": (0, 1), "final_seeds": (0,), **options}
    execution = options.pop("execution", WIDE)
    return Tuning(config, {"all": settings}, workdir, **options).run(execution)


@pytest.fixture
def epochs_trained(monkeypatch):
    """Counts the epochs that trials train, of the lanes in use."""
    counts = []
    end_epoch = TrialState.end_epoch

    def ended(trial, row):
        counts.append(trial.config.train.stop)
        end_epoch(trial, row)

    monkeypatch.setattr(TrialState, "end_epoch", ended)
    return counts


@pytest.mark.parametrize(
    ("factor", "least", "epochs", "settings", "rungs"),
    [
        (3, 1, 27, 27, [1, 3, 9, 27]),
        (3, 1, 27, 26, [3, 9, 27]),
        (3, 4, 27, 27, [9, 27]),
        (2, 1, 10, 8, [2, 3, 5, 10]),
        (3, 1, 1, 100, [1]),
        (3, 1, 27, 1, [27]),
    ],
)
def test_rungs_end_with_the_whole_length(factor, least, epochs, settings, rungs):
    assert Halving(factor, least).rungs(epochs, settings) == rungs


@pytest.mark.parametrize("settings", [1, 2, 5, 17, 100])
def test_brackets_share_out_all_settings(settings):
    brackets = Halving(3, hyperband=True).brackets(27, settings)
    assert [index for _, begun in brackets for index in begun] == list(range(settings))
    assert all(rungs[-1] == 27 for rungs, _ in brackets)


def searched(halving, errors, epochs=9):
    """Returns the choice among settings whose validation error at each length is given."""
    lengths = []

    def read(overrides):
        at = overrides["train.stop"] or epochs
        error = errors[overrides["dropout.rate"]](at)
        return Setting(overrides, (Run("id", 0, None, "ok", {"val_error": error}),))

    settings = [{"dropout.rate": rate} for rate in errors]
    choice = halving.search("all", settings, epochs, lambda run: lengths.extend(run), read)
    return choice, [overrides["train.stop"] for overrides in lengths]


def test_the_best_third_goes_on_and_late_errors_count_for_them_alone():
    errors: dict[float, Any] = {
        rate / 10: lambda at, rate=rate: float(10 * rate + 9 - at) for rate in range(9)
    }
    errors[0.4] = lambda at: 5.0 if at < 9 else 99.0  # good early, bad at the end
    errors[0.8] = lambda at: 89.0 if at < 9 else 0.0  # never seen to be the best
    choice, lengths = searched(Halving(3), errors)
    assert lengths == [1] * 9 + [3] * 3 + [None]
    assert [rung.epochs for rung in choice.rungs] == [1, 3, 9]
    assert [rung.settings for rung in choice.rungs] == [tuple(range(9)), (0, 1, 4), (4,)]
    assert [rung.promoted for rung in choice.rungs] == [(0, 1, 4), (4,), (4,)]
    assert choice.chosen == 4
    everything, _ = searched(Halving(3, hyperband=True), errors)
    assert everything.chosen == 8  # trained to the end from the start


def test_a_setting_with_failed_runs_is_not_promoted():
    choice, _ = searched(Halving(2), {0.1: lambda at: None, 0.2: lambda at: 50.0}, epochs=2)
    assert choice.chosen == 1


@pytest.mark.slow
def test_the_whole_search_stops_early_and_promoted_trials_are_those_never_paused(
    config, tmp_path, epochs_trained
):
    tuned = tune(config, tmp_path / "tuned")
    choice = tuned.choices["all"]
    assert [rung.epochs for rung in choice.rungs] == [1, 2, 4]
    assert [len(rung.settings) for rung in choice.rungs] == [4, 2, 1]
    # Four settings and two seeds an epoch, then half of them another one, then the rest.
    searching = [stop for stop in epochs_trained if stop is not None]
    assert (searching.count(1), searching.count(2)) == (8, 4)
    assert len(epochs_trained) - len(searching) == 2 * 2 + EPOCHS  # and the final run
    assert not (tmp_path / "tuned/search/pauses").exists()

    written = json.loads((tmp_path / "tuned/tuned.json").read_text())["problems"]["all"]
    assert written["rungs"] == json.loads(json.dumps(list(map(dataclasses.asdict, choice.rungs))))
    recalled = Tuning(
        config,
        {"all": SETTINGS},
        tmp_path / "tuned",
        seeds=(0, 1),
        final_seeds=(0,),
        halving=HALVING,
    ).recall()
    assert recalled.choices == tuned.choices
    assert "epochs" in choice.table()

    config.eval.test = False
    store = Store(tmp_path / "whole")
    run_sweep(config, product([SETTINGS[choice.chosen]], {"seed": (0, 1)}), store, WIDE)
    ours = Store(tmp_path / "tuned/search")
    for record in store.records():
        same = ours.record(record["id"])
        assert same is not None
        assert {**same, "wall_seconds": 0, "lanes": 0} == {**record, "wall_seconds": 0, "lanes": 0}


@pytest.mark.slow
def test_a_killed_search_decides_the_same(config, tmp_path, monkeypatch):
    """Killed ten times, each time before a drawn file is in its place."""
    whole = tune(config, tmp_path / "whole")
    replace, draws, left = os.replace, random.Random(0), 0

    class Killed(BaseException):
        pass

    def mortal(source, target):
        nonlocal left
        left -= 1
        if left == 0:
            raise Killed
        replace(source, target)

    monkeypatch.setattr(os, "replace", mortal)
    for _ in range(10):
        left = draws.randint(1, 6)
        with pytest.raises(Killed):
            tune(config, tmp_path / "cut")
    left = 0
    cut = tune(config, tmp_path / "cut")
    assert cut.choices["all"].rungs == whole.choices["all"].rungs
    assert cut == whole


@pytest.mark.slow
def test_another_search_of_the_same_settings_is_refused(config, tmp_path):
    tune(config, tmp_path, SETTINGS[:2], seeds=(0,))
    with pytest.raises(InputError, match="tuned with another value of search"):
        tune(config, tmp_path, SETTINGS[:2], seeds=(0,), halving=Halving(factor=3))


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"train.updates": 5}, r"train\.updates is 5 with a search by halving; allowed: None"),
        ({"train.stop": 2}, r"train\.stop is 2 with a search by halving; allowed: None"),
        ({"train.epochs": 9}, r"train\.epochs 4 and 9 in a search by halving; allowed: the same"),
    ],
)
def test_settings_of_several_lengths_are_refused(setting, message):
    config = {"train.epochs": 4, "train.updates": None, "train.stop": None}
    with pytest.raises(InputError, match=message):
        whole_length(config, [{}, setting])


@pytest.mark.parametrize(
    ("halving", "message"),
    [(Halving(1), "factor is 1; allowed: a"), (Halving(2, 0), "min_epochs is 0; allowed: a")],
)
def test_a_wrong_factor_is_refused(halving, message, config, tmp_path):
    with pytest.raises(InputError, match=message):
        tune(config, tmp_path, halving=halving)
