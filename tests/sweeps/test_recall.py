"""A tuning read back: from its records alone, and by code that has got more keys."""

import json
from typing import Any

import pytest

from dropout_lab.errors import InputError
from dropout_lab.sweeps import tuning
from dropout_lab.sweeps.runner import How
from dropout_lab.training import loop

RATES = [{"variant": "dropout", "dropout.rate": rate} for rate in (0.2, 0.5)]
SEEDS: dict[str, Any] = {"seeds": (0, 1), "final_seeds": (0, 1)}


@pytest.mark.slow
def test_the_records_alone_tell_what_was_chosen_and_how_it_tested(config, tmp_path, monkeypatch):
    tuned = tuning.tune(config, {"all": RATES}, tmp_path, how=How(1, "local"), **SEEDS)
    monkeypatch.delattr(loop.Lanes, "run")
    assert tuning.recall(config, {"all": RATES}, tmp_path, **SEEDS) == tuned
    path = tmp_path / "search/trials" / f"{tuned.choices['all'].tried[0].runs[0].id}.json"
    record = json.loads(path.read_text())
    record["metrics"]["val_error"] += 1
    path.write_text(json.dumps(record))
    with pytest.raises(InputError, match="differ in what became of 'all'"):
        tuning.recall(config, {"all": RATES}, tmp_path, **SEEDS)
    with pytest.raises(InputError, match=r"holds no tuning: no tuned\.json"):
        tuning.recall(config, {"all": RATES}, tmp_path / "none", **SEEDS)


@pytest.mark.slow
def test_a_key_that_the_code_has_got_since_was_not_asked_for(config, tmp_path, monkeypatch):
    tuning.tune(config, {"all": RATES}, tmp_path, how=How(1, "local"), **SEEDS)
    path = tmp_path / "tuned.json"
    content = json.loads(path.read_text())
    del content["asked"]["loss.samples"]
    path.write_text(json.dumps(content))
    monkeypatch.delattr(loop.Lanes, "run")
    tuning.tune(config, {"all": RATES}, tmp_path, how=How(1, "local"), **SEEDS)
