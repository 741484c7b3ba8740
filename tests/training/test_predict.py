"""Evaluation and prediction: the mean network, Monte Carlo, chunks."""

import jax
import numpy as np
import pytest
from flax import nnx

from dropout_lab.settings import resolve
from dropout_lab.training import program as module_under_test
from dropout_lab.training.arrays import scaled
from dropout_lab.training.program import Program


@pytest.fixture(scope="module")
def normalised(runs, new_config):
    """A program with BatchNorm and dropout, and its weights before and after a step."""
    changes = {"train.batch_size": 40, "train.epochs": 1, "dropout.input_rate": 0.0}
    config = new_config("dropout", {**changes, "model.batch_norm": True})
    return runs.new_program(config)[1], *runs.train(config)[:2]


def test_training_updates_batch_statistics(runs, normalised):
    _, before, after = normalised
    linear = before.params["classifier"]["layers"][0]["linear"]
    sums = runs.inputs @ linear["kernel"] + linear["bias"]
    stats = after.stats["classifier"]["layers"][0]["activation"]["norm"]
    np.testing.assert_allclose(stats["mean"], 0.1 * sums.mean(0), rtol=1e-3, atol=1e-5)
    np.testing.assert_allclose(stats["var"], 0.9 + 0.1 * sums.var(0), rtol=1e-3)


@pytest.mark.parametrize("mode", ["eval", "mc"])
def test_predicting_leaves_batch_statistics_alone(runs, normalised, mode):
    program, _, after = normalised
    network = program.module(after, mode)
    images = scaled(runs.data.images, runs.scaling)
    outputs = [network(images, rngs=nnx.Rngs(dropout=seed)) for seed in (0, 1)]
    stats = nnx.to_pure_dict(nnx.state(network, nnx.BatchStat))
    jax.tree.map(np.testing.assert_array_equal, stats, after.stats)
    noisy = bool((np.asarray(outputs[0]) != np.asarray(outputs[1])).any())
    assert noisy == (mode == "mc")


def test_monte_carlo_without_noise_is_the_mean_network(runs, normalised, key):
    """At rate 0 what is left to tell the two apart is how BatchNorm behaves."""
    program, _, after = normalised
    silent = after._replace(rates=jax.tree.map(np.zeros_like, after.rates))
    arguments = (silent, key, runs.data.images, runs.scaling)
    mean = program.predict(*arguments, inference="mean")
    sampled = program.predict(*arguments, inference="mc", passes=2)
    np.testing.assert_allclose(sampled, mean, atol=1e-5)


def test_monte_carlo_averages_probabilities(runs, normalised, key):
    program, _, after = normalised
    found = program.predict(after, key, runs.data.images, runs.scaling, inference="mc", passes=3)
    network = program.module(after, "mc")
    images = scaled(runs.data.images, runs.scaling)
    chunk_key = jax.random.fold_in(key, 0)
    passes = [
        jax.nn.softmax(network(images, rngs=nnx.Rngs(dropout=jax.random.fold_in(chunk_key, draw))))
        for draw in range(3)
    ]
    np.testing.assert_allclose(np.exp(found), np.mean(passes, axis=0), rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(np.exp(found).sum(1), 1, rtol=1e-5)


def test_prediction_in_chunks_is_prediction(runs, new_config, monkeypatch, key):
    """40 examples in chunks of 16: two whole ones and a padded one."""
    program, _, state = runs.init(new_config("dropout"))
    arguments = (state.weights, key, runs.data.images, runs.scaling)
    whole = program.predict(*arguments, inference="mean")
    monkeypatch.setattr(module_under_test, "_CHUNK", 16)
    chunked = Program(resolve(new_config("dropout")), (4, 4, 1), 3)
    found = chunked.predict(*arguments, inference="mean")
    np.testing.assert_allclose(found, whole, atol=1e-5)
    sampled = np.asarray(chunked.predict(*arguments, inference="mc", passes=1))
    assert sampled.shape == (40, 3)
    same = chunked.predict(
        state.weights,
        key,
        runs.data.images[:1].repeat(40, 0),
        runs.scaling,
        inference="mc",
        passes=1,
    )
    assert len(np.unique(np.asarray(same)[::16, 0])) == 3  # each chunk draws its own noise


def test_evaluation_is_the_measure_of_predictions(runs, new_config):
    program, numbers, state = runs.init(new_config("dropout"))
    found = program.evaluate(state.weights, numbers, runs.data, runs.scaling, inference="mean")
    log_probs = np.asarray(
        program.predict(
            state.weights, jax.random.key(0), runs.data.images, runs.scaling, inference="mean"
        )
    )
    wrong = log_probs.argmax(1) != runs.labels
    np.testing.assert_allclose(found["error"], 100 * wrong.mean(), rtol=1e-5)
    nll = -log_probs[np.arange(40), runs.labels].mean()
    np.testing.assert_allclose(found["nll"], nll, rtol=1e-5)
