"""The comparison of passes, masks and ensembles, on networks of digits."""

import json
from pathlib import Path

import pytest

from configs.digits_mlp import get_config
from dropout_lab.sweeps import Execution, Store, chain, product, run_sweep
from dropout_lab.sweeps.grid import parse
from scripts import uncertainty

RESULTS = Path(__file__).parents[2] / "experiments" / "results" / "mnist_uncertainty"


def test_the_page_has_the_table_of_the_committed_scores():
    scores = json.loads((RESULTS / "scores.json").read_text())
    columns = uncertainty.table_columns(["rotation:30"], ["cifar10"])
    assert uncertainty.table(scores, columns) in (RESULTS / "README.md").read_text()


@pytest.mark.slow
@pytest.mark.usefixtures("quick_compile")
def test_methods_are_scored_at_equal_numbers_of_passes(tmp_path, monkeypatch):
    monkeypatch.setattr(uncertainty, "COUNTS", (1, 2))
    config = get_config()
    config.model.widths, config.train.epochs, config.run.save_model = (16,), 2, True
    trials = chain(
        product(parse(["variant=none", "seed=0:3"])),
        product(parse(["variant=dropout", "seed=0"])),
        product(parse(["variant=masksembles", "dropout.masks=2", "seed=0"])),
    )
    run_sweep(config, trials, Store(tmp_path), Execution(executor="local", lanes=1))
    uncertainty.main([str(tmp_path), "--shift=rotation:2", "--against=noise"])
    scores = json.loads((tmp_path / "scores.json").read_text())
    assert {method: [*counts] for method, counts in scores.items()} == {
        "Monte-Carlo dropout": ["1", "2"],
        "ensemble": ["1", "2"],
        "Masksembles": ["2"],
    }
    alone, together = (scores["ensemble"][count]["test"] for count in ("1", "2"))
    assert len(alone["nll"]) == 3  # members, and ensembles of two
    assert len(together["nll"]) == 1
    assert together["nll"][0] < sum(alone["nll"][:2]) / 2  # by Jensen's inequality
    assert alone["diversity"] == pytest.approx([0, 0, 0], abs=1e-9)
    assert together["diversity"][0] > 0
    assert together["seconds"][0] > 0
    for counts in scores.values():
        for sets in counts.values():
            assert sets.keys() == {"test", "rotation:2", "test, noise"}
    assert (tmp_path / "uncertainty.md").read_text().count("\n| ") == 6
    assert (tmp_path / "uncertainty.svg").read_text().startswith("<?xml")
