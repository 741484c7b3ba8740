"""A Standout layer: its noise comes after the activation, with the weights before it."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from dropout_lab import ops
from dropout_lab.nn import DropRate, Linear, Standout

pytestmark = pytest.mark.slow

X = jnp.asarray(np.random.default_rng(0).normal(size=(16, 6)).astype(np.float32))
INIT = nnx.initializers.lecun_normal()


@pytest.fixture
def layer():
    layer = Standout(6, 3, rate=0.3, strength=2.0, kernel_init=INIT, rngs=nnx.Rngs(0))
    layer.bias[...] = jnp.array([-1.0, 0.0, 1.0])
    return layer


@pytest.fixture
def plain(layer):
    plain = Linear(6, 3, kernel_init=INIT, rngs=nnx.Rngs(0))
    plain.bias[...] = layer.bias[...]
    return plain


def test_its_own_pre_activations_drive_it(layer, plain, key):
    y = layer(X, activation=jnp.exp, rngs=key)
    units = plain(X, activation=jnp.exp)
    expected = ops.standout(key, units, rate=0.3, drive=plain(X), strength=2.0)
    np.testing.assert_array_equal(y, expected)
    assert not np.array_equal(y, units)


def test_units_are_scaled_by_their_probability_at_inference(layer, plain):
    y = layer(X, activation=jax.nn.relu, deterministic=True)
    keep = 1 / (1 + 3 / 7 * np.exp(-2 * np.asarray(plain(X), np.float64)))
    np.testing.assert_allclose(y, keep * plain(X, activation=jax.nn.relu), rtol=1e-5)


def test_inference_is_the_mean_of_the_noise(layer):
    n = 2**14
    sample = jax.jit(jax.vmap(lambda key: layer(X, activation=jnp.tanh, rngs=key)))
    outputs = np.asarray(sample(jax.random.split(jax.random.key(0), n)), np.float64)
    error = outputs.std(axis=0) / np.sqrt(n)
    z = (outputs.mean(axis=0) - layer(X, activation=jnp.tanh, deterministic=True)) / error
    assert abs(z).max() < 4.5  # 48 of them


def test_gradients_are_those_of_the_units_that_stay(layer, plain, key):
    kept = np.asarray(layer(X, activation=jnp.exp, rngs=key)) != 0
    assert 0 < kept.sum() < kept.size
    graph, *states = nnx.split(layer, nnx.Param, ...)
    params, rest = states
    pure, others = nnx.split(plain, nnx.Param)

    def noisy(params):
        return nnx.merge(graph, params, rest)(X, activation=jnp.exp, rngs=key).sum()

    def masked(params):
        return jnp.where(kept, nnx.merge(pure, params)(X, activation=jnp.exp), 0).sum()

    actual, expected = (jax.jit(jax.grad(f))(p) for f, p in ((noisy, params), (masked, others)))
    for one, other in zip(jax.tree.leaves(actual), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


def test_rates_0_and_1_are_exact(layer, plain, key):
    for rate, expected in ((0, plain(X)), (1, 0 * X[:, :3])):
        layer.rate[...] = jnp.float32(rate)
        np.testing.assert_array_equal(layer(X, rngs=key), expected)
        np.testing.assert_array_equal(layer(X, deterministic=True), expected)


def test_arguments_are_checked():
    def make(**arguments):
        return Standout(6, 3, kernel_init=INIT, rngs=nnx.Rngs(0), **arguments)

    assert isinstance(make(rate=0.5).rate, DropRate)
    with pytest.raises(ValueError, match=r"^Standout: rate is 1.5; allowed: \[0, 1\]"):
        make(rate=1.5)
    with pytest.raises(ValueError, match=r"^Standout: strength is -1; allowed: finite"):
        make(rate=0.5, strength=-1)
