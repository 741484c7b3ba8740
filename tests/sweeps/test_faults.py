"""Faults of the system and damaged files end in one line, and the same command goes on."""

import errno
import itertools
import json
import re
from pathlib import Path

import pytest

from dropout_lab.errors import InputError
from dropout_lab.sweeps.execution.plan import make_plan, read_plan
from dropout_lab.sweeps.store import Store
from dropout_lab.sweeps.trials import groups, make_trials
from dropout_lab.training import trainer
from tests.sweeps.faults import Campaign
from tests.sweeps.injection import failing
from tests.sweeps.running import run_sweep, without_time

pytestmark = pytest.mark.slow


def test_a_few_drawn_faults_and_damages_change_nothing(config, tmp_path):
    config.run.save_model = True
    campaign = Campaign(tmp_path / "sweeps", config, seed=1)
    for _ in range(2):
        campaign.fail()
        campaign.damage()
    assert campaign.wrong == []
    assert campaign.counts["flips"] + campaign.counts["cuts"] == 2


def test_a_campaign_tells_other_records_from_records_of_another_width(config, tmp_path):
    campaign = Campaign(tmp_path / "sweeps", config)
    store = Store(tmp_path / "sweeps" / "disturbed")
    run_sweep(config, {"seed": [0, 1, 2, 3]}, store, lanes=1)
    campaign._finish("nothing")
    assert campaign.wrong == []
    assert campaign.counts["records of another width"] == 4
    path = min(store.directory.glob("trials/*.json"))
    record = json.loads(path.read_text())
    record["metrics"]["test_nll"] *= 1.01
    path.write_text(json.dumps(record))
    campaign._finish("a change")
    assert campaign.wrong == ["a change: other records"]


@pytest.mark.parametrize("name", ["ESTALE", "EIO", "EMFILE", "EACCES"])
def test_a_save_that_the_system_refuses_blames_no_trial_and_keeps_the_last_one(
    config, tmp_path, name
):
    for number in itertools.count(60):  # in the second save; orbax does without some calls
        store = Store(tmp_path / str(number))
        checkpoints = store.directory / "checkpoints"
        with failing(tmp_path / "shared", checkpoints, number, getattr(errno, name)) as calls:
            try:
                run_sweep(config, {"seed": [0, 1]}, store, lanes=2)
            except (InputError, OSError):
                break
            assert calls.failed == 1
    assert any(checkpoints.glob("*/*"))
    assert not any(store.directory.glob("failures/*"))
    run_sweep(config, {"seed": [0, 1]}, store, lanes=2)
    assert [record["seed"] for record in store.records()] == [0, 1]


def test_one_lane_at_fault_does_not_fail_the_others(config, tmp_path, monkeypatch):
    class Breaking(trainer.Trainer):
        def __init__(self, program, configs, dataset, **options):
            if any(config.seed == 1 for config in configs):
                raise RuntimeError("broken")
            super().__init__(program, configs, dataset, **options)

    monkeypatch.setattr(trainer, "Trainer", Breaking)
    store = Store(tmp_path / "sweep")
    assert run_sweep(config, {"seed": [0, 1, 2]}, store, lanes=3) == {
        "seed=1": "RuntimeError: broken"
    }
    assert [record["seed"] for record in store.records()] == [0, 2]


def test_a_plan_with_trials_that_the_sweep_has_lost_is_made_again_without_them(config, tmp_path):
    """After a damaged sweep.json was moved away, and with a smaller grid."""
    store = Store(tmp_path / "sweep")
    trials = make_trials(config, [{"seed": seed} for seed in (0, 1, 2, 3)])
    store.extend(config, ["seed"], trials)
    [group] = groups(trials)
    make_plan(store, group, lambda trials: (2, None))
    Path(store.directory / "sweep.json").unlink()
    assert run_sweep(config, {"seed": [0, 1, 2]}, store, lanes=2) == {}
    assert [record["seed"] for record in store.records()] == [0, 1, 2]
    plan = read_plan(store, group.id)
    assert plan
    assert trials[3].id not in {trial for chunk in plan.chunks for trial in chunk.trials}


def test_networks_that_were_not_kept_are_told_of(config, tmp_path, capsys):
    store = Store(tmp_path / "sweep")
    run_sweep(config, {"seed": [0]}, store)
    config.run.save_model = True
    run_sweep(config, {"seed": [0, 1]}, store)
    warning = r"warning: the networks of 1 trials recorded before were not kept; .*/sweep/trials"
    assert re.search(warning, capsys.readouterr().err)
    run_sweep(config, {"seed": [1]}, store)
    assert "not kept" not in capsys.readouterr().err


def test_records_do_not_depend_on_a_complete_training_whose_evaluation_failed(
    config, tmp_path, monkeypatch
):
    whole = Store(tmp_path / "whole")
    run_sweep(config, {"seed": [0]}, whole)
    config.run.checkpoint_seconds = 3600
    trained: list[int] = []

    class Failing(trainer.Trainer):
        broken = True

        def _train(self, phase, trials, *weights):
            before = len(trials[0].progress.history)
            result = super()._train(phase, trials, *weights)
            trained.append(len(trials[0].progress.history) - before)
            return result

        def _measure(self, name, *args):
            super()._measure(name, *args)
            if self.broken and name == "train":
                raise RuntimeError("too many passes")

    monkeypatch.setattr(trainer, "Trainer", Failing)
    store = Store(tmp_path / "sweep")
    assert run_sweep(config, {"seed": [0]}, store) == {"seed=0": "RuntimeError: too many passes"}
    Failing.broken = False
    assert run_sweep(config, {"seed": [0]}, store, retry=True) == {}
    assert trained == [2, 0]
    kept = [{**without_time(record), "config": None} for record in store.records()]
    assert kept == [{**without_time(record), "config": None} for record in whole.records()]
    assert not any(store.directory.glob("checkpoints/*"))
