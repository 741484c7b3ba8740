import copy
import json

import pytest

from dropout_lab.config import nest
from dropout_lab.sweeps.grid import parse, product
from dropout_lab.sweeps.store import Store
from dropout_lab.sweeps.trials import make_trials
from tests.scripts.forked import ROOT

DIGITS = ROOT / "experiments" / "results" / "digits_mlp"


def make_sweep(workdir, seeds, *, records=True):
    """Makes a sweep of variants, rates and seeds from one committed record, with all states."""
    from configs.digits_mlp import get_config

    grid = parse(["variant=none,dropout,gaussian_dropout", "dropout.rate=0.1,0.3,0.5"])
    grid["seed"] = list(range(seeds))
    trials = make_trials(get_config(), product(grid))
    store = Store(workdir)
    store.extend(get_config(), list(grid), trials)
    first = json.loads(next((DIGITS / "trials").iterdir()).read_text())
    for number, trial in enumerate(trials):
        record = copy.deepcopy(first)
        record |= {"id": trial.id, "seed": trial.flat["seed"]}
        record["config"] = json.loads(json.dumps(nest(trial.flat)))
        record["metrics"]["test_error"] = 1 + number % 7 / 10
        if number == 1:
            record |= {"status": "diverged", "metrics": {}, "history": record["history"][:3]}
        if number == 2:
            store.add_failure(trial.id, "ValueError: <b>bad</b>", "Traceback")
        elif number != 3 and records:
            store.add(record)
    return store


@pytest.fixture(scope="session")
def new_store():
    return make_sweep


@pytest.fixture(scope="session")
def sweep(tmp_path_factory):
    return make_sweep(tmp_path_factory.mktemp("sweep") / "digits", 4)
