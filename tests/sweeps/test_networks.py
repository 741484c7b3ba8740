"""Networks of a sweep, saved on request and loaded."""

import numpy as np
import pytest

from dropout_lab.analysis.ensemble import vote
from dropout_lab.errors import InputError
from dropout_lab.sweeps import load_networks
from dropout_lab.sweeps.grid import product
from dropout_lab.sweeps.store import Store
from tests.sweeps.running import run_sweep

pytestmark = pytest.mark.slow

SEEDS = {"seed": [0, 1]}


def test_loaded_networks_have_the_recorded_error(config, tmp_path):
    config.run.save_model = True
    run_sweep(config, product(SEEDS), Store(tmp_path), lanes=2)
    networks = load_networks(tmp_path)
    test = next(iter(networks.values())).test_split()
    probs = [network.predict(test.images) for network in networks.values()]
    for network, predicted in zip(networks.values(), probs, strict=True):
        recorded = network.record["metrics"]["test_error"]
        assert vote(predicted[None], test.labels) == pytest.approx(recorded, rel=1e-5)
    assert (probs[0] != probs[1]).any()
    assert [network.record["seed"] for network in networks.values()] == [0, 1]
    assert np.shape(probs) == (2, 24, 3)


def test_networks_are_not_saved_by_default(config, tmp_path):
    config.train.epochs = 1
    run_sweep(config, product({"seed": [0]}), Store(tmp_path))
    assert not (tmp_path / "networks").exists()
    with pytest.raises(InputError, match=r"holds no network; allowed: .*run\.save_model True"):
        load_networks(tmp_path)
