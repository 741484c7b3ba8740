"""Evaluation and prediction: the mean network, Monte Carlo, chunks."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from dropout_lab import ops
from dropout_lab.config import hparams_of, resolve
from dropout_lab.training import prediction as module_under_test
from dropout_lab.training.arrays import scaled
from dropout_lab.training.program import Program, as_arrays

pytestmark = pytest.mark.slow


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


@pytest.mark.parametrize("mode", ["mean", "mc"])
def test_predicting_leaves_batch_statistics_alone(runs, normalised, mode):
    program, _, after = normalised
    network = program.network.module(after, mode)
    images = scaled(runs.data.images, runs.scaling)
    outputs = [network(images, rngs=nnx.Rngs(dropout=seed)) for seed in (0, 1)]
    stats = nnx.to_pure_dict(nnx.state(network, nnx.BatchStat))
    jax.tree.map(np.testing.assert_array_equal, stats, after.stats)
    noisy = bool((np.asarray(outputs[0]) != np.asarray(outputs[1])).any())
    assert noisy == (mode == "mc")


def test_monte_carlo_without_noise_is_the_mean_network(runs, normalised, key):
    """At rate 0 the two could differ only in the behaviour of BatchNorm."""
    program, _, after = normalised
    silent = after._replace(rates=jax.tree.map(np.zeros_like, after.rates))
    arguments = (silent, key, runs.data.images, runs.scaling)
    mean = program.predict(*arguments, inference="mean")
    sampled = program.predict(*arguments, inference="mc", passes=2)
    np.testing.assert_allclose(sampled.log_probs, mean.log_probs, atol=1e-5)
    np.testing.assert_allclose(sampled.entropy, mean.entropy, atol=1e-5)
    np.testing.assert_allclose(sampled.mutual_information, 0, atol=1e-5)
    np.testing.assert_array_equal(sampled.variation_ratio, 0)


def test_monte_carlo_averages_probabilities(runs, normalised, key):
    program, _, after = normalised
    prediction = program.predict(
        after, key, runs.data.images, runs.scaling, inference="mc", passes=3
    )
    network = program.network.module(after, "mc")
    images = scaled(runs.data.images, runs.scaling)
    chunk_key = jax.random.fold_in(key, 0)
    passes = [
        jax.nn.softmax(network(images, rngs=nnx.Rngs(dropout=jax.random.fold_in(chunk_key, draw))))
        for draw in range(3)
    ]
    probs = np.exp(prediction.log_probs)
    np.testing.assert_allclose(probs, np.mean(passes, axis=0), rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(probs.sum(1), 1, rtol=1e-5)


def test_monte_carlo_keeps_tiny_likelihoods_finite(runs, normalised, key, monkeypatch):
    """exp(-200) is 0 in float32."""
    program, _, after = normalised
    certain = np.tile(np.array([0, -200, -300], np.float32), (40, 1))
    monkeypatch.setattr(module_under_test, "_log_probs", lambda *args: jnp.asarray(certain))
    arguments = (program.network, after, key, runs.data.images, runs.scaling)
    prediction = module_under_test.predict(*arguments, inference="mc", passes=3)
    np.testing.assert_allclose(prediction.log_probs, certain, atol=1e-4)


def test_uncertainty_matches_numpy(runs, normalised, key):
    program, _, after = normalised
    prediction = program.predict(
        after, key, runs.data.images, runs.scaling, inference="mc", passes=7
    )
    network = program.network.module(after, "mc")
    images = scaled(runs.data.images, runs.scaling)
    chunk_key = jax.random.fold_in(key, 0)
    passes = np.array(
        [
            jax.nn.softmax(
                network(images, rngs=nnx.Rngs(dropout=jax.random.fold_in(chunk_key, draw)))
            )
            for draw in range(7)
        ]
    )
    mean = passes.mean(0)
    entropy = -(mean * np.log(mean)).sum(1)
    np.testing.assert_allclose(prediction.entropy, entropy, rtol=1e-4)
    information = entropy + (passes * np.log(passes)).sum(2).mean(0)
    np.testing.assert_allclose(prediction.mutual_information, information, rtol=1e-2, atol=1e-5)
    assert (np.asarray(prediction.mutual_information) > 0).all()
    votes = passes.argmax(2)
    counts = np.array([np.bincount(votes[:, i], minlength=3).max() for i in range(len(images))])
    np.testing.assert_allclose(prediction.variation_ratio, 1 - counts / 7, atol=1e-6)
    assert np.asarray(prediction.variation_ratio).max() > 0


def test_masks_are_averaged_each_over_all_examples(runs, new_config, key):
    changes = {"model.widths": (24, 24), "dropout.masks": 3, "dropout.scale": 2.5}
    program, _, state = runs.init(new_config("masksembles", changes))
    arguments = (state.weights, key, runs.data.images, runs.scaling)
    layers = state.weights.params["classifier"]["layers"].values()
    table = np.asarray(
        ops.masksembles_masks(jax.random.key(0), units=24, masks=3, scale=2.5), np.float32
    )
    passes = []
    for mask in table:
        hidden = runs.inputs
        for layer in layers:
            hidden = np.maximum(hidden @ layer["linear"]["kernel"], 0) * mask  # biases are 0
        output = state.weights.params["classifier"]["output"]
        passes.append(jax.nn.softmax(hidden @ output["kernel"]))
    for count in (1, 2, 3, 50):
        found = program.predict(*arguments, inference="masks", passes=count)
        probs = np.exp(found.log_probs)
        np.testing.assert_allclose(probs, np.mean(passes[:count], axis=0), rtol=1e-4, atol=1e-6)
    assert (np.asarray(found.mutual_information) > 0).all()


def test_gaussian_inference_is_monte_carlo_of_a_linear_layers_moments(runs, new_config, key):
    """DropConnect below a ReLU: the mean over draws of the activation, then the plain output."""
    program, _, state = runs.init(new_config("drop_connect"))
    arguments = (state.weights, key, runs.data.images, runs.scaling)
    prediction = program.predict(*arguments, inference="gaussian", passes=20_000)
    layer = state.weights.params["classifier"]["layers"][0]["linear"]
    output = state.weights.params["classifier"]["output"]
    mean = runs.inputs @ np.asarray(layer["kernel"])
    variance = runs.inputs**2 @ np.asarray(layer["kernel"]) ** 2  # rate 0.5; biases are 0
    draws = np.random.default_rng(0).normal(size=(20_000, *mean.shape))
    hidden = np.maximum(mean + np.sqrt(variance) * draws, 0)
    logits = hidden.mean(0) @ np.asarray(output["kernel"])
    expected = np.asarray(jax.nn.log_softmax(logits))
    # Two means of this many draws each, through the output's weights.
    bound = 4 * np.sqrt(2 / 20_000) * hidden.std(0).max() * np.abs(output["kernel"]).sum(0).max()
    np.testing.assert_allclose(prediction.log_probs, expected, atol=bound)
    plain = program.predict(*arguments, inference="mean")
    assert np.abs(np.asarray(plain.log_probs) - expected).max() > 2 * bound


def test_carried_moments_are_close_to_sampled_ones(runs, new_config, key):
    program, _, state = runs.init(new_config("deterministic_fast_dropout"))
    arguments = (state.weights, key, runs.data.images, runs.scaling)
    carried, plain = (
        np.exp(program.predict(*arguments, inference=inference).log_probs)
        for inference in ("moments", "mean")
    )
    sampled, _, other = runs.init(new_config("fast_dropout"))
    probs = np.exp(
        sampled.predict(other.weights, *arguments[1:], inference="mc", passes=2000).log_probs
    )
    # One seed gives both the same weights.
    assert np.abs(carried - probs).mean() < np.abs(plain - probs).mean() / 2


def test_monte_carlo_metrics_have_mean_uncertainties(runs, normalised):
    program, _, after = normalised
    hparams = as_arrays(hparams_of(program.config))
    arguments = (after, hparams, runs.data, runs.scaling)
    metrics = program.evaluate(*arguments, inference="mc", passes=5)
    mean = program.evaluate(*arguments, inference="mean")
    assert set(metrics) - set(mean) == {"entropy", "mutual_information", "variation_ratio"}
    assert 0 < metrics["mutual_information"] < metrics["entropy"] < np.log(3) + 1e-6


def test_prediction_in_chunks_is_prediction(runs, new_config, monkeypatch, key):
    """40 examples in chunks of 16: two whole ones and a padded one."""
    program, _, state = runs.init(new_config("dropout"))
    arguments = (state.weights, key, runs.data.images, runs.scaling)
    whole = program.predict(*arguments, inference="mean")
    monkeypatch.setattr(module_under_test, "_CHUNK", 16)
    chunked = Program(resolve(new_config("dropout")), (4, 4, 1), 3)
    prediction = chunked.predict(*arguments, inference="mean")
    np.testing.assert_allclose(prediction.log_probs, whole.log_probs, atol=1e-5)
    sampled = chunked.predict(*arguments, inference="mc", passes=1).log_probs
    assert sampled.shape == (40, 3)
    same = chunked.predict(
        state.weights,
        key,
        runs.data.images[:1].repeat(40, 0),
        runs.scaling,
        inference="mc",
        passes=1,
    )
    assert (
        len(np.unique(np.asarray(same.log_probs)[::16, 0])) == 3
    )  # each chunk draws its own noise


def test_evaluation_has_the_metrics_of_predictions(runs, new_config):
    program, hparams, state = runs.init(new_config("dropout"))
    metrics = program.evaluate(state.weights, hparams, runs.data, runs.scaling, inference="mean")
    prediction = program.predict(
        state.weights, jax.random.key(0), runs.data.images, runs.scaling, inference="mean"
    )
    log_probs = np.asarray(prediction.log_probs)
    wrong = log_probs.argmax(1) != runs.labels
    np.testing.assert_allclose(metrics["error"], 100 * wrong.mean(), rtol=1e-5)
    nll = -log_probs[np.arange(40), runs.labels].mean()
    np.testing.assert_allclose(metrics["nll"], nll, rtol=1e-5)
