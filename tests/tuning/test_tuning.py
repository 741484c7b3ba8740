"""Tunings try, choose and test what they should, and nothing else."""

import functools
import json
from collections import Counter

import numpy as np
import pytest

from dropout_lab.errors import InputError
from dropout_lab.sweeps.execution.options import Execution
from dropout_lab.sweeps.grid import settings_and_seeds
from dropout_lab.sweeps.store import Store
from dropout_lab.training import preparation, trainer
from dropout_lab.training.arrays import to_device
from dropout_lab.training.program import Program
from dropout_lab.training.vmapped import VmappedProgram
from dropout_lab.tuning.tuning import Tuning

pytestmark = pytest.mark.slow

RATES = [{"dropout.rate": 0.2}, {"dropout.rate": 0.5}]


@pytest.fixture
def config(config):
    config.variant = "dropout"
    return config


def tune(config, workdir, candidates=None, **options):
    """Tunes in this process, by default one trial at a time."""
    execution = options.pop("execution", Execution(1, "local"))
    options = {"seeds": (0, 1), "final_seeds": (0, 1), **options}
    return Tuning(config, candidates or {"all": RATES}, workdir, **options).run(execution)


class Killed(BaseException):
    """Stands for the death of the process."""


@pytest.fixture
def runs(monkeypatch):
    """Returns a list of the trials begun; beyond its ``limit`` the next one raises Killed."""
    run_all = trainer.Trainer.run

    class Runs(list):
        limit = None

    begun = Runs()

    def counted(trainer):
        if len(begun) == begun.limit:
            raise Killed
        begun.extend(state.config for state in trainer._trials)
        return run_all(trainer)

    monkeypatch.setattr(trainer.Trainer, "run", counted)
    return begun


def test_each_problem_gets_the_setting_of_lowest_validation_error(config, tmp_path):
    problems = {"wide": RATES, "slow": [{"optimizer.lr": lr} for lr in (1e-4, 0.1)]}
    tuned = tune(config, tmp_path, problems)
    assert tuned.failed == {}
    search = {record["id"]: record for record in Store(tmp_path / "search").records()}
    for problem, settings in problems.items():
        choice = tuned.choices[problem]
        assert [setting.overrides for setting in choice.tried] == settings
        means = [
            np.mean([search[run.id]["metrics"]["val_error"] for run in setting.runs])
            for setting in choice.tried
        ]
        assert choice.chosen == int(np.argmin(means))
        assert choice.final.overrides == settings[choice.chosen]
        assert [run.seed for run in choice.final.runs] == [0, 1]
    assert len(search) == 6  # the defaults are in both problems, and run once


def test_the_final_runs_have_seeds_of_their_own(config, tmp_path):
    tuned = tune(config, tmp_path, seeds=(0,), final_seeds=(5, 3))
    assert [run.seed for run in tuned.choices["all"].final.runs] == [5, 3]


@pytest.mark.parametrize(
    ("select", "phases"), [("last", {"select"}), ("best_val", {"select", "refit"})]
)
def test_the_final_runs_train_on_everything(config, tmp_path, select, phases):
    """Once, unless validation decides how long."""
    config.train.select = select
    tune(config, tmp_path)
    for record in Store(tmp_path / "final").records():
        assert {row["phase"] for row in record["history"]} == phases
        assert record["data"]["train"] + record["data"]["val"] == 48
        assert (record["data"]["val"] == 0) == (select == "last")


def test_a_single_setting_is_not_searched(config, tmp_path, runs):
    tuned = tune(config, tmp_path, {"one": RATES[:1]})
    assert [config.data.val_size for config in runs] == [0, 0]
    assert not (tmp_path / "search").exists()
    assert tuned.choices["one"].table().startswith("test error (%) of dropout.rate=0.2: ")


def test_the_test_set_is_evaluated_once_for_each_final_seed(config, tmp_path, monkeypatch):
    evaluations = []
    with np.load(config.data.path) as arrays:
        test = set(map(bytes, arrays["x_test"]))

    def watched(split):
        if test & set(map(bytes, split.images)):
            evaluations.append((tmp_path / "tuned.json").exists())
        return to_device(split)

    monkeypatch.setattr(trainer, "to_device", watched)
    tune(config, tmp_path, final_seeds=(0, 1, 2))
    assert evaluations == [True, True, True]
    searched = Store(tmp_path / "search").records()
    names = {name for record in searched for name in record["metrics"]}
    assert {name.partition("_")[0] for name in names} == {"train", "val"}


@pytest.mark.slow  # compiles anew
def test_the_folds_share_one_compile(config, tmp_path, monkeypatch):
    counts: Counter[int | None] = Counter()
    method = Program._train_epoch

    @functools.wraps(method)
    def counted(program, *args, **kwargs):
        counts[program.config.data.folds] += 1
        return method(program, *args, **kwargs)

    monkeypatch.setattr(Program, "_train_epoch", counted)
    monkeypatch.setattr(preparation, "Program", Program)
    monkeypatch.setattr(preparation, "VmappedProgram", VmappedProgram)
    tuned = tune(config, tmp_path, folds=3, final_seeds=(0,), execution=Execution(2, "local"))
    assert counts == {3: 1, None: 1}  # None: the final run, on all data
    tried = tuned.choices["all"].tried
    repeats = [[(run.fold, run.seed) for run in setting.runs] for setting in tried]
    assert repeats == [[(fold, seed) for fold in range(3) for seed in (0, 1)]] * 2
    data = [record["data"] for record in Store(tmp_path / "search").records()]
    assert {(part["train"], part["val"]) for part in data} == {(32, 16)}
    assert len({part["fingerprint"] for part in data}) == 3


def test_a_tuning_that_is_killed_again_and_again_goes_on(config, tmp_path, runs):
    """Four runs in the search and two final ones: killed in the search, after it, and later."""
    tune(config, tmp_path / "whole")
    whole, cut = (tmp_path / name / "tuned.json" for name in ("whole", "cut"))
    runs.clear()
    for limit in (2, 4, 5):
        runs.limit = limit
        with pytest.raises(Killed):
            tune(config, tmp_path / "cut")
        assert cut.exists() == (limit >= 4)
    runs.limit = None
    tune(config, tmp_path / "cut")
    assert len(runs) == 6
    assert cut.read_bytes() == whole.read_bytes()


def test_a_finished_tuning_is_only_read(config, tmp_path, runs):
    first = tune(config, tmp_path)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    runs.clear()
    assert tune(config, tmp_path) == first
    assert runs == []
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before


def test_the_file_holds_all_settings_runs_and_statistics(config, tmp_path):
    tuned = tune(config, tmp_path)
    content = json.loads((tmp_path / "tuned.json").read_text())
    assert content["rule"].startswith("lowest mean validation error; ties: ")
    choice, written = tuned.choices["all"], content["problems"]["all"]
    assert written["chosen"] == choice.chosen
    assert [setting["overrides"] for setting in written["tried"]] == RATES
    settings = [
        (setting, name) for setting in written["tried"] for name in ("val_error", "val_nll")
    ]
    for setting, name in [*settings, (written["final"], "test_error")]:
        assert len(setting["runs"]) == 2
        values = [run["metrics"][name] for run in setting["runs"]]
        mean, std = np.mean(values), np.std(values, ddof=1)
        assert setting["metrics"][name] == pytest.approx({"mean": mean, "std": std, "n": 2})


@pytest.mark.parametrize(
    ("changes", "options", "named"),
    [
        ({}, {"candidates": {"all": [*RATES, {"dropout.rate": 0.4}]}}, "grid of 'all'"),
        ({}, {"candidates": {"other": RATES}}, "grid of 'all', grid of 'other'"),
        ({}, {"seeds": (0,)}, r"value of seeds \(\[0, 1\], not \[0\]\)"),
        ({}, {"final_seeds": (0, 1, 2)}, r"value of final seeds \(\[0, 1\], not \[0, 1, 2\]\)"),
        ({}, {"folds": 3}, r"value of folds \(None, not 3\)"),
        ({"optimizer.lr": 0.2}, {}, r"value of optimizer\.lr \(0.1, not 0.2\)"),
    ],
)
def test_no_new_choice_is_made_after_the_test_set_was_evaluated(
    config, tmp_path, runs, changes, options, named
):
    runs.limit = 5
    with pytest.raises(Killed):
        tune(config, tmp_path)
    before = (tmp_path / "tuned.json").read_bytes()
    config.update_from_flattened_dict(changes)
    message = f"was tuned with another {named}, and its test set has been evaluated"
    with pytest.raises(InputError, match=message):
        tune(config, tmp_path, **options)
    assert (tmp_path / "tuned.json").read_bytes() == before


def test_settings_may_be_added_before_the_test_set_is_evaluated(config, tmp_path, runs):
    runs.limit = 2
    with pytest.raises(Killed):
        tune(config, tmp_path)
    runs.limit = None
    more = [{"dropout.rate": 0.4}, *RATES]
    tuned = tune(config, tmp_path, {"all": more})
    assert [setting.overrides for setting in tuned.choices["all"].tried] == more
    assert len(runs) == 6 + 2


def test_a_diverged_setting_is_not_chosen(config, tmp_path):
    settings = [{"optimizer.lr": 1e30}, {"optimizer.lr": 0.1}]
    choice = tune(config, tmp_path, {"all": settings}).choices["all"]
    assert [setting.count("diverged") for setting in choice.tried] == [2, 0]
    assert choice.chosen == 1
    with pytest.raises(InputError, match="no run of 'all' succeeded: 4 diverged, 0 failed"):
        tune(config, tmp_path / "all", {"all": [{"optimizer.lr": lr} for lr in (1e30, 1e31)]})
    assert not (tmp_path / "all" / "final").exists()


def test_a_failed_final_run_is_reported_and_can_be_run_again(config, tmp_path, monkeypatch):
    run_all = trainer.Trainer.run

    def failing(trainer):
        config = trainer._trials[0].config
        if config.eval.test and config.seed == 1:
            raise RuntimeError("no more")
        return run_all(trainer)

    with monkeypatch.context() as patch:
        patch.setattr(trainer.Trainer, "run", failing)
        tuned = tune(config, tmp_path)
    assert list(tuned.failed.values()) == ["RuntimeError: no more"]
    assert [run.status for run in tuned.choices["all"].final.runs] == ["ok", "failed"]
    assert tune(config, tmp_path).failed == tuned.failed
    again = tune(config, tmp_path, execution=Execution(1, "local", retry=True))
    assert again.failed == {}
    assert again.choices["all"].final.stats("test_error").n == 2


@pytest.mark.parametrize(
    ("changes", "options", "message"),
    [
        ({}, {"candidates": {"all": []}}, "'all' has no setting; allowed: one or more"),
        ({}, {"candidates": {"all": [{"seed": 1}]}}, "a setting of 'all' holds seed, which tuning"),
        ({}, {"candidates": {"all": [{"dropout.rat": 1}]}}, "key 'dropout.rat'; did you mean"),
        ({}, {"seeds": ()}, r"seeds is \(\); allowed: one or more, all different"),
        (
            {},
            {"final_seeds": (1, 1)},
            r"final_seeds is \(1, 1\); allowed: one or more, all",
        ),
        ({}, {"folds": 1}, r"config\.data\.folds is 1; allowed: a whole number from 2"),
        ({}, {"folds": 49}, r"folds 49 of npz: must be in 2\.\.48"),
        ({"data.folds": 3}, {}, r"config\.data\.folds is 3; allowed: None, since tuning has"),
        ({"data.val_size": 0}, {}, r"val_size is 0: no data to choose by for 'all'; allowed"),
        (
            {"data.val_size": 0, "train.select": "best_val"},
            {"folds": 3},
            "'best_val' with no validation data",
        ),
        (
            {"data.val_size": 0},
            {"folds": 3, "candidates": {"all": [{"train.patience": wait} for wait in (None, 2)]}},
            "patience is 2 with no validation data",
        ),
    ],
)
def test_bad_input_is_refused_before_anything_runs(
    config, tmp_path, runs, changes, options, message
):
    config.update_from_flattened_dict(changes)
    with pytest.raises(InputError, match=message):
        tune(config, tmp_path, **options)
    assert runs == []
    assert list(tmp_path.iterdir()) == []


def test_a_directory_of_a_sweep_is_refused(config, tmp_path):
    (tmp_path / "sweep.json").write_text("{}")
    with pytest.raises(
        InputError, match="holds a sweep; allowed for a tuning: a directory of its own"
    ):
        tune(config, tmp_path)


def test_a_damaged_file_is_an_error(config, tmp_path):
    (tmp_path / "tuned.json").write_text("[]")
    with pytest.raises(InputError, match=r"tuned\.json is damaged .* move it away to go on"):
        tune(config, tmp_path)


def test_seeds_are_no_part_of_a_setting():
    sweep = [{"variant": name, "seed": seed} for seed in (2, 1) for name in ("none", "dropout")]
    assert settings_and_seeds(sweep, default=0) == (
        [{"variant": "none"}, {"variant": "dropout"}],
        [1, 2],
    )
    assert settings_and_seeds([{}], default=7) == ([{}], [7])
    with pytest.raises(InputError, match=r"config\.seed is 'a'; allowed: a whole number from 0"):
        settings_and_seeds([{"seed": 0}, {"seed": "a"}], default=0)
    with pytest.raises(InputError, match=r"seeds \[1, 2\] for one setting and others for another"):
        settings_and_seeds(sweep[:3], default=0)
