"""A tuning read back: from its records alone, and by code that has got more keys."""

import json
from typing import Any

import pytest

from dropout_lab.errors import InputError
from dropout_lab.sweeps.runner import How
from dropout_lab.sweeps.tuning import Tuning
from dropout_lab.training import loop

RATES = [{"variant": "dropout", "dropout.rate": rate} for rate in (0.2, 0.5)]
LOCAL = How(1, "local")
SEEDS: dict[str, Any] = {"seeds": (0, 1), "final_seeds": (0, 1)}


@pytest.mark.slow
def test_the_records_alone_tell_what_was_chosen_and_how_it_tested(config, tmp_path, monkeypatch):
    tuned = Tuning(config, {"all": RATES}, tmp_path, **SEEDS).run(LOCAL)
    monkeypatch.delattr(loop.Lanes, "run")
    assert Tuning(config, {"all": RATES}, tmp_path, **SEEDS).recall() == tuned
    path = tmp_path / "search/trials" / f"{tuned.choices['all'].tried[0].runs[0].id}.json"
    record = json.loads(path.read_text())
    record["metrics"]["val_error"] += 1
    path.write_text(json.dumps(record))
    with pytest.raises(InputError, match="differ in what became of 'all'"):
        Tuning(config, {"all": RATES}, tmp_path, **SEEDS).recall()
    with pytest.raises(InputError, match=r"holds no tuning of 'all': not in tuned\.json"):
        Tuning(config, {"all": RATES}, tmp_path / "none", **SEEDS).recall()


@pytest.mark.slow
def test_a_key_that_the_code_has_got_since_was_not_asked_for(config, tmp_path, monkeypatch):
    Tuning(config, {"all": RATES}, tmp_path, **SEEDS).run(LOCAL)
    path = tmp_path / "tuned.json"
    content = json.loads(path.read_text())
    del content["asked"]["loss.samples"]
    path.write_text(json.dumps(content))
    monkeypatch.delattr(loop.Lanes, "run")
    Tuning(config, {"all": RATES}, tmp_path, **SEEDS).run(LOCAL)
