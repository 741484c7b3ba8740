"""A tuning read back: from its records alone, and by code with more configuration keys."""

import json
from typing import Any

import pytest

from dropout_lab.errors import InputError
from dropout_lab.sweeps.execution.options import Execution
from dropout_lab.training import trainer
from dropout_lab.tuning.tuning import Tuning

RATES = [{"variant": "dropout", "dropout.rate": rate} for rate in (0.2, 0.5)]
LOCAL = Execution(1, "local")
SEEDS: dict[str, Any] = {"seeds": (0, 1), "final_seeds": (0, 1)}


@pytest.mark.slow
def test_a_result_can_be_computed_from_the_records_alone(config, tmp_path, monkeypatch):
    tuned = Tuning(config, {"all": RATES}, tmp_path, **SEEDS).run(LOCAL)
    monkeypatch.delattr(trainer.Trainer, "run")
    assert Tuning(config, {"all": RATES}, tmp_path, **SEEDS).recall() == tuned
    path = tmp_path / "search/trials" / f"{tuned.choices['all'].tried[0].runs[0].id}.json"
    record = json.loads(path.read_text())
    record["metrics"]["val_error"] += 1
    path.write_text(json.dumps(record))
    with pytest.raises(InputError, match="differ in the result of 'all'"):
        Tuning(config, {"all": RATES}, tmp_path, **SEEDS).recall()
    with pytest.raises(InputError, match=r"holds no tuning of 'all': not in tuned\.json"):
        Tuning(config, {"all": RATES}, tmp_path / "none", **SEEDS).recall()


@pytest.mark.slow
def test_a_key_added_to_the_code_later_is_no_change_of_the_inputs(config, tmp_path, monkeypatch):
    Tuning(config, {"all": RATES}, tmp_path, **SEEDS).run(LOCAL)
    path = tmp_path / "tuned.json"
    content = json.loads(path.read_text())
    del content["asked"]["loss.samples"]
    path.write_text(json.dumps(content))
    monkeypatch.delattr(trainer.Trainer, "run")
    Tuning(config, {"all": RATES}, tmp_path, **SEEDS).run(LOCAL)
