"""Losses made for dropout, against NumPy and against what they become at their limits."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from dropout_lab.models import MLP
from dropout_lab.training.loss import cross_entropy, multi_sample, r_drop, symmetric_divergence
from dropout_lab.variants import LayerFactory

pytestmark = pytest.mark.slow

X = jax.random.normal(jax.random.key(1), (6, 5))
TARGET = jax.nn.one_hot(jnp.array([0, 1, 2, 0, 1, 2]), 3)


def make(**rates):
    return MLP((5,), 3, widths=(8, 7), factory=LayerFactory("dropout", **rates), rngs=nnx.Rngs(0))


def entropy_of(logits):
    log_probs = np.asarray(jax.nn.log_softmax(logits))
    return -(np.asarray(TARGET) * log_probs).sum(1).mean()


def passes(model, key, count):
    keys = jax.random.split(key, count)
    return [model(X, rngs=nnx.Rngs(dropout=pass_key)) for pass_key in keys]


def test_cross_entropy_is_one_noisy_pass(key):
    model = make()
    expected = entropy_of(model(X, rngs=nnx.Rngs(dropout=key)))
    np.testing.assert_allclose(cross_entropy(model, X, TARGET, key), expected, rtol=1e-5)


def test_r_drop_adds_the_disagreement_of_two_passes(key):
    model = make()
    first, second = passes(model, key, 2)
    p, q = (np.asarray(jax.nn.softmax(logits), np.float64) for logits in (first, second))
    divergence = ((p * np.log(p / q)).sum(1) + (q * np.log(q / p)).sum(1)).mean()
    fit = (entropy_of(first) + entropy_of(second)) / 2
    for weight in (0.0, 0.5, 3.0):
        loss = r_drop(model, X, TARGET, key, weight=jnp.float32(weight))
        np.testing.assert_allclose(loss, fit + weight * divergence / 4, rtol=1e-4)
    assert divergence > 0.01


def test_r_drop_without_noise_is_cross_entropy(key):
    model = make(rate=0.0, input_rate=0.0)
    loss = r_drop(model, X, TARGET, key, weight=jnp.float32(7))
    np.testing.assert_allclose(loss, cross_entropy(model, X, TARGET, key), rtol=1e-5)


def test_divergence_is_symmetric_and_of_logits():
    first, second = jax.random.normal(jax.random.key(2), (2, 6, 3))
    both = symmetric_divergence(first, second)
    np.testing.assert_allclose(both, symmetric_divergence(second, first), rtol=1e-6)
    # Adding a constant to logits changes no probability.
    np.testing.assert_allclose(symmetric_divergence(first + 5, second), both, rtol=1e-4)
    np.testing.assert_allclose(symmetric_divergence(first, first), 0, atol=1e-7)


@pytest.mark.parametrize("samples", [2, 5])
def test_multi_sample_runs_the_layers_below_once(samples, key):
    model = make()
    below, above = jax.random.split(key)
    features = model.features(X, nnx.Rngs(dropout=below))
    logits = [
        model.head(features, nnx.Rngs(dropout=sample_key))
        for sample_key in jax.random.split(above, samples)
    ]
    loss = multi_sample(model, X, TARGET, key, samples=samples)
    np.testing.assert_allclose(loss, np.mean([entropy_of(sample) for sample in logits]), rtol=1e-5)
    assert len({float(entropy_of(sample)) for sample in logits}) == samples


def test_multi_sample_varies_less_than_one_pass():
    """K draws of the last noise: with no noise below, a K-th of the variance."""
    model = make(input_rate=0.0, rate=0.5)
    model.classifier.layers[0].noise = None
    keys = jax.random.split(jax.random.key(5), 400)
    graph, state = nnx.split(model)

    def spread(loss):
        def one(key):
            return loss(nnx.merge(graph, state), X, TARGET, key)

        return np.var(jax.jit(jax.vmap(one))(keys))

    many = spread(lambda *args: multi_sample(*args, samples=8))
    # A ratio of two variances from 400 draws has a relative standard error of 10 %.
    np.testing.assert_allclose(spread(cross_entropy) / many, 8, rtol=0.4)
