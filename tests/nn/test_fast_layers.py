"""Fast dropout's layers: sampled, and with moments from layer to layer."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from dropout_lab import ops
from dropout_lab.nn import DropRate, FastDropout, Linear, MomentDense, MomentOutput
from dropout_lab.nn.fast import normalised
from dropout_lab.ops import Gaussian

pytestmark = pytest.mark.slow

RNG = np.random.default_rng(0)
X = jnp.asarray(RNG.normal(size=(16, 6)).astype(np.float32))
INIT = nnx.initializers.lecun_normal()


class Activation(nnx.Module):
    """A function with batch normalisation before it, as the models have."""

    def __init__(self, function, features, rngs):
        self.function = function
        self.norm = nnx.BatchNorm(features, momentum=0.9, rngs=rngs)

    def __call__(self, x):
        return self.function(self.norm(x))


def weights(layer):
    return {"rate": 0.5, "kernel": layer.kernel[...], "bias": layer.bias[...]}


@pytest.mark.parametrize("kind", [FastDropout, MomentDense, MomentOutput])
def test_inference_is_a_plain_layer(kind):
    layer = kind(6, 3, rate=0.5, kernel_init=INIT, rngs=nnx.Rngs(0))
    dense = Linear(6, 3, kernel_init=INIT, rngs=nnx.Rngs(0))
    layer.bias[...] = dense.bias[...] = jnp.arange(3.0)
    layer.eval()
    np.testing.assert_array_equal(layer(X), dense(X))
    assert float(layer.rate[...]) == 0.5
    assert isinstance(layer.rate, DropRate)


@pytest.mark.parametrize("kind", [FastDropout, MomentDense, MomentOutput])
def test_rate_is_checked(kind):
    with pytest.raises(ValueError, match=rf"^{kind.__name__}: rate is 1; allowed: \[0, 1\)"):
        kind(6, 3, rate=1, kernel_init=INIT, rngs=nnx.Rngs(0))


def test_training_samples(key):
    layer = FastDropout(6, 3, rate=0.5, kernel_init=INIT, rngs=nnx.Rngs(0))
    expected = jax.nn.relu(ops.fast_dropout(key, X, **weights(layer)))
    np.testing.assert_array_equal(layer(X, activation=jax.nn.relu, rngs=key), expected)


def test_training_propagates_moments_without_a_key():
    first = MomentDense(6, 8, rate=0.5, kernel_init=INIT, rngs=nnx.Rngs(0))
    last = MomentOutput(8, 3, rate=0.5, kernel_init=INIT, rngs=nnx.Rngs(1))
    hidden = first(X, activation=jax.nn.relu)
    by_hand = ops.relu_moments(ops.linear_moments(X, **weights(first)))
    for ours, theirs in zip(hidden, by_hand, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    logits = last(hidden)
    np.testing.assert_array_equal(
        logits, ops.expected_logits(ops.linear_moments(by_hand, **weights(last)))
    )
    assert not np.allclose(logits, last(by_hand, deterministic=True))


@pytest.mark.parametrize("function", [jax.nn.relu, jnp.tanh])
def test_a_network_of_moments_is_about_one_of_samples(function, key):
    """Through two layers: the approximation is of many Gaussian units."""
    x = X[:1]
    rngs = nnx.Rngs(2)
    first = MomentDense(6, 64, rate=0.2, kernel_init=INIT, rngs=rngs)
    second = MomentDense(64, 4, rate=0.5, kernel_init=INIT, rngs=rngs)
    network = jax.jit(lambda x: second(first(x, activation=function), activation=function))
    mean, variance = network(x)

    @jax.jit
    def samples(keys):
        h = ops.dropout(keys[0], jnp.broadcast_to(x, (2**12, 6)), rate=0.2)
        h = ops.dropout(keys[1], function(h @ first.kernel[...]), rate=0.5)
        return function(h @ second.kernel[...])

    y = np.asarray(samples(jax.random.split(key, 2)))
    np.testing.assert_allclose(mean[0], y.mean(0), rtol=0.05, atol=0.05)
    np.testing.assert_allclose(variance[0], y.var(0), rtol=0.2, atol=0.02)


def test_batch_normalisation_of_moments_is_that_of_samples():
    g = Gaussian(jnp.asarray(RNG.normal(size=(32, 4)), jnp.float32), jnp.full((32, 4), 0.7))
    norm: Any = nnx.BatchNorm(4, momentum=0.9, rngs=nnx.Rngs(0))
    norm.scale[...] = jnp.array([1.0, 2.0, -1.0, 0.5])
    norm.bias[...] = jnp.arange(4.0)
    mean, variance = normalised(g, norm)
    spread = np.asarray(g.mean).var(0) + 0.7
    scale = np.asarray(norm.scale[...]) / np.sqrt(spread + norm.epsilon)
    centred = np.asarray(g.mean) - np.asarray(g.mean).mean(0)
    np.testing.assert_allclose(mean, centred * scale + np.arange(4), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(variance, 0 * centred + 0.7 * scale**2, rtol=1e-4)
    # The running statistics moved once, towards those of samples.
    np.testing.assert_allclose(norm.var[...], 0.9 + 0.1 * spread, rtol=1e-4)


@pytest.mark.parametrize("function", [jax.nn.relu, jnp.tanh])
def test_an_activation_may_normalise(function):
    layer = MomentDense(6, 8, rate=0.5, kernel_init=INIT, rngs=nnx.Rngs(0))
    activation = Activation(function, 8, nnx.Rngs(1))
    y = layer(X, activation=activation)
    other = Activation(function, 8, nnx.Rngs(1))
    u = normalised(ops.linear_moments(X, **weights(layer)), other.norm)
    exact = function is jax.nn.relu
    by_hand = ops.relu_moments(u) if exact else ops.activation_moments(u, function)
    for ours, theirs in zip(y, by_hand, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    activation.eval()
    layer.eval()
    expected = activation(X @ layer.kernel[...] + layer.bias[...])
    np.testing.assert_allclose(layer(X, activation=activation), expected, rtol=1e-5, atol=1e-6)


def test_moments_learn():
    """The loss is a function without noise, whose gradients reach every weight."""
    first = MomentDense(6, 8, rate=0.5, kernel_init=INIT, rngs=nnx.Rngs(0))
    last = MomentOutput(8, 3, rate=0.5, kernel_init=INIT, rngs=nnx.Rngs(1))

    @nnx.jit
    def gradients(first, last):
        def loss(first, last):
            return (last(first(X, activation=jax.nn.relu)) ** 2).mean()

        return nnx.grad(loss, argnums=(0, 1))(first, last)

    for leaf in jax.tree.leaves(gradients(first, last)):
        assert np.isfinite(leaf).all()
        assert np.asarray(leaf).any()
