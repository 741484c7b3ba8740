"""Errors of averaged predictions against values by hand and properties of means."""

import numpy as np
import pytest

from dropout_lab.analysis.ensemble import error_by_passes, vote

# Each of the two members is wrong about one example, with a lower probability than the other.
PROBS = np.array([[[0.9, 0.1], [0.6, 0.4]], [[0.4, 0.6], [0.1, 0.9]]])


def test_a_vote_averages_probabilities():
    assert vote(PROBS[:1], np.array([0, 1])) == 50
    assert vote(PROBS[1:], np.array([0, 1])) == 50
    assert vote(PROBS, np.array([0, 1])) == 0
    assert vote(PROBS, np.array([1, 1])) == 50


def test_one_pass_has_the_error_of_the_pool_and_many_that_of_its_mean():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, 50)
    scores = rng.normal(size=(40, 50, 3)) + 2.0 * np.eye(3)[labels]
    probs = np.exp(scores) / np.exp(scores).sum(-1, keepdims=True)
    errors = [vote(member[None], labels) for member in probs]
    by_count = error_by_passes(probs, labels, [1, 10, 10_000], repeats=400)
    assert list(by_count) == [1, 10, 10_000]
    one, ten, all_of_them = by_count.values()
    # Bound: 4 standard errors of the mean of 400 draws.
    assert one.mean == pytest.approx(np.mean(errors), abs=4 * one.std / 20)
    assert one.std == pytest.approx(np.std(errors), rel=0.15)
    assert all_of_them.mean == pytest.approx(vote(probs, labels), abs=1)
    assert all_of_them.mean <= ten.mean < one.mean
    assert ten.std < one.std


def test_draws_repeat_with_their_seed():
    probs = np.random.default_rng(1).random((5, 30, 3))
    labels = np.arange(30) % 3
    assert error_by_passes(probs, labels, [2]) == error_by_passes(probs, labels, [2])
    assert error_by_passes(probs, labels, [2]) != error_by_passes(probs, labels, [2], seed=1)
