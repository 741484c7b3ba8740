"""Votes and averages of passes, of networks that were made up."""

import numpy as np
import pytest

from dropout_lab.data.dataset import Split
from dropout_lab.reproduce import (
    CellMetric,
    EnsembleVote,
    InferenceRule,
    MonteCarloPasses,
    evaluations,
)
from dropout_lab.tuning.choice import Choice, Run, Setting
from tests.reproduce.conftest import ERRORS, made_up, small_experiment

LABELS = np.array([0, 1, 0, 1])


class Network:
    """Predicts class 1 with these probabilities, in every pass."""

    def __init__(self, *ones):
        self.probs = np.array([(1 - one, one) for one in ones])

    def test_split(self):
        return Split(np.zeros((4, 1, 1, 1), np.uint8), LABELS)

    def predict(self, images, inference, seed):
        self.seed = seed
        return self.probs if inference is None else self.probs[:, ::-1]

    def passes(self, images, count):
        return np.stack([self.probs] * count)


NETWORKS = {"a": Network(0.1, 0.4, 0.2, 0.9), "b": Network(0.4, 0.9, 0.6, 0.7)}


@pytest.fixture
def choices():
    """Returns a cell with two networks that can be loaded and one that diverged."""
    runs = [Run(name, seed, None, "ok", {}) for seed, name in enumerate(NETWORKS)]
    final = Setting({}, (*runs, Run("c", 2, None, "diverged", {})))
    return {"cell": Choice((Setting({}),), 0, final)}


@pytest.fixture
def loads(monkeypatch):
    """Returns a list of the folders that networks were loaded from."""
    asked = []

    def load(path, trials):
        asked.append(path)
        return {name: NETWORKS[name] for name in trials}

    monkeypatch.setattr(evaluations, "load_networks", load)
    return asked


def test_a_vote_is_the_error_of_the_mean_prediction(choices, loads, tmp_path):
    measured = evaluations.evaluate((EnsembleVote(),), choices, tmp_path)
    assert measured == {"cell": {"vote_error": {"0": 0.0}}}  # each network alone errs once
    assert evaluations.read(tmp_path) == measured
    assert [network.seed for network in NETWORKS.values()] == [0, 1]  # noise of their own


def test_passes_are_averaged_network_by_network(choices, loads, tmp_path):
    measured = evaluations.evaluate((MonteCarloPasses((1, 3), pool=5),), choices, tmp_path)
    assert measured == {
        "cell": {
            "passes_1_error": {"0": 25.0, "1": 25.0},
            "passes_3_error": {"0": 25.0, "1": 25.0},
        }
    }


def test_another_rule_of_inference_is_asked_of_each_network(choices, loads, tmp_path):
    measured = evaluations.evaluate((InferenceRule("mean"),), choices, tmp_path)
    assert measured == {"cell": {"mean_error": {"0": 75.0, "1": 75.0}}}  # by the usual rule, 25


def test_what_was_measured_is_only_read(choices, loads, tmp_path):
    first = evaluations.evaluate((EnsembleVote(),), choices, tmp_path)
    assert evaluations.evaluate((EnsembleVote(),), choices, tmp_path) == first
    assert loads == [tmp_path / "final"]


def test_an_evaluation_that_is_added_is_made(choices, loads, tmp_path):
    evaluations.evaluate((EnsembleVote(),), choices, tmp_path)
    measured = evaluations.evaluate((EnsembleVote(), InferenceRule("mean")), choices, tmp_path)
    assert measured["cell"].keys() == {"vote_error", "mean_error"}
    assert evaluations.read(tmp_path) == measured


def test_nothing_to_evaluate_loads_nothing(choices, loads, tmp_path):
    assert evaluations.evaluate((), choices, tmp_path) == {}
    assert loads == []


def test_it_becomes_a_sample(monkeypatch):
    results = made_up(small_experiment(), ERRORS)
    measured = {"noisy, few": {"vote_error": {"0": 2.5}}}
    monkeypatch.setitem(vars(results), "measured", measured)
    sample = results.sample(CellMetric("noisy, few", "vote_error"))
    assert sample.by_seed == {0: 2.5}
    assert sample.resolution == 0.01
    assert results.sample(CellMetric("plain, few", "vote_error")).n == 0
